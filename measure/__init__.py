"""Statistics for measurement models: a data frame and model text in, tables of results out."""

from measure.adequacy import SamplingAdequacy, sampling_adequacy
from measure.bootstrapping import Bootstrap, bootstrap
from measure.card import ModelCard, model_card
from measure.classical import intraclass
from measure.confirmatory import cfa, fit, growth, sem
from measure.crossvalidation import CrossValidation, cross_validate
from measure.difference import compare
from measure.equalities import EqualityTests, equality_tests
from measure.exploratory import FactorSolution, efa
from measure.fitted import Fit, standardized
from measure.items import item_analysis
from measure.means import group_means
from measure.misfit import implied, residuals, srmr_test
from measure.missingness import MissingPatterns, missing_patterns
from measure.modification import modification_indices
from measure.multilevel import Agreement, agreement, icc
from measure.nonnested import VuongTest, vuong
from measure.options import option_table
from measure.populations import Population, population
from measure.reliability import CronbachAlpha, composite_reliability, cronbach_alpha
from measure.retention import FactorRetention, factor_retention
from measure.scores import FactorScores, factor_scores
from measure.second_opinion import SecondOpinion, second_opinion
from measure.simulation import Holes, simulate
from measure.small_samples import small_sample_tests
from measure.validity import fornell_larcker, htmt, htmt_intervals, r_squared

__all__ = [
    "cfa",
    "sem",
    "growth",
    "fit",
    "Fit",
    "option_table",
    "missing_patterns",
    "MissingPatterns",
    "model_card",
    "ModelCard",
    "standardized",
    "r_squared",
    "residuals",
    "srmr_test",
    "small_sample_tests",
    "implied",
    "modification_indices",
    "equality_tests",
    "EqualityTests",
    "compare",
    "vuong",
    "VuongTest",
    "cross_validate",
    "CrossValidation",
    "bootstrap",
    "Bootstrap",
    "factor_scores",
    "FactorScores",
    "second_opinion",
    "SecondOpinion",
    "sampling_adequacy",
    "SamplingAdequacy",
    "factor_retention",
    "FactorRetention",
    "efa",
    "FactorSolution",
    "cronbach_alpha",
    "CronbachAlpha",
    "composite_reliability",
    "htmt",
    "htmt_intervals",
    "fornell_larcker",
    "item_analysis",
    "icc",
    "intraclass",
    "agreement",
    "Agreement",
    "group_means",
    "simulate",
    "Holes",
    "population",
    "Population",
]
