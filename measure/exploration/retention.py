"""How many factors? Parallel analysis, minimum average partial, Hull, and other criteria."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import known_option
from measure.errors import OptionError
from measure.exploration.correlating import Kind
from measure.exploration.eigenvalue_criteria import (
    empirical_kaiser,
    first_not_above,
    minimum_average_partial,
)
from measure.exploration.factor_sequence import Correlated, most_factors
from measure.exploration.model_criteria import CRITERIA, Question, answer
from measure.exploration.random_eigenvalues import (
    RandomEigenvalues,
    Repetition,
    descending,
    with_squared_multiples,
)
from measure.exploration.retained import FactorRetention, no_answer
from measure.exploration.retention_sample import Sample, random_counterparts, sample_of
from measure.replication.repeat import Progress
from measure.replication.workers import Workers

Array = NDArray[np.float64]

# Draws below which a 95th percentile is uncertain enough to be said.
ENOUGH_DRAWS = 500
EKC_SUPPOSES = (
    "the reference values of the empirical Kaiser criterion are those of Pearson correlations; "
    "polychoric correlations vary more from sample to sample, so that it may suggest too many "
    "factors."
)

IN_CLUSTERS = "the answers come in"


def factor_retention(
    data: pd.DataFrame,
    *,
    correlation: str = "pearson",
    ordered: bool | Sequence[str] = True,
    empty_cells: str = "2x2",
    smooth: str = "none",
    criteria: str | Sequence[str] = (),
    max_factors: int | None = None,
    cluster: str | None = None,
    n_draws: int = 1000,
    seed: int | None = None,
    quantile: float = 0.95,
    n_obs: int | None = None,
    workers: Workers = 1,
    progress: Progress | None = None,
) -> FactorRetention:
    """How many factors several criteria suggest, side by side.

    Parameters
    ----------
    data
        Items, one row a respondent; rows with a missing answer are left out. Or, with `n_obs`, a
        square matrix of Pearson correlations.
    correlation
        `"pearson"` or `"polychoric"`.
    ordered, empty_cells, smooth
        With polychoric correlations: which items are ordered (True: all), what is done about empty
        cells, and `smooth="eigenvalues"` where the matrix is not positive definite, which is
        otherwise refused. See `measure.polychoric`.
    criteria
        What to ask beside parallel analysis, MAP and the empirical Kaiser criterion, which are
        always there: `"hull"`, `"comparison_data"`, `"next_eigenvalue"`, `"tests"` (chi-square,
        RMSEA, AIC and BIC of models of 0, 1, 2, ... factors), several of them, or `"all"`.
    max_factors
        Most factors that these are to try; by default as many as the items can identify (Ledermann
        bound).
    cluster
        Column that names each respondent's cluster; it is not an item. The random data of parallel
        analysis then have each item's resemblance within clusters. The other criteria do not know
        of clusters.
    n_draws
        Number of random data sets in parallel analysis and in the next eigenvalue test.
    seed
        Seed of the random data; the same seed gives the same result.
    quantile
        Quantile of the random eigenvalues to be exceeded.
    n_obs
        Number of respondents behind a correlation matrix.
    workers
        Number of processes for polychoric draws, see `measure.replication.repeat`; the result does
        not depend on it. All else is done in this one.
    progress
        Called with the number of random data sets of parallel analysis done and `n_draws`.

    Raises
    ------
    DataError
        The items cannot be correlated, their matrix is singular, or the clusters show no
        differences within or between them.
    IdentificationError
        `max_factors` is above the Ledermann bound.
    OptionError
        Unknown correlation or criterion, quantile outside 0 to 1, fewer than 20 draws; a matrix for
        polychoric correlations, whose random counterparts need the answers, or with clusters.

    Notes
    -----
    In parallel analysis factors are retained up to the first observed eigenvalue that is not
    above the simulated one. Pearson correlations are compared with those of uncorrelated normal
    answers. For polychoric ones the answers to each item are shuffled among the respondents, which
    makes items independent and keeps their distributions, and go through the same estimator, empty
    cells and smoothing included (Garrido, Abad & Ponsoda 2013). With clusters both kinds of random
    answers have the clusters' sizes and each item's intraclass correlation, and ordered ones are
    drawn in place of being shuffled (see `measure.exploration.clustered_answers`).

    References
    ----------
    Horn (1965), A rationale and test for the number of factors. Humphreys & Ilgen (1969) for
    the reduced matrix. Garrido, Abad & Ponsoda (2013), A new look at Horn's parallel analysis with
    ordinal variables. Velicer (1976) and Velicer, Eaton & Fava (2000), minimum average partial.
    Braeken & van Assen (2017), An empirical Kaiser criterion. Lorenzo-Seva, Timmerman & Kiers
    (2011), The Hull method. Ruscio & Roche (2012), Determining the number of factors to retain
    (comparison data). Achim (2017), Testing the number of required dimensions (next eigenvalue).
    Preacher, Zhang, Kim & Mels (2013), Choosing the optimal number of factors (RMSEA).
    """
    kind = Kind(correlation, ordered, empty_cells, smooth)
    asked = _asked(criteria)
    _check_options(kind, n_draws, quantile, n_obs)
    if seed is None:
        seed = int(np.random.default_rng().integers(2**32))
    sample = sample_of(data, kind, n_obs, cluster)
    found = sample.found
    R, n = found.matrix.to_numpy(), found.n_obs
    repetition = Repetition(n_draws, seed, workers, progress)
    correlated = Correlated(R, n, kind.is_polychoric, found.estimated)
    most = most_factors(len(R), max_factors)
    random = random_counterparts(sample, smooth, repetition)
    parallel = _compared(descending(R), random.full, quantile)
    parallel_reduced = _compared(descending(with_squared_multiples(R)), random.reduced, quantile)
    partials = minimum_average_partial(R)
    ekc = pd.DataFrame(
        {
            "eigenvalue": parallel["eigenvalue"],
            "reference": empirical_kaiser(parallel["eigenvalue"].to_numpy(), n),
        }
    )
    suggested = _suggested(parallel, parallel_reduced, partials, ekc)
    further = answer(
        Question(
            asked,
            correlated,
            sample.answers,
            most,
            int(suggested["parallel_pca_mean"]),
            *(n_draws, quantile, seed),
        )
    )
    suggested |= {name: verdict.n_factors for name, verdict in further.verdicts.items()}
    suggested["kaiser"] = int((ekc["eigenvalue"] > 1).sum())
    return FactorRetention(
        table=_table(suggested),
        parallel=parallel,
        parallel_reduced=parallel_reduced,
        map=partials,
        ekc=ekc,
        **further.tables,
        n_obs=n,
        n_items=len(R),
        n_dropped=found.n_dropped,
        n_clusters=None if sample.clustered is None else sample.clustered.n_clusters,
        n_draws=n_draws,
        quantile=quantile,
        seed=seed,
        correlation=correlation,
        criteria=asked,
        unanswered=further.unanswered,
        notes=(
            *_notes(sample, random, n_draws),
            *further.notes,
            *(no_answer(name, why) for name, why in further.unanswered.items()),
        ),
    )


def _suggested(
    parallel: pd.DataFrame,
    parallel_reduced: pd.DataFrame,
    partials: pd.DataFrame,
    ekc: pd.DataFrame,
) -> dict[str, float]:
    """Number of factors by each criterion that needs no model."""
    suggested: dict[str, float] = {}
    for name, table in (("parallel_pca", parallel), ("parallel_paf", parallel_reduced)):
        eigenvalues = table["eigenvalue"].to_numpy()
        suggested[name] = first_not_above(eigenvalues, table.iloc[:, 2].to_numpy())
        suggested[f"{name}_mean"] = first_not_above(eigenvalues, table["mean"].to_numpy())
    suggested["map_squared"] = int(np.nanargmin(partials["squared"]))
    suggested["map_fourth"] = int(np.nanargmin(partials["fourth"]))
    suggested["ekc"] = first_not_above(ekc["eigenvalue"].to_numpy(), ekc["reference"].to_numpy())
    return suggested


def _table(suggested: dict[str, float]) -> pd.DataFrame:
    counts = pd.array([None if np.isnan(n) else int(n) for n in suggested.values()], dtype="Int64")
    return pd.DataFrame({"criterion": list(suggested), "n_factors": counts})


def _notes(sample: Sample, random: RandomEigenvalues, n_draws: int) -> tuple[str, ...]:
    found = sample.found
    notes = list(found.notes)
    if sample.clustered is not None:
        notes.append(
            f"{IN_CLUSTERS} {sample.clustered.n_clusters} clusters (mean ICC(1) of the items "
            f"{sample.clustered.icc1.mean():.3f}), and so do the random data of parallel analysis. "
            "The other criteria take respondents as independent and may suggest too many factors."
        )
    if found.shuffled is None:
        return tuple(notes)
    if n_draws < ENOUGH_DRAWS:
        notes.append(
            f"parallel analysis rests on {n_draws} random data sets; {ENOUGH_DRAWS} or more are "
            "advised."
        )
    if random.n_improper:
        notes.append(
            f"in {random.n_improper} of {n_draws} random data sets the matrix was not positive "
            f"definite; {random.treatment}."
        )
    return (*notes, EKC_SUPPOSES)


def _asked(criteria: str | Sequence[str]) -> tuple[str, ...]:
    names = (criteria,) if isinstance(criteria, str) else tuple(criteria)
    if names == ("all",):
        return CRITERIA
    for name in names:
        known_option("criterion", name, (*CRITERIA, "all"))
    if "all" in names:
        raise OptionError('"all" names every criterion. Give it alone, or name some of them.')
    return names


def _check_options(kind: Kind, n_draws: int, quantile: float, n_obs: int | None) -> None:
    if kind.is_polychoric and n_obs is not None:
        raise OptionError(
            "parallel analysis of polychoric correlations shuffles the answers, but n_obs says "
            "that a matrix was given. Give the answers, without n_obs."
        )
    if n_draws < 20:
        raise OptionError(f"n_draws is {n_draws}; at least 20 are needed for a quantile.")
    if not 0 < quantile < 1:
        raise OptionError(f"quantile is {quantile}, but must lie between 0 and 1, as 0.95.")


def _compared(observed: Array, random: Array, quantile: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "eigenvalue": observed,
            "mean": random.mean(axis=0),
            f"q{100 * quantile:g}": np.quantile(random, quantile, axis=0),
        },
        index=pd.RangeIndex(1, len(observed) + 1, name="factor"),
    )
