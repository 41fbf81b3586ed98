# Mixed models with nested and crossed levels, slopes and few units: what 11_icc_agreement_mixed.R leaves open.
# Data: organisations with units in them; occupational groups cut across units; the group of the G items is
# profession x organisation. Degrees of freedom are Satterthwaite's by lmerTest.
source("generate/common.R"); suppressPackageStartupMessages({library(lme4); library(lmerTest)})
set.seed(60)
n_org <- 12; rows <- list()
org <- rnorm(n_org, 0, .5); prof <- rnorm(6, 0, .35); slope <- rnorm(6, 0, .25)
for (o in 1:n_org) for (u in 1:(3 + o %% 4)) {
  unit <- rnorm(1, 0, .45); n <- 3 + sample(0:9, 1)
  p <- sample(1:6, n, TRUE, prob = c(5, 4, 3, 2, 1, 1)); x <- round(rnorm(n, .1 * o, 1), 3)
  rows[[length(rows) + 1]] <- data.frame(organisation = sprintf("o%02d", o), unit = letters[u], profession = paste0("p", p),
    role = ifelse(runif(n) < .15, "leader", "employee"), x = x, score = round(3 + .2 * x + org[o] + unit + prof[p] + slope[p] * x + rnorm(n, 0, .8), 3))
}
d <- do.call(rbind, rows)
write.csv(d, "data/units.csv", row.names = FALSE, quote = FALSE, na = "")

tight <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhobeg = .02, rhoend = 1e-10, maxfun = 1e6), calc.derivs = FALSE)
one <- function(id, formula, REML = TRUE, ci = FALSE, note = NULL) {
  m <- lmerTest::lmer(as.formula(formula), d, REML = REML, control = tight)
  p <- lme4::lmer(as.formula(formula), d, REML = REML, control = tight)
  vc <- as.data.frame(VarCorr(p)); co <- coef(summary(m, ddf = "Satterthwaite"))
  out <- list(
    fixed = data.frame(term = rownames(co), est = co[, "Estimate"], se = co[, "Std. Error"], df = co[, "df"], t = co[, "t value"], row.names = NULL),
    random = data.frame(group = vc$grp, var1 = vc$var1, var2 = vc$var2, value = vc$vcov, sd_or_cor = vc$sdcor),
    loglik = as.numeric(logLik(p)), n_groups = as.list(sapply(getME(p, "flist"), nlevels)),
    blups = lapply(ranef(p, condVar = FALSE), function(r) mat(as.matrix(r))))
  if (ci) {
    q <- confint(suppressWarnings(profile(p, signames = FALSE)))
    out$profile_ci95 <- data.frame(parameter = rownames(q), lower = q[, 1], upper = q[, 2], row.names = NULL)
  }
  write_case(list(id = id, kind = "mixed", data = "units.csv", software = paste(VERSIONS("lme4"), VERSIONS("lmerTest"), sep = ", "),
    call = paste0("lmer(", formula, ", data = d, REML = ", REML, ")"), model = formula, options = list(REML = REML, missing = "listwise"),
    nobs = nobs(p), converged = TRUE, results = out, note = note))
}
one("mixed_units_nested_ml", "score ~ x + role + (1 | organisation / unit)", FALSE, TRUE)
one("mixed_units_nested_reml", "score ~ x + role + (1 | organisation / unit)")
one("mixed_units_crossed_ml", "score ~ x + (1 | organisation / unit) + (1 | profession)", FALSE, TRUE)
one("mixed_units_crossed_reml", "score ~ x + (1 | organisation / unit) + (1 | profession)")
one("mixed_units_groups_reml", "score ~ 1 + (1 | organisation) + (1 | organisation:unit) + (1 | organisation:profession)",
    note = "groups of profession by organisation, crossed with units")
one("mixed_units_crossed_slope_reml", "score ~ x + (1 | organisation:unit) + (1 + x | profession)")
one("mixed_units_slopes_ml", "score ~ x + (1 + x | organisation:unit) + (1 | organisation)", FALSE, FALSE, "singular or nearly so")

# Tests of one variance: twice the difference of restricted log-likelihoods, mixed half and half (Stram & Lee 1994).
full <- lme4::lmer(score ~ x + (1 | organisation / unit) + (1 | profession), d, control = tight)
drop <- list(organisation = score ~ x + (1 | organisation:unit) + (1 | profession), unit = score ~ x + (1 | organisation) + (1 | profession),
             profession = score ~ x + (1 | organisation / unit))
chisq <- sapply(drop, function(f) 2 * as.numeric(logLik(full) - logLik(lme4::lmer(f, d, control = tight))))
slope <- lme4::lmer(score ~ x + (1 | organisation:unit) + (1 + x | profession), d, control = tight)
plain <- lme4::lmer(score ~ x + (1 | organisation:unit) + (1 | profession), d, control = tight)
s <- 2 * as.numeric(logLik(slope) - logLik(plain))
write_case(list(id = "mixed_units_tests", kind = "mixed", data = "units.csv", software = VERSIONS("lme4"), call = "2 * (logLik(full) - logLik(reduced)), REML",
  results = list(chisq = as.list(chisq), pvalue = as.list(pchisq(chisq, 1, lower.tail = FALSE) / 2), slope = s,
                 slope_pvalue = (pchisq(s, 1, lower.tail = FALSE) + pchisq(s, 2, lower.tail = FALSE)) / 2)))
