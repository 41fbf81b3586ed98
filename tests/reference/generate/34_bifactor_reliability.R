# omega total and hierarchical of bifactor models, with delta-method standard errors, and intraclass
# correlations near and below 0
source("generate/common.R")
suppressPackageStartupMessages(library(psych))
G <- c("A2", "A3", "A5", "C1", "C2", "C3", "E3", "E5", "O1", "O3")
GROUPS <- list(a = c("A2", "A3", "A5"), c = c("C1", "C2", "C3"), o = c("E3", "E5", "O1", "O3"))
label <- function(f, v, k) paste0(f, " =~ ", paste0(k, v, "*", v, collapse = " + "))
DEFINED <- paste0("
st := (", paste0("g", G, collapse = " + "), ")^2
sa := (", paste0("l", GROUPS$a, collapse = " + "), ")^2
sc := (", paste0("l", GROUPS$c, collapse = " + "), ")^2
so := (", paste0("l", GROUPS$o, collapse = " + "), ")^2
se := ", paste0("e", G, collapse = " + "), "
omega_t := (st + sa + sc + so) / (st + sa + sc + so + se)
omega_h := st / (st + sa + sc + so + se)
omega_t.a := ((", paste0("g", GROUPS$a, collapse = " + "), ")^2 + sa) / ((", paste0("g", GROUPS$a, collapse = " + "), ")^2 + sa + ", paste0("e", GROUPS$a, collapse = " + "), ")
omega_h.a := sa / ((", paste0("g", GROUPS$a, collapse = " + "), ")^2 + sa + ", paste0("e", GROUPS$a, collapse = " + "), ")
", paste0("v", G, " := g", G, "^2 + l", G, "^2 + e", G, collapse = "\n"), "
ecv := (", paste0("g", G, "^2/v", G, collapse = " + "), ") / (", paste0("(g", G, "^2 + l", G, "^2)/v", G, collapse = " + "), ")
q := ", paste0("g", G, "^2/(v", G, " - g", G, "^2)", collapse = " + "), "
h := q / (1 + q)
")
MODEL <- paste(c(label("g", G, "g"), mapply(label, names(GROUPS), GROUPS, "l"), paste0(G, " ~~ e", G, "*", G)), collapse = "\n")
num <- function(x) mat(as.matrix(x))
one <- function(id, args, model, note) {
  d <- read_data("bfi.csv")
  f <- fit_tight("cfa", model, c(list(data = d, std.lv = TRUE, orthogonal = TRUE), args))$fit
  pe <- parameterEstimates(f); def <- pe[pe$op == ":=", ]
  sem <- suppressWarnings(suppressMessages(semTools::reliability(f)))
  write_case(list(id = id, kind = "reliability", data = "bfi.csv", software = paste(VERSIONS("lavaan"), VERSIONS("semTools"), sep = ", "),
    call = "cfa(model, d, std.lv = TRUE, orthogonal = TRUE, ...); semTools::reliability(fit)", model = model,
    options = c(list("function" = "cfa", input = "raw", std_lv = TRUE, orthogonal = TRUE), options_of(args)), factors = lapply(GROUPS, I), nobs = lavInspect(f, "nobs"), converged = lavInspect(f, "converged"),
    results = list(defined = if (nrow(def)) data.frame(name = def$lhs, est = def$est, se = def$se), reliability = num(sem),
      loadings = mat(lavInspect(f, "std")$lambda)), note = note))
}
one("rel_bfi_bifactor", list(estimator = "MLR"), paste0(MODEL, DEFINED), "`defined`: omegas, ECV and H by := with robust standard errors; semTools' omega of g is omega hierarchical with the model's variance (omega2) or the sample's (omega3)")
one("rel_bfi_bifactor_ordered", list(ordered = G, estimator = "WLSMV"), paste(c(paste("g =~", paste(G, collapse = " + ")), mapply(function(n, v) paste(n, "=~", paste(v, collapse = " + ")), names(GROUPS), GROUPS)), collapse = "\n"), "omega of semTools is Green & Yang's of the sum of the answers; of g it is omega hierarchical")
# intraclass correlations: few targets, one of them negative
set.seed(7)
small <- data.frame(r1 = rnorm(12), r2 = rnorm(12), r3 = rnorm(12)); small <- round(small, 3)
write.csv(small, "data/icc_noise.csv", row.names = FALSE, quote = FALSE)
shifted <- read_data("shrout_fleiss.csv"); shifted[[2]] <- shifted[[2]] + 40
write.csv(shifted, "data/icc_shifted.csv", row.names = FALSE, quote = FALSE)
for (n in c("icc_noise", "icc_shifted")) {
  d <- read_data(paste0(n, ".csv")); r <- ICC(d, lmer = FALSE)
  tab <- r$results
  res_case(n, "icc", paste0(n, ".csv"), "psych", "ICC(d, lmer = FALSE)", list(columns = I(names(d)), missing = "listwise"),
    list(icc = data.frame(form = c("ICC(1,1)", "ICC(2,1)", "ICC(3,1)", "ICC(1,k)", "ICC(2,k)", "ICC(3,k)"), type = tab$type, icc = tab$ICC, F = tab$F, df1 = tab$df1, df2 = tab$df2, pvalue = tab$p, ci.lower = tab[["lower bound"]], ci.upper = tab[["upper bound"]])),
    nobs = nrow(d), n_raters = ncol(d))
}
