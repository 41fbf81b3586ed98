# Alignment of several groups (Asparouhov & Muthen 2014), and bias of items and scale means.
# The loss is written out here as a double loop over pairs of groups and searched by optim() from 20 random starts;
# fixed: mean of the first group 0; the product of all standard deviations is 1 during the search; reported in the
# metric of the first group. Loadings and thresholds of ordered items are for residual variances of 1 (theta).
source("generate/common.R")
f_loss <- function(x, eps) sqrt(sqrt(x^2 + eps))
loss <- function(alpha, s, lambda, loc, item, sign, n, eps) {
  total <- 0; G <- nrow(lambda)
  for (g in seq_len(G - 1)) for (h in (g + 1):G) {
    lg <- lambda[g, ] / exp(s[g]); lh <- lambda[h, ] / exp(s[h])
    ug <- loc[g, ] - sign * alpha[g] * lg[item]; uh <- loc[h, ] - sign * alpha[h] * lh[item]
    total <- total + sqrt(n[g] * n[h]) * (sum(f_loss(lg - lh, eps)) + sum(f_loss(ug - uh, eps)))
  }
  total
}
aligned <- function(lambda, loc, item, sign, n, eps, free) {
  G <- nrow(lambda)
  parts <- function(z) {
    s <- c(z[1:(G - 1)], -sum(z[1:(G - 1)])); a <- z[-(1:(G - 1))]
    list(s = s, alpha = if (free) a else c(0, a))
  }
  f <- function(z) { p <- parts(z); loss(p$alpha, p$s, lambda, loc, item, sign, n, eps) / sum(n) }
  best <- NULL
  for (start in 1:20) {
    z <- c(rnorm(G - 1, 0, .2), rnorm(if (free) G else G - 1, 0, .4))
    for (k in 1:6) z <- optim(z, f, method = "BFGS", control = list(reltol = 1e-15, maxit = 2000, ndeps = rep(1e-5, length(z))))$par
    if (is.null(best) || f(z) < f(best)) best <- z
  }
  p <- parts(best); unit <- exp(p$s[1])
  list(mean = p$alpha / unit, variance = exp(2 * (p$s - p$s[1])), simplicity = f(best) * sum(n))
}
align_case <- function(id, items, group, args, free, eps) {
  d <- read_data("bfi.csv"); d <- d[!is.na(d[[group]]), ]
  model <- paste("f =~", paste(items, collapse = " + "))
  args <- c(list(group = group, std.lv = TRUE), args)
  fit <- fit_tight("cfa", model, c(list(data = d), args))$fit
  est <- lavInspect(fit, "est"); G <- length(est)
  lambda <- t(sapply(est, function(e) e$lambda[, 1]))
  ordered <- length(args$ordered) > 0
  loc <- t(sapply(est, function(e) if (ordered) e$tau[, 1] else e$nu[, 1]))
  item <- if (ordered) match(sub("[|].*", "", rownames(est[[1]]$tau)), items) else seq_along(items)
  n <- lavInspect(fit, "nobs")
  if (ordered) { theta <- t(sapply(est, function(e) diag(e$theta))); stopifnot(all(abs(theta - 1) < 1e-10)) }
  r <- aligned(lambda, loc, item, if (ordered) -1 else 1, n, eps, free)
  res_case(id, "alignment", "bfi.csv", "lavaan", "cfa(model, d, group, std.lv = TRUE); see generate/52_alignment.R",
    c(list("function" = "cfa", input = "raw", group = group, std_lv = TRUE, items = I(items), method = if (free) "free" else "fixed", epsilon = eps),
      options_of(args[setdiff(names(args), c("group", "std.lv"))])),
    c(list(loadings = mat(lambda, rows = lavInspect(fit, "group.label"), cols = items), locations = mat(loc, rows = lavInspect(fit, "group.label"), cols = colnames(loc))), r),
    nobs = n, model = model)
}
only <- commandArgs(TRUE)
if (!"bias" %in% only) {
align_case("alignment_bfi_education", paste0("N", 1:5), "education", list(), FALSE, .01)
align_case("alignment_bfi_education_free", paste0("N", 1:5), "education", list(), TRUE, .001)
align_case("alignment_bfi_education_ordered", paste0("N", 1:5), "education", list(ordered = paste0("N", 1:5), parameterization = "theta"), FALSE, .01)
}
# Item bias of partially invariant models, focal less reference. `signed` and `bias` and their standard errors by := ;
# dMACS (Nye & Drasgow 2011, eq. 3) and the mean absolute difference by integrate().
labels <- function(p, items, g, free) ifelse(items %in% free, paste0(p, items, "g", g), paste0(p, items))
bias_case <- function(id, data, group, model, args, options, groups, curve, signed, items, note) {
  d <- read_data(data)
  defined <- c(paste0("s_", items, " := ", signed), paste0("bias := (", paste0("s_", items, collapse = " + "), ")/", length(items)))
  text <- paste(c(model, defined), collapse = "\n")
  fit <- fit_tight("cfa", text, c(list(data = d), args))$fit
  pe <- parameterEstimates(fit); def <- pe[pe$op == ":=", ]
  est <- lavInspect(fit, "est"); n <- lavInspect(fit, "nobs")
  m <- est[[2]]$alpha[1, 1]; v <- est[[2]]$psi[1, 1]
  raw <- lapply(groups, function(g) d[d[[group]] == g, items])
  sds <- sapply(raw, function(x) apply(x, 2, sd))
  pooled <- drop(sds %*% (n - 1)) / sum(n - 1)
  gap <- function(i, x) curve(est[[2]], items[i], x) - curve(est[[1]], items[i], x)
  int <- function(h) integrate(function(z) h(m + sqrt(v) * z) * dnorm(z), -12, 12, rel.tol = 1e-10, subdivisions = 2000)$value
  dm <- sapply(seq_along(items), function(i) sqrt(int(function(x) gap(i, x)^2)) / pooled[i])
  ud <- sapply(seq_along(items), function(i) int(function(x) abs(gap(i, x))))
  res_case(id, "item_bias", data, "lavaan", "cfa(model, d, ...)", c(list("function" = "cfa", input = "raw"), options), list(items = data.frame(item = items, signed = def$est[seq_along(items)], se = def$se[seq_along(items)], unsigned = ud, sd = pooled, dmacs = dm, row.names = NULL),
    bias = def$est[length(items) + 1], bias.se = def$se[length(items) + 1]), nobs = n, model = model, note = note)
}
schools <- c("Pasteur", "Grant-White")
two <- function(x, y) paste0("c(", x, ",", y, ")")
it <- paste0("x", c(1:3, 7:9)); free_l <- c("x3"); free_i <- c("x3", "x7")
l1 <- labels("l", it, 1, free_l); l2 <- labels("l", it, 2, free_l); i1 <- labels("i", it, 1, free_i); i2 <- labels("i", it, 2, free_i)
m1 <- c(paste("f =~", paste0(two(l1, l2), "*", it, collapse = " + ")), paste0(it, " ~ ", two(i1, i2), "*1"), "f ~ c(0, NA)*1 + c(m1, m)*1", "f ~~ c(1, NA)*f")
bias_case("item_bias_hs39", "hs39.csv", "school", paste(m1, collapse = "\n"), list(group = "school", std.lv = TRUE), list(group = "school", std_lv = TRUE), schools,
  function(e, i, x) e$nu[i, 1] + e$lambda[i, 1] * x, paste0(i2, " - ", i1, " + (", l2, " - ", l1, ")*m"), it, "x3 with its own loading and intercept, x7 with its own intercept")
