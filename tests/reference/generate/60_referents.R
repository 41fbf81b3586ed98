# Two traits asked about three referents, simulated: CT-C(M-1) models with the reference "a", and the model of
# correlated factors, with lavaan's own delta method (`:=` on the standardised solution).
suppressPackageStartupMessages({library(lavaan); library(jsonlite)})
set.seed(20261131)
traits <- c("t1", "t2"); referents <- c("a", "b", "c"); n <- 400
items <- function(r, t) paste0(r, "_", t, "_", 1:3)
between <- matrix(c(1, .7, .6, .7, 1, .65, .6, .65, 1), 3); among <- matrix(c(1, .5, .5, 1), 2)
eta <- matrix(rnorm(6 * n), n) %*% chol(kronecker(between, among))
colnames(eta) <- c(outer(traits, referents, function(t, r) paste(r, t)))
d <- do.call(cbind, lapply(referents, function(r) do.call(cbind, lapply(traits, function(t) {
  l <- c(.8, .7, .6) + .05 * (match(r, referents) - 2)
  x <- sapply(1:3, function(k) l[k] * eta[, paste(r, t)] + sqrt(1 - l[k]^2) * rnorm(n)) %*% diag(c(1, 1.5, .8))
  colnames(x) <- items(r, t); x }))))
write.csv(round(d, 3), "data/referents.csv", row.names = FALSE)
d <- read.csv("data/referents.csv")
cut4 <- as.data.frame(lapply(d, function(x) findInterval(x, quantile(x, c(.15, .45, .8), type = 1)) + 1))

load <- function(f, x, l) paste0(f, " =~ NA*", x[1], " + ", paste0(l, "*", x, collapse = " + "))
others <- referents[-1]
specific <- function(one) {
  lines <- c(); last <- c()
  for (t in traits) {
    x <- unlist(lapply(referents, items, t))
    lines <- c(lines, load(t, x, paste0("T_", x)), paste0(t, " ~~ 1*", t))
  }
  for (r in others) for (g in if (one) "" else traits) {
    f <- if (one) r else paste0(r, "_", g); x <- if (one) unlist(lapply(traits, function(t) items(r, t))) else items(r, g)
    lines <- c(lines, load(f, x, paste0("S_", x)), paste0(f, " ~~ 1*", f))
    for (t in traits) if (one || t == g) lines <- c(lines, paste0(t, " ~~ 0*", f))
  }
  for (r in others) for (t in traits) {
    x <- items(r, t); v <- gsub(" ", "", paste0("con.", x))
    last <- c(last, paste0("con_", x, " := T_", x, "^2/(T_", x, "^2 + S_", x, "^2)"),
      sprintf("sum_%s_%s := (%s)^2/((%s)^2 + (%s)^2)", r, t, paste0("T_", x, collapse = "+"), paste0("T_", x, collapse = "+"), paste0("S_", x, collapse = "+")))
  }
  paste(c(lines, last), collapse = "\n")
}
f <- function(r, t) paste0(r, "_", t)
apart <- paste(c(
  unlist(lapply(referents, function(r) lapply(traits, function(t) c(load(f(r, t), items(r, t), paste0("l_", items(r, t))), sprintf("%1$s ~~ 1*%1$s", f(r, t)))))),
  apply(combn(c(outer(traits, referents, function(t, r) f(r, t))), 2), 2, function(p) sprintf("%s ~~ c_%s__%s*%s", p[1], p[1], p[2], p[2])),
  "same_t1 := (c_a_t1__b_t1 + c_a_t1__c_t1 + c_b_t1__c_t1)/3",
  "within := (c_a_t1__a_t2 + c_b_t1__b_t2 + c_c_t1__c_t2)/3",
  "same_t2 := (c_a_t2__b_t2 + c_a_t2__c_t2 + c_b_t2__c_t2)/3",
  "d_t1 := same_t1 - within", "d_all := (same_t1 + same_t2)/2 - within"), collapse = "\n")
of <- function(model, data, ...) {
  fit <- cfa(model, data, ..., optim.method = "BFGS", control = list(reltol = 1e-16, maxit = 20000))
  s <- standardizedSolution(fit); s <- s[s$op == ":=", ]
  list(chisq = unname(fitMeasures(fit, "chisq")), df = unname(fitMeasures(fit, "df")), admissible = suppressWarnings(lavInspect(fit, "post.check")),
    defined = lapply(split(s, s$lhs), function(r) list(est = r$est.std, se = r$se)))
}
case <- list(id = "referents", kind = "referents", data = "referents.csv", software = paste("lavaan", packageDescription("lavaan")$Version),
  trait = of(specific(FALSE), d), referent = of(specific(TRUE), d), none = of(apart, d),
  trait_ordered = of(specific(FALSE), cut4, ordered = names(cut4), estimator = "WLSMV"),
  none_ordered = of(apart, cut4, ordered = names(cut4), estimator = "WLSMV"),
  cuts = lapply(d, function(x) unname(quantile(x, c(.15, .45, .8), type = 1))))
writeLines(toJSON(case, auto_unbox = TRUE, digits = NA, pretty = TRUE), "cases/referents.json")
