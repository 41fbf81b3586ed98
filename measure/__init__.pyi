"""Statistics for measurement models: a data frame and model text in, tables of results out."""

from . import errors
from .attention.answer_sheet import Asked
from .attention.careless import careless_answers, response_styles
from .attention.careless_result import CarelessAnswers
from .comparability.aligned import Alignment, alignment
from .comparability.alignment_recovery import AlignmentRecovery, alignment_recovery
from .comparability.bias import ItemBias, item_bias
from .comparability.independent_samples import independent_difference
from .comparability.invariance import Invariance, measurement_invariance
from .comparability.isomorphism import CrossLevelInvariance, cross_level_invariance
from .comparability.mean_differences import LatentMeans, latent_means
from .comparability.permuting import InvariancePermutation, permute_invariance
from .comparability.releasing import PartialInvariance, partial_invariance
from .comparability.tolerable_misfit import fit_equivalence
from .comparability.two_one_sided import equivalence
from .consistency.change import ReliableChange, reliable_change
from .consistency.coefficients import Coefficients
from .consistency.composites import composite_reliability
from .consistency.general_indices import BifactorIndices, bifactor_indices
from .consistency.groupwise import Groupwise, by_group
from .consistency.guttman import guttman_lambdas
from .consistency.lower_bound import greatest_lower_bound
from .consistency.multilevel_composites import MultilevelReliability, multilevel_reliability
from .consistency.omega import omega_hierarchical, omega_total
from .consistency.reliability import CronbachAlpha, cronbach_alpha
from .consistency.repeated_scores import Retest, retest
from .consistency.response_alpha import OrdinalAlpha, ordinal_alpha
from .consistency.score_errors import ConditionalErrors, conditional_errors
from .consistency.split_halves import SplitHalves, split_half
from .consistency.subscores import Subscores, prmse
from .consistency.validity import fornell_larcker, htmt, htmt_intervals, r_squared
from .consistency.weighted_sums import maximal_reliability
from .evaluation.card import ModelCard, model_card
from .evaluation.crossvalidation import CrossValidation, cross_validate
from .evaluation.difference import compare
from .evaluation.equalities import EqualityTests, equality_tests
from .evaluation.misfit import implied, residuals, srmr_test
from .evaluation.modification import modification_indices
from .evaluation.nonnested import VuongTest, vuong
from .evaluation.semopy_opinion import SecondOpinion, second_opinion
from .evaluation.small_samples import small_sample_tests
from .exploration.adequacy import SamplingAdequacy, sampling_adequacy
from .exploration.category_correlations import CategoryCorrelations, polychoric
from .exploration.congruence import Procrustes, congruence, procrustes
from .exploration.exploratory import FactorSolution, efa
from .exploration.exploratory_bootstrap import LoadingsBootstrap, bootstrap_loadings
from .exploration.retained import FactorRetention
from .exploration.retention import factor_retention
from .exploration.schmid_leiman import SchmidLeiman, schmid_leiman
from .fitting.confirmatory import cfa, fit, growth, sem
from .fitting.fitted import Fit, standardized
from .functioning.dif import differential_functioning
from .functioning.dif_result import ItemFunctioning
from .functioning.direct_effects import Mimic, mimic
from .functioning.irt_dif import IrtFunctioning, irt_differential_functioning
from .levels.between_clusters import answers_needed, icc
from .levels.classical import intraclass
from .levels.cluster_splits import SplitCluster, split_cluster
from .levels.components import VarianceComponents, variance_components
from .levels.group_comparison import GroupComparison, compare_groups
from .levels.latent_responses import TwoLevelCorrelations, twolevel_correlations
from .levels.level_fit import level_fit
from .levels.means import group_means, overall_means
from .levels.referent_contrasts import ReferentContrasts, referent_contrasts
from .levels.referent_shares import ReferentShares, referent_shares
from .levels.referents import referent_model
from .levels.response_surfaces import ResponseSurface, response_surface
from .levels.shrinkage import ShrunkenMeans, shrunken_means
from .levels.within_agreement import Agreement, agreement
from .missingness import MissingPatterns, missing_patterns
from .occasions.dropout import DropOut, drop_out
from .occasions.interrupted import InterruptedSeries, interrupted_series
from .occasions.latent_changes import (
    ChangeDifference,
    LatentChange,
    change_difference,
    latent_change,
)
from .occasions.longitudinal import longitudinal_invariance
from .occasions.moderated_changes import ChangeModeration, change_moderation
from .occasions.response_shifts import ResponseShift, response_shift
from .occasions.retrospective import RetrospectivePretest, retrospective_pretest
from .occasions.stepped_wedges import SteppedWedge, stepped_wedge
from .occasions.wave_models import wave_model
from .planning.claims import Claim, Estimated, Fits, Study
from .planning.close_fit import rmsea_power, rmsea_sample_size
from .planning.cluster_claims import ClusterReliability, in_clusters
from .planning.clustered_designs import (
    design_effect,
    difference_power,
    gain_power,
    wedge_power,
)
from .planning.cutoffs import Cutoffs, dynamic_cutoffs
from .planning.effort_claims import (
    GainDifference,
    Stability,
    Wedge,
    WedgeEffect,
    before_after,
)
from .planning.level_cutoffs import level_cutoffs
from .planning.measurement_claims import InvarianceStep, LatentDifference, OmegaAbove
from .planning.misspecified import Omitted
from .planning.step_cutoffs import invariance_cutoffs
from .planning.study_power import Execution, Power, power, smallest_sample
from .proportions import proportion_interval
from .questions.content_validity import ContentValidity, content_validity
from .questions.irt import (
    GradedResponse,
    ability_scores,
    graded_response,
    item_fit,
    local_dependence,
    person_fit,
)
from .questions.item_descriptives import descriptives
from .questions.items import item_analysis
from .questions.redundancy import redundancy
from .questions.short_forms import ShortForms, short_forms
from .replication.bootstrapping import Bootstrap, bootstrap
from .scoring.scores import FactorScores, factor_scores
from .simulating.clusters import Clusters
from .simulating.holes import Holes
from .simulating.inattention import Careless
from .simulating.planned import Forms
from .simulating.populations import Population, population
from .simulating.simulation import simulate
from .specification.options import option_table
from .storage.stored_answers import StoredAnswers, stored

