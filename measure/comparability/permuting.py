"""Permutation test of a step of invariance: what it costs where groups are dealt at random."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import known_option
from measure.comparability.ladder import STEPS
from measure.comparability.ladder_fits import Ladder
from measure.comparability.permuted_fits import STATISTICS, Answers, Deal, Draws, Numbers
from measure.display import render_html, render_text
from measure.errors import OptionError
from measure.fitting.fitted import Fit
from measure.replication.repeat import Progress, repeat
from measure.replication.workers import Workers
from measure.specification.options import Options

Array = NDArray[np.float64]

# Permutations of a task: many for the likelihood, whose samples are fitted together.
TOGETHER, APART = 50, 5
# Of them, the share that has to succeed.
ENOUGH = 0.9


@dataclass(frozen=True, eq=False, repr=False)
class InvariancePermutation:
    """What a step of invariance costs, against what it costs where groups are dealt at random.

    Attributes
    ----------
    table
        One row a statistic, `chisq_diff delta_cfi delta_rmsea delta_srmr`: `observed`, `mean` and
        `critical` (the 5 % limit) of the permutations, and `pvalue`, the share that is at least as
        bad, the data themselves counted among them.
    distribution
        The statistics of each permutation.
    step, against
        The step, and the one that it is compared with.
    n, n_failed
        Permutations asked for, and those in which a model could not be fitted.
    seed
        Of the permutations.
    notes
        What a reader has to know.
    """

    table: pd.DataFrame
    distribution: pd.DataFrame
    step: str
    against: str
    n: int
    n_failed: int
    seed: int
    notes: tuple[str, ...]

    def _report(self) -> tuple[str, dict[str, object], dict[str, pd.DataFrame]]:
        facts: dict[str, object] = {
            "step": f"{self.step} against {self.against}",
            "permutations": self.n,
            "failed": self.n_failed,
            "seed": self.seed,
            **{f"note {k}": note for k, note in enumerate(self.notes, start=1)},
        }
        return "Permutation test of a step of invariance", facts, {"statistics": self.table}

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def permute_invariance(
    model: str,
    data: pd.DataFrame,
    *,
    group: str,
    seed: int,
    step: str = "scalar",
    n: int = 1000,
    ordered: Any = (),
    missing: str = "listwise",
    cluster: str | None = None,
    parameterization: str = "delta",
    std_lv: bool = True,
    categories: str = "refuse",
    workers: Workers = 1,
    progress: Progress | None = None,
) -> InvariancePermutation:
    """Test a step of invariance by dealing the groups at random and fitting again.

    The step and the one before it are fitted to the data, and to `n` permutations of the groups
    (Jorgensen, Kite, Chen & Short 2018, Psychological Methods 23, 708-728). Where the groups are
    alike all permutations are equally likely, whatever the distribution of the answers.

    Respondents change groups one by one. With `cluster`, where every cluster lies in one group,
    clusters change groups as wholes (sizes of groups then vary); where clusters hold several
    groups, respondents change within their cluster.

    Parameters
    ----------
    model, data, group, ordered, cluster, parameterization, std_lv, categories
        As in `measurement_invariance`.
    seed
        Whole number, 0 or more.
    step
        The step that is tested against the one before it among the steps that the model has.
    n
        Number of permutations.
    missing
        "listwise", or for ordered items "pairwise".
    workers, progress
        As in `repeat`.

    Returns
    -------
    InvariancePermutation
        The same for the same seed, whatever `workers`.

    Raises
    ------
    OptionError
        The step has none before it, or adds nothing that can be tested; or another option.
    MeasureError
        More than a tenth of the permutations could not be fitted.
    ModelSyntaxError, ModelError, DataError, ConvergenceError
        As `measurement_invariance`.

    Notes
    -----
    Continuous items are fitted by maximum likelihood, ordered ones by diagonally weighted least
    squares, unscaled: the permutations take the place of a scaled test. The weights of the latter
    are those of all rows together, so that `chisq_diff` is not that of a fit by "DWLS" to the
    digit. What is tested is that the groups are alike in everything; a step that holds while groups
    of very different sizes differ in other respects, such as residual variances, may be rejected
    too often or too seldom.
    """
    known_option("missing", missing, ("listwise", "pairwise"))
    if n < 1:
        raise OptionError(f"n is {n}; give the number of permutations, 1 or more, as 1000.")
    options = Options(
        missing=missing,
        ordered=ordered,
        group=group,
        cluster=cluster,
        std_lv=std_lv,
        parameterization=parameterization,
        se="none",
        test="none",
    )
    ladder, against = _ladder(model, data, options, step, categories)
    free = ladder.fit(against)
    restricted = ladder.fit(step, free)
    for category, text in ladder.caught:
        warnings.warn(text, category, stacklevel=2)
    if restricted.df == free.df:
        raise OptionError(
            f'the step "{step}" has the degrees of freedom of "{against}": the items have too few '
            "categories for a test of it. Take a later step."
        )
    task = _task(restricted, free)
    repeats = repeat(
        task, -(-n // task.size), seed=seed, workers=workers, progress=progress, chunk=1
    ).require(1.0)
    drawn = np.vstack(repeats.results)[:n]
    observed = task.measured(task.deal.groups[None])[0]
    return _result(observed, drawn, (step, against), seed, (*ladder.notes, _how(task.deal)))


def _ladder(
    model: str, data: pd.DataFrame, options: Options, step: str, categories: str
) -> tuple[Ladder, str]:
    """Make the steps ready, and name the one before."""
    known_option("step", step, STEPS)
    usual = Ladder.of(model, data, options, None, categories)
    before = [one for one in usual.steps if list(STEPS).index(one) < list(STEPS).index(step)]
    if not before:
        raise OptionError(
            'the step "configural" has none before it to be tested against; choose a later one.'
        )
    if step in usual.steps:
        return usual, before[-1]
    return Ladder.of(model, data, options, [*before, step], categories), before[-1]


def _task(restricted: Fit, free: Fit) -> Draws:
    moments, fits = free.moments, (restricted, free)
    groups = np.repeat(np.arange(len(moments.n_obs)), moments.n_obs)
    clusters = None if moments.clusters is None else np.concatenate(moments.clusters)
    deal = Deal(groups, clusters)
    if moments.ordinal is not None:
        return Draws(deal, Answers.of(fits), APART)
    return Draws(deal, Numbers.of(fits), TOGETHER)


def _how(deal: Deal) -> str:
    if deal.clusters is None:
        return "Respondents changed groups one by one."
    if deal.whole:
        return "Clusters, each of which lies in one group, changed groups as wholes."
    return "Respondents changed groups within their cluster."


def _result(
    observed: Array,
    drawn: Array,
    steps: tuple[str, str],
    seed: int,
    notes: tuple[str, ...],
) -> InvariancePermutation:
    good = np.isfinite(drawn).all(axis=1)
    if good.mean() < ENOUGH:
        raise OptionError(
            f"{int((~good).sum())} of {len(drawn)} permutations could not be fitted: models "
            "without a minimum, or a group that does not use every category. Merge rare "
            "categories, or take fewer items."
        )
    own = drawn[good]
    rows = []
    for k, name in enumerate(STATISTICS):
        # A smaller CFI is worse, and larger values of the others are.
        sign = -1.0 if name == "delta_cfi" else 1.0
        worse = int((sign * own[:, k] >= sign * observed[k] - 1e-10).sum())
        limit = float(sign * np.quantile(sign * own[:, k], 0.95))
        rows.append((observed[k], own[:, k].mean(), limit, (1 + worse) / (1 + len(own))))
    table = pd.DataFrame(
        rows, index=list(STATISTICS), columns=["observed", "mean", "critical", "pvalue"]
    )
    return InvariancePermutation(
        table,
        pd.DataFrame(own, columns=list(STATISTICS)),
        *steps,
        len(drawn),
        int((~good).sum()),
        seed,
        notes,
    )
