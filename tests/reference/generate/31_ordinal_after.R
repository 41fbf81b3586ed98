# What follows a fit to ordered items: reliability of sums of the answers, factor scores.
# Needs lavaan, semTools, numDeriv and jsonlite. Run from the folder that holds data/ and cases/.
suppressMessages({library(lavaan); library(semTools)}); library(jsonlite)
it <- function(s, k) paste0(rep(s, each = length(k)), k)
H3 <- "visual =~ o1 + o2 + o3\ntextual =~ o4 + o5 + o6\nspeed =~ o7 + o8 + o9\n"
AN <- "A =~ A1 + A2 + A3 + A4 + A5\nN =~ N1 + N2 + N3 + N4 + N5\n"
o <- it("o", 1:9); a <- it("A", 1:5); n <- it("N", 1:5)
models <- list(
  list("ordinal_after_hs39", "hs39_ordered4.csv", H3, list(ordered = o, std.lv = TRUE)),
  list("ordinal_after_hs39_theta", "hs39_ordered4.csv", H3, list(ordered = o, parameterization = "theta")),
  list("ordinal_after_hs39_residuals", "hs39_ordered4.csv", paste0(H3, "o1 ~~ o2\n"), list(ordered = o, std.lv = TRUE)),
  list("ordinal_after_hs39_second_order", "hs39_ordered4.csv", paste0(H3, "g =~ visual + textual + speed\n"), list(ordered = o)),
  list("ordinal_after_hs39_school", "hs39_ordered4.csv", H3, list(ordered = o, group = "school", group.equal = c("thresholds", "loadings"))),
  list("ordinal_after_hs39_school_theta", "hs39_ordered4.csv", H3, list(ordered = o, group = "school", group.equal = c("thresholds", "loadings"), parameterization = "theta")),
  list("ordinal_after_bfi_pairwise", "bfi.csv", AN, list(ordered = c(a, n), missing = "pairwise")),
  list("ordinal_after_bfi_mixed", "bfi.csv", AN, list(ordered = c("A2", "A3", "A5", n), std.lv = TRUE)))
NAMES <- c(std.lv = "std_lv", group.equal = "group_equal")
num <- function(x) { x <- as.numeric(x); x[!is.finite(x)] <- NA; x }
mat <- function(m, rows = rownames(m)) { v <- unclass(as.matrix(m)); cols <- colnames(v); dimnames(v) <- NULL
  list(rows = I(if (is.null(rows)) as.character(seq_len(nrow(v))) else rows), cols = if (!is.null(cols)) I(cols), values = v) }

# Matrices of one group from the values of all free parameters. Thresholds are those of the latent responses.
matrices <- function(fit, x, g) {
  model <- lavaan:::lav_model_set_parameters(fit@Model, x = x); own <- seq_len(model@nmat[g]) + cumsum(c(0, model@nmat))[g]
  e <- model@GLIST[own]; names(e) <- names(model@GLIST)[own]; k <- ncol(e$lambda); p <- nrow(e$lambda)
  inverse <- solve(diag(k) - if (is.null(e$beta)) diag(0, k) else e$beta)
  list(lambda = e$lambda, theta = e$theta, psi = inverse %*% e$psi %*% t(inverse), nu = if (is.null(e$nu)) rep(0, p) else as.numeric(e$nu),
    alpha = as.numeric(inverse %*% (if (is.null(e$alpha)) rep(0, k) else e$alpha)), tau = as.numeric(e$tau), loading = e$lambda %*% inverse)
}
upper <- function(t, s, r) { # Phi2 by integration over one of the two
  f <- function(t, s, r) if (abs(r) >= 1 - 1e-12) pnorm(min(t, r * s)) else integrate(function(u) pnorm((s - r * u) / sqrt(1 - r^2)) * dnorm(u), -Inf, t, rel.tol = 1e-12, subdivisions = 2000)$value
  mapply(f, t, s, r) }
# Covariance of the sums of items `own` (thresholds `owner` in `tau`, unit steps; items without are continuous) whose responses covary by C
# (same = FALSE: on two occasions).
sum_variance <- function(C, tau, owner, own, same) {
  total <- 0
  for (i in own) for (j in own) { t <- tau[owner == i]; s <- tau[owner == j]
    total <- total + if (length(t) && length(s)) { g <- expand.grid(t = t, s = s)
        r <- if (same && i == j) 1 else C[i, j]; sum(upper(g$t, g$s, r)) - sum(pnorm(t)) * sum(pnorm(s)) }
      else if (length(t)) C[i, j] * sum(dnorm(t)) else if (length(s)) C[i, j] * sum(dnorm(s)) else C[i, j] }
  total }
