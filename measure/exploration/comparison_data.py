"""How many factors? Comparison data (Ruscio & Roche 2012).

For 1, 2, ... factors a population is made that has the items' distributions, and their
correlations as far as so many factors can give them. Samples of the size of the data are drawn from
it, and their eigenvalues compared with those of the data. A further factor is kept while it brings
the eigenvalues nearer by a rank-sum test.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.exploration.factor_sequence import Verdict, bounded
from measure.exploration.score_transforms import ScoreTransforms
from measure.model import vech_places
from measure.rotating.extraction import extract

Array = NDArray[np.float64]

# Rows of a population, samples from it, and level of the rank-sum test, as Ruscio & Roche advise.
POPULATION = 10_000
SAMPLES = 500
LEVEL = 0.30
# Halvings of the step in a row that bring nothing, after which the search for the normal
# correlations ends (Ruscio & Kaczetow 2008), and the least gain that counts.
TRIALS = 5
GAIN = 1e-5
# Rows of the population whose products are held at once.
ROWS_AT_ONCE = 2500


def comparison_data(
    answers: Array, most: int, rng: np.random.Generator
) -> tuple[pd.DataFrame, Verdict]:
    """Compare the eigenvalues of the answers with those of data from 1, 2, ... factors.

    Parameters
    ----------
    answers
        (n_obs, n_items), none missing.
    most
        Largest number of factors to try.
    rng
        Source of the randomness.

    Returns
    -------
    tuple
        A table with one row a number of factors that was tried: `rmsr` (mean over samples of the
        root mean square difference of their eigenvalues from those of the data), `rmsr.cor` (root
        mean square difference of the population's correlations from those of the data) and `pvalue`
        (of no gain over one factor fewer; NaN for one factor). And the last number that brought the
        eigenvalues nearer, NaN where the largest that was tried did.

    Notes
    -----
    The loadings on normal values that reproduce the correlations are found as by Ruscio & Kaczetow
    (2008), steps 4 to 12, but with the exact correlations of the scores (see
    `measure.exploration.score_transforms`) in place of those of one random data set, and with
    normal values that are exactly uncorrelated in the population, so that nothing in it is left to
    chance but higher moments. Correlations are Pearson's: as the comparison data are cut into the
    same categories, these are compared like with like. One factor is the least that can be found.
    """
    n_obs, n_items = answers.shape
    transforms = ScoreTransforms.of(answers)
    R = np.asarray(np.corrcoef(answers, rowvar=False))
    observed = np.linalg.eigvalsh(R)
    # The normal values of one population are those of the next, with a factor more.
    values = _uncorrelated(rng.standard_normal((POPULATION, n_items + most))).T
    rows: list[tuple[float, float, float]] = []
    before: Array | None = None
    verdict = Verdict(float("nan"), f"{most} factors, the most that were tried, still gain")
    for n_factors in range(1, most + 1):
        loadings = normal_loadings(R, transforms, n_factors)
        unique = np.sqrt(1.0 - (loadings**2).sum(axis=1))
        common = loadings @ values[n_items : n_items + n_factors]
        population = transforms.scores(common + unique[:, None] * values[:n_items])
        eigenvalues = np.linalg.eigvalsh(_samples(population, n_obs, rng))
        distance = np.sqrt(((eigenvalues - observed) ** 2).mean(axis=1))
        reached = np.asarray(np.corrcoef(population))
        pvalue = float("nan") if before is None else _rank_sum(distance, before)
        rows.append((float(distance.mean()), _off_diagonal(R - reached), pvalue))
        if before is not None and not pvalue < LEVEL:
            verdict = Verdict(n_factors - 1.0)
            break
        before = distance
    index = pd.RangeIndex(1, len(rows) + 1, name="n_factors")
    columns = ["rmsr", "rmsr.cor", "pvalue"]
    return pd.DataFrame(rows, columns=columns, index=index, dtype=float), verdict


def normal_loadings(R: Array, transforms: ScoreTransforms, n_factors: int) -> Array:
    """Loadings of normal values whose scores correlate as nearly as possible as in R.

    Parameters
    ----------
    R
        Correlations of the scores, (n_items, n_items).
    transforms
        From normal values to scores.
    n_factors
        Number of factors.

    Returns
    -------
    Array
        (n_items, n_factors), communalities below 1.
    """
    wanted, best, stalled = R, float("inf"), 0
    best_wanted, residual, loadings = R, np.zeros_like(R), np.zeros((len(R), n_factors))
    while stalled < TRIALS:
        tried = bounded(extract(wanted, n_factors, "minres").loadings)
        implied = tried @ tried.T
        np.fill_diagonal(implied, 1.0)
        left = R - transforms.correlations(implied)
        size = _off_diagonal(left)
        if size < best - GAIN:
            best, best_wanted, residual, loadings, stalled = size, wanted, left, tried, 0
        else:
            stalled += 1
        wanted = best_wanted + 0.5**stalled * residual
    return loadings


def _uncorrelated(values: Array) -> Array:
    """Columns that are exactly standardised and uncorrelated."""
    orthogonal, upper = np.linalg.qr(values - values.mean(axis=0))
    return np.asarray(orthogonal * np.sign(np.diag(upper)) * np.sqrt(len(values)))


def _samples(population: Array, n_obs: int, rng: np.random.Generator) -> Array:
    """Correlation matrices of samples drawn with replacement, (SAMPLES, n_items, n_items)."""
    n_items, n_rows = population.shape
    times = np.empty((SAMPLES, n_rows), dtype=np.float32)
    for sample in times:
        sample[:] = np.bincount(rng.integers(0, n_rows, n_obs), minlength=n_rows)
    a, b = vech_places(n_items)
    middle, spread = population.mean(axis=1), population.std(axis=1)
    # Six digits of a correlation are enough here, and take half the time.
    standardised = ((population - middle[:, None]) / spread[:, None]).astype(np.float32)
    first, second = np.zeros((SAMPLES, n_items)), np.zeros((SAMPLES, len(a)))
    for start in range(0, n_rows, ROWS_AT_ONCE):
        part = standardised[:, start : start + ROWS_AT_ONCE]
        own = times[:, start : start + ROWS_AT_ONCE]
        first += own @ part.T
        second += own @ (part[a] * part[b]).T
    covariances = np.empty((SAMPLES, n_items, n_items))
    covariances[:, a, b] = second / n_obs - first[:, a] * first[:, b] / n_obs**2
    covariances[:, b, a] = covariances[:, a, b]
    deviations = np.sqrt(np.diagonal(covariances, axis1=1, axis2=2))
    return np.asarray(covariances / (deviations[:, :, None] * deviations[:, None, :]))


def _rank_sum(distance: Array, before: Array) -> float:
    """P-value of distances that are no smaller than before (Mann & Whitney 1947)."""
    from scipy.stats import mannwhitneyu

    return float(mannwhitneyu(distance, before, alternative="less", method="asymptotic").pvalue)


def _off_diagonal(matrix: Array) -> float:
    """Root mean square of the elements below the diagonal."""
    return float(np.sqrt((matrix[np.tril_indices(len(matrix), -1)] ** 2).mean()))
