"""Statistics for measurement models: a data frame and model text in, tables of results out."""

from . import errors
from .adequacy import SamplingAdequacy, sampling_adequacy
from .aligned import Alignment, alignment
from .alignment_recovery import AlignmentRecovery, alignment_recovery
from .answer_sheet import Asked
from .bias import ItemBias, item_bias
from .bootstrapping import Bootstrap, bootstrap
from .card import ModelCard, model_card
from .careless import careless_answers, response_styles
from .careless_result import CarelessAnswers
from .category_correlations import CategoryCorrelations, polychoric
from .change import ReliableChange, reliable_change
from .classical import intraclass
from .cluster_splits import SplitCluster, split_cluster
from .coefficients import Coefficients
from .composites import composite_reliability
from .confirmatory import cfa, fit, growth, sem
from .congruence import Procrustes, congruence, procrustes
from .content_validity import ContentValidity, content_validity
from .crossvalidation import CrossValidation, cross_validate
from .dif import differential_functioning
from .dif_result import ItemFunctioning
from .difference import compare
from .direct_effects import Mimic, mimic
from .dropout import DropOut, drop_out
from .equalities import EqualityTests, equality_tests
from .exploratory import FactorSolution, efa
from .exploratory_bootstrap import LoadingsBootstrap, bootstrap_loadings
from .fitted import Fit, standardized
from .general_indices import BifactorIndices, bifactor_indices
from .groupwise import Groupwise, by_group
from .guttman import guttman_lambdas
from .interrupted import InterruptedSeries, interrupted_series
from .invariance import Invariance, measurement_invariance
from .irt import (
    GradedResponse,
    ability_scores,
    graded_response,
    item_fit,
    local_dependence,
    person_fit,
)
from .irt_dif import IrtFunctioning, irt_differential_functioning
from .items import item_analysis
from .latent_changes import ChangeDifference, LatentChange, change_difference, latent_change
from .longitudinal import longitudinal_invariance
from .lower_bound import greatest_lower_bound
from .mean_differences import LatentMeans, latent_means
from .means import group_means
from .misfit import implied, residuals, srmr_test
from .missingness import MissingPatterns, missing_patterns
from .modification import modification_indices
from .multilevel import Agreement, agreement, icc
from .nonnested import VuongTest, vuong
from .omega import omega_hierarchical, omega_total
from .options import option_table
from .permuting import InvariancePermutation, permute_invariance
from .populations import Population, population
from .proportions import proportion_interval
from .redundancy import redundancy
from .releasing import PartialInvariance, partial_invariance
from .reliability import CronbachAlpha, cronbach_alpha
from .repeated_scores import Retest, retest
from .response_alpha import OrdinalAlpha, ordinal_alpha
from .response_shifts import ResponseShift, response_shift
from .retained import FactorRetention
from .retention import factor_retention
from .retrospective import RetrospectivePretest, retrospective_pretest
from .schmid_leiman import SchmidLeiman, schmid_leiman
from .score_errors import ConditionalErrors, conditional_errors
from .scores import FactorScores, factor_scores
from .semopy_opinion import SecondOpinion, second_opinion
from .short_forms import ShortForms, short_forms
from .simulation import Holes, simulate
from .small_samples import small_sample_tests
from .split_halves import SplitHalves, split_half
from .stepped_wedges import SteppedWedge, stepped_wedge
from .subscores import Subscores, prmse
from .tolerable_misfit import fit_equivalence
from .two_one_sided import equivalence
from .validity import fornell_larcker, htmt, htmt_intervals, r_squared
from .wave_models import wave_model
from .weighted_sums import maximal_reliability

__all__ = [
    "cfa",
    "sem",
    "growth",
    "fit",
    "Fit",
    "option_table",
    "missing_patterns",
    "MissingPatterns",
    "careless_answers",
    "response_styles",
    "Asked",
    "CarelessAnswers",
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
    "measurement_invariance",
    "Invariance",
    "partial_invariance",
    "PartialInvariance",
    "latent_means",
    "LatentMeans",
    "equivalence",
    "fit_equivalence",
    "permute_invariance",
    "InvariancePermutation",
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
    "polychoric",
    "CategoryCorrelations",
    "sampling_adequacy",
    "SamplingAdequacy",
    "factor_retention",
    "FactorRetention",
    "efa",
    "FactorSolution",
    "bootstrap_loadings",
    "LoadingsBootstrap",
    "congruence",
    "procrustes",
    "Procrustes",
    "schmid_leiman",
    "SchmidLeiman",
    "cronbach_alpha",
    "CronbachAlpha",
    "guttman_lambdas",
    "greatest_lower_bound",
    "Coefficients",
    "split_half",
    "SplitHalves",
    "omega_total",
    "omega_hierarchical",
    "bifactor_indices",
    "BifactorIndices",
    "composite_reliability",
    "maximal_reliability",
    "ordinal_alpha",
    "OrdinalAlpha",
    "prmse",
    "Subscores",
    "conditional_errors",
    "ConditionalErrors",
    "retest",
    "Retest",
    "reliable_change",
    "ReliableChange",
    "longitudinal_invariance",
    "wave_model",
    "latent_change",
    "LatentChange",
    "change_difference",
    "ChangeDifference",
    "response_shift",
    "ResponseShift",
    "retrospective_pretest",
    "RetrospectivePretest",
    "stepped_wedge",
    "SteppedWedge",
    "interrupted_series",
    "InterruptedSeries",
    "drop_out",
    "DropOut",
    "by_group",
    "Groupwise",
    "htmt",
    "htmt_intervals",
    "fornell_larcker",
    "content_validity",
    "ContentValidity",
    "item_analysis",
    "differential_functioning",
    "ItemFunctioning",
    "item_bias",
    "ItemBias",
    "alignment",
    "Alignment",
    "alignment_recovery",
    "AlignmentRecovery",
    "irt_differential_functioning",
    "IrtFunctioning",
    "mimic",
    "Mimic",
    "redundancy",
    "short_forms",
    "ShortForms",
    "graded_response",
    "GradedResponse",
    "ability_scores",
    "item_fit",
    "local_dependence",
    "person_fit",
    "icc",
    "intraclass",
    "agreement",
    "Agreement",
    "split_cluster",
    "SplitCluster",
    "group_means",
    "proportion_interval",
    "simulate",
    "Holes",
    "population",
    "Population",
    "errors",
]
