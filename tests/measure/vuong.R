# Reference values of test_nonnested.py: Vuong's statistics by their definitions, from lavaan's
# casewise log-likelihoods, scores and observed information. R 4.2.2, lavaan 0.6-14.
# Rscript tests/measure/vuong.R   (from the top of the repository)
suppressMessages(library(lavaan))
options(digits = 12)

# Probability of a weighted sum of chi-squares (1 df each) above x, by the integral of Imhof (1961).
weighted_tail <- function(x, weights) {
  weights <- weights[weights > 1e-12 * max(weights)]
  integrand <- function(u) sapply(u, function(v) {
    sin(sum(atan(weights * v)) / 2 - x * v / 2) / (v * prod((1 + (weights * v)^2)^0.25))
  })
  end <- 1
  while (end * prod((1 + (weights * end)^2)^0.25) < 1e14) end <- end * 1.3
  cuts <- c(0, end * 2^(-60:0))
  parts <- sapply(2:length(cuts), function(k) {
    integrate(integrand, cuts[k - 1], cuts[k], rel.tol = 1e-10, subdivisions = 20000,
              stop.on.error = FALSE)$value
  })
  0.5 + sum(parts) / pi
}

vuong <- function(name, a, b) {
  d <- unlist(lavInspect(a, "loglik.casewise")) - unlist(lavInspect(b, "loglik.casewise"))
  n <- length(d)
  omega2 <- mean((d - mean(d))^2)
  scores_a <- lavScores(a)
  scores_b <- lavScores(b)
  inverse_a <- solve(lavInspect(a, "information.observed"))
  inverse_b <- solve(lavInspect(b, "information.observed"))
  cross <- crossprod(scores_a, scores_b) / n
  w <- rbind(cbind(-(crossprod(scores_a) / n) %*% inverse_a, -cross %*% inverse_b),
             cbind(t(cross) %*% inverse_a, (crossprod(scores_b) / n) %*% inverse_b))
  weights <- Re(eigen(w)$values)^2
  cat(name, "\n")
  print(c(ratio = sum(d), omega2 = omega2, z = sum(d) / sqrt(n * omega2),
          p = weighted_tail(n * omega2, weights), bic = BIC(a) - BIC(b)))
}

hs39 <- read.csv("tests/reference/data/hs39.csv")
holes <- read.csv("tests/reference/data/hs39_mcar.csv")
holes <- holes[rowSums(!is.na(holes[paste0("x", 1:9)])) > 0, ]
three <- "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
moved <- "visual =~ x1 + x2 + x3 + x4\ntextual =~ x5 + x6 + x7\nspeed =~ x8 + x9"
cross <- paste0(three, "\nvisual =~ x9")
pairs <- paste0(three, "\nx7 ~~ x8\nx4 ~~ x7")
strict <- list(rel.tol = 1e-12)
fit <- function(text, data, ...) suppressWarnings(cfa(text, data, control = strict, ...))
vuong("items", fit(three, hs39, meanstructure = TRUE), fit(moved, hs39, meanstructure = TRUE))
vuong("extras", fit(cross, hs39, meanstructure = TRUE), fit(pairs, hs39, meanstructure = TRUE))
vuong("groups", fit(cross, hs39, group = "school"), fit(pairs, hs39, group = "school"))
vuong("fiml", fit(cross, holes, missing = "ml"), fit(pairs, holes, missing = "ml"))
