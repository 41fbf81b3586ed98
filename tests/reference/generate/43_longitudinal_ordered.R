# Longitudinal invariance of ordered items (Wu & Estabrook 2016) by semTools' measEq.syntax, and the
# latent means at the step "scalar". The items of exlong.csv are cut at fixed places.
# Run from tests/reference: Rscript generate/43_longitudinal_ordered.R
suppressMessages({library(lavaan); library(semTools)})
d <- read.csv("data/exlong.csv")
items <- paste0("y", rep(1:3, 3), "t", rep(1:3, each = 3))
for (item in items) d[[item]] <- as.integer(cut(d[[item]], c(-Inf, -0.2, 0.6, 1.6, Inf)))
model <- paste(sprintf("f_t%d =~ y1t%d + y2t%d + y3t%d", 1:3, 1:3, 1:3, 1:3), collapse = "\n")
facs <- list(f = paste0("f_t", 1:3))
inds <- lapply(1:3, function(k) paste0("y", k, "t", 1:3)); names(inds) <- paste0("y", 1:3)
ladder <- list(configural = "", thresholds = "thresholds",
               metric = c("thresholds", "loadings"),
               scalar = c("thresholds", "loadings", "intercepts"),
               strict = c("thresholds", "loadings", "intercepts", "residuals"))
for (par in c("theta", "delta")) {
  before <- NULL
  for (step in names(ladder)) {
    if (par == "delta" && step == "strict") next
    text <- as.character(do.call(measEq.syntax, list(model, data = d, ordered = items, parameterization = par,
      ID.fac = "std.lv", ID.cat = "Wu.Estabrook.2016", longFacNames = facs, longIndNames = inds,
      long.equal = ladder[[step]], auto = "all")))
    fit <- lavaan(text, data = d, ordered = items, parameterization = par, estimator = "WLSMV",
      optim.method = "BFGS", control = list(reltol = 1e-16, maxit = 20000))
    m <- fitMeasures(fit, c("npar", "df", "chisq", "chisq.scaled"))
    cat(par, step, sprintf("%d %d %.6f %.6f", m[1], m[2], m[3], m[4]))
    if (!is.null(before)) {
      t <- lavTestLRT(before, fit, method = "satorra.2000")
      cat(sprintf(" diff %.6f %d", t[2, "Chisq diff"], t[2, "Df diff"]))
    }
    if (step == "scalar") {
      p <- parameterEstimates(fit)
      p <- p[p$op == "~1" & grepl("^f_t", p$lhs), ]
      cat(" means", sprintf("%.6f (%.6f)", p$est, p$se))
    }
    cat("\n")
    before <- fit
  }
}
