# Reliability of the composites of Lai (2021) by construct type: := in lavaan with ML and MLR standard errors, and
# semTools::compRelSEM(config =, shared =). Sizes of clusters enter by their harmonic mean, and one by one.
source("generate/common.R")
suppressPackageStartupMessages(library(semTools))

sums <- function(labels) paste0("(", paste(labels, collapse = " + "), ")")
pairs <- function(x) { k <- combn(length(x), 2); data.frame(i = x[k[1, ]], j = x[k[2, ]], ij = paste0(k[1, ], k[2, ])) }
residual <- function(x, k) paste0(x, " ~~ e", k, seq_along(x), "*", x)
saturated <- function(x, k) { p <- pairs(x); c(paste0(x, " ~~ v", k, seq_along(x), "*", x), paste0(p$i, " ~~ c", k, p$ij, "*", p$j)) }
loads <- function(f, x, l, free = TRUE) paste0(f, " =~ ", if (free) paste0("NA*", x[1], " + "), paste0(l, seq_along(x), "*", x, collapse = " + "))

# variances of sums, as expressions: true and whole, within and between
at <- function(true, whole_w, whole_b, true_w = NULL, sizes) {
  n <- c(harmonic = 1 / mean(1 / sizes), sort(unique(sizes)))
  names(n)[-1] <- paste0("n", n[-1])
  mean_of <- sprintf("mean_%s := %s / (%s + (%s) / %.17g)", names(n), true, whole_b, whole_w, n)
  irr <- sprintf("irr := (%s) / (%s + (%s) / %.17g)", whole_b, whole_b, whole_w, n[1])
  c(if (!is.null(true_w)) c(sprintf("person := (%s + %s) / (%s + %s)", true_w, true, whole_w, whole_b), sprintf("deviation := (%s) / (%s)", true_w, whole_w)),
    sprintf("latent := (%s) / (%s)", true, whole_b), mean_of, irr)
}
alphas <- function(x, sizes) {
  k <- length(x) / (length(x) - 1); p <- pairs(x)
  off <- function(l) paste0("2*", sums(paste0("c", l, p$ij))); whole <- function(l) paste0("(", sums(paste0("v", l, seq_along(x))), " + ", off(l), ")")
  c(sprintf("person := %.17g*(%s + %s) / (%s + %s)", k, off("w"), off("b"), whole("w"), whole("b")),
    sprintf("deviation := %.17g*%s / %s", k, off("w"), whole("w")), sprintf("latent := %.17g*%s / %s", k, off("b"), whole("b")),
    sprintf("mean_harmonic := %.17g*%s / (%s + %s / %.17g)", k, off("b"), whole("b"), whole("w"), 1 / mean(1 / sizes)))
}
defined <- function(model, d, cluster, estimator) {
  f <- fit_tight("cfa", model, list(data = d, cluster = cluster, estimator = estimator))$fit
  pe <- parameterEstimates(f); pe <- pe[pe$op == ":=", ]
  list(fit = f, table = data.frame(name = pe$lhs, est = pe$est, se = pe$se))
}
one <- function(id, data, cluster, x, type, within, between, omegas, config = character(), shared = character()) {
  d <- read_data(data); d <- d[complete.cases(d[x]), ]; sizes <- as.vector(table(d[[cluster]]))
  model <- paste(c("level: 1", within, "level: 2", between), collapse = "\n")
  free <- paste(c("level: 1", saturated(x, "w"), "level: 2", saturated(x, "b"), alphas(x, sizes)), collapse = "\n")
  results <- list(n_harmonic = 1 / mean(1 / sizes))
  for (e in c("ML", "MLR")) {
    m <- defined(paste(c(model, omegas(sizes)), collapse = "\n"), d, cluster, e)
    results[[paste0("omega_", e)]] <- m$table
    results[[paste0("alpha_", e)]] <- defined(free, d, cluster, e)$table
  }
  rel <- function(...) lapply(suppressWarnings(compRelSEM(m$fit, config = config, shared = shared, return.df = FALSE, ...)), function(part) lapply(apply(as.matrix(if (is.list(part)) do.call(cbind, part) else part), 2, list), function(v) named(unlist(v))))
  results$compRelSEM <- rel(obs.var = FALSE)
  if (type != "simultaneous") results$compRelSEM_alpha <- rel(tau.eq = TRUE)
  write_case(list(id = id, kind = "reliability", data = data, software = paste(VERSIONS("semTools"), VERSIONS("lavaan"), sep = ", "),
    call = "cfa(model, d, cluster, estimator) with :=; compRelSEM(fit, obs.var = FALSE, config, shared)", model = model, construct = type,
    options = list("function" = "cfa", input = "raw", cluster = cluster), items = I(x), nobs = nrow(d), converged = TRUE, results = results,
    note = "mean_harmonic and mean_n<size> are of observed cluster means; alphas from the saturated model"))
}

y <- c("y1", "y2", "y3"); lead <- c("LEAD02", "LEAD03", "LEAD06", "LEAD09")
l <- paste0(sums(paste0("l", 1:3)), "^2"); theta <- function(k, n = 3) sums(paste0("e", k, 1:n))
one("rel_twolevel_configural", "demo_twolevel.csv", "cluster", y, "configural",
  c(loads("f", y, "l"), "f ~~ 1*f", residual(y, "w")), c(loads("f", y, "l"), "f ~~ fb*f", residual(y, "b")),
  function(n) at(paste0(l, "*fb"), paste(l, "+", theta("w")), paste0("(", l, "*fb + ", theta("b"), ")"), l, n), config = "f", shared = "f")

# shared: whatever is within; s is between alone
h <- paste0(sums(paste0("l", 1:4)), "^2"); q <- pairs(lead)
whole_w <- paste0(sums(paste0("vw", 1:4)), " + 2*", sums(paste0("cw", q$ij)))
one("rel_twolevel_shared", "lq2002.csv", "COMPID", lead, "shared", saturated(lead, "w"), c(loads("s", lead, "l"), "s ~~ 1*s", residual(lead, "b")),
  function(n) at(h, whole_w, paste0("(", h, " + ", theta("b", 4), ")"), NULL, n), shared = "s")

# simultaneous: the variance between of the configural part is held at an intraclass correlation of .05, as in Lai's example
fb <- .05 / .95
shared <- paste0(sums(paste0("s", 1:3)), "^2"); configural <- sprintf("%s*%.17g", l, fb)
whole_b <- paste0("(", shared, " + ", configural, " + ", theta("b"), ")")
one("rel_twolevel_simultaneous", "demo_twolevel.csv", "cluster", y, "simultaneous",
  c(loads("f", y, "l"), "f ~~ 1*f", residual(y, "w")),
  c(loads("f", y, "l"), sprintf("f ~~ %.17g*f", fb), loads("s", y, "s"), "s ~~ 1*s", "s ~~ 0*f", residual(y, "b")),
  function(n) {
    w <- paste(l, "+", theta("w"))
    conf <- at(configural, w, whole_b, l, n); conf <- conf[!grepl("^irr", conf)]
    names <- sub(" :=.*", "", conf); conf <- paste0("configural_", conf)
    c(at(shared, w, whole_b, NULL, n), conf)
  }, shared = "s")