io <- paste0("o", c(1:3, 7:9)); free_t <- "o7"
l1 <- labels("l", io, 1, "o3"); l2 <- labels("l", io, 2, "o3")
tt <- function(g) sapply(1:3, function(k) labels(paste0("t", k), io, g, free_t))
t1 <- tt(1); t2 <- tt(2)
m2 <- c(paste("f =~", paste0(two(l1, l2), "*", io, collapse = " + ")),
  sapply(1:3, function(k) paste0(io, " | ", two(t1[, k], t2[, k]), "*t", k)), "f ~ c(0, NA)*1 + c(m1, m)*1", "f ~~ c(1, NA)*f + c(v1, v)*f", paste0(io, " ~~ 1*", io))
score <- function(l, t) apply(cbind(l, t), 1, function(r) paste0("pnorm((", r[1], "*m - ", r[2:4], ")/sqrt(1 + ", r[1], "^2*v))", collapse = " + "))
bias_case("item_bias_hs39_ordered", "hs39_ordered4.csv", "school", paste(m2, collapse = "\n"), list(group = "school", std.lv = TRUE, ordered = io, parameterization = "theta"),
  list(group = "school", std_lv = TRUE, ordered = I(io), parameterization = "theta", estimator = "WLSMV", missing = "listwise"), schools,
  function(e, i, x) rowSums(sapply(1:3, function(k) pnorm(e$lambda[i, 1] * x - e$tau[paste0(i, "|t", k), 1]))),
  paste0(score(l2, t2), " - (", score(l1, t1), ")"), io, "o3 with its own loading, o7 with its own thresholds")
