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

# Ordered items: the same model of groups, and probit regressions conditional on the membership.
cut4 <- read.csv("tests/reference/data/hs39.csv")
for (j in 1:9) {
  x <- cut4[[paste0("x", j)]]
  cut4[[paste0("x", j)]] <- as.integer(cut(x, c(-Inf, quantile(x, c(.25, .5, .75)), Inf)))
}
cut4$white <- as.numeric(cut4$school == "Grant-White")
items <- paste0("x", 1:9)
measured <- "
  visual  =~ x1 + x2 + x3
  textual =~ x4 + x5 + x6
  speed   =~ x7 + x8 + x9
"
means <- "
  visual ~ c(0, NA)*1
  textual ~ c(0, NA)*1
  speed ~ c(0, NA)*1
"
# lavaan keeps intercepts of ordered items at 0: a factor without variance stands for the shift.
shift <- "
  shift ~~ 0*shift + 0*visual + 0*textual + 0*speed
  shift ~ c(0, NA)*1
"
same <- c("loadings", "thresholds", "residuals", "lv.variances", "lv.covariances")
fit <- cfa(
  paste0(measured, means), data = cut4, ordered = items, group = "school",
  group.label = c("Pasteur", "Grant-White"), group.equal = same, parameterization = "theta",
  std.lv = TRUE
)
cat("groups chisq df", fitMeasures(fit)[c("chisq", "df")], "\n")
for (item in c("x3", "x7")) {
  fit <- cfa(
    paste0(measured, means, "shift =~ 1*", item, shift), data = cut4, ordered = items,
    group = "school", group.label = c("Pasteur", "Grant-White"), group.equal = same,
    parameterization = "theta", std.lv = TRUE
  )
  b <- coef(fit)["shift~1.g2"]
  se <- sqrt(vcov(fit)["shift~1.g2", "shift~1.g2"])
  cat("groups", item, "chisq", (b / se)^2, "est", b, "se", se,
      "mean", coef(fit)["visual~1.g2"], "\n")
  fit <- sem(
    paste0(measured, "visual + textual + speed ~ white\n", item, " ~ white"), data = cut4,
    ordered = items, parameterization = "theta", std.lv = TRUE
  )
  label <- paste0(item, "~white")
  cat("conditional", item, "est", coef(fit)[label], "se", sqrt(vcov(fit)[label, label]),
      "mean", coef(fit)["visual~white"], "\n")
}
