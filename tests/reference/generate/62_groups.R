# Groups with unequal variances: Welch's test, Games & Howell's pairs by ptukey, Bonett's (2008) d, and the interval of
# omega squared by noncentral F.
source("generate/common.R")
d <- read_data("units.csv"); d <- d[d$profession != "p6", ]
w <- oneway.test(score ~ profession, d)
F <- unname(w$statistic); df <- unname(w$parameter); N <- nrow(d)
lambda <- function(p) if (pf(F, df[1], df[2]) < p) 0 else uniroot(function(l) pf(F, df[1], df[2], ncp = l) - p, c(0, 1000), tol = 1e-12)$root
ends <- sapply(c(.975, .025), lambda)
g <- split(d$score, d$profession); k <- length(g); pairs <- list()
for (i in 1:(k - 1)) for (j in (i + 1):k) {
  a <- g[[i]]; b <- g[[j]]; t <- t.test(a, b); se <- t$stderr; q <- abs(unname(t$statistic)) * sqrt(2)
  s2 <- (var(a) + var(b)) / 2; e <- (mean(a) - mean(b)) / sqrt(s2); n1 <- length(a) - 1; n2 <- length(b) - 1
  v <- e^2 * (var(a)^2 / n1 + var(b)^2 / n2) / (8 * s2^2) + (var(a) / n1 + var(b) / n2) / s2
  crit <- qtukey(.95, k, unname(t$parameter)) / sqrt(2)
  pairs[[length(pairs) + 1]] <- data.frame(group1 = names(g)[i], group2 = names(g)[j], difference = mean(a) - mean(b), se = se, t = unname(t$statistic),
    df = unname(t$parameter), pvalue = ptukey(q, k, unname(t$parameter), lower.tail = FALSE), ci.lower = mean(a) - mean(b) - crit * se,
    ci.upper = mean(a) - mean(b) + crit * se, pvalue.single = t$p.value, d = e, d.ci.lower = e - qnorm(.975) * sqrt(v), d.ci.upper = e + qnorm(.975) * sqrt(v))
}
pairs <- do.call(rbind, pairs); pairs$pvalue.holm <- p.adjust(pairs$pvalue.single, "holm")
write_case(list(id = "groups_units_welch", kind = "groups", data = "units.csv", software = "R stats", call = "oneway.test(score ~ profession, d); ptukey, qtukey, t.test; without p6",
  nobs = N, results = list(welch = list(f = F, df1 = df[1], df2 = df[2], pvalue = w$p.value, omega2 = df[1] * (F - 1) / (df[1] * (F - 1) + N),
  omega2.ci = ends / (ends + N)), pairs = pairs)))
