"""How the models were fitted, in words: estimator, standard errors, clusters, missing answers."""

from collections.abc import Iterator
from dataclasses import replace

import measure
from analyses import evidence
from analyses.intake.survey import Survey
from analyses.modelling.fits import Fits, Fitted, Plan
from analyses.section import Message, Phrase, Value
from instruments.schema import Instrument
from measure.chisquare import too_few_clusters
from measure.moments.asymptotic import FEW_CLUSTERS
from measure.specification.options import ROBUST

_DISCREPANCIES = {
    "ML": "discrepancy.ml",
    "GLS": "discrepancy.gls",
    "ULS": "discrepancy.uls",
    "WLS": "discrepancy.wls",
    "DWLS": "discrepancy.dwls",
}
_PARAMETERIZATIONS = {
    "delta": "method.parameterization.delta",
    "theta": "method.parameterization.theta",
}


def estimated_by(fit: measure.Fit) -> Message:
    """Name the estimator and the standard errors, as they stand beside a number."""
    name: Value = fit.estimator
    if fit.method.fiml:
        name = Message("method.fiml", {"estimator": name})
    if fit.options.has_ordered:
        name = Message("method.ordered", {"estimator": name})
    if fit.n_clusters is not None:
        return Message("method.clustered", {"estimator": name, "n": fit.n_clusters})
    return Message(f"method.{_errors(fit)}", {"estimator": name})


def _errors(fit: measure.Fit) -> str:
    return "robust" if fit.method.se in ROBUST else "standard"


def estimated(fitted: Fitted) -> Phrase:
    """Name what estimated a model's numbers; a model without a fit has only the estimator."""
    return fitted.plan.estimator if fitted.fit is None else estimated_by(fitted.fit)


def of_any(fits: Fits) -> Phrase:
    """Name what estimated the numbers of all models, which are fitted alike."""
    fitted = next((entry for entry in fits.values() if entry.fit is not None), None)
    return estimated(fitted or next(iter(fits.values())))


def notes(instrument: Instrument, survey: Survey, fitted: Fitted) -> Iterator[Message]:
    """Say how the models were fitted, and what that presupposes."""
    fit = fitted.fit
    if fit is not None:
        yield _fitted_by(fit)
    yield from normality_notes(fitted)
    yield from fallback_notes(fitted)
    yield from cluster_notes(instrument, survey, fitted)
    yield missing_note(survey, fitted.plan)
    check = fitted.check
    if check is None:
        return
    yield Message("method.note.check", {"estimator": estimated(check)})
    if check.plan.missing != fitted.plan.missing:
        yield Message(f"method.note.check_{check.plan.missing}")


def _fitted_by(fit: measure.Fit) -> Message:
    row = fit.method.estimator
    named = Message(_DISCREPANCIES[row.discrepancy], {"estimator": row.name})
    if fit.options.has_ordered:
        scale = Message(_PARAMETERIZATIONS[fit.options.parameterization])
        values: dict[str, Value] = {"estimator": named, "n": fit.n_obs, "parameterization": scale}
        return Message(f"method.note.ordered_{_errors(fit)}", values)
    key = "free" if row.discrepancy == "WLS" and _errors(fit) == "standard" else _errors(fit)
    return Message(f"method.note.{key}", {"estimator": named})


def normality_notes(fitted: Fitted) -> Iterator[Message]:
    """Say that intervals allow for ordered answers that contradict normality, and by how much."""
    categories = None if fitted.fit is None else fitted.fit.moments.ordinal
    if fitted.fit is None or categories is None or not categories.understated:
        return
    exact = evidence.share("understated", categories.understated, "", fitted.fit.n_obs)
    share = replace(exact, digits=0)
    yield Message("method.note.abnormal", {"share": share})


def fallback_notes(fitted: Fitted) -> Iterator[Message]:
    """Say that the check stands in for a model of ordered answers that could not be fitted."""
    if fitted.instead_of is not None:
        yield Message("method.note.fallback", {"estimator": fitted.plan.estimator})


def cluster_notes(instrument: Instrument, survey: Survey, fitted: Fitted) -> Iterator[Message]:
    """Say whether the uncertainty allows for who belongs together, and what puts it in doubt."""
    declared = [column for column in instrument.columns if column.role == "cluster"]
    if not declared:
        return
    cluster = fitted.plan.cluster
    if cluster is None:
        present = declared[0].name in survey.data.columns
        key = "method.note.one_cluster" if present else "method.note.no_clusters"
        yield Message(key, {"column": evidence.text(declared[0].label)})
        return
    label = evidence.text(cluster.label)
    n = None if fitted.fit is None else fitted.fit.n_clusters
    if n is not None:
        yield Message("method.note.clusters", {"column": label, "n": n})
        if n < FEW_CLUSTERS:
            yield Message("method.note.few_clusters", {"n": n, "limit": FEW_CLUSTERS})
        if _seldom_rejects(fitted.fit):
            yield Message("method.note.clusters_and_test", {"n": n})
    unknown = without_cluster(survey, fitted.plan)
    if unknown:
        yield Message("method.note.cluster_unknown", {"column": label, "n": unknown})


def _seldom_rejects(fit: measure.Fit | None) -> bool:
    """Whether the scaled and shifted test rests on too few clusters."""
    if fit is None or fit.method.test != "scaled.shifted":
        return False
    return too_few_clusters(fit.problem, fit.method)


def without_cluster(survey: Survey, plan: Plan) -> int:
    """Count the respondents who take no part in the models since their cluster is not known."""
    return 0 if plan.cluster is None else int(survey.data[plan.cluster.name].isna().sum())


def missing_note(survey: Survey, plan: Plan) -> Message:
    """Say what the models make of missing answers."""
    if not survey.scored.isna().to_numpy().any():
        return Message("method.note.complete")
    return Message(f"method.note.{plan.missing}")
