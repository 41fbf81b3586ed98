# Ordered items at two levels: thresholds and cluster effects of single items by mixed models, and the correlations
# of a pair by numerical integration written out here.
source("generate/common.R")
suppressPackageStartupMessages({library(ordinal); library(lme4); library(pbivnorm)})
d <- read_data("lq2002.csv"); g <- factor(d$COMPID)

# one item: cumulative probit with a random intercept; adaptive Gauss-Hermite with 50 nodes
one <- function(y) {
  m <- clmm(factor(y) ~ 1 + (1 | g), link = "probit", nAGQ = 50)
  list(thresholds = unname(m$alpha), tau = unname(m$ST[[1]][1, 1]), loglik = as.numeric(m$logLik),
       thresholds_se = unname(sqrt(diag(vcov(m)))[seq_along(m$alpha)]))
}
# two categories: glmer, whose intercept is minus the threshold
two <- function(y) {
  m <- glmer(y ~ 1 + (1 | g), family = binomial("probit"), nAGQ = 50,
             control = glmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e5)))
  list(thresholds = -unname(fixef(m)), tau = unname(getME(m, "theta")), loglik = as.numeric(logLik(m)))
}
# two items, the rest held: every cluster's likelihood by Gauss-Hermite with 14 x 14 nodes around the place and with the
# spread that its answers give the effects at correlations of 0.5 and 0.8 (mode and curvature there)
gh <- function(n) { i <- seq_len(n - 1); J <- matrix(0, n, n); J[cbind(i, i + 1)] <- J[cbind(i + 1, i)] <- sqrt(i)
  e <- eigen(J, symmetric = TRUE); list(x = e$values, w = e$vectors[1, ]^2) }
rule <- gh(14); U <- as.matrix(expand.grid(rule$x, rule$x)); W <- log(as.vector(outer(rule$w, rule$w)))
logcells <- function(b, t1, t2, rho) {
  l1 <- c(-20, t1, 20); l2 <- c(-20, t2, 20); A <- length(l1); C <- length(l2)
  Fm <- array(0, c(nrow(b), A, C))
  for (a in 1:A) Fm[, a, C] <- pnorm(l1[a] - b[, 1])
  for (c in 1:C) Fm[, A, c] <- pnorm(l2[c] - b[, 2])
  for (a in 2:(A - 1)) for (c in 2:(C - 1)) Fm[, a, c] <- pbivnorm(l1[a] - b[, 1], l2[c] - b[, 2], rep(rho, nrow(b)))
  P <- Fm[, -1, -1, drop = FALSE] - Fm[, -A, -1, drop = FALSE] - Fm[, -1, -C, drop = FALSE] + Fm[, -A, -C, drop = FALSE]
  log(pmax(matrix(P, nrow(b)), 1e-300))
}
logphi <- function(b, tau, r) { S <- diag(tau) %*% matrix(c(1, r, r, 1), 2) %*% diag(tau)
  -log(2 * pi) - 0.5 * log(det(S)) - 0.5 * rowSums((b %*% solve(S)) * b) }
pair <- function(v1, v2, s1, s2) {
  t1 <- s1$thresholds; t2 <- s2$thresholds; tau <- c(s1$tau, s2$tau)
  prepared <- lapply(levels(g), function(k) {
    n <- as.vector(table(factor(d[[v1]][g == k], 1:5), factor(d[[v2]][g == k], 1:5)))
    h <- function(b) -(logcells(t(b), t1, t2, 0.5) %*% n + logphi(t(b), tau, 0.8))
    o <- optim(c(0, 0), h, method = "BFGS", hessian = TRUE)
    R <- t(chol(solve(o$hessian))); b <- sweep(U %*% t(R), 2, o$par, "+")
    list(n = n, b = b, lw = W + log(2 * pi) + log(det(R)) + 0.5 * rowSums(U^2))
  })
  f <- function(p) -sum(vapply(prepared, function(c) {
    l <- c$lw + as.vector(logcells(c$b, t1, t2, p[1]) %*% c$n) + logphi(c$b, tau, p[2]); max(l) + log(sum(exp(l - max(l)))) }, 0))
  o <- optim(c(0.5, 0.8), f, method = "L-BFGS-B", lower = -0.98, upper = 0.98, control = list(factr = 1e5, ndeps = c(1e-5, 1e-5)))
  list(items = I(c(v1, v2)), rho = o$par[1], r = o$par[2], loglik = -o$value)
}
items <- c("LEAD01", "LEAD03", "TSIG01")
single <- setNames(lapply(items, function(v) one(d[[v]])), items)
res_case("ordinal_twolevel_lq2002", "ordinal_twolevel", "lq2002.csv", c("ordinal", "lme4", "pbivnorm"),
  "clmm(factor(y) ~ 1 + (1 | g), link = 'probit', nAGQ = 50); glmer(y > 2, binomial('probit'), nAGQ = 50); pair_loglik() of the generator",
  list(cluster = "COMPID", variables = I(items)),
  list(single = single, binary = list(variable = "LEAD03", above = 2, estimates = two(as.integer(d$LEAD03 > 2))),
    pairs = list(pair("LEAD01", "LEAD03", single$LEAD01, single$LEAD03), pair("LEAD03", "TSIG01", single$LEAD03, single$TSIG01))),
  nobs = nrow(d), note = "the unit is the standard deviation within clusters; rho within, r between; thresholds and tau of the items are held for a pair")
