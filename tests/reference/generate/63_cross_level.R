# The same measurement within clusters and between them: models with more and more equal, by ML and MLR.
source("generate/common.R")
cross <- function(id, data, cluster, factors, apart = character(), stays = character(), extra = character()) {
  d <- read_data(data); items <- unlist(factors, use.names = FALSE)
  load <- function(f, l) paste0(f, " =~ ", paste0("NA*", factors[[f]][1], " + "), paste0(l, "*", factors[[f]], collapse = " + "))
  within <- c(sapply(names(factors), function(f) load(f, paste0("w_", factors[[f]]))), paste0(names(factors), " ~~ 1*", names(factors)), extra)
  between <- function(equal, strong) c(
    sapply(names(factors), function(f) load(f, ifelse(equal & !factors[[f]] %in% apart, paste0("w_", factors[[f]]), paste0("b_", factors[[f]])))),
    paste0(names(factors), " ~~ ", if (equal) "NA*" else "1*", names(factors)),
    if (strong) paste0(setdiff(items, stays), " ~~ 0*", setdiff(items, stays)), if (!strong) extra)
  text <- function(...) paste(c("level: 1", within, "level: 2", between(...)), collapse = "\n")
  models <- list(configural = text(FALSE, FALSE), metric = text(TRUE, FALSE), strong = text(TRUE, TRUE))
  results <- list()
  for (e in c("ML", "MLR")) {
    fits <- lapply(models, function(m) fit_tight("cfa", m, list(data = d, cluster = cluster, estimator = e))$fit)
    keys <- c("npar", "chisq", "df", "pvalue", "cfi", "tli", "rmsea", "srmr", "srmr_within", "srmr_between", "aic", "bic", if (e == "MLR") c("chisq.scaled", "cfi.scaled", "cfi.robust", "rmsea.robust"))
    difference <- function(a, b) { t <- suppressWarnings(lavTestLRT(fits[[a]], fits[[b]])); list(chisq_diff = t[2, "Chisq diff"], df_diff = t[2, "Df diff"], pvalue = t[2, "Pr(>Chisq)"]) }
    phi <- lapply(fits[-1], function(f) { v <- lavInspect(f, "cov.lv"); list(within = named(diag(v[[1]])), between = named(diag(v[[2]]))) })
    results[[e]] <- list(fit = lapply(fits, function(f) named(fitMeasures(f, keys))), differences = list(metric = difference("metric", "configural"), strong = difference("strong", "metric")), factors = phi)
  }
  write_case(list(id = id, kind = "cross_level", data = data, software = VERSIONS("lavaan"), call = "cfa(model, d, cluster, estimator); lavTestLRT(fit, fit)", models = models,
    options = list(cluster = cluster, apart = I(apart), stays = I(stays), extra = I(extra), factors = lapply(factors, I)), nobs = nrow(d), converged = TRUE, results = results,
    note = "the third step leaves out residual covariances between clusters; the default difference test of MLR is satorra.bentler.2001"))
}
y <- function(k) paste0("y", k)
cross("cross_level_demo", "demo_twolevel.csv", "cluster", list(f = y(1:3), g = y(4:6)))
cross("cross_level_partial", "demo_twolevel.csv", "cluster", list(f = y(1:3), g = y(4:6)), apart = "y3", stays = c("y1", "y4"), extra = "y2 ~~ y5")
