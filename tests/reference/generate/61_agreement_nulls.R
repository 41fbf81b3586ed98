# Agreement that is reached without agreement: 95th percentiles of rwg(J) by multilevel's simulation, whose definition is
# the first value with more than 95 % at or below it.
source("generate/common.R"); suppressPackageStartupMessages(library(multilevel))
set.seed(61)
rows <- list()
for (g in c(4, 8, 20)) for (j in c(1, 6)) for (r in if (j == 1) 0 else c(0, .4)) {
  R <- matrix(r, j, j); diag(R) <- 1
  s <- if (j == 1) rwg.sim(g, 5, 4000) else rwg.j.sim(g, j, 5, if (r > 0) R else NULL, 4000)
  rows[[length(rows) + 1]] <- data.frame(size = g, items = j, correlation = r, rwg_95 = s$rwg.95[1], mean = mean(s$rwg))
}
write_case(list(id = "agreement_simulated_nulls", kind = "agreement", software = VERSIONS("multilevel"), call = "rwg.sim, rwg.j.sim, 4000 draws, five categories",
  results = list(percentiles = do.call(rbind, rows)), note = "uniform null; standard errors of the percentiles are about .01"))
