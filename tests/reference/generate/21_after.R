# What follows a fit: modification indices, score tests, residuals, SRMR, factor scores, R squared.
# Needs lavaan and jsonlite only. Run from the folder that holds data/ and cases/.
suppressMessages(library(lavaan)); library(jsonlite)
HS <- "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9\n"
BFI <- "N =~ N1 + N2 + N3 + N4 + N5\nE =~ E1 + E2 + E3 + E4 + E5\n"
MIMIC <- "visual =~ x1 + x2 + x3\nspeed =~ x7 + x8 + x9\nvisual ~ ageyr + grade\nspeed ~ visual\nx1 ~~ x7\n"
TIGHT <- list(optim.method = "BFGS", control = list(reltol = 1e-16, maxit = 20000), em.h1.tol = 1e-12, em.h1.iter.max = 20000)
models <- list(
  list("after_hs39_ml", "hs39.csv", "cfa", HS, list()),
  list("after_hs39_mlr", "hs39.csv", "cfa", HS, list(estimator = "MLR")),
  list("after_hs39_mlm_mean", "hs39.csv", "cfa", HS, list(estimator = "MLM", meanstructure = TRUE)),
  list("after_hs39_school_free", "hs39.csv", "cfa", HS, list(group = "school")),
  list("after_hs39_school_loadings", "hs39.csv", "cfa", HS, list(group = "school", group.equal = "loadings")),
  list("after_hs39_second_order", "hs39.csv", "cfa", paste0(HS, "g =~ visual + textual + speed\n"), list()),
  list("after_hs39_mimic", "hs39.csv", "sem", MIMIC, list()),
  list("after_hs39_mimic_random", "hs39.csv", "sem", MIMIC, list(fixed.x = FALSE)),
  list("after_hs39mcar_fiml", "hs39_mcar.csv", "cfa", HS, list(missing = "fiml")),
  list("after_bfi_fiml_mlr", "bfi.csv", "cfa", BFI, list(missing = "fiml", estimator = "MLR")))
NAMES <- c(group.equal = "group_equal", fixed.x = "fixed_x")
num <- function(x) { x <- as.numeric(x); x[!is.finite(x)] <- NA; x }
mat <- function(m) { v <- unclass(as.matrix(m)); rc <- dimnames(v); dimnames(v) <- NULL
  list(rows = I(if (is.null(rc[[1]])) as.character(seq_len(nrow(v))) else rc[[1]]), cols = I(rc[[2]]), values = v) }
per_group <- function(x, f) if (lavInspect(x, "ngroups") == 1) list(f(1)) else lapply(seq_len(lavInspect(x, "ngroups")), f)
pick <- function(x, g, n) if (n == 1) x else x[[g]]
frame <- function(m, keep) { d <- as.data.frame(unclass(m))[intersect(keep, names(m))]; rownames(d) <- NULL; d }
for (m in models) {
  d <- read.csv(file.path("data", m[[2]]), check.names = FALSE, na.strings = "")
  fit <- suppressWarnings(do.call(m[[3]], c(list(m[[4]], data = d), m[[5]], TIGHT)))
  n <- lavInspect(fit, "ngroups")
  columns <- c("lhs", "op", "rhs", "group", "mi", "epc", "sepc.lv", "sepc.all", "sepc.nox")
  mi <- frame(modindices(fit), columns)
  power <- frame(modindices(fit, power = TRUE, delta = 0.3, high.power = 0.75), c("lhs", "op", "rhs", "group", "ncp", "power", "decision"))
  power$decision <- trimws(power$decision)
  equal <- if (length(m[[5]]$group.equal)) { s <- suppressWarnings(lavTestScore(fit, epc = TRUE)); pt <- parTable(fit)
    u <- s$uni; i <- match(u$rhs, pt$plabel); e <- s$epc[s$epc$free > 0, ]
    list(total = list(chisq = s$test$X2, df = s$test$df, pvalue = s$test$p.value),
         table = data.frame(lhs = pt$lhs[i], op = pt$op[i], rhs = pt$rhs[i], group = pt$group[i], chisq = u$X2, df = u$df, pvalue = u$p.value),
         changes = frame(e, c("lhs", "op", "rhs", "group", "est", "epc"))) }
  res <- list(z = lavResiduals(fit, type = "raw"), norm = resid(fit, type = "normalized"),
              bentler = lavResiduals(fit), bollen = lavResiduals(fit, type = "cor.bollen"))
  one <- function(g) { z <- pick(res$z, g, n); s <- function(k) mat(pick(res[[k]], g, n)$summary)
    nn <- pick(res$norm, g, n)
    list(z = mat(z$cov.z), z_mean = if (!is.null(z$mean.z)) num(z$mean.z),
         normalized = mat(nn$cov), srmr = s("bentler"), crmr = s("bollen")) }
  scores <- function(method) { p <- suppressWarnings(lavPredict(fit, method = method, se = "standard")); se <- attr(p, "se")
    per_group(fit, function(g) { v <- if (n == 1) p else p[[g]]; s <- se[[g]]
      v <- unclass(v)[1:10, , drop = FALSE]; attr(v, "se") <- NULL; colnames(s) <- colnames(v)
      list(scores = mat(v), se = mat(s[seq_len(min(10, nrow(s))), , drop = FALSE])) }) }
  # The expectation of the factors given the answers, from the moments that lavaan itself implies.
  expected <- per_group(fit, function(g) { C <- pick(lavInspect(fit, "cov.all"), g, n); ov <- lavNames(fit, "ov"); lv <- lavNames(fit, "lv")
    B <- C[lv, ov] %*% solve(C[ov, ov])
    list(weights = mat(B), se = num(sqrt(diag(C[lv, lv] - B %*% C[ov, lv])))) })
  r2 <- standardizedSolution(fit); r2 <- r2[r2$op == "~~" & r2$lhs == r2$rhs & r2$lhs %in% c(lavNames(fit, "ov.ind"), lavNames(fit, "eqs.y"), if (grepl("g =~", m[[4]])) c("visual", "textual", "speed")), ]
  r2 <- data.frame(variable = r2$lhs, group = if (is.null(r2$group)) 1 else r2$group, est = 1 - r2$est.std, se = r2$se)
  o <- m[[5]]; names(o) <- ifelse(names(o) %in% names(NAMES), NAMES[names(o)], names(o))
  if (!is.null(o$group_equal)) o$group_equal <- I(o$group_equal)
  case <- list(id = m[[1]], kind = "after", data = m[[2]], software = paste("lavaan", packageDescription("lavaan")$Version),
    model = m[[4]], options = c(list("function" = m[[3]], input = "raw"), o), ntotal = lavInspect(fit, "ntotal"),
    group_labels = if (n > 1) I(lavInspect(fit, "group.label")), converged = lavInspect(fit, "converged"),
    results = Filter(Negate(is.null), list(modification_indices = mi, power = power, equality_tests = equal, residuals = per_group(fit, one),
      scores = if (!grepl("mimic", m[[1]])) list(regression = scores("regression"), Bartlett = scores("Bartlett")),
      expected_scores = expected, r_squared = r2)))
  txt <- toJSON(Filter(Negate(is.null), case), auto_unbox = TRUE, digits = NA, na = "null", null = "null", pretty = TRUE, dataframe = "rows", matrix = "rowmajor")
  writeLines(txt, file.path("cases", paste0(m[[1]], ".json"))); cat(m[[1]], "\n")
}
