# Further two-level models: groups, kinds of information, predictors at both levels, missing answers,
# and what is computed after a fit.
source("generate/common.R")
two <- function(w, b) paste0("level: 1\n", w, "\nlevel: 2\n", b, "\n")
demo <- function() read_data("demo_twolevel.csv")
cl <- list(cluster = "cluster")
factors <- two("fw =~ y1 + y2 + y3 + y4", "fb =~ y1 + y2 + y3 + y4")

# lavaan 0.6-14 leaves out of the scores of clusters what a parameter does to the means within clusters
# of variables at both levels (lav_mvnorm_cluster_scores_2l sets them to 0), though its Hessian has it.
# With predictors within that have mean 0 there is nothing to leave out.
centred <- function() { d <- demo(); d$x1 <- d$x1 - mean(d$x1); d$x2 <- d$x2 - mean(d$x2); d }
d <- centred()[c("y1", "y2", "y3", "x1", "x2", "w1", "cluster")]; write.csv(d, "data/demo_twolevel_centred.csv", row.names = FALSE)
lav_case("twolevel_centred_mlr", "twolevel", "demo_twolevel_centred.csv",
  two("fw =~ y1 + y2 + y3\nfw ~ x1 + x2", "fb =~ y1 + y2 + y3\nfb ~ w1"), c(cl, estimator = "MLR"), fun = "sem")
lav_case("twolevel_expected", "twolevel", "demo_twolevel.csv", factors, c(cl, information = "expected"))
lav_case("twolevel_first_order", "twolevel", "demo_twolevel.csv", factors, c(cl, information = "first.order"))
lav_case("twolevel_outcomes", "twolevel", "demo_twolevel.csv",
  two("fw =~ y1 + y2 + y3\nx1 ~ fw\nx3 ~ x2", "fb =~ y1 + y2 + y3\nfb ~ w1\nw2 ~ w1"), cl, fun = "sem")
lav_case("twolevel_random_x", "twolevel", "demo_twolevel.csv",
  two("fw =~ y1 + y2 + y3\nfw ~ x1", "fb =~ y1 + y2 + y3\nfb ~ w1"), c(cl, fixed.x = FALSE), fun = "sem")

# groups, whose blocks lavaan wants written out
d <- demo(); d$half <- ifelse(d$cluster %% 2 == 0, "even", "odd"); write.csv(d[c(paste0("y", 1:4), "cluster", "half")], "data/demo_twolevel_halves.csv", row.names = FALSE)
groups <- function(a, b) paste0("group: odd\n", a, "group: even\n", b)
lav_case("twolevel_groups", "twolevel", "demo_twolevel_halves.csv", groups(factors, factors), c(cl, group = "half"))
tied <- two("fw =~ y1 + l2*y2 + l3*y3 + l4*y4", "fb =~ y1 + m2*y2 + m3*y3 + m4*y4\ny2 ~~ v*y2\ny3 ~~ v*y3")
lav_case("twolevel_groups_tied", "twolevel", "demo_twolevel_halves.csv", groups(tied, tied), c(cl, group = "half", estimator = "MLR"))

# what is computed after a fit
after <- function(fit) {
  fs <- function(level) { x <- unclass(lavPredict(fit, level = level)); mat(x[1:10, , drop = FALSE], rows = 1:10) }
  mi <- tryCatch({ m <- suppressWarnings(modindices(fit, sort. = TRUE)); as.data.frame(unclass(m))[intersect(c("lhs", "op", "rhs", "block", "level", "mi", "epc", "sepc.lv", "sepc.all"), names(m))] }, error = function(e) conditionMessage(e))
  list(scores_within = fs(1), scores_between = fs(2), modification_indices = mi,
    residuals = list(raw = blocks(residuals(fit, type = "raw")), cor_bentler = blocks(residuals(fit, type = "cor.bentler"))),
    implied = blocks(fitted(fit)), r_squared = lapply(lavInspect(fit, "rsquare"), named))
}
lav_case("twolevel_after", "twolevel", "demo_twolevel.csv", two("fw =~ y1 + y2 + y3\ny4 ~ fw", "fb =~ y1 + y2 + y3\ny4 ~ fb"), cl, fun = "sem", extra = after)
lav_case("twolevel_after_x", "twolevel", "demo_twolevel.csv", two("fw =~ y1 + y2 + y3\nfw ~ x1 + x2", "fb =~ y1 + y2 + y3\nfb ~ w1 + w2"), cl, fun = "sem", extra = after)

# differences of nested models; by "satorra.bentler.2010" lavaan finds a negative scaling factor here, which
# that method cannot give
one <- two("fw =~ y1 + y2 + y3 + y4", "fb =~ y1 + y2 + y3 + y4")
equal <- two("fw =~ y1 + a*y2 + b*y3 + c*y4", "fb =~ y1 + a*y2 + b*y3 + c*y4")
steps <- list(free = list(model = one, args = list()), equal = list(model = equal, args = list()))
inv_case("twolevel_difference", "demo_twolevel.csv", "cfa", steps, common = cl, kind = "twolevel_difference")
inv_case("twolevel_difference_mlr", "demo_twolevel.csv", "cfa", steps, list(list(method = "satorra.bentler.2001")),
  common = c(cl, estimator = "MLR"), kind = "twolevel_difference")

# each level with the other saturated (Ryu & West 2009)
saturated <- function(v) paste(combn(v, 2, function(p) paste(p[1], "~~", p[2])), collapse = "\n")
pairs <- function(a, b) paste0(a, " =~ y1 + y2 + y3\n", b, " =~ y4 + y5 + y6")
lav_case("twolevel_within_alone", "twolevel", "demo_twolevel.csv", two(pairs("inner1", "inner2"), saturated(paste0("y", 1:6))), cl)
lav_case("twolevel_between_alone", "twolevel", "demo_twolevel.csv", two(saturated(paste0("y", 1:6)), pairs("outer1", "outer2")), cl)

# a level without a free covariance
known <- function(v) paste0("y", 1:3, " ~~ ", v, "*y", 1:3, collapse = "\n")
lav_case("twolevel_within_known", "twolevel", "demo_twolevel.csv",
  two(paste0("fw =~ 1*y1 + 0.8*y2 + 0.7*y3\nfw ~~ 0.5*fw\n", known(1)), "fb =~ y1 + y2 + y3"), cl)
lav_case("twolevel_between_known", "twolevel", "demo_twolevel.csv", two("fw =~ y1 + y2 + y3", known(0.4)), c(cl, estimator = "MLR"))

# missing answers; lavaan's default optimiser only, as BFGS run to 1e-16 does not end. It has no robust
# standard errors here.
set.seed(77); d <- demo()[1:1000, ]
for (v in paste0("y", 1:3)) d[[v]][runif(nrow(d)) < plogis(-2 + 0.5 * d$y5)] <- NA
write.csv(d[c(paste0("y", 1:4), "cluster")], "data/demo_twolevel_gaps.csv", row.names = FALSE, na = "")
gaps <- two("fw =~ y1 + y2 + y3\ny4 ~ fw", "fb =~ y1 + y2 + y3\ny4 ~ fb")
lav_case("twolevel_fiml", "twolevel", "demo_twolevel_gaps.csv", gaps, c(cl, missing = "ml"), fun = "sem", polish = FALSE)
