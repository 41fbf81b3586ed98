# Auxiliary variables as saturated correlates (Graham 2003), through semTools
source("generate/common.R")
HS <- "visual  =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed   =~ x7 + x8 + x9\n"
d <- read_data("hs39_mcar.csv")
run <- function(id, estimator) {
  fit <- suppressWarnings(cfa.auxiliary(HS, d, aux = c("ageyr", "grade"), missing = "fiml", estimator = estimator))
  p <- parameterEstimates(fit); p <- p[p$op == "=~" & !(p$rhs %in% c("ageyr", "grade")), c("lhs", "op", "rhs", "est", "se")]
  keep <- c("npar", "chisq", "df", "cfi", "tli", "rmsea", "baseline.chisq", "baseline.df", "logl")
  res_case(id, "auxiliary", "hs39_mcar.csv", c("lavaan", "semTools"), "cfa.auxiliary(HS, d, aux = c('ageyr', 'grade'), missing = 'fiml')",
    list(auxiliary = c("ageyr", "grade"), missing = "fiml", estimator = estimator),
    list(fit_measures = named(fitMeasures(fit, keep)), parameters = p))
}
run("auxiliary_hs39_fiml", "ML")
run("auxiliary_hs39_fiml_mlr", "MLR")
