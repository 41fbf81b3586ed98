# Steps of invariance for items of two, three and four categories: the numbers in SEMTOOLS of
# tests/measure/test_invariance.py, by lavaan 0.6-14 and semTools 0.5-6.
#
#   python: for name, (cats, groups) in SEMTOOLS_DATA.items():
#               answers(cats, n_groups=groups, n=500 * groups).to_csv(f"{name}.csv", index=False)
#   Rscript 35_invariance_categories.R FOLDER
suppressPackageStartupMessages({ library(lavaan); library(semTools) })
folder <- commandArgs(TRUE)[1]
kinds <- c("thresholds", "loadings", "intercepts", "residuals")
steps <- c("configural", "thresholds", "metric", "scalar", "strict")
for (name in c("three", "mixed", "binary", "groups")) {
  d <- read.csv(file.path(folder, paste0(name, ".csv")))
  p <- ncol(d) - 1
  items <- paste0("u", 1:p)
  model <- paste0("f1 =~ ", paste(items[seq(1, p, 2)], collapse = "+"), "\nf2 =~ ", paste(items[seq(2, p, 2)], collapse = "+"))
  for (k in 0:4) {
    if (name == "binary" && k %in% 1:2) next
    fit <- suppressWarnings(suppressMessages(measEq.syntax(model, data = d, ordered = items, parameterization = "theta",
      ID.fac = "std.lv", ID.cat = "Wu.Estabrook.2016", group = "g", group.equal = if (k) kinds[1:k] else "", return.fit = TRUE)))
    cat(name, steps[k + 1], fitMeasures(fit, c("df", "chisq", "chisq.scaled")), "\n")
  }
}
