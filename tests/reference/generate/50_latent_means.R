# Differences of latent means of two groups, over the pooled and over the first group's standard
# deviation, with lavaan's own delta method (`:=`).
suppressPackageStartupMessages({library(lavaan); library(jsonlite)})
HS <- c(visual = "x1 + x2 + x3", textual = "x4 + x5 + x6", speed = "x7 + x8 + x9")
OB <- c(textual = "o4 + o5 + o6", speed = "o7 + o8 + o9")
LQ <- c(lead = "LEAD01 + LEAD02 + LEAD03 + LEAD04")
text_of <- function(factors, n) paste(c(
  sprintf("%s =~ %s", names(factors), factors),
  sprintf("%1$s ~~ c(%1$s_v1, %1$s_v2)*%1$s", names(factors)),
  sprintf("%1$s ~ c(0, NA)*1 + c(%1$s_m1, %1$s_m2)*1", names(factors)),
  sprintf("%1$s_d := %1$s_m2/sqrt((%2$d*%1$s_v1 + %3$d*%1$s_v2)/%4$d)", names(factors), n[1], n[2], sum(n)),
  sprintf("%1$s_glass := %1$s_m2/sqrt(%1$s_v1)", names(factors))), collapse = "\n")
of <- function(factors, file, group, equal, ..., prepare = identity) {
  d <- prepare(read.csv(file.path("data", file), na.strings = ""))
  plain <- cfa(paste(sprintf("%s =~ %s", names(factors), factors), collapse = "\n"), d, group = group, group.equal = equal, ...)
  n <- lavInspect(plain, "nobs")
  fit <- cfa(text_of(factors, n), d, group = group, group.equal = equal, ...,
    optim.method = "BFGS", control = list(reltol = 1e-16, maxit = 20000))
  stopifnot(abs(fitMeasures(fit, "chisq") - fitMeasures(plain, "chisq")) < 1e-3)
  pe <- parameterEstimates(fit, remove.def = FALSE)
  one <- function(l) as.list(pe[pe$label == l, c("est", "se")])
  list(groups = I(lavInspect(fit, "group.label")), n = n, factors = lapply(setNames(nm = names(factors)), function(f)
    list(difference = one(paste0(f, "_m2")), d = one(paste0(f, "_d")), glass = one(paste0(f, "_glass")))))
}
I <- c("loadings", "intercepts"); T <- c("loadings", "thresholds"); o <- paste0("o", 4:9)
case <- list(id = "latent_means", kind = "latent_means",
  software = paste("lavaan", packageDescription("lavaan")$Version),
  ml = of(HS, "hs39.csv", "school", I),
  partial = of(HS, "hs39.csv", "school", I, group.partial = c("x3 ~ 1", "x7 ~ 1")),
  mlr = of(HS, "hs39.csv", "school", I, estimator = "MLR"),
  fiml = of(HS, "hs39_mcar.csv", "school", I, estimator = "MLR", missing = "fiml"),
  wlsmv_delta = of(OB, "hs39_ordered4.csv", "school", T, ordered = o, estimator = "WLSMV"),
  wlsmv_theta = of(OB, "hs39_ordered4.csv", "school", T, ordered = o, estimator = "WLSMV", parameterization = "theta"),
  clustered = of(LQ, "lq2002.csv", "half", I, estimator = "MLR", cluster = "COMPID",
    prepare = function(d) { d$half <- d$COMPID %% 2; d }))
writeLines(toJSON(case, auto_unbox = TRUE, digits = NA, pretty = TRUE), "cases/latent_means.json")
