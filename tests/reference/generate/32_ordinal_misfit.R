# What follows a fit to ordered items: modification indices, score tests, residuals, R squared.
# Needs lavaan and jsonlite only. Run from the folder that holds data/ and cases/.
suppressMessages(library(lavaan)); library(jsonlite)
it <- function(s, k) paste0(rep(s, each = length(k)), k)
o <- it("o", 1:9); th <- c("thresholds", "loadings")
H3 <- "visual =~ o1 + o2 + o3\ntextual =~ o4 + o5 + o6\nspeed =~ o7 + o8 + o9\n"
H2 <- "textual =~ o4 + o5 + o6\nspeed =~ o7 + o8 + o9\n"
AN <- "A =~ A1 + A2 + A3 + A4 + A5\nN =~ N1 + N2 + N3 + N4 + N5\n"
P <- "visual =~ o1 + o2 + o3\ntextual =~ o4 + o5 + o6\ntextual ~ visual\no7 ~ textual\n"
models <- list(
  list("ordinal_misfit_hs39", "hs39_ordered4.csv", "cfa", H3, list(ordered = o)),
  list("ordinal_misfit_hs39_theta", "hs39_ordered4.csv", "cfa", H3, list(ordered = o, parameterization = "theta")),
  list("ordinal_misfit_hs39_ulsmv", "hs39_ordered4.csv", "cfa", H3, list(ordered = o, estimator = "ULSMV")),
  list("ordinal_misfit_hs39_second_order", "hs39_ordered4.csv", "cfa", paste0(H3, "g =~ visual + textual + speed\n"), list(ordered = o)),
  list("ordinal_misfit_hs39_paths", "hs39_ordered4.csv", "sem", P, list(ordered = o[1:7])),
  list("ordinal_misfit_hs39_thresholds", "hs39_ordered4.csv", "cfa", paste0(H2, "o5 | a*t1 + b*t2 + t3\no6 | a*t1 + b*t2 + 0.7*t3\n"), list(ordered = o[4:9])),
  list("ordinal_misfit_hs39_school", "hs39_ordered4.csv", "cfa", H2, list(ordered = o[4:9], group = "school")),
  list("ordinal_misfit_hs39_school_equal", "hs39_ordered4.csv", "cfa", H2, list(ordered = o[4:9], group = "school", group.equal = th)),
  list("ordinal_misfit_hs39_school_theta", "hs39_ordered4.csv", "cfa", H2, list(ordered = o[4:9], group = "school", group.equal = th, parameterization = "theta")),
  list("ordinal_misfit_bfi_wls", "bfi.csv", "cfa", "E =~ E1 + E2 + E3 + E4 + E5\n", list(ordered = it("E", 1:5), estimator = "WLS")),
  list("ordinal_misfit_bfi_pairwise", "bfi.csv", "cfa", AN, list(ordered = c(it("A", 1:5), it("N", 1:5)), missing = "pairwise")),
  list("ordinal_misfit_bfi_mixed", "bfi.csv", "cfa", AN, list(ordered = c("A2", "A3", "A5", it("N", 1:5)))))
TIGHT <- list(optim.method = "BFGS", control = list(reltol = 1e-16, maxit = 20000))
NAMES <- c(group.equal = "group_equal")
num <- function(x) { x <- as.numeric(x); x[!is.finite(x)] <- NA; x }
mat <- function(m) { v <- unclass(as.matrix(m)); rc <- dimnames(v); dimnames(v) <- NULL
  list(rows = I(rc[[1]]), cols = I(rc[[2]]), values = v) }
pick <- function(x, g, n) if (n == 1) x else x[[g]]
frame <- function(m, keep) { d <- as.data.frame(unclass(m))[intersect(keep, names(m))]; rownames(d) <- NULL; d }
for (m in models) {
  d <- read.csv(file.path("data", m[[2]]), check.names = FALSE, na.strings = "")
  fit <- suppressWarnings(do.call(m[[3]], c(list(m[[4]], data = d), m[[5]], TIGHT)))
  n <- lavInspect(fit, "ngroups"); mixed <- length(m[[5]]$ordered) < length(lavNames(fit, "ov"))
  mi <- frame(modindices(fit), c("lhs", "op", "rhs", "group", "mi", "epc", "sepc.lv", "sepc.all", "sepc.nox"))
  power <- frame(modindices(fit, power = TRUE, delta = 0.3, high.power = 0.75), c("lhs", "op", "rhs", "group", "ncp", "power", "decision"))
  power$decision <- trimws(power$decision)
  equal <- if (any(parTable(fit)$op == "==")) { s <- suppressWarnings(lavTestScore(fit, epc = TRUE)); pt <- parTable(fit)
    u <- s$uni; i <- match(u$rhs, pt$plabel); e <- s$epc[s$epc$free > 0, ]
    list(total = list(chisq = s$test$X2, df = s$test$df, pvalue = s$test$p.value),
         table = data.frame(lhs = pt$lhs[i], op = pt$op[i], rhs = pt$rhs[i], group = pt$group[i], chisq = u$X2, df = u$df, pvalue = u$p.value),
         changes = frame(e, c("lhs", "op", "rhs", "group", "est", "epc"))) }
  residuals <- if (!mixed) lapply(seq_len(n), function(g) {
    r <- lapply(c(z = "raw", bentler = "cor.bentler", bollen = "cor.bollen"), function(t) pick(lavResiduals(fit, type = t), g, n))
    nn <- pick(resid(fit, type = "normalized"), g, n)
    list(z = mat(r$z$cov.z), z_thresholds = as.list(r$z$th.z), normalized = mat(nn$cov), srmr = mat(r$bentler$summary), crmr = mat(r$bollen$summary)) })
  r2 <- standardizedSolution(fit)
  r2 <- r2[r2$op == "~~" & r2$lhs == r2$rhs & r2$lhs %in% c(lavNames(fit, "ov.ind"), lavNames(fit, "eqs.y"), if (grepl("g =~", m[[4]])) c("visual", "textual", "speed")), ]
  r2 <- data.frame(variable = r2$lhs, group = if (is.null(r2$group)) 1 else r2$group, est = 1 - r2$est.std, se = r2$se)
  opt <- m[[5]]; names(opt) <- ifelse(names(opt) %in% names(NAMES), NAMES[names(opt)], names(opt))
  if (!is.null(opt$group_equal)) opt$group_equal <- I(opt$group_equal)
  opt$ordered <- I(opt$ordered)
  case <- list(id = m[[1]], kind = "ordinal_misfit", data = m[[2]], software = paste("lavaan", packageDescription("lavaan")$Version),
    model = m[[4]], options = c(list("function" = m[[3]], input = "raw"), opt), ntotal = lavInspect(fit, "ntotal"),
    nobs = if (n > 1) I(lavInspect(fit, "nobs")), group_labels = if (n > 1) I(lavInspect(fit, "group.label")), converged = lavInspect(fit, "converged"),
    results = Filter(Negate(is.null), list(modification_indices = mi, power = power, equality_tests = equal, residuals = residuals, r_squared = r2)))
  txt <- toJSON(Filter(Negate(is.null), case), auto_unbox = TRUE, digits = NA, na = "null", null = "null", pretty = TRUE, dataframe = "rows", matrix = "rowmajor")
  writeLines(txt, file.path("cases", paste0(m[[1]], ".json"))); cat(m[[1]], "\n")
}
