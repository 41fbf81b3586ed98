# The same workloads in R. Each reads what a user would read from the result.
hs39 <- read.csv("tests/reference/data/hs39.csv")
bfi <- read.csv("tests/reference/data/bfi.csv")
lq <- read.csv("tests/reference/data/lq2002.csv")
items <- na.omit(bfi[, 1:25])
three <- "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
five <- paste(sapply(c("A", "C", "E", "N", "O"), function(f) paste(f, "=~", paste0(f, 1:5, collapse = "+"))), collapse = "\n")
# Three factors within companies, one between them.
climate_items <- list(L = sprintf("LEAD%02d", 1:11), T = sprintf("TSIG%02d", 1:3), H = sprintf("HOSTIL%02d", 1:5))
climate <- paste(c("level: 1", sapply(names(climate_items), function(f) paste(f, "=~", paste(climate_items[[f]], collapse = "+"))),
  "level: 2", paste("B =~", paste(unlist(climate_items), collapse = "+"))), collapse = "\n")
sem <- function(model, data, ...) {
  fit <- lavaan::cfa(model, data = data, ...)
  lavaan::parameterEstimates(fit, standardized = TRUE)
  lavaan::fitMeasures(fit)
}
# 24 items of five factors, and with Wu & Estabrook's identification of ordered items.
ladder_items <- setdiff(as.vector(t(outer(c("A", "C", "E", "N", "O"), 1:5, paste0))), "O5")
ladder_model <- paste(sapply(unique(substr(ladder_items, 1, 1)), function(f) {
  paste(f, "=~", paste(ladder_items[substr(ladder_items, 1, 1) == f], collapse = "+"))
}), collapse = "\n")
ladder_rows <- na.omit(bfi[, c(ladder_items, "gender")])
ladder_ordinal <- function(step) {
  both <- function(name, tied) if (tied) sprintf("c(%s, %s)", name, name) else sprintf("c(%s.1, %s.2)", name, name)
  f <- substr(ladder_items, 1, 1)
  paste(c(
    sprintf("%s =~ c(NA, NA)*%s + %s*%s", f, ladder_items, both(paste0("l_", ladder_items), step >= 2), ladder_items),
    sapply(ladder_items, function(x) sprintf("%s | %s*t%d", x, both(paste0("t_", x, "_", 1:5), step >= 1), 1:5)),
    sprintf("%s ~ c(0, %s)*1", ladder_items, if (step %in% 1:2) "NA" else "0"),
    sprintf("%s ~~ c(1, %s)*%s", ladder_items, if (step %in% 1:3) "NA" else "1", ladder_items),
    sprintf("%s ~~ c(1, %s)*%s", unique(f), if (step >= 2) "NA" else "1", unique(f)),
    sprintf("%s ~ c(0, %s)*1", unique(f), if (step >= 3) "NA" else "0")
  ), collapse = "\n")
}
read_all <- function(fits) {
  for (fit in fits) { lavaan::parameterEstimates(fit, standardized = TRUE); lavaan::fitMeasures(fit) }
  do.call(lavaan::lavTestLRT, unname(fits))
}
workloads <- list(
  hs39_ml = function() sem(three, hs39),
  hs39_mlr = function() sem(three, hs39, estimator = "MLR"),
  hs39_mlmv = function() sem(three, hs39, estimator = "MLMV"),
  hs39_scalar = function() sem(three, hs39, group = "school", group.equal = c("loadings", "intercepts")),
  bfi_fiml_mlr = function() sem(five, bfi, std.lv = TRUE, estimator = "MLR", missing = "fiml"),
  bfi_wlsmv = function() sem(five, bfi, std.lv = TRUE, ordered = TRUE),
  hs39_bootstrap = function() lavaan::bootstrapLavaan(lavaan::cfa(three, hs39), R = 1000),
  ladder = function() {
    equal <- c("loadings", "intercepts", "residuals")
    read_all(lapply(0:3, function(k) {
      lavaan::cfa(ladder_model, bfi, group = "gender", std.lv = TRUE, group.equal = if (k) equal[1:k] else "")
    }))
  },
  ladder_ordinal = function() {
    read_all(lapply(0:4, function(k) {
      lavaan::cfa(ladder_ordinal(k), ladder_rows, group = "gender", ordered = ladder_items, parameterization = "theta")
    }))
  },
  twolevel_lq2002 = function() sem(climate, lq, cluster = "COMPID"),
  bfi_ml = function() sem(five, bfi, std.lv = TRUE),
  polychoric = function() {
    if ("package:psych" %in% search()) psych::polychoric(items)
    else lavaan::lavCor(items, ordered = names(items), output = "sampstat")
  },
  polychoric_gamma = function() {
    lavaan::lavInspect(lavaan::lavCor(items, ordered = names(items), output = "fit", se = "robust.sem"), "gamma")
  },
  alpha = function() psych::alpha(items[, 1:5], check.keys = FALSE, warnings = FALSE),
  # Omega of one factor by minres, as psych's omega() of one factor extracts it, percentile interval.
  omega_bootstrap = function() {
    one <- function(d) { f <- psych::fa(d, 1, fm = "minres", warnings = FALSE); l <- sum(f$loadings)^2; l / (l + sum(f$uniquenesses)) }
    quantile(replicate(1000, one(items[sample(nrow(items), replace = TRUE), 1:5])), c(.025, .975))
  },
  omega_hierarchical = function() suppressWarnings(psych::omega(items[, 1:15], nfactors = 3, plot = FALSE, flip = FALSE)),
  split_half = function() suppressWarnings(psych::splitHalf(items[, 1:10], check.keys = FALSE)),
  kmo = function() { psych::KMO(items); psych::cortest.bartlett(cor(items), n = nrow(items)) },
  efa = function() psych::fa(items, 5, fm = "minres", rotate = "oblimin"),
  parallel = function() psych::fa.parallel(items, n.iter = 100, fa = "both", plot = FALSE, quant = .95),
  parallel_polychoric = function() psych::fa.parallel(items, cor = "poly", n.iter = 3, fa = "pc", sim = FALSE, plot = FALSE, quant = .95),
  icc = function() for (v in paste0("LEAD", sprintf("%02d", 1:11))) { a <- aov(lq[[v]] ~ as.factor(lq$COMPID)); multilevel::ICC1(a); multilevel::ICC2(a) },
  agreement = function() multilevel::rwg.j(lq[, 3:13], lq$COMPID, 2)
)
