# Thresholds, category correlations and their whole asymptotic covariance (NACOV), through lavCor
source("generate/common.R")
run <- function(id, data, vars, ordered, missing = "listwise", rows = NULL, note = NULL) {
  d <- read_data(data)[vars]
  if (!is.null(rows)) d <- d[seq_len(rows), ]
  fit <- suppressWarnings(lavCor(d, ordered = ordered, missing = missing, output = "fit", se = "robust.sem"))
  stats <- lavInspect(fit, "sampstat")
  res_case(id, "polychoric", data, "lavaan", "lavCor(d[vars], ordered = ordered, missing = missing, output = 'fit', se = 'robust.sem')",
    list(variables = I(vars), ordered = I(ordered), missing = missing, estimator = "two.step", rows = rows),
    list(covariances = mat(stats$cov), thresholds = named(stats$th), gamma = mat(lavInspect(fit, "gamma"))),
    nobs = lavInspect(fit, "nobs"), note = note)
}
sign <- "lavaan's statistics are minus the means: the rows and columns x~1 of gamma have the other sign"
mixed <- c("A1", "N1", "A2", "N2", "A3")
run("polychoric_gamma_mixed", "bfi.csv", mixed, c("A1", "A2", "A3"), note = sign)
run("polychoric_gamma_mixed_pairwise", "bfi.csv", mixed, c("A1", "A2", "A3"), "pairwise", note = sign)
run("polychoric_gamma_pairwise", "bfi.csv", paste0("C", 1:5), paste0("C", 1:5), "pairwise")
run("polychoric_gamma_unequal_pairwise", "bfi.csv", c("A1", "gender", "C1", "education"), c("A1", "gender", "C1"), "pairwise", note = sign)
run("polychoric_gamma_empty_cell", "hs39_binary.csv", c("b2", "b7", "b8"), c("b2", "b7", "b8"), rows = 20,
  note = "an empty cell in a 2 x 2 table: 0.5 is added with the margins kept")
run("polychoric_gamma_empty_cells", "hs39_ordered4.csv", paste0("o", 4:7), paste0("o", 4:7), rows = 80,
  note = "empty cells in 4 x 4 tables: nothing is added")
