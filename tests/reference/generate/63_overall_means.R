# Means of lq2002 over everybody, with standard errors by company: sandwich::vcovCL of a regression
# on a constant, HC0 with the factor G/(G - 1). Run from tests/reference: Rscript generate/63_overall_means.R
suppressPackageStartupMessages(library(sandwich))
d <- read.csv("../../instruments/leadership_climate/lq2002.csv")
for (set in list(grep("^LEAD", names(d), value = TRUE), grep("^TSIG", names(d), value = TRUE))) {
  y <- rowMeans(d[, set])
  fit <- lm(y ~ 1)
  se <- sqrt(vcovCL(fit, cluster = d$COMPID, type = "HC0", cadjust = TRUE)[1, 1])
  cat(sprintf("%.10f %.10f %d\n", coef(fit)[1], se, length(y)))
}
cat(R.version.string, "sandwich", as.character(packageVersion("sandwich")), "\n")
