"""Vuong's tests of models that are not nested (Vuong 1989; Merkle, You & Preacher 2016)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import confidence
from measure.display import render_html, render_text
from measure.distributions import normal_cdf, normal_quantile, weighted_chisq_sf
from measure.errors import OptionError
from measure.estimators import Likelihood
from measure.evaluation.nesting import nested, require_same_data
from measure.fitting.fitted import Fit, require_one_level
from measure.fitting.inference import inverse
from measure.moments.asymptotic import sums_by_cluster
from measure.replication.casewise import casewise_loglik, model_moments

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class VuongTest:
    """Two models compared by the likelihoods of single respondents.

    Attributes
    ----------
    tests
        One row a test: `test` ("distinguishable", "a better", "b better", and the latter two as
        "a better (BIC)", "b better (BIC)", with the log-likelihoods adjusted for the number of
        parameters), `statistic`, `pvalue` (one-sided for "better").
    intervals
        Difference of AIC and of BIC, model a less model b, with a confidence interval for what it
        would be in the long run: `criterion difference ci.lower ci.upper`.
    loglik_ratio
        Log-likelihood of a less that of b.
    omega2
        Variance of the respondents' (clusters') log-likelihood ratios.
    n_units
        Respondents, or clusters where the fits have any.
    level
        Confidence level of the intervals.
    notes
        What a reader has to know.
    """

    tests: pd.DataFrame
    intervals: pd.DataFrame
    loglik_ratio: float
    omega2: float
    n_units: int
    level: float
    notes: tuple[str, ...]

    def _report(self) -> tuple[str, Mapping[str, object], Mapping[str, pd.DataFrame]]:
        facts: dict[str, object] = {
            "log-likelihood ratio": self.loglik_ratio,
            "variance per unit": self.omega2,
            "units": self.n_units,
            "level of the intervals": self.level,
            **{f"note {k}": note for k, note in enumerate(self.notes, start=1)},
        }
        tables = {"Tests": self.tests, "Differences a - b": self.intervals}
        return "Vuong's tests of models a and b", facts, tables

    def __repr__(self) -> str:
        """Tests and intervals as text."""
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def vuong(fit_a: Fit, fit_b: Fit, *, level: float = 0.95) -> VuongTest:
    """Test which of two models that are not nested lies nearer to the truth.

    First comes whether the models can be told apart in the population at all: the variance
    omega^2 of the respondents' log-likelihood ratios is 0 if not, and n omega^2 follows a weighted
    sum of chi-squares (Vuong 1989, theorem 4.1). If they can, LR/(sqrt(n) omega) is standard normal
    where both are equally near (theorem 5.1).

    Parameters
    ----------
    fit_a, fit_b
        Two fits by maximum likelihood ("ML", "MLR" and so on, complete answers or "fiml") to the
        same rows.
    level
        Confidence level of the intervals.

    Returns
    -------
    VuongTest

    Raises
    ------
    OptionError
        Another estimator, other data, covariances only, or models that are nested or equivalent.

    Notes
    -----
    The weights are the squared eigenvalues of Vuong's matrix W (eq. 3.6), from the observed
    information and the products of scores of both models. The intervals are those of Merkle, You &
    Preacher (2016, Psychological Methods 21, eq. 14): the criteria's difference +- z 2 sqrt(n)
    omega; they hold where the models are distinguishable. With clusters the units are clusters,
    with log-likelihoods and scores summed within. In several groups membership counts as drawn with
    the respondent, so that differences between groups are part of omega^2.
    """
    for fit in (fit_a, fit_b):
        require_one_level(fit, "vuong")
    _require_comparable(fit_a, fit_b)
    confidence(level)
    ratio = _by_unit(
        np.concatenate(casewise_loglik(fit_a)) - np.concatenate(casewise_loglik(fit_b)), fit_a
    )
    n, total = len(ratio), float(ratio.sum())
    omega2 = float(np.mean((ratio - ratio.mean()) ** 2))
    npar = fit_a.model.n_free - fit_b.model.n_free
    spread = float(np.sqrt(n * omega2))
    adjusted = total - npar * np.log(fit_a.n_obs) / 2
    z, z_bic = total / spread, adjusted / spread
    p_distinct = weighted_chisq_sf(n * omega2, _weights(fit_a, fit_b))
    tests = pd.DataFrame(
        [
            ("distinguishable", n * omega2, p_distinct),
            ("a better", z, float(normal_cdf(-z))),
            ("b better", z, float(normal_cdf(z))),
            ("a better (BIC)", z_bic, float(normal_cdf(-z_bic))),
            ("b better (BIC)", z_bic, float(normal_cdf(z_bic))),
        ],
        columns=["test", "statistic", "pvalue"],
    )
    reach = float(normal_quantile(0.5 + level / 2)) * 2 * spread
    criteria = {"aic": -2 * total + 2 * npar, "bic": -2 * adjusted}
    intervals = pd.DataFrame(
        [(name, value, value - reach, value + reach) for name, value in criteria.items()],
        columns=["criterion", "difference", "ci.lower", "ci.upper"],
    )
    return VuongTest(tests, intervals, total, omega2, n, level, _notes(p_distinct, fit_a, level))


def _notes(p_distinct: float, fit: Fit, level: float) -> tuple[str, ...]:
    notes: list[str] = []
    if p_distinct > 1 - level:
        notes.append(
            "The models cannot be told apart in the population by these data; the tests of which "
            "is better and the intervals do not hold."
        )
    if fit.n_clusters is not None:
        notes.append(f"The units are {fit.n_clusters} clusters.")
    return tuple(notes)


def _require_comparable(fit_a: Fit, fit_b: Fit) -> None:
    for name, fit in (("first", fit_a), ("second", fit_b)):
        if fit.moments.ordinal is not None:
            raise OptionError(
                f"the {name} model has ordered items and was fitted by least squares, so that "
                "rows have no likelihood and Vuong's tests do not exist. Compare the models by "
                "`cross_validate`."
            )
        if not isinstance(fit.problem.discrepancy, Likelihood) or fit.method.less_one:
            raise OptionError(
                f'the {name} model was fitted by "{fit.estimator}" with likelihood='
                f'"{fit.options.likelihood}"; Vuong\'s tests need the normal log-likelihood of '
                'single rows, at its maximum. Choose "ML" or "MLR".'
            )
    require_same_data(fit_a, fit_b)
    for option in ("missing", "cluster"):
        mine, other = getattr(fit_a.options, option), getattr(fit_b.options, option)
        if mine != other:
            raise OptionError(
                f'the models differ in `{option}`: "{mine}" and "{other}". Fit both with the same.'
            )
    if set(fit_a.model.table.fixed_x) != set(fit_b.model.table.fixed_x):
        raise OptionError(
            "the models take other variables as given (fixed.x), so that their likelihoods are of "
            "different things. Fit both with fixed_x=False."
        )
    casewise_loglik(fit_a)
    _require_not_nested(fit_a, fit_b)


def _require_not_nested(fit_a: Fit, fit_b: Fit) -> None:
    pairs = [(fit_a, fit_b), (fit_b, fit_a)]
    pairs = [(restricted, free) for restricted, free in pairs if restricted.df >= free.df]
    if any(nested(restricted, free) is not None for restricted, free in pairs):
        if len(pairs) > 1:
            raise OptionError(
                "the models are equivalent: they imply the same moments, and no data can tell them "
                "apart."
            )
        raise OptionError(
            "one model is a special case of the other. Test the restriction by `compare`."
        )


def _by_unit(values: Array, fit: Fit) -> Array:
    """Values of rows (n, ...) of all groups, or their sums within clusters."""
    clusters = fit.moments.clusters
    if clusters is None:
        return values
    column = values[:, None] if values.ndim == 1 else values
    sums = sums_by_cluster(column, np.concatenate(clusters))
    return sums[:, 0] if values.ndim == 1 else sums


def _weights(fit_a: Fit, fit_b: Fit) -> Array:
    """Squared eigenvalues of Vuong's W, over the free directions of both models.

    With J the products of the joint scores and Q = bdiag(A_a^-1, -A_b^-1), W has the eigenvalues of
    J^1/2 Q J^1/2, which is symmetric.
    """
    scores, inverses = [], []
    for fit in (fit_a, fit_b):
        rows, bread = _scores_and_inverse(fit)
        scores.append(_by_unit(rows, fit))
        # The information of a unit: a cluster counts as many rows as it has on average.
        inverses.append(bread * len(scores[-1]) / fit.n_obs)
    joint = np.hstack(scores)
    values, vectors = np.linalg.eigh(joint.T @ joint / len(joint))
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    k = len(inverses[0])
    difference = root[:k].T @ inverses[0] @ root[:k] - root[k:].T @ inverses[1] @ root[k:]
    return np.asarray(np.linalg.eigvalsh(difference) ** 2)


def _scores_and_inverse(fit: Fit) -> tuple[Array, Array]:
    """Scores of rows (n, k) over the free directions, and the inverse information of a row.

    Without a mean structure the means are estimated all the same, by those of the sample; with them
    among the parameters the answer is that of the model with free means.
    """
    point, discrepancy = fit.point, fit.problem.discrepancy
    assert isinstance(discrepancy, Likelihood)
    scores = np.vstack(discrepancy.scores(point.implied, point.derivatives)) @ point.basis
    bread = inverse(point.basis.T @ point.hessian @ point.basis / 2)
    if bread is None:
        raise OptionError(
            "the observed information of a model is singular at its estimates, so that the test of "
            "distinguishability is not defined. Look at its notes."
        )
    if fit.model.table.meanstructure:
        return scores, bread
    # Several groups always have means.
    assert fit.moments.rows is not None
    (rows,), (moments,) = fit.moments.rows, model_moments(fit)
    assert moments.mu is not None
    means = np.linalg.solve(moments.sigma, (rows - moments.mu).T).T
    k = len(bread)
    whole = np.zeros((k + len(moments.sigma),) * 2)
    whole[:k, :k], whole[k:, k:] = bread, moments.sigma
    return np.hstack([scores, means]), whole
