# The fit of Hu & Bentler's (1999) simple model in its own population, with nothing, one and two
# correlations of factors left out. Prints RMSEA and CFI without sampling error, and SRMR.
# lavaan 0.6-14.
suppressMessages(library(lavaan))
loadings <- c(.70, .70, .75, .80, .80)
correlations <- matrix(c(1, .5, .4, .5, 1, .3, .4, .3, 1), 3)
lambda <- kronecker(diag(3), matrix(loadings))
sigma <- lambda %*% correlations %*% t(lambda)
diag(sigma) <- 1
rownames(sigma) <- colnames(sigma) <- paste0("x", 1:15)
model <- "f1 =~ x1 + x2 + x3 + x4 + x5\nf2 =~ x6 + x7 + x8 + x9 + x10\nf3 =~ x11 + x12 + x13 + x14 + x15"
n <- 100000
for (left_out in c("", "\nf1 ~~ 0*f2", "\nf1 ~~ 0*f2\nf1 ~~ 0*f3")) {
  fit <- cfa(paste0(model, left_out), sample.cov = sigma, sample.nobs = n, std.lv = TRUE, sample.cov.rescale = FALSE)
  found <- fitMeasures(fit, c("chisq", "df", "baseline.chisq", "srmr"))
  cat(sprintf("%.7f %.7f %.7f\n", sqrt(found[1] / found[2] / n), 1 - found[1] / found[3], found[4]))
}
