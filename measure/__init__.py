"""Statistics for measurement models: a data frame and model text in, tables of results out."""

from measure.confirmatory import cfa, fit, growth, sem
from measure.fitted import Fit
from measure.misfit import residuals
from measure.standardization import standardized

__all__ = ["Fit", "cfa", "fit", "growth", "residuals", "sem", "standardized"]
