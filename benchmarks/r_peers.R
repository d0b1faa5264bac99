# Time R's ordinal models on one table: Rscript r_peers.R TABLE.csv
# The table has a column "y" of integer classes and numeric columns otherwise. Prints one line per model:
# name, version, seconds of one fit (after one fit as a warm-up), log-likelihood.

suppressPackageStartupMessages({
  library(MASS)
  library(ordinal)
  library(VGAM)
})

table <- read.csv(commandArgs(trailingOnly = TRUE)[1])
table$y <- factor(table$y, ordered = TRUE)

models <- list(
  "ordinal::clm" = function() clm(y ~ ., data = table, control = clm.control(gradTol = 1e-10)),
  "MASS::polr" = function() polr(y ~ ., data = table, Hess = TRUE),
  "VGAM::vglm parallel" = function() vglm(y ~ ., cumulative(parallel = TRUE), data = table)
)

for (name in names(models)) {
  fit <- models[[name]]
  invisible(fit())
  seconds <- system.time(model <- fit())[["elapsed"]]
  package <- as.character(packageVersion(sub("::.*", "", name)))
  cat(name, package, format(seconds, digits = 6), format(as.numeric(logLik(model)), digits = 12), sep = "\t")
  cat("\n")
}
