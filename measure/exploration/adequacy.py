"""Do the items share enough for a factor analysis? Kaiser–Meyer–Olkin and Bartlett."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from measure.display import render_html, render_text
from measure.exploration.correlating import Kind, correlations_of

NO_BARTLETT = (
    "Bartlett's test of sphericity is left out: it supposes correlations of normal answers, and "
    "polychoric correlations vary more from sample to sample."
)


@dataclass(frozen=True, eq=False)
class SamplingAdequacy:
    """Sampling adequacy of a set of items.

    Attributes
    ----------
    kmo
        Kaiser–Meyer–Olkin measure over all items, 0 to 1.
    kmo_items
        The same for each item.
    bartlett_chisq, df, pvalue
        Bartlett's test of sphericity: are all correlations zero? NaN for polychoric correlations,
        which vary more than it supposes.
    smc
        Squared multiple correlation of each item with all others.
    anti_image
        Anti-image covariances, items × items.
    determinant
        Determinant of the correlation matrix.
    n_obs, n_items, n_dropped
        Rows used, items, rows left out because an answer is missing.
    correlation
        As asked for.
    notes
        What the reader has to know.
    """

    kmo: float
    kmo_items: pd.Series
    bartlett_chisq: float
    df: int
    pvalue: float
    smc: pd.Series
    anti_image: pd.DataFrame
    determinant: float
    n_obs: int
    n_items: int
    n_dropped: int
    correlation: str
    notes: tuple[str, ...]

    @property
    def table(self) -> pd.DataFrame:
        """One row an item: `kmo smc`."""
        return pd.DataFrame({"kmo": self.kmo_items, "smc": self.smc})

    def _facts(self) -> dict[str, object]:
        facts: dict[str, object] = {
            "correlations": self.correlation,
            "KMO": self.kmo,
            "Bartlett chi-square": self.bartlett_chisq,
            "df": self.df,
            "p": self.pvalue,
            "respondents used": self.n_obs,
            "left out (missing answers)": self.n_dropped,
        }
        return facts | {f"note {number}": note for number, note in enumerate(self.notes, start=1)}

    def __repr__(self) -> str:
        return render_text("Sampling adequacy", self._facts(), {"Items": self.table})

    def _repr_html_(self) -> str:
        return render_html("Sampling adequacy", self._facts(), {"Items": self.table})


def sampling_adequacy(
    data: pd.DataFrame,
    *,
    correlation: str = "pearson",
    ordered: bool | Sequence[str] = True,
    empty_cells: str = "2x2",
    smooth: str = "none",
    n_obs: int | None = None,
) -> SamplingAdequacy:
    """Kaiser–Meyer–Olkin measure and Bartlett's test of sphericity for a set of items.

    Parameters
    ----------
    data
        Items, one row a respondent; rows with a missing answer are left out. Or, with `n_obs`, a
        square correlation matrix.
    correlation
        `"pearson"` or `"polychoric"`; with `n_obs`, of which kind the matrix is.
    ordered, empty_cells, smooth
        With polychoric correlations: which items are ordered (True: all), what is done about empty
        cells, and `smooth="eigenvalues"` where the matrix is not positive definite, which is
        otherwise refused. See `measure.polychoric`.
    n_obs
        Number of respondents behind a correlation matrix.

    Returns
    -------
    SamplingAdequacy

    Raises
    ------
    DataError
        The items cannot be correlated, or their matrix is singular (see
        `measure.exploration.correlating.correlations_of`).
    OptionError
        An option is not known, or has no effect on Pearson correlations.

    References
    ----------
    Kaiser & Rice (1974), Little Jiffy, Mark IV (the measure of sampling adequacy).
    Bartlett (1950), Tests of significance in factor analysis.
    """
    kind = Kind(correlation, ordered, empty_cells, smooth)
    found = correlations_of(data, kind, n_obs=n_obs)
    names, R = found.matrix.columns, found.matrix.to_numpy()
    n_items = len(names)
    kmo_items, kmo = kaiser_meyer_olkin(R)
    inverse = np.linalg.inv(R)
    unique = 1.0 / np.diag(inverse)
    chisq, df, pvalue = bartlett_sphericity(R, found.n_obs)
    notes = found.notes
    if kind.is_polychoric:
        chisq = pvalue = np.nan
        notes = (*notes, NO_BARTLETT)
    return SamplingAdequacy(
        kmo=kmo,
        kmo_items=pd.Series(kmo_items, index=names, name="kmo"),
        bartlett_chisq=chisq,
        df=df,
        pvalue=pvalue,
        smc=pd.Series(1.0 - unique, index=names, name="smc"),
        anti_image=pd.DataFrame(unique[:, None] * inverse * unique, index=names, columns=names),
        determinant=float(np.linalg.det(R)),
        n_obs=found.n_obs,
        n_items=n_items,
        n_dropped=found.n_dropped,
        correlation=correlation,
        notes=notes,
    )


def bartlett_sphericity(R: np.ndarray, n_obs: int) -> tuple[float, int, float]:
    """Bartlett's chi-square that all correlations are zero, its degrees of freedom and p-value.

    Parameters
    ----------
    R
        Correlation matrix, `(n_items, n_items)`, positive definite.
    n_obs
        Number of respondents.

    Notes
    -----
    -(n - 1 - (2p + 5)/6) ln|R| on p(p - 1)/2 degrees of freedom. The function of this name in
    factor_analyzer takes raw answers only, and its determinant underflows to 0 (chi-square
    infinite) when the items are many; the log-determinant does not.
    """
    from scipy.stats import chi2

    n_items = len(R)
    chisq = -(n_obs - 1 - (2 * n_items + 5) / 6) * float(np.linalg.slogdet(R)[1])
    df = n_items * (n_items - 1) // 2
    return chisq, df, float(chi2.sf(chisq, df))


def kaiser_meyer_olkin(R: np.ndarray) -> tuple[np.ndarray, float]:
    """Kaiser-Meyer-Olkin measure of each item and of all, from correlations.

    Parameters
    ----------
    R
        Correlation matrix, `(n_items, n_items)`, positive definite.
    """
    from factor_analyzer.factor_analyzer import calculate_kmo

    # factor_analyzer wants answers, not correlations; these have exactly the correlations R,
    # so that raw data and a given matrix take the same way.
    root = np.linalg.cholesky(R).T
    answers = np.vstack([root, -root]) * np.sqrt(len(R))
    with warnings.catch_warnings():
        # It announces a pseudo-inverse when the determinant is below 1e-7, as it often is with
        # many items. Singular matrices were refused before, so the pseudo-inverse is the inverse.
        warnings.filterwarnings("ignore", message="The inverse of the variance-covariance matrix")
        items, overall = calculate_kmo(answers)
    return np.asarray(items, dtype=float), float(overall)
