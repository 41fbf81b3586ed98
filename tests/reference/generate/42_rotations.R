# Rotations that 08 leaves out, of the same unrotated loadings: GPArotation from 20 random starts (simplimax, with its many minima, 300), the best kept;
# bi-geomin, which it does not have, by lavaan's lav_matrix_rotate.
source("generate/common.R"); suppressPackageStartupMessages(library(GPArotation))
R <- cor(read_data("hs39.csv")[paste0("x", 1:9)])
A <- unclass(factanal(covmat = R, factors = 3, rotation = "none", control = list(lower = .005, opt = list(factr = 10)))$loadings); attributes(A) <- list(dim = c(9, 3))
best <- function(f, ..., starts = 20) {
  set.seed(1); got <- NULL
  for (i in 0:starts) {
    T0 <- if (i) Random.Start(3) else diag(3)
    r <- tryCatch(suppressWarnings(f(A, Tmat = T0, eps = 1e-7, maxit = 3000, ...)), error = function(e) NULL)
    if (!is.null(r)) { v <- r$Table[nrow(r$Table), 2]; if (is.null(got) || v < got$value - 1e-12) got <- list(value = v, loadings = r$loadings, Phi = if (is.null(r$Phi)) diag(3) else r$Phi) }
  }
  got
}
lavaan_rotate <- getFromNamespace("lav_matrix_rotate", "lavaan")
by_lavaan <- function(...) { set.seed(1); r <- lavaan_rotate(A, ..., rstarts = 20L, gpa.tol = 1e-7, max.iter = 5000L, order.lv.by = "none"); list(value = r$method.value, loadings = r$LAMBDA, Phi = r$PHI) }
W <- matrix(1, 9, 3); W[1:3, 1] <- W[4:6, 2] <- W[7:9, 3] <- 0; T <- matrix(0, 9, 3)
runs <- list(
  geominT = list("geominT", list(epsilon = 0.01), best(geominT, delta = 0.01)), bentlerT = list("bentlerT", list(), best(bentlerT)), bentlerQ = list("bentlerQ", list(), best(bentlerQ)),
  infomaxT = list("infomaxT", list(), best(infomaxT)), infomaxQ = list("infomaxQ", list(), best(infomaxQ)), entropy = list("entropy", list(), best(entropy)),
  simplimax = list("simplimax", list(k = 12), best(simplimax, k = 12, starts = 300)), quartimax = list("quartimax", list(), best(quartimax)),
  equamax = list("equamax", list(), best(cfT, kappa = 3 / 18)), parsimax = list("parsimax", list(), best(cfT, kappa = 2 / 10)),
  cf_varimax = list("cf-varimax", list(), best(cfQ, kappa = 1 / 9)), cf_kaiser = list("cfQ", list(kappa = 0.3, normalize = TRUE), best(cfQ, kappa = 0.3, normalize = TRUE)),
  oblimin_half = list("oblimin", list(gamma = 0.3), best(oblimin, gam = 0.3)), pstQ = list("pstQ", list(), best(pstQ, W = W, Target = T)), pstT = list("pstT", list(), best(pstT, W = W, Target = T)),
  bigeominQ = list("bigeominQ", list(epsilon = 0.01), by_lavaan(method = "bigeomin", orthogonal = FALSE)), bigeominT = list("bigeominT", list(epsilon = 0.01), by_lavaan(method = "bigeomin", orthogonal = TRUE)))
res <- lapply(runs, function(r) list(rotation = r[[1]], arguments = r[[2]], value = r[[3]]$value, loadings = mat(r[[3]]$loadings, paste0("x", 1:9), paste0("F", 1:3)), phi = mat(r[[3]]$Phi, paste0("F", 1:3), paste0("F", 1:3))))
write_case(list(id = "efa_rotations_hs39", kind = "efa", data = "hs39.csv", software = c(VERSIONS("GPArotation"), VERSIONS("lavaan")), call = "GPFoblq(A, ...), GPForth(A, ...); lav_matrix_rotate(A, ...)",
  options = list(input = "raw", nfactors = 3, extraction = "ml", weights = mat(W, paste0("x", 1:9), paste0("F", 1:3)), target = mat(T, paste0("x", 1:9), paste0("F", 1:3))), nobs = 301, converged = TRUE,
  results = list(unrotated_loadings = mat(A, paste0("x", 1:9), paste0("F", 1:3)), rotations = res)))
