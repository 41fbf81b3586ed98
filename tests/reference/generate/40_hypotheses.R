# Correlations of a second-order factor with a scale, an index and a column, partial and not, and the
# difference between two groups: the models of the ledger of hypotheses. The answers are made here
# (600 invented respondents); base R only, so that the file can be made again.
suppressPackageStartupMessages({library(lavaan); library(jsonlite)})
set.seed(20240601)
n <- 600
group <- as.numeric(runif(n) < .3)
often <- sample(1:4, n, TRUE, c(.3, .3, .25, .15))
total <- .5 * group - .25 * (often - 2.25) + rnorm(n)
cutp <- function(y, at) 1 + rowSums(outer(y, at, ">"))
items <- list()
for (f in c("a", "b", "c")) {
  factor <- sqrt(.6) * total + sqrt(.4) * rnorm(n)
  for (k in 1:4) items[[paste0(f, k)]] <- cutp(.75 * factor + sqrt(1 - .75^2) * rnorm(n), c(-1.4, -.5, .6, 1.5))
}
target <- -.4 * total - .3 * (often - 2.25) + .8 * rnorm(n)
for (k in 1:3) items[[paste0("t", k)]] <- cutp(.7 * target + .7 * rnorm(n), c(-1.2, -.3, .5, 1.3))
index <- round(.4 * total + rnorm(n, 3, .9), 2)
data <- data.frame(items, index = index, often = often, group = group)
write.csv(data, "data/hypotheses.csv", row.names = FALSE, quote = FALSE)
data <- read.csv("data/hypotheses.csv")

M <- "a =~ a1 + a2 + a3 + a4\nb =~ b1 + b2 + b3 + b4\nc =~ c1 + c2 + c3 + c4\n"
G <- paste0(M, "g =~ a + b + c\n")
T <- "t =~ t1 + t2 + t3\n"
I <- c(outer(1:4, c("a", "b", "c"), function(k, f) paste0(f, k)))
std <- function(fit, l, r) { s <- standardizedSolution(fit)
  s <- s[s$op == "~~" & ((s$lhs == l & s$rhs == r) | (s$lhs == r & s$rhs == l)), ]
  list(est = s$est.std, se = s$se) }
def <- function(fit, name, s = standardizedSolution(fit)) { s <- s[s$lhs == name & s$op == ":=", ]
  list(est = if (is.null(s$est.std)) s$est else s$est.std, se = s$se) }
ord <- function(text, items, ...) cfa(text, data, ordered = items, estimator = "WLSMV", ...)
scale <- ord(paste0(G, T, "g ~~ t\n"), c(I, paste0("t", 1:3)))
observed <- ord(paste0(G, "g ~~ index\n"), I)
# Everything in units of standard deviations, so that the defined quantity is that of correlations.
partial <- ord(paste0(G, T, "g ~~ p*t + q*often\nt ~~ r*often\nfound := (p - q*r)/sqrt((1 - q^2)*(1 - r^2))\n"),
  c(I, paste0("t", 1:3), "often"), std.lv = TRUE)
composite <- ord(paste0(M, T, "a ~~ p*t + ab*b + ac*c\nb ~~ q*t + bc*c\nc ~~ r*t\n",
  "found := (p + q + r)/sqrt(3 + 2*(ab + ac + bc))\n"), c(I, paste0("t", 1:3)), std.lv = TRUE)
# Probit regressions on the group, lavaan's own way with ordered items and a predictor.
difference <- sem(paste0(G, "g ~ b*group\ng ~~ v*g\nfound := b/sqrt(v)\n"), data, ordered = I, estimator = "WLSMV")
numbers <- sem(paste0(G, "g ~ b*group\ng ~~ v*g\nfound := b/sqrt(v)\n"), data, estimator = "MLR")
case <- list(id = "hypotheses", kind = "hypotheses",
  software = paste("lavaan", packageDescription("lavaan")$Version), data = "hypotheses.csv",
  scale = std(scale, "g", "t"), observed = std(observed, "g", "index"),
  partial = def(partial, "found"), composite = def(composite, "found"),
  difference = def(difference, "found", parameterEstimates(difference)),
  difference_mlr = def(numbers, "found", parameterEstimates(numbers)))
writeLines(toJSON(case, auto_unbox = TRUE, digits = NA, pretty = TRUE), "cases/hypotheses.json")
