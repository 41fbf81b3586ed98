# Fits samples of a calibration study by lavaan. Called by calibration_lavaan.py with a folder that
# holds model.txt, jobs.csv (job, file, estimator, missing, ordered, std.lv) and the samples; writes
# results.csv there.
#
# The search is BFGS run to the end and EM is run to 1e-12, as for the reference results of the
# tests: lavaan's defaults stop earlier, at a few more digits than anyone reads.
suppressPackageStartupMessages(library(lavaan))
folder <- commandArgs(TRUE)[1]
model <- paste(readLines(file.path(folder, "model.txt")), collapse = "\n")
jobs <- read.csv(file.path(folder, "jobs.csv"), stringsAsFactors = FALSE)
long <- function(job, kind, names, values) {
  data.frame(job = job, kind = kind, name = names, value = sprintf("%.17g", as.numeric(values)))
}
results <- lapply(seq_len(nrow(jobs)), function(k) {
  job <- jobs[k, ]
  fit <- cfa(model, read.csv(file.path(folder, job$file)),
             estimator = job$estimator, missing = job$missing,
             ordered = as.logical(job$ordered), std.lv = as.logical(job$std.lv),
             em.h1.tol = 1e-12, em.h1.iter.max = 20000,
             optim.method = "BFGS", control = list(reltol = 1e-16, maxit = 20000))
  if (!lavInspect(fit, "converged")) stop("lavaan did not converge on ", job$file)
  measures <- fitMeasures(fit)
  own <- parameterEstimates(fit)
  own <- own[lavInspect(fit, "list")$free[seq_len(nrow(own))] > 0, ]
  names <- paste0(own$lhs, own$op, own$rhs)
  rbind(long(job$job, "measure", names(measures), measures),
        long(job$job, "est", names, own$est), long(job$job, "se", names, own$se))
})
write.csv(do.call(rbind, results), file.path(folder, "results.csv"), row.names = FALSE)
cat(as.character(packageVersion("lavaan")), file = file.path(folder, "version.txt"))
