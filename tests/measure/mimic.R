# Reference values of test_direct_effects.py: Wald tests of direct effects of predictors on items, in models
# whose factors are regressed on the predictors. R 4.2.2, lavaan 0.6-14.
# Rscript tests/measure/mimic.R   (from the top of the repository)
suppressMessages(library(lavaan))
options(digits = 12)

answers <- read.csv("tests/reference/data/hs39.csv")
answers$white <- as.numeric(answers$school == "Grant-White")
answers$age <- answers$ageyr + answers$agemo / 12
holes <- read.csv("tests/reference/data/hs39_mcar.csv")
holes$white <- answers$white
holes$age <- answers$age
# Clusters of any kind will do: 60 by the row.
answers$cluster <- (seq_len(nrow(answers)) - 1) %% 60

base <- "
  visual  =~ x1 + x2 + x3
  textual =~ x4 + x5 + x6
  speed   =~ x7 + x8 + x9
  visual + textual + speed ~ white + age
"
test <- function(name, item, data, tested, ...) {
  text <- paste0(base, "\n", item, " ~ ", paste(tested, collapse = " + "))
  fit <- sem(text, data = data, std.lv = TRUE, meanstructure = TRUE, ...)
  table <- parameterEstimates(fit)
  at <- which(table$lhs == item & table$op == "~" & table$rhs %in% tested)
  labels <- paste0(item, "~", tested)
  V <- vcov(fit)[labels, labels, drop = FALSE]
  b <- coef(fit)[labels]
  cat(name, item, "chisq", t(b) %*% solve(V) %*% b, "est", b, "se", sqrt(diag(V)), "\n")
}
for (item in c("x3", "x7")) {
  test("ML", item, answers, "white")
  test("ML both", item, answers, c("white", "age"))
  test("MLR", item, answers, c("white", "age"), estimator = "MLR")
  test("cluster", item, answers, c("white", "age"), estimator = "MLR", cluster = "cluster")
  test("FIML", item, holes, c("white", "age"), missing = "fiml")
}