omegas <- function(e, own, f, owner, sample) {
  Sigma <- e$lambda %*% e$psi %*% t(e$lambda) + e$theta; ordered <- seq_len(nrow(Sigma)) %in% owner
  sd <- ifelse(ordered, sqrt(diag(Sigma)), 1); common <- tcrossprod(e$lambda[, f]) * e$psi[f, f] / tcrossprod(sd); tau <- (e$tau - (e$nu + as.numeric(e$lambda %*% e$alpha))[owner]) / sd[owner]
  true <- sum_variance(common, tau, owner, own, FALSE)
  c(omega2 = true / sum_variance(Sigma / tcrossprod(sd), tau, owner, own, TRUE), omega3 = true / sum_variance(sample$cov, sample$th, owner, own, TRUE),
    ave = sum(diag(common)[own]) / sum((diag(Sigma) / sd^2)[own]))
}
# The posterior mode, refined by Newton's method.
post <- function(e, y, owner) {
  inverse <- solve(e$psi); sd <- sqrt(diag(e$theta)); limits <- lapply(seq_along(sd), function(i) c(-Inf, e$tau[owner == i], Inf))
  f <- function(x) { r <- as.numeric(e$nu + e$lambda %*% x); s <- 0.5 * sum((x - e$alpha) * (inverse %*% (x - e$alpha)))
    for (j in which(!is.na(y))) s <- s - if (length(limits[[j]]) > 2) { t <- (limits[[j]] - r[j]) / sd[j]; log(pnorm(t[y[j] + 1]) - pnorm(t[y[j]])) } else dnorm(y[j], r[j], sd[j], log = TRUE)
    s }
  x <- nlminb(e$alpha, f, control = list(rel.tol = 1e-15, x.tol = 1e-15, abs.tol = 0, iter.max = 1000, eval.max = 2000))$par
  for (k in 1:3) { H <- numDeriv::hessian(f, x); x <- x - as.numeric(solve(H, numDeriv::grad(f, x))) }
  list(x = x, se = sqrt(diag(solve(H)))) }

for (m in models) {
  d <- read.csv(file.path("data", m[[2]]), check.names = FALSE, na.strings = ""); args <- c(list(m[[3]], data = d), m[[4]])
  fit <- suppressWarnings(do.call("cfa", c(args, list(optim.method = "BFGS", control = list(reltol = 1e-16, maxit = 20000)))))
  V <- vcov(fit, remove.duplicated = FALSE); G <- lavInspect(fit, "ngroups")
  x <- lavaan:::lav_model_get_parameters(fit@Model); stopifnot(length(x) == ncol(V))
  ov <- lavNames(fit, "ov"); lv <- lavNames(fit, "lv"); S <- lavInspect(fit, "sampstat"); D <- lavInspect(fit, "data")
  if (G == 1) { S <- list(S); D <- list(D) }
  owner <- match(sub("\\|.*", "", grep("|", names(S[[1]]$th), fixed = TRUE, value = TRUE)), ov)
  # lavPredict of lavaan 0.6-14 scales the thresholds by delta but not the factors' part of the responses: where delta is not 1
  # its scores depend on the parameterization, and are not stored.
  scaled <- !is.null(m[[4]]$parameterization) || "thresholds" %in% m[[4]]$group.equal
  p <- suppressWarnings(lavPredict(fit)); if (G == 1) p <- list(p)
  residuals <- grepl("o1 ~~ o2", m[[3]])
  groups <- lapply(seq_len(G), function(g) {
    e <- matrices(fit, x, g); s <- list(cov = S[[g]]$cov, th = S[[g]]$th[grepl("|", names(S[[g]]$th), fixed = TRUE)])
    rel <- list()
    for (f in seq_along(lv)) { own <- which(e$lambda[, f] != 0); if (length(own) < 2) next
      v <- omegas(e, own, f, owner, s)
      slope <- numDeriv::grad(function(z) omegas(matrices(fit, z, g), own, f, owner, s)[["omega2"]], x, method = "simple", method.args = list(eps = 1e-5))
      low <- numDeriv::grad(function(z) omegas(matrices(fit, z, g), own, f, owner, s)[["omega2"]], x, method = "simple", method.args = list(eps = -1e-5))
      slope <- (slope + low) / 2
      rel[[lv[f]]] <- c(as.list(v), list(se = sqrt(as.numeric(slope %*% V %*% slope)))) }
    rows <- seq_len(12); y <- D[[g]][rows, , drop = FALSE]
    modes <- if (!residuals) lapply(rows, function(i) post(e, y[i, ], owner))
    Filter(Negate(is.null), list(reliability = rel, matrices = list(lambda = mat(e$lambda, ov), theta = mat(e$theta, ov), psi = mat(e$psi, lv), nu = num(e$nu), alpha = num(e$alpha), tau = num(e$tau), owner = I(owner - 1)),
      sample = list(cov = mat(s$cov), thresholds = num(s$th)),
      scores = if (!residuals) list(answers = mat(y), mode = mat(t(sapply(modes, `[[`, "x"))), se = mat(t(sapply(modes, `[[`, "se"))), lavPredict = if (!scaled) mat(unclass(p[[g]])[rows, , drop = FALSE]))))
  })
  q <- function(z) suppressWarnings(suppressMessages(tryCatch(z, error = function(err) NULL)))
  alpha <- if (m[[1]] %in% c("ordinal_after_hs39", "ordinal_after_hs39_residuals")) q(semTools::reliability(fit))
  opt <- m[[4]]; names(opt) <- ifelse(names(opt) %in% names(NAMES), NAMES[names(opt)], names(opt))
  for (k in c("ordered", "group_equal")) if (!is.null(opt[[k]])) opt[[k]] <- I(opt[[k]])
  case <- list(id = m[[1]], kind = "ordinal_after", data = m[[2]], software = paste("lavaan", packageDescription("lavaan")$Version, "semTools", packageDescription("semTools")$Version),
    model = m[[3]], options = c(list("function" = "cfa", input = "raw", estimator = "WLSMV"), opt), ntotal = lavInspect(fit, "ntotal"),
    group_labels = if (G > 1) I(lavInspect(fit, "group.label")), converged = lavInspect(fit, "converged"), results = Filter(Negate(is.null), list(semTools = if (!is.null(alpha)) mat(alpha), groups = groups)))
  txt <- toJSON(Filter(Negate(is.null), case), auto_unbox = TRUE, digits = NA, na = "null", null = "null", pretty = TRUE, dataframe = "rows", matrix = "rowmajor")
  writeLines(txt, file.path("cases", paste0(m[[1]], ".json"))); cat(m[[1]], "\n")
}
