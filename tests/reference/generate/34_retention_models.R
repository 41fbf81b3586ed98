# How many factors: criteria that rest on fitted models. Models by stats::factanal, the Hull's points
# by grDevices::chull, comparison data by the authors' own program, the next eigenvalue test by
# simulated answers. The program (EFA.Comp.Data, ruscio.pages.tcnj.edu/quantitative-methods-program-code)
# is not part of this folder: name its file in the variable COMPARISON_DATA.
source("generate/common.R"); suppressPackageStartupMessages(library(psych))
null_row <- function(R, n) { p <- ncol(R); x <- -(n - 1 - (2 * p + 5) / 6) * log(det(R)); df <- p * (p - 1) / 2; list(chisq = x, df = df, implied = diag(p), smallest = 1) }
model_row <- function(R, n, k) {
  if (k == 0) return(null_row(R, n))
  f <- factanal(covmat = R, n.obs = n, factors = k, rotation = "none", control = list(nstart = 5, opt = list(factr = 10, maxit = 1e4), lower = .005))
  L <- unclass(f$loadings)
  list(chisq = unname(f$STATISTIC), df = unname(f$dof), implied = L %*% t(L) + diag(f$uniquenesses), smallest = min(f$uniquenesses))
}
# the 90 % interval, as lavaan has it for the same chi-square and n
limits <- function(x, df, n) sapply(c(.95, .05), function(q) { g <- function(l) pchisq(x, df, l) - q
  if (g(0) < 0) 0 else sqrt(uniroot(g, c(0, max(10 * x, 10)), tol = 1e-10)$root / (n * df)) })
models <- function(R, n, most) {
  rows <- lapply(0:most, function(k) {
    r <- model_row(R, n, k); D <- R - r$implied; diag(D) <- 1; l <- limits(r$chisq, r$df, n)
    data.frame(n_factors = k, chisq = r$chisq, df = r$df, pvalue = pchisq(r$chisq, r$df, lower.tail = FALSE), rmsea.ci.lower = l[1], rmsea.ci.upper = l[2],
      rmsea = sqrt(max(r$chisq - r$df, 0) / (n * r$df)), caf = 1 - KMO(D)$MSA, smallest_uniqueness = r$smallest) })
  t <- do.call(rbind, rows); b <- t[1, ]
  t$cfi <- 1 - pmax(t$chisq - t$df, 0) / (b$chisq - b$df)
  t
}
# solutions on the upper hull, and the scree test ratio of those between two others
hull <- function(value, df) {
  x <- df[1] - df; on <- sort(chull(c(x, max(x) , 0), c(value, min(value) - 1, min(value) - 1))); on <- on[on <= length(x)]
  keep <- on[1]; for (i in on[-1]) if (value[i] > value[keep[length(keep)]]) keep <- c(keep, i)
  s <- diff(value[keep]) / diff(x[keep]); st <- s[-length(s)] / s[-1]
  list(on_hull = I(keep - 1), ratio = I(st), n_factors = if (length(st)) keep[-1][which.max(st)] - 1 else NULL)
}
# an eigenvalue beyond m factors is compared with those of samples of answers of m factors
nest <- function(R, n, iter = 2000) {
  p <- ncol(R); e <- eigen(R, TRUE, TRUE)$values; q <- numeric(0); set.seed(2)
  for (m in 0:(p - 1)) {
    P <- diag(p)
    if (m) { L <- unclass(fa(R, m, n.obs = n, rotate = "none", fm = "minres", warnings = FALSE)$loadings); P <- L %*% t(L); diag(P) <- 1 }
    v <- replicate(iter, eigen(cor(MASS::mvrnorm(n, rep(0, p), P)), TRUE, TRUE)$values[m + 1])
    q <- c(q, quantile(v, .95, names = FALSE)); if (e[m + 1] <= q[m + 1]) break
  }
  list(iterations = iter, q95 = I(q), n_factors = m)
}
source(Sys.getenv("COMPARISON_DATA"))
compared <- function(d, most) {
  set.seed(3); rmsr <- numeric(0); found <- NULL; k <- ncol(d); e <- eigen(cor(d))$values
  one <- function(m) { pop <- GenData(d, N.Factors = m, N = 10000, Cor.Type = "pearson", use = "all.obs")
    replicate(500, sqrt(mean((eigen(cor(pop[sample(10000, nrow(d), TRUE), ]), TRUE, TRUE)$values - e)^2))) }
  for (m in seq_len(most)) { x <- one(m); rmsr <- c(rmsr, mean(x))
    if (m > 1 && wilcox.test(x, before, "less")$p.value >= .30) { found <- m - 1; break }
    before <- x }
  list(rmsr = I(rmsr), n_factors = found)
}
retention_models <- function(id, file, d, R, n, most, hull_most, iter, opt) {
  t <- models(R, n, most); h <- t[t$n_factors <= hull_most, ]
  first <- function(ok) { k <- which(ok)[1]; if (is.na(k)) NULL else k - 1 }
  results <- list(models = t, n_chisq = first(t$pvalue > .05), n_rmsea = first(t$rmsea.ci.lower < .05),
    hull_most = hull_most, hull = list(caf = hull(h$caf, h$df), cfi = hull(h$cfi, h$df), rmsea = hull(1 - h$rmsea, h$df)), nest = nest(R, n, iter))
  if (!is.null(d)) results$comparison_data <- compared(as.matrix(d), most)
  res_case(id, "retention_models", file, "psych", "factanal(covmat = R); KMO(R - implied); chull(); EFA.Comp.Data(d); formulae in generate/34_retention_models.R",
    c(opt, list(sample_nobs = n)), results, nobs = n, tolerance = list(models = 1e-5, nest_abs = 0.015, rmsr_abs = 0.01))
}
hs <- read_data("hs39.csv")[paste0("x", 1:9)]
retention_models("retention_models_hs39", "hs39.csv", hs, cor(hs), 301, 4, 4, 2000, list(input = "raw", variables = I(names(hs))))
R <- read_cov("harman74_cor.csv")
retention_models("retention_models_harman74", "harman74_cor.csv", NULL, R, 145, 6, 5, 2000, list(input = "cor"))
b <- read_data("bfi.csv")[1:25]; b <- b[complete.cases(b), ]
retention_models("retention_models_bfi", "bfi.csv", b, cor(b), nrow(b), 8, 6, 300, list(input = "raw", variables = I(names(b)), missing = "listwise"))
