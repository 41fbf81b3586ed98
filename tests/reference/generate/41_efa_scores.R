# Factor scores of a given exploratory solution, and Procrustes rotations with their congruence.
source("generate/common.R"); suppressPackageStartupMessages({library(psych); library(GPArotation)})
d <- read_data("hs39.csv")[paste0("x", 1:9)]; R <- cor(d)
case <- jsonlite::fromJSON("cases/efa_hs39_ml_geominq.json")$results
L <- matrix(unlist(case$loadings$values), 9, dimnames = list(names(d), paste0("F", 1:3))); Phi <- case$phi$values
dimnames(Phi) <- list(colnames(L), colnames(L))
res <- lapply(c(regression = "Thurstone", Bartlett = "Bartlett", tenBerge = "tenBerge"), function(m) {
  s <- factor.scores(d, L, Phi, method = m, rho = R)
  list(weights = mat(s$weights, names(d), colnames(L)), scores_first10 = mat(s$scores[1:10, ], 1:10, colnames(L)), R2 = named(s$R2)) })
T <- matrix(0, 9, 3, dimnames = dimnames(L)); T[1:3, 1] <- T[4:6, 2] <- T[7:9, 3] <- 0.7
A <- unclass(factanal(covmat = R, factors = 3, rotation = "none", control = list(lower = .005))$loadings)
s <- svd(t(A) %*% T); B <- A %*% s$u %*% t(s$v); dimnames(B) <- dimnames(T)
res$procrustes <- list(target = mat(T), unrotated = mat(A, names(d), colnames(L)), loadings = mat(B), congruence = mat(factor.congruence(B, T, digits = 12)))
write_case(list(id = "efa_scores_hs39", kind = "efa", data = "hs39.csv", software = c(VERSIONS("psych"), VERSIONS("GPArotation")),
  call = "factor.scores(d, loadings, Phi, method = ...); svd(t(A) %*% target); factor.congruence(B, target)",
  options = list(input = "raw", variables = I(names(d)), solution = "efa_hs39_ml_geominq"), nobs = nrow(d), converged = TRUE, results = res))
