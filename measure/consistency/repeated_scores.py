"""How well does a score repeat? Test-retest reliability and error of measurement."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import complete_rows, numeric_items
from measure.display import render_html, render_text
from measure.distributions import normal_quantile
from measure.levels.classical import intraclass

Array = NDArray[np.float64]

# pingouin gives intervals of intraclass correlations of this level.
LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class Retest:
    """How a score repeats over occasions without a real change between them.

    Attributes
    ----------
    table
        One row a quantity: `coefficient est ci.lower ci.upper`; see `retest`.
    means
        One row an occasion: `occasion mean sd`.
    n_obs, n_dropped, n_occasions
        Respondents with a score on each occasion, left out, and occasions.
    notes
        What the reader has to know.
    """

    table: pd.DataFrame
    means: pd.DataFrame
    n_obs: int
    n_dropped: int
    n_occasions: int
    notes: tuple[str, ...]

    def __getitem__(self, coefficient: str) -> float:
        """Value of a quantity."""
        found = self.table.loc[self.table["coefficient"] == coefficient, "est"].to_numpy()
        if len(found) != 1:
            raise KeyError(coefficient)
        return float(found[0])

    def _report(self) -> tuple[str, dict[str, object], dict[str, pd.DataFrame]]:
        facts: dict[str, object] = {
            "occasions": self.n_occasions,
            "respondents used": self.n_obs,
            "left out": self.n_dropped,
        }
        facts |= {f"note {k}": note for k, note in enumerate(self.notes, start=1)}
        return "Test-retest", facts, {"Estimates": self.table, "Occasions": self.means}

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def retest(scores: pd.DataFrame) -> Retest:
    """Test-retest reliability of a score, its standard error, and the smallest detectable change.

    Parameters
    ----------
    scores
        The score on each occasion, one row a respondent, one column an occasion in their order;
        rows with a missing score are left out.

    Returns
    -------
    Retest
        With 95 % intervals, MS the mean squares of respondents (MSR), occasions (MSC) and their
        interaction (MSE), n respondents and k occasions:

        - `icc.agreement`, `icc.consistency`: ICC(A,1) and ICC(C,1), with and without differences of
          occasions as error (McGraw & Wong 1996; see `intraclass`);
        - `sem.agreement`: ((MSC + (n - 1) MSE)/n)^(1/2), `sem.consistency`: MSE^(1/2), standard
          errors of measurement of one score (de Vet et al. 2006). Intervals from chi-square, of the
          former with the degrees of freedom of Satterthwaite (1946);
        - `sdc.agreement`, `sdc.consistency`: 1.96 2^(1/2) times these, the smallest change of one
          person that is more than error in 95 % of unchanged persons;
        - `sdc.group`: `sdc.consistency` / n^(1/2), of the mean of as many persons;
        - with two occasions `change`, the mean difference, later less earlier, with the t interval,
          `sd.change`, and `limits.lower`, `limits.upper`: change -+ 1.96 sd, between which 95 % of
          differences lie where they are normal (Bland & Altman 1999).

    Raises
    ------
    DataError
        Fewer than two occasions or three respondents, or scores that cannot be analysed.

    References
    ----------
    Bland, J. M., & Altman, D. G. (1999). Measuring agreement in method comparison studies.
    Statistical Methods in Medical Research, 8, 135-160.
    De Vet, H. C. W., Terwee, C. B., Knol, D. L., & Bouter, L. M. (2006). When to use agreement
    versus reliability measures. Journal of Clinical Epidemiology, 59, 1033-1039.
    Satterthwaite, F. E. (1946). An approximate distribution of estimates of variance components.
    Biometrics Bulletin, 2, 110-114.
    """
    numbers = numeric_items(scores, minimum_items=2)
    complete = complete_rows(numbers, minimum_rows=3)
    forms = intraclass(complete).set_index("form")
    X = complete.to_numpy()
    rows: list[tuple[str, float, float, float]] = []
    for name, form in (("icc.agreement", "ICC(2,1)"), ("icc.consistency", "ICC(3,1)")):
        own = forms.loc[form, ["icc", "ci.lower", "ci.upper"]].to_numpy(dtype=float)
        rows.append((name, float(own[0]), float(own[1]), float(own[2])))
    errors = _errors(X)
    rows += [(f"sem.{name}", *values) for name, values in errors.items()]
    factor = float(normal_quantile((1 + LEVEL) / 2)) * np.sqrt(2)
    rows += [(f"sdc.{name}", *(factor * v for v in values)) for name, values in errors.items()]
    of_group = (factor * v / np.sqrt(len(X)) for v in errors["consistency"])
    rows.append(("sdc.group", *of_group))
    if X.shape[1] == 2:
        rows += _change(X)
    notes = []
    if X.shape[1] == 2:
        notes.append(
            "With two occasions the difference between occasions has one degree of freedom: the "
            "interval of sem.agreement is wide where the means differ."
        )
    return Retest(
        table=pd.DataFrame(rows, columns=["coefficient", "est", "ci.lower", "ci.upper"]),
        means=pd.DataFrame(
            {
                "occasion": list(complete.columns),
                "mean": X.mean(axis=0),
                "sd": X.std(axis=0, ddof=1),
            }
        ),
        n_obs=len(X),
        n_dropped=len(numbers) - len(X),
        n_occasions=X.shape[1],
        notes=tuple(notes),
    )


def _errors(X: Array) -> dict[str, tuple[float, float, float]]:
    """Standard errors of measurement with their intervals."""
    n, k = X.shape
    by_occasion = X.mean(axis=0)
    left = X - X.mean(axis=1, keepdims=True) - by_occasion + X.mean()
    mse = float((left**2).sum()) / ((n - 1) * (k - 1))
    msc = n * float(by_occasion.var(ddof=1))
    df = (n - 1) * (k - 1)
    across, rest = msc / n, (n - 1) * mse / n
    df_all = (across + rest) ** 2 / (across**2 / (k - 1) + rest**2 / df)
    return {
        "agreement": _root_interval(across + rest, df_all),
        "consistency": _root_interval(mse, df),
    }


def _root_interval(variance: float, df: float) -> tuple[float, float, float]:
    """Root of a variance that follows chi-square with `df`, and its interval."""
    from scipy.stats import chi2

    tails = np.asarray(chi2.ppf([(1 + LEVEL) / 2, (1 - LEVEL) / 2], df))
    # A chi-square of nearly 0 degrees of freedom has a quantile of 0.
    lower, upper = np.sqrt(df * variance / np.maximum(tails, 1e-300))
    return float(np.sqrt(variance)), float(lower), float(upper)


def _change(X: Array) -> list[tuple[str, float, float, float]]:
    """Mean change, its spread, and the limits of agreement, of two occasions."""
    from scipy.stats import t

    n = len(X)
    d = X[:, 1] - X[:, 0]
    mean, (sd, low, high) = float(d.mean()), _root_interval(float(d.var(ddof=1)), n - 1)
    reach = float(t.ppf((1 + LEVEL) / 2, n - 1))
    z = float(normal_quantile((1 + LEVEL) / 2))
    # Bland & Altman (1999), section 3.3: variance of a limit s^2 (1/n + z^2/(2 (n - 1))).
    of_limit = reach * sd * np.sqrt(1 / n + z**2 / (2 * (n - 1)))
    ends = {"limits.lower": mean - z * sd, "limits.upper": mean + z * sd}
    half = reach * sd / np.sqrt(n)
    return [
        ("change", mean, mean - half, mean + half),
        ("sd.change", sd, low, high),
        *((name, end, end - of_limit, end + of_limit) for name, end in ends.items()),
    ]
