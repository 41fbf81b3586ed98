# Ordered items: estimators, groups, scales and constraints in combinations that 04 and 05 leave out
source("generate/common.R")
OS <- "visual  =~ o1 + o2 + o3\ntextual =~ o4 + o5 + o6\nspeed   =~ o7 + o8 + o9\n"
TWO <- "textual =~ o4 + o5 + o6\nspeed =~ o7 + o8 + o9\n"
ONE <- "textual =~ o4 + o5 + o6 + o7\n"
B <- "textual =~ b4 + b5 + b6\nspeed =~ b7 + b8 + b9\n"
MIX <- "A =~ A2 + A3 + A5\nN =~ N1 + N2 + N3\n"
o <- function(k) paste0("o", k)
case <- function(id, args, model = TWO, items = o(4:9), data = "hs39_ordered4.csv", fun = "cfa", ...)
  lav_case(paste0("engine_ordinal_", id), "cfa", data, model, c(list(ordered = items), args), fun = fun, ...)
th <- c("thresholds", "loadings")
theta <- list(parameterization = "theta")
# estimators of several groups
for (e in c("DWLS", "ULS", "ULSM", "ULSMV", "WLSM", "WLSMV"))
  case(paste0("groups_", tolower(e)), list(estimator = e, group = "school", group.equal = "loadings"))
case("groups_wls", list(estimator = "WLS", group = "school"), model = ONE, items = o(4:7))
case("mvs", list(estimator = "DWLS", se = "robust.sem", test = "mean.var.adjusted"))
case("groups_mvs", list(estimator = "ULS", se = "robust.sem", test = "mean.var.adjusted", group = "school"))
# what is equal across groups
case("groups_thresholds", list(group = "school", group.equal = "thresholds"))
case("groups_std_lv", list(group = "school", group.equal = th, std.lv = TRUE))
case("groups_all_equal", list(group = "school", group.equal = c(th, "lv.variances", "lv.covariances", "means")))
case("groups_theta", c(theta, list(group = "school", group.equal = th)))
case("groups_theta_residuals", c(theta, list(group = "school", group.equal = c(th, "residuals"))))
case("groups_theta_std_lv", c(theta, list(group = "school", group.equal = th, std.lv = TRUE)))
case("groups_partial", list(group = "school", group.equal = th, group.partial = c("o5 | t2", "speed =~ o8")))
case("groups_regressions", list(group = "school", group.equal = c(th, "regressions")), model = paste0(TWO, "speed ~ textual\n"), fun = "sem")
case("groups_residual_covariances", list(group = "school", group.equal = c(th, "residual.covariances")), model = paste0(TWO, "o4 ~~ o7\n"))
case("groups_scales", list(group = "school", group.equal = th), model = paste0(TWO, "o4 ~*~ c(1, 1)*o4\no8 ~*~ c(1, NA)*o8\n"))
case("groups_blocks", list(group = "school"), model = paste0("group: 1\n", TWO, "group: 2\n", TWO, "o4 ~~ o7\n"))
case("groups_binary", list(group = "school", group.equal = "loadings"), model = B, items = paste0("b", 4:9), data = "hs39_binary.csv")
case("groups_second_order", list(group = "school", group.equal = "loadings"), model = paste0(OS, "g =~ visual + textual + speed\n"), items = o(1:9))
case("groups_pairwise", list(group = "gender", group.equal = th, missing = "pairwise"), model = "N =~ N1 + N2 + N3 + N4\n",
  items = paste0("N", 1:4), data = "bfi.csv")
case("groups_mixed", list(group = "gender", group.equal = c(th, "intercepts")), model = MIX, items = c("A2", "A3", "A5"), data = "bfi.csv")
case("groups_mixed_theta", c(theta, list(group = "gender", group.equal = c(th, "intercepts", "residuals"))), model = MIX,
  items = c("A2", "A3", "A5"), data = "bfi.csv")
# further shapes of models
PATHS <- "visual =~ o1 + o2 + o3\ntextual =~ o4 + o5 + o6\ntextual ~ visual\no7 ~ visual + textual\no8 ~ visual\n"
case("paths", list(), model = PATHS, items = o(1:8), fun = "sem")
case("paths_theta", theta, model = PATHS, items = o(1:8), fun = "sem")
case("paths_chain", theta, model = sub("o8 ~ visual", "o8 ~ o7 + textual", PATHS), items = o(1:8), fun = "sem")
case("paths_groups", list(group = "school", group.equal = c(th, "regressions")), model = "textual =~ o4 + o5 + o6\no7 ~ textual\n", items = o(4:7), fun = "sem")
case("residual_covariances", list(), model = paste0(OS, "o4 ~~ o7\no3 ~~ o9\n"), items = o(1:9))
case("residual_covariances_theta", theta, model = paste0(OS, "o4 ~~ o7\no3 ~~ o9\n"), items = o(1:9))
case("second_order_theta", theta, model = paste0(OS, "g =~ visual + textual + speed\n"), items = o(1:9))
case("orthogonal", list(orthogonal = TRUE, std.lv = TRUE), model = "g =~ o4 + o5 + o6 + o7 + o8 + o9\ns =~ o7 + o8 + o9\n")
case("mixed_theta", theta, model = MIX, items = c("A2", "A3", "A5"), data = "bfi.csv")
case("mixed_wls", list(estimator = "WLS"), model = MIX, items = c("A2", "A3", "A5"), data = "bfi.csv")
MP <- "N =~ N1 + N2 + N3\nA2 ~ N\nA3 ~ N + A2\n"
case("mixed_paths", list(estimator = "ULSMV"), model = MP, items = c("A2", "N1", "N2"), data = "bfi.csv", fun = "sem")
case("mixed_paths_theta", c(theta, list(estimator = "ULSMV")), model = MP, items = c("A2", "N1", "N2"), data = "bfi.csv", fun = "sem")
case("x_random", list(fixed.x = FALSE, conditional.x = FALSE), model = "N =~ N1 + N2 + N3\nN ~ age\n", items = paste0("N", 1:3), data = "bfi.csv", fun = "sem")
# thresholds and scales in the text, labels, definitions, constraints
case("thresholds_text", list(), model = paste0(TWO, "o4 | -0.6*t1 + t2 + t3\no5 | a*t1 + b*t2\no6 | a*t1 + b*t2\nspread := b - a\n"))
case("thresholds_groups", list(group = "school"), model = paste0(TWO, "o4 | c(a, a)*t1 + c(b1, b2)*t2\nshift := b2 - b1\n"))
case("linear", list(), model = "f =~ o4 + a*o5 + b*o6 + c*o7\na + b == 2*c\nd := a*b\n", items = o(4:7))
case("equal_loadings", list(), model = "f =~ o4 + a*o5 + a*o6\ng =~ o7 + o8 + o9\nratio := a^2\n")
case("nonlinear", list(), model = "f =~ NA*o4 + a*o5 + b*o6 + o7\nf ~~ 1*f\na*b == 0.5\n", items = o(4:7), polish = FALSE)
case("inequality", list(), model = "f =~ o4 + a*o5 + b*o6 + o7\na > 1.1\n", items = o(4:7), polish = FALSE)
# standard errors and tests by themselves
case("standard_errors", list(estimator = "WLSMV", se = "standard"))
case("satorra_bentler", list(estimator = "ULS", se = "robust", test = "satorra.bentler"))
