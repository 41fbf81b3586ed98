# Exploratory blocks within a model (ESEM), rotated.
# Standard errors by lavaan's default, rotation.se = "bordered", with one correction: where items are standardised
# while rotating (std.ov = TRUE), lavaan 0.6-14 takes their variances for those of uncorrelated factors of the
# rotated loadings, AA' + Theta in place of A Psi A' + Theta. `se_as_released` holds what it prints by itself, in
# the order of `parameters`; `se_delta`, of the first case, what rotation.se = "delta" gives, which differentiates
# the rotated parameters numerically and needs no such variances.
source("generate/common.R")
only <- commandArgs(TRUE)
as_released <- getFromNamespace("lav_model_efa_rotate_border_x", "lavaan")
corrected <- local({
  text <- deparse(as_released); line <- grep("tcrossprod(A) + THETA", text, fixed = TRUE); stopifnot(length(line) == 1)
  text[line] <- sub("tcrossprod(A)", "A %*% (if (ropts$orthogonal) diag(M) else PSI) %*% t(A)", text[line], fixed = TRUE)
  f <- eval(parse(text = text)); environment(f) <- asNamespace("lavaan"); f
})
use <- function(f) assignInNamespace("lav_model_efa_rotate_border_x", f, ns = "lavaan")
SEARCH <- list()
X <- paste0("x", 1:9, collapse = " + ")
THREE <- paste0('efa("b")*f1 + efa("b")*f2 + efa("b")*f3 =~ ', X)
esem <- function(id, model = THREE, rotation = "geomin", args = list(), rot = list(), data = "hs39.csv", delta = FALSE, search = SEARCH) {
  id <- paste0("esem_", id)
  if (length(only) && !id %in% only) return(invisible())
  d <- read_data(data); tight <- list(gpa.tol = 1e-7, max.iter = 10000L, rstarts = 15L)
  fitted <- function(...) do.call("cfa", c(list(model, data = d), args, list(rotation = rotation, rotation.args = c(rot, tight)), EM, search, list(...)))
  use(corrected); started <- Sys.time(); set.seed(1)
  col <- collect(fitted()); fit <- col$value; pe <- parameterEstimates(fit)
  use(as_released); set.seed(1); released <- parameterEstimates(suppressWarnings(fitted()))
  differentiated <- if (delta) { set.seed(1); parameterEstimates(fitted(rotation.se = "delta"))$se }
  stopifnot(max(abs(released$est - pe$est)) < 1e-5)
  pe$label <- if (is.null(pe$label)) "" else pe$label
  r <- as.data.frame(unclass(pe))[c("lhs", "op", "rhs", "label", "est", "se", "z", "pvalue", "ci.lower", "ci.upper")]
  std <- standardizedSolution(fit, se = FALSE, zstat = FALSE, pvalue = FALSE, ci = FALSE)
  stopifnot(all(std$lhs == pe$lhs & std$op == pe$op & std$rhs == pe$rhs)); r$std.all <- std$est.std
  shown <- rot; if (!is.null(shown$target)) shown$target <- mat(shown$target, paste0("x", 1:9), paste0("f", 1:3))
  case <- list(id = id, kind = "esem", data = data, software = VERSIONS("lavaan"), model = model,
    call = gsub("\\s+", " ", paste(deparse(as.call(c(as.name("cfa"), quote(model), list(data = quote(d)), args, list(rotation = rotation, rotation.args = rot)))), collapse = " ")),
    options = c(list(`function` = "cfa", input = "raw"), options_of(args), list(rotation = rotation, rotation_args = shown)),
    resolved = resolved_of(fit), nobs = sum(lavInspect(fit, "nobs")), ntotal = lavInspect(fit, "ntotal"), converged = lavInspect(fit, "converged"),
    fit_measures = fm_of(fit), parameters = r, se_as_released = released$se, se_delta = differentiated, warnings = I(col$warnings))
  write_case(case); cat("   ", format(Sys.time() - started), max(abs(released$se - pe$se)), if (delta) max(abs(differentiated - pe$se)), "\n")
}
T <- matrix(0, 9, 3); T[1:3, 1] <- T[4:6, 2] <- T[7:9, 3] <- NA
esem("oblimin", rotation = "oblimin", rot = list(oblimin.gamma = -0.5), delta = TRUE)
esem("geomin"); esem("geomin_raw", rot = list(std.ov = FALSE))
esem("target", rotation = "target", rot = list(target = T))
esem("geomin_orthogonal", rot = list(orthogonal = TRUE, geomin.epsilon = 0.01))
esem("mlr", args = list(estimator = "MLR"), rotation = "quartimin")
esem("with_factor", model = 'efa("b")*f1 + efa("b")*f2 =~ x4 + x5 + x6 + x7 + x8 + x9\nvisual =~ x1 + x2 + x3', rotation = "quartimin", search = list())
esem("two_blocks", model = 'efa("a")*a1 + efa("a")*a2 =~ A1 + A2 + A3 + A4 + A5 + C1 + C2 + C3 + C4 + C5\nefa("b")*b1 + efa("b")*b2 =~ E1 + E2 + E3 + E4 + E5 + N1 + N2 + N3 + N4 + N5', rotation = "oblimin", data = "bfi.csv")
esem("ordinal", model = gsub("x", "o", THREE), args = list(ordered = paste0("o", 1:9)), rotation = "geomin", rot = list(geomin.epsilon = 0.01), data = "hs39_ordered4.csv")
esem("ordinal_theta", model = gsub("x", "o", THREE), args = list(ordered = paste0("o", 1:9), parameterization = "theta"), rotation = "oblimin", data = "hs39_ordered4.csv")
esem("fiml", args = list(missing = "fiml"), rotation = "quartimin", data = "hs39_mcar.csv")
