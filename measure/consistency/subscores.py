"""Which subscores are worth reporting beside the total: proportional reduction in error."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import chosen_columns, known_option
from measure.consistency.covariance_functions import Asked, Functions, spread_of, standard_errors
from measure.consistency.covariance_samples import CovarianceSample, sample_of
from measure.consistency.subscore_omega import Omegas, omegas_of
from measure.consistency.subscore_prediction import KINDS, SubscorePrediction
from measure.display import render_html, render_text
from measure.distributions import normal_quantile
from measure.errors import DataError, OptionError

Array = NDArray[np.float64]

RELIABILITIES = ("alpha", "omega")


@dataclass(frozen=True, eq=False)
class Subscores:
    """How well true subscores are predicted.

    Attributes
    ----------
    table
        One row a subscore: `scale n_items reliability prmse.s prmse.x prmse.sx prmse.all difference
        difference.se difference.ci.lower difference.ci.upper added`. PRMSE from the subscore
        itself, the total, both (Haberman's augmented subscore), and all subscores (Wainer's);
        `difference` is `prmse.s` less `prmse.x`, `added` whether it is above 0.
    spread
        Standard error and interval of each: `scale coefficient est se ci.lower ci.upper`.
    correlations
        Correlations of the true subscores, scales × scales.
    reliability
        What the reliabilities are.
    confidence_level
        Of the intervals.
    n_obs, n_dropped, n_clusters
        Rows used, rows left out, clusters (None without).
    facts
        How the numbers were obtained, by name.
    notes
        What the reader has to know.
    """

    table: pd.DataFrame
    spread: pd.DataFrame
    correlations: pd.DataFrame
    reliability: str
    confidence_level: float
    n_obs: int
    n_dropped: int
    n_clusters: int | None
    facts: dict[str, object]
    notes: tuple[str, ...]

    def _report(self) -> tuple[str, dict[str, object], dict[str, pd.DataFrame]]:
        facts = self.facts | {"rows used": self.n_obs, "left out": self.n_dropped}
        if self.n_clusters is not None:
            facts["clusters"] = self.n_clusters
        facts |= {f"note {k}": note for k, note in enumerate(self.notes, start=1)}
        tables = {"Subscores": self.table, "Correlations of true subscores": self.correlations}
        return "Added value of subscores", facts, tables

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def prmse(
    data: pd.DataFrame,
    scales: Mapping[str, Sequence[str]],
    *,
    reliability: str | Mapping[str, float] = "alpha",
    ordered: bool = False,
    interval: str = "adf",
    cluster: str | None = None,
    n_samples: int = 1000,
    seed: int | None = None,
    confidence_level: float = 0.95,
) -> Subscores:
    """Whether each subscore adds to what the total says: PRMSE of true subscores.

    Parameters
    ----------
    data
        The items of all scales, reverse-keyed where they should be, and the cluster; rows with a
        missing answer are left out.
    scales
        Items of each subscore; an item is in one of them. The total is the sum of all.
    reliability
        "alpha"; "omega", from one factor a scale; or a number for each scale, which is then taken
        as known.
    ordered
        With omega, whether items are ordered categories (categorical omega of the answers' sum).
    interval
        "adf", "percentile" or "bca"; see `cronbach_alpha`. With omega "adf" only.
    cluster
        Column that names the cluster of each respondent.
    n_samples, seed
        Of a bootstrap interval.
    confidence_level
        Of the intervals.

    Returns
    -------
    Subscores

    Raises
    ------
    DataError
        Fewer than two scales, or a scale of one item; an item in two scales, or that cannot be
        analysed.
    OptionError
        An unknown option; a reliability for other scales, or not between 0 and 1.

    References
    ----------
    Haberman, S. J. (2008). When can subscores have value? Journal of Educational and Behavioral
    Statistics, 33, 204-229.
    Wainer, H., et al. (2001). Augmented scores. In D. Thissen & H. Wainer (Eds.), Test scoring
    (pp. 343-387). Erlbaum.
    """
    asked = Asked(interval, confidence_level, n_samples, seed)
    names = _checked(scales)
    columns = names if cluster is None else [*names, cluster]
    sample = sample_of(data[chosen_columns(data, columns)], cluster=cluster)
    belongs = np.array([[name in own for own in scales.values()] for name in sample.names])
    kind = _kind(reliability, scales, ordered)
    omegas = None
    if kind == "omega":
        if asked.drawn:
            raise OptionError(f'interval="{interval}" is offered with alpha; with omega use "adf".')
        omegas = omegas_of(sample, scales, ordered=ordered)
        known = omegas.values
    elif kind == "given":
        assert not isinstance(reliability, str)
        known = np.array([reliability[name] for name in scales], dtype=float)
    else:
        known = np.full(len(scales), np.nan)
    own = SubscorePrediction(belongs.astype(float), known)
    est = own.values(sample.covariance)
    spread, notes = _spread(sample, own, omegas, asked)
    return _result(sample, scales, own, (est, spread), asked, kind, notes)


def _checked(scales: Mapping[str, Sequence[str]]) -> list[str]:
    """Names of all items."""
    if not isinstance(scales, Mapping) or len(scales) < 2:
        raise DataError("scales is a dictionary from subscore to items with at least two scales.")
    seen: dict[str, str] = {}
    for scale, items in scales.items():
        if isinstance(items, str) or len(items) < 2:
            raise DataError(
                f'scale "{scale}" needs a list of at least two items: the reliability of one item '
                "cannot be told from one occasion."
            )
        for name in items:
            if name in seen:
                raise DataError(
                    f'item "{name}" is in the scales "{seen[name]}" and "{scale}", whose errors '
                    "would then be correlated. Keep it in one."
                )
            seen[name] = scale
    return list(seen)


def _kind(
    reliability: str | Mapping[str, float], scales: Mapping[str, Sequence[str]], ordered: bool
) -> str:
    if isinstance(reliability, str):
        known_option("reliability", reliability, RELIABILITIES)
        if ordered and reliability != "omega":
            raise OptionError('ordered=True goes with reliability="omega".')
        return reliability
    if set(reliability) != set(scales):
        raise OptionError(
            f"reliability names {', '.join(reliability)}, but the scales are {', '.join(scales)}."
        )
    for name, value in reliability.items():
        if not 0 < value <= 1:
            raise OptionError(f'the reliability of "{name}" is {value}, but lies between 0 and 1.')
    return "given"


def _spread(
    sample: CovarianceSample, own: SubscorePrediction, omegas: Omegas | None, asked: Asked
) -> tuple[dict[str, Array], tuple[str, ...]]:
    """Columns `se ci.lower ci.upper` of all values, and what there is to say."""
    if omegas is None:
        labels = tuple(f"{kind} {j}" for j in range(own.belongs.shape[1]) for kind in KINDS)
        spread = spread_of(sample, Functions(labels, own.values, own.slopes), asked)
        return spread.columns, spread.notes
    S = sample.covariance
    _, by_t = own.slopes_by_scores(S)
    totals = np.diag(own.belongs.T @ S @ own.belongs)
    moved = sample.influence(own.slopes(S)) + omegas.influence @ (by_t * totals).T
    se, est = standard_errors(moved), own.values(S)
    half = normal_quantile((1 + asked.level) / 2) * se
    return {"se": se, "ci.lower": est - half, "ci.upper": est + half}, omegas.notes


def _result(
    sample: CovarianceSample,
    scales: Mapping[str, Sequence[str]],
    own: SubscorePrediction,
    found: tuple[Array, dict[str, Array]],
    asked: Asked,
    kind: str,
    notes: tuple[str, ...],
) -> Subscores:
    est, columns = found
    k, names = len(scales), list(scales)
    S = sample.covariance
    V, t = own.belongs.T @ S @ own.belongs, own.true_variances(S)
    spread = pd.DataFrame(
        {
            "scale": np.repeat(names, len(KINDS)),
            "coefficient": list(KINDS) * k,
            "est": est,
            **columns,
        }
    )
    by_scale = pd.DataFrame(est.reshape(k, len(KINDS)), columns=list(KINDS))
    differences = {
        f"difference.{name}": values[len(KINDS) - 1 :: len(KINDS)]
        for name, values in columns.items()
    }
    table = by_scale.assign(**differences, added=by_scale["difference"] > 0)
    table.insert(0, "scale", names)
    table.insert(1, "n_items", own.belongs.sum(axis=0).astype(int))
    table.insert(2, "reliability", t / np.diag(V))
    true = V - np.diag(np.diag(V)) + np.diag(t)
    size = np.sqrt(np.where(t > 0, t, np.nan))
    correlations = pd.DataFrame(true / np.outer(size, size), index=names, columns=names)
    return Subscores(
        table=table,
        spread=spread,
        correlations=correlations,
        reliability=kind,
        confidence_level=asked.level,
        n_obs=sample.n_obs,
        n_dropped=sample.n_dropped,
        n_clusters=sample.n_clusters,
        facts={"reliability": kind, **asked.facts},
        notes=(*_notes(table, correlations), *notes),
    )


def _notes(table: pd.DataFrame, correlations: pd.DataFrame) -> list[str]:
    notes = []
    for scale, reliability in zip(table["scale"], table["reliability"].to_numpy(), strict=True):
        if not reliability > 0:
            notes.append(
                f"{scale}: the reliability is {reliability:.2f}, so that there is no true subscore "
                "to predict. Check whether items should be reverse-keyed."
            )
    off = correlations.to_numpy()[np.triu_indices(len(correlations), 1)]
    if (np.abs(off[np.isfinite(off)]) > 1).any():
        notes.append(
            "A correlation of true subscores is above 1: the reliability is underestimated, or the "
            "subscores measure the same."
        )
    return notes
