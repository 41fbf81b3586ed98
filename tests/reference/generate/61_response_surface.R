# Second-degree polynomials by lm, with classical HC1 and cluster-robust covariance (sandwich), and the surface and the
# principal axes by the delta method with numerical derivatives.
suppressPackageStartupMessages({library(sandwich); library(numDeriv); library(jsonlite)})
d <- read.csv("data/lq2002.csv", na.strings = "")
axes <- function(b) {
  D <- 4 * b[4] * b[6] - b[5]^2
  x0 <- (b[3] * b[5] - 2 * b[2] * b[6]) / D; y0 <- (b[2] * b[5] - 2 * b[3] * b[4]) / D
  r <- sqrt((b[4] - b[6])^2 + b[5]^2)
  p11 <- (b[6] - b[4] + r) / b[5]; p21 <- (b[6] - b[4] - r) / b[5]
  c(stationary.x = x0, stationary.y = y0, p10 = y0 - p11 * x0, p11 = p11, p20 = y0 - p21 * x0, p21 = p21)
}
surface <- function(b) c(a1 = b[2] + b[3], a2 = b[4] + b[5] + b[6], a3 = b[2] - b[3], a4 = b[4] - b[5] + b[6], a5 = b[4] - b[6])
told <- function(f, b, V, df) {
  est <- f(b); J <- jacobian(f, b); se <- sqrt(diag(J %*% V %*% t(J)))
  lapply(setNames(seq_along(est), names(est)), function(k) list(est = est[[k]], se = se[k], upper = est[[k]] + qt(.975, df) * se[k]))
}
of <- function(cluster, mid = 3) {
  x <- d$LEAD - mid; y <- d$TSIG - mid
  fit <- lm(d$HOSTILE ~ x + y + I(x^2) + I(x * y) + I(y^2))
  V <- if (cluster) vcovCL(fit, d$COMPID, type = "HC1") else vcovHC(fit, "HC1")
  df <- if (cluster) length(unique(d$COMPID)) - 1 else df.residual(fit)
  b <- unname(coef(fit)); b3 <- b[4:6]
  list(coefficients = told(function(b) setNames(b, paste0("b", 0:5)), b, V, df), surface = told(function(b) setNames(surface(b), paste0("a", 1:5)), b, V, df),
    axes = told(function(b) setNames(axes(b), c("stationary.x", "stationary.y", "p10", "p11", "p20", "p21")), b, V, df),
    r_squared = summary(fit)$r.squared, f = c(b3 %*% solve(V[4:6, 4:6], b3)) / 3, n = nobs(fit), df = df)
}
stopifnot(!anyNA(d[c("HOSTILE", "LEAD", "TSIG", "COMPID")]))
case <- list(id = "response_surface", kind = "response_surface", data = "lq2002.csv",
  software = paste("R", getRversion(), "sandwich", packageDescription("sandwich")$Version, "numDeriv", packageDescription("numDeriv")$Version),
  rows = of(FALSE), clusters = of(TRUE))
writeLines(toJSON(case, auto_unbox = TRUE, digits = NA, pretty = TRUE), "cases/response_surface.json")