__all__ = [
    "cfa",
    "sem",
    "growth",
    "fit",
    "Fit",
    "option_table",
    "stored",
    "StoredAnswers",
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
    "cross_level_invariance",
    "CrossLevelInvariance",
    "partial_invariance",
    "PartialInvariance",
    "latent_means",
    "LatentMeans",
    "equivalence",
    "independent_difference",
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
    "twolevel_correlations",
    "TwoLevelCorrelations",
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
    "multilevel_reliability",
    "MultilevelReliability",
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
    "change_moderation",
    "ChangeModeration",
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
    "descriptives",
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
    "level_fit",
    "icc",
    "answers_needed",
    "intraclass",
    "variance_components",
    "VarianceComponents",
    "agreement",
    "Agreement",
    "split_cluster",
    "SplitCluster",
    "group_means",
    "overall_means",
    "referent_model",
    "referent_shares",
    "ReferentShares",
    "referent_contrasts",
    "ReferentContrasts",
    "response_surface",
    "ResponseSurface",
    "compare_groups",
    "GroupComparison",
    "shrunken_means",
    "ShrunkenMeans",
    "proportion_interval",
    "simulate",
    "power",
    "smallest_sample",
    "Power",
    "Cutoffs",
    "dynamic_cutoffs",
    "invariance_cutoffs",
    "level_cutoffs",
    "Omitted",
    "Claim",
    "Study",
    "Fits",
    "Estimated",
    "OmegaAbove",
    "InvarianceStep",
    "LatentDifference",
    "ClusterReliability",
    "GainDifference",
    "before_after",
    "in_clusters",
    "Stability",
    "WedgeEffect",
    "Wedge",
    "design_effect",
    "difference_power",
    "gain_power",
    "wedge_power",
    "Execution",
    "rmsea_power",
    "rmsea_sample_size",
    "Holes",
    "Forms",
    "Clusters",
    "Careless",
    "population",
    "Population",
    "errors",
]
