# Estimators, groups, clusters and constraints in combinations that the other scripts leave out
source("generate/common.R")
HS <- "visual  =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed   =~ x7 + x8 + x9\n"
LQ <- "L =~ LEAD01+LEAD02+LEAD03+LEAD04+LEAD05\nT =~ TSIG01+TSIG02+TSIG03\n"
X <- "visual =~ x1 + x2 + x3\nspeed =~ x7 + x8 + x9\nvisual ~ sex + ageyr\nspeed ~ visual + sex\n"
case <- function(id, args, model = HS, data = "hs39.csv", ...) lav_case(paste0("engine_", id), "cfa", data, model, args, ...)
both <- c("loadings", "intercepts")
# estimators of several groups
for (e in c("GLS", "ULS", "MLM", "MLMV", "MLMVS", "MLF"))
  case(paste0("groups_", tolower(e)), list(estimator = e, group = "school", group.equal = "loadings"))
case("groups_wls", list(estimator = "WLS", group = "school"), model = "f =~ x1 + x2 + x3 + x4\n")
case("wls", list(estimator = "WLS"))
case("groups_fiml_mlr", list(estimator = "MLR", missing = "fiml", group = "school", group.equal = both), data = "hs39_mcar.csv")
case("groups_all_equal", list(group = "school", group.equal = c(both, "residuals", "lv.variances", "lv.covariances", "means")))
case("groups_partial", list(group = "school", group.equal = both, group.partial = c("x3 ~ 1", "speed =~ x8")))
case("groups_regressions", list(group = "school", group.equal = c("loadings", "regressions")), fun = "sem",
  model = "visual =~ x1 + x2 + x3\nspeed =~ x7 + x8 + x9\nspeed ~ visual\n")
case("groups_residual_covariances", list(group = "school", group.equal = c("residuals", "residual.covariances")),
  model = paste0(HS, "x1 ~~ x4\n"))
case("groups_std_lv", list(group = "school", group.equal = both, std.lv = TRUE))
case("groups_labels", list(group = "school"),
  model = "f =~ x1 + c(a, a)*x2 + c(b1, b2)*x3 + x4\nx1 ~~ c(v, v)*x1\nd := b1 - b2\n")
case("groups_blocks", list(group = "school"),
  model = "group: 1\nf =~ x1 + x2 + x3 + x4\ngroup: 2\nf =~ x1 + x2 + x3 + x4\nx1 ~~ x2\n")
case("groups_effect_coding", list(group = "school", effect.coding = TRUE, group.equal = both))
# information, standard errors
case("observed", list(information = "observed"))
case("groups_observed", list(information = "observed", group = "school", group.equal = "loadings"))
case("uls_robust", list(estimator = "ULS", se = "robust.sem", test = "scaled.shifted"))
case("means_mlm", list(estimator = "MLM", meanstructure = TRUE))
# exogenous variables
case("x_mlr", list(estimator = "MLR"), model = X, fun = "sem")
case("x_mlm", list(estimator = "MLM"), model = X, fun = "sem")
case("x_mlmv", list(estimator = "MLMV"), model = X, fun = "sem")
case("x_groups_mlr", list(estimator = "MLR", group = "school", group.equal = "loadings"), model = X, fun = "sem")
case("x_random_mlm", list(estimator = "MLM", fixed.x = FALSE), model = X, fun = "sem")
case("x_random_mlr", list(estimator = "MLR", fixed.x = FALSE), model = X, fun = "sem")
case("x_groups", list(group = "school"), model = X, fun = "sem")
case("x_gls", list(estimator = "GLS"), model = X, fun = "sem")
# clusters
case("cluster_constraint", list(cluster = "COMPID", estimator = "MLR"), model = "L =~ LEAD01+LEAD02+LEAD03+a*LEAD04+a*LEAD05\nT =~ TSIG01+TSIG02+TSIG03\n", data = "lq2002.csv")
# constraints
try(case("inequality", list(), model = "f =~ x1 + a*x2 + b*x3 + x4\na > 0.9\n", polish = FALSE))
case("linear", list(estimator = "MLR"), model = "f =~ x1 + a*x2 + b*x3 + c*x4\na + b == c\nd := a*b\n")
