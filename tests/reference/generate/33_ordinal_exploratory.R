# Exploratory analysis of polychoric correlations: extraction, tests, adequacy, retention, HTMT.
# Correlations are lavCor's (two-step maximum likelihood); psych's own answers stand beside them.
source("generate/common.R"); suppressPackageStartupMessages(library(psych))
poly <- function(d) unclass(lavCor(d, ordered = names(d), missing = "listwise"))[names(d), names(d)]
complete <- function(items) { d <- read_data("bfi.csv")[items]; d[complete.cases(d), ] }
ten <- c(paste0("A", 1:5), paste0("C", 1:5))
b10 <- complete(ten); b25 <- complete(names(read_data("bfi.csv"))[1:25])
R10 <- poly(b10); R25 <- poly(b25)
asked <- function(d) list(variables = I(names(d)), missing = "listwise", correlation = "polychoric")

efa_case("efa_ordered_bfi_minres_oblimin", "bfi.csv", R10, nrow(b10), 2, "minres", "oblimin", list(normalize = FALSE, gam = 0), input = "raw", options = asked(b10),
  note = "correlations by lavCor(d, ordered = names(d)); chisq and what follows from it are psych's for normal answers and do not hold here")
efa_case("efa_ordered_bfi_ml_quartimin", "bfi.csv", R25, nrow(b25), 5, "ml", "quartimin", list(normalize = FALSE), input = "raw", options = asked(b25),
  note = "correlations by lavCor(d, ordered = names(d)); chisq and what follows from it are psych's for normal answers and do not hold here")
ad("efa_adequacy_ordered_bfi", "bfi.csv", R25, nrow(b25), c(list(input = "raw"), asked(b25)))

# The test of least squares extraction, through lavaan, and psych's answer to the same question.
m <- paste0('efa("f")*F1 + efa("f")*F2 =~ ', paste(ten, collapse = " + "))
f <- cfa(m, b10, ordered = TRUE, estimator = "ULSMV", rotation = "none", optim.method = "BFGS", control = list(reltol = 1e-16, maxit = 20000))
fm <- fitMeasures(f)[c("chisq.scaled", "df.scaled", "pvalue.scaled", "chisq.scaling.factor", "cfi.scaled", "tli.scaled", "rmsea.scaled", "rmsea.ci.lower.scaled", "rmsea.ci.upper.scaled", "cfi.robust", "tli.robust", "rmsea.robust", "rmsea.ci.lower.robust", "rmsea.ci.upper.robust")]
own <- suppressWarnings(psych::fa(b10, 2, cor = "poly", correct = 0, fm = "minres", rotate = "oblimin", warnings = FALSE))
L <- unclass(own$loadings); colnames(L) <- paste0("F", 1:2); P <- own$Phi; dimnames(P) <- list(colnames(L), colnames(L))
res_case("efa_ordered_bfi_tests", "efa", "bfi.csv", c("lavaan", "psych"), "cfa('efa(\"f\")*F1 + efa(\"f\")*F2 =~ ...', d, ordered = TRUE, estimator = 'ULSMV', rotation = 'none'); fa(d, 2, cor = 'poly', correct = 0)",
  c(list(input = "raw", nfactors = 2, extraction = "minres", rotation = "oblimin"), asked(b10)),
  list(fit_measures = named(fm), psych_loadings = mat(L), psych_phi = mat(P), psych_correlations = mat(own$r)), nobs = nrow(b10),
  note = "psych's polychoric correlations stop short of the maximum: compare its numbers to 5e-3")

# Parallel analysis through psych: answers of each item drawn from those of the sample, item by item.
parallel <- function(d, iter) {
  set.seed(1); p <- ncol(d)
  sp <- suppressWarnings(suppressMessages(fa.parallel(d, cor = "poly", correct = 0, fa = "pc", sim = FALSE, n.iter = iter, plot = FALSE, quant = .95)))
  v <- sp$values[, 1:p]; ev <- eigen(poly(d), TRUE, TRUE)$values
  first <- function(x, q) { k <- which(x <= q)[1]; if (is.na(k)) p else k - 1 }
  q <- apply(v, 2, quantile, .95, names = FALSE)
  list(iterations = iter, pca = list(mean = I(colMeans(v)), p95 = I(q), sd = I(apply(v, 2, sd)), n_mean = first(ev, colMeans(v)), n_p95 = first(ev, q)))
}
res_case("retention_ordered_bfi", "retention", "bfi.csv", c("psych", "lavaan"), "lavCor(d, ordered = names(d)); eigen(R); fa.parallel(d, cor = 'poly', correct = 0, fa = 'pc', sim = FALSE); formulae in common.R",
  c(list(input = "raw", sample_nobs = nrow(b10)), asked(b10)),
  list(eigenvalues = I(eigen(R10, symmetric = TRUE)$values), n_kaiser = sum(eigen(R10, TRUE, TRUE)$values > 1), map = map_(R10), ekc = ekc(R10, nrow(b10)), parallel = parallel(b10, 300)),
  nobs = nrow(b10), tolerance = list(parallel_mean_abs = 0.01, parallel_p95_abs = 0.02, exact_otherwise = 1e-5),
  note = "random data: answers of each item drawn with replacement from those of the sample")

h <- "visual =~ o1+o2+o3\ntextual =~ o4+o5+o6\nspeed =~ o7+o8+o9\n"; o <- read_data("hs39_ordered4.csv")[paste0("o", 1:9)]
res_case("rel_hs39ord4_htmt", "reliability", "hs39_ordered4.csv", "semTools", "htmt(model, data = d, ordered = names(d), htmt2 = FALSE|TRUE)",
  list(input = "raw", missing = "listwise", ordered = I(names(o)), correlation = "polychoric"),
  list(htmt = mat(htmt(h, data = o, ordered = names(o), htmt2 = FALSE)), htmt2 = mat(htmt(h, data = o, ordered = names(o), htmt2 = TRUE))), nobs = nrow(o))
