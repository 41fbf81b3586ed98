"""How do items measure along the scale? The graded response model, through mirt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import mirt
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from measure.checks import confidence, numeric_items
from measure.display import render_html, render_text
from measure.errors import ConvergenceError, DataError
from measure.moments.ordinal.codes import MOST_CATEGORIES

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

# With 61 points and this tolerance, log-likelihoods agree with those of 121 points to 1e-5.
POINTS, TOLERANCE, ITERATIONS = 61, 1e-6, 2000
LOGISTIC_TO_NORMAL = 1.702
"""Logistic discriminations over this are those of the normal ogive, to within .01 of the curve
(Haley 1952; Lord & Novick 1968, p. 399)."""
STEEP = 6.0
"""A discrimination above this is a loading above .96: two items that say the same, or a Heywood
case in the words of factor analysis."""


@dataclass(frozen=True, eq=False)
class GradedResponse:
    """A graded response model of one factor.

    Attributes
    ----------
    items
        One row an item: `discrimination se ci.lower ci.upper loading n n_categories`. `loading` is
        the standardised loading of the factor model that the discrimination stands for,
        (a / 1.702) / √(1 + (a / 1.702)²) (Takane & de Leeuw 1987).
    thresholds
        One row a threshold: `item threshold category b se ci.lower ci.upper`; at ability `b`, half
        of the respondents answer `category` or higher.
    logl, aic, bic
        Of the marginal likelihood.
    n_obs, n_dropped
        Respondents with at least one answer, and those without any.
    confidence_level
        Of the intervals.
    converged, notes
        Whether the search ended at a maximum, and what the reader has to know.

    Notes
    -----
    Ability is standard normal. The rows of `items` and everything that follows from the model are
    in the order of the columns of the data.
    """

    items: pd.DataFrame
    thresholds: pd.DataFrame
    logl: float
    aic: float
    bic: float
    n_obs: int
    n_dropped: int
    confidence_level: float
    converged: bool
    notes: tuple[str, ...]
    _result: Any
    _codes: Mapping[str, tuple[float, ...]]

    @cached_property
    def marginal_reliability(self) -> float:
        """Share of the ability's variance that the answers tell, on average over the normal.

        The mean of I / (I + 1) over the standard normal, I being the information of the test at an
        ability (Green, Bock, Humphreys, Linn & Reckase 1984, with errors of variance 1 / (I + 1)).
        """
        return float(mirt.marginal_rxx(self._result))

    @cached_property
    def average_information(self) -> "pd.Series[float]":
        """Mean of each item's information over the abilities of the standard normal; by item."""
        at = np.linspace(-6, 6, 121)
        weights = stats.norm.pdf(at) / stats.norm.pdf(at).sum()
        table = self.information(at)[list(self.items.index)]
        return pd.Series(weights @ table.to_numpy(), index=self.items.index, name="information")

    def information(self, ability: Sequence[float] | Array | None = None) -> pd.DataFrame:
        """Fisher information about ability.

        Parameters
        ----------
        ability
            Where; by default -4 to 4 in steps of 0.1.

        Returns
        -------
        pandas.DataFrame
            One row an ability, one column an item, then `test` (their sum) and `se` = 1/√test, the
            standard error of a maximum likelihood estimate there (Samejima 1969).
        """
        at = np.linspace(-4, 4, 81) if ability is None else np.asarray(ability, dtype=float)
        values = np.asarray(mirt.iteminfo(self._result.model, at), dtype=float)
        table = pd.DataFrame(values, index=pd.Index(at, name="ability"), columns=self.items.index)
        table["test"] = values.sum(axis=1)
        table["se"] = 1 / np.sqrt(table["test"])
        return table

    def _tables(self) -> dict[str, pd.DataFrame]:
        wide = self.thresholds.pivot(index="item", columns="threshold", values="b")
        wide = wide.reindex(self.items.index).add_prefix("b")
        return {"Items": self.items.join(wide)}

    def _facts(self) -> dict[str, object]:
        facts: dict[str, object] = {
            "respondents used": self.n_obs,
            "left out (no answer)": self.n_dropped,
            "log-likelihood": self.logl,
            "marginal reliability": self.marginal_reliability,
        }
        return facts | {f"note {i}": note for i, note in enumerate(self.notes, start=1)}

    def __repr__(self) -> str:
        return render_text("Graded response model", self._facts(), self._tables())

    def _repr_html_(self) -> str:
        return render_html("Graded response model", self._facts(), self._tables())


def graded_response(items: pd.DataFrame, *, confidence_level: float = 0.95) -> GradedResponse:
    """Graded response model of the items of one scale, by marginal maximum likelihood.

    Parameters
    ----------
    items
        (n_obs, n_items) answers in up to 12 ordered categories, already reverse-keyed where they
        should be; NaN where an answer is missing. Respondents use the answers they gave, which
        assumes that what is missing does not depend on the ability beyond the answers given.
    confidence_level
        Of the intervals of discriminations and thresholds.

    Returns
    -------
    GradedResponse

    Raises
    ------
    DataError
        Fewer than three items, an item that is constant, has more than 12 categories or turns
        the wrong way, or two items with the same answers.
    ConvergenceError
        The search did not end at a maximum.
    OptionError
        `confidence_level` outside 0 to 1.

    Notes
    -----
    P(x ≥ k | θ) = 1 / (1 + exp(-a(θ - b_k))) (Samejima 1969). Standard errors are from the observed
    information of the marginal likelihood (Oakes 1999) and take respondents as independent.
    """
    confidence(confidence_level)
    numbers = numeric_items(items, minimum_items=3, minimum_rows=3)
    answered = numbers.notna().any(axis=1)
    used = numbers[answered]
    codes = {str(name): _categories(str(name), used[name]) for name in used.columns}
    _refuse_copies(used)
    _refuse_turned(used)
    coded = _coded(used, codes)
    result = mirt.fit_mirt(
        coded,
        model="GRM",
        n_categories=[len(found) for found in codes.values()],
        n_quadpts=POINTS,
        tol=TOLERANCE,
        max_iter=ITERATIONS,
        item_names=list(codes),
    )
    z = stats.norm.ppf((1 + confidence_level) / 2)
    table = _item_table(result, used, codes, z)
    model = GradedResponse(
        items=table,
        thresholds=_threshold_table(result, codes, z),
        logl=float(result.log_likelihood),
        aic=float(result.aic),
        bic=float(result.bic),
        n_obs=len(used),
        n_dropped=int((~answered).sum()),
        confidence_level=confidence_level,
        converged=bool(result.converged),
        notes=_notes(table, used),
        _result=result,
        _codes=codes,
    )
    if not model.converged:
        raise ConvergenceError(
            f"the graded response model of {len(codes)} items found no maximum in {ITERATIONS} "
            "steps. Leave out items that hardly go with the others, or join rare categories.",
            model,
        )
    return model


def ability_scores(model: GradedResponse, data: pd.DataFrame) -> pd.DataFrame:
    """Expected a posteriori scores of ability, with their standard errors.

    Parameters
    ----------
    model
        A fitted model.
    data
        One row a respondent, with a column for each item of the model.

    Returns
    -------
    pandas.DataFrame
        Index of `data`; `score` and `se`, the mean and standard deviation of the posterior under
        the standard normal (Bock & Mislevy 1982); NaN without any answer.

    Raises
    ------
    DataError
        An item is missing, or holds an answer that the model has not seen.
    """
    coded, answered = _coded_for(model, data)
    table = pd.DataFrame(np.nan, index=data.index, columns=["score", "se"])
    if answered.any():
        found = mirt.fscores(model._result, coded[answered], method="EAP", n_quadpts=POINTS)
        table.loc[answered, "score"] = np.asarray(found.theta, dtype=float).reshape(-1)
        table.loc[answered, "se"] = np.asarray(found.standard_error, dtype=float).reshape(-1)
    return table


def item_fit(model: GradedResponse, data: pd.DataFrame) -> pd.DataFrame:
    """S-X² of each item: whether its answers go with the sum score as the model says.

    Parameters
    ----------
    model, data
        As for `ability_scores`. Respondents with an answer to every item are used.

    Returns
    -------
    pandas.DataFrame
        One row an item: `S_X2 df pvalue pvalue.holm rmsea n`; cells expected under 1 are joined
        with their neighbours. `pvalue.holm` is corrected for the number of items.

    Raises
    ------
    DataError
        As `ability_scores`; no respondent answered every item.

    References
    ----------
    Orlando & Thissen (2000, 2003); Kang & Chen (2008) for several categories.
    """
    coded, _ = _coded_for(model, data)
    complete = coded[(coded >= 0).all(axis=1)]
    if len(complete) < 2:
        raise DataError("fewer than two respondents answered every item, which S-X² needs.")
    found = mirt.itemfit(
        model._result, complete, statistics=["S_X2"], p_adjust="holm", n_quadpts=POINTS
    )
    chisq, df = found["S_X2"].to_numpy(float), found["df"].to_numpy(float)
    n = len(complete)
    return pd.DataFrame(
        {
            "S_X2": chisq,
            "df": df,
            "pvalue": found["p_value"].to_numpy(float),
            "pvalue.holm": found["p_value_adjusted"].to_numpy(float),
            "rmsea": np.sqrt(np.maximum(chisq - df, 0) / (df * (n - 1))),
            "n": n,
        },
        index=model.items.index,
    )


def local_dependence(
    model: GradedResponse, data: pd.DataFrame, *, scores: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Yen's Q3 of each pair of items: what they share beyond the ability.

    Parameters
    ----------
    model, data
        As for `ability_scores`.
    scores
        What `ability_scores` gives for them, where that is known; computed here by default.

    Returns
    -------
    pandas.DataFrame
        One row a pair, the highest first: `item1 item2 q3 q3_star n`. `q3` correlates the
        standardised residuals at the EAP abilities of the respondents who answered both (Yen 1984);
        it is about -1/(items - 1) where nothing is shared, so `q3_star` is q3 less the mean of all
        pairs (Christensen, Makransky & Horton 2017).

    Raises
    ------
    DataError
        As `ability_scores`.
    """
    coded, answered = _coded_for(model, data)
    values = coded[answered].to_numpy(float)
    scores = ability_scores(model, data) if scores is None else scores
    ability = scores["score"].to_numpy()[answered]
    expected, variance = _expectations(model, ability)
    residuals = np.where(values >= 0, (values - expected) / np.sqrt(variance), np.nan)
    correlations = pd.DataFrame(residuals).corr(min_periods=3).to_numpy()
    rows, columns = np.triu_indices(values.shape[1], 1)
    both = (values >= 0).astype(float)
    names = model.items.index
    table = pd.DataFrame(
        {
            "item1": names[rows],
            "item2": names[columns],
            "q3": correlations[rows, columns],
            "n": (both.T @ both)[rows, columns].astype(int),
        }
    )
    table.insert(3, "q3_star", table["q3"] - table["q3"].mean())
    return table.sort_values("q3", ascending=False, ignore_index=True)


def person_fit(
    model: GradedResponse, data: pd.DataFrame, *, scores: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Lz of each respondent: how likely the answers are, given the ability they point to.

    Parameters
    ----------
    model, data, scores
        As for `local_dependence`.

    Returns
    -------
    pandas.DataFrame
        Index of `data`; `lz`, the log-likelihood of the answers at the EAP ability, less its mean
        and over its standard deviation there (Drasgow, Levine & Williams 1985), and `n_answered`.
        Low values are unlikely patterns. With estimated abilities and few items it varies less than
        a standard normal (Snijders 2001), so that -1.645 flags fewer than 5 % of those who answer
        by the model. NaN without any answer.

    Raises
    ------
    DataError
        As `ability_scores`.
    """
    coded, answered = _coded_for(model, data)
    table = pd.DataFrame({"lz": np.nan, "n_answered": (coded >= 0).sum(axis=1)}, index=data.index)
    if answered.any():
        scores = ability_scores(model, data) if scores is None else scores
        ability = scores["score"].to_numpy()[answered]
        found = mirt.personfit(
            model._result, coded[answered], theta=ability.reshape(-1, 1), statistics=["lz"]
        )
        table.loc[answered, "lz"] = found["lz"].to_numpy(float)
    return table


def _expectations(model: GradedResponse, ability: Array) -> tuple[Array, Array]:
    """Mean and variance of the category number at each ability, (n, n_items)."""
    shares = np.asarray(mirt.probtrace(model._result.model, ability), dtype=float)
    numbers = np.arange(shares.shape[-1])
    mean = np.nansum(shares * numbers, axis=-1)
    return mean, np.nansum(shares * numbers**2, axis=-1) - mean**2


def _categories(name: str, answers: "pd.Series[float]") -> tuple[float, ...]:
    found = tuple(float(value) for value in np.sort(answers.dropna().unique()))
    if len(found) > MOST_CATEGORIES:
        raise DataError(
            f'item "{name}" has {len(found)} different answers; a graded response model takes up '
            f"to {MOST_CATEGORIES} ordered categories. Use a factor model of continuous items."
        )
    return found


def _coded(numbers: pd.DataFrame, codes: Mapping[str, tuple[float, ...]]) -> pd.DataFrame:
    """Category numbers from 0, -1 where an answer is missing.

    Raises
    ------
    DataError
        An answer is none of the categories.
    """
    answers = numbers[list(codes)].to_numpy(dtype=float)
    coded = np.empty(answers.shape, dtype=np.intp)
    for k, (name, found) in enumerate(codes.items()):
        own, categories = answers[:, k], np.array(found)
        places = np.minimum(np.searchsorted(categories, own), len(categories) - 1)
        missing = np.isnan(own)
        unseen = own[~missing & (categories[places] != own)]
        if len(unseen):
            raise DataError(
                f'item "{name}" holds {unseen.min():g}, which nobody answered in the data of the '
                "model. Fit the model to data with all categories."
            )
        coded[:, k] = np.where(missing, -1, places)
    return pd.DataFrame(coded, index=numbers.index, columns=list(codes))


def _coded_for(model: GradedResponse, data: pd.DataFrame) -> tuple[pd.DataFrame, Flags]:
    """Category numbers of the model's items, and who answered any."""
    lacking = [name for name in model._codes if name not in data.columns]
    if lacking:
        raise DataError(f"the data lack the items {', '.join(lacking)} of the model.")
    coded = _coded(data, model._codes)
    return coded, np.asarray((coded.to_numpy() >= 0).any(axis=1))


def _refuse_copies(numbers: pd.DataFrame) -> None:
    correlations = numbers.corr().to_numpy()
    rows, columns = np.triu_indices(len(correlations), 1)
    same = correlations[rows, columns] > 1 - 1e-10
    if same.any():
        first, second = (numbers.columns[k[same.argmax()]] for k in (rows, columns))
        raise DataError(
            f'items "{first}" and "{second}" hold the same answers; leave one of them out.'
        )


def _refuse_turned(numbers: pd.DataFrame) -> None:
    """Refuse an item that goes against the others: mirt would give it a discrimination of 0."""
    answers = numbers.to_numpy()
    standard = (answers - np.nanmean(answers, axis=0)) / np.nanstd(answers, axis=0, ddof=1)
    there, filled = ~np.isnan(standard), np.nan_to_num(standard)
    others, counts = filled.sum(axis=1)[:, None] - filled, there.sum(axis=1)[:, None] - there
    turned = []
    for k, name in enumerate(numbers.columns):
        both = there[:, k] & (counts[:, k] > 0)
        rest = others[both, k] / counts[both, k]
        if (standard[both, k] - standard[both, k].mean()) @ (rest - rest.mean()) < 0:
            turned.append(str(name))
    if turned:
        raise DataError(
            f"the items {', '.join(turned)} go down where the others go up. "
            "Reverse their answers first, or leave them out."
        )


def _item_table(
    result: Any, used: pd.DataFrame, codes: Mapping[str, tuple[float, ...]], z: float
) -> pd.DataFrame:
    a = np.asarray(result.model.parameters["discrimination"], dtype=float)
    se = np.asarray(result.standard_errors["discrimination"], dtype=float)
    normal = a / LOGISTIC_TO_NORMAL
    return pd.DataFrame(
        {
            "discrimination": a,
            "se": se,
            "ci.lower": a - z * se,
            "ci.upper": a + z * se,
            "loading": normal / np.sqrt(1 + normal**2),
            "n": used.notna().sum().to_numpy(),
            "n_categories": [len(found) for found in codes.values()],
        },
        index=pd.Index(list(codes), name="item"),
    )


def _threshold_table(result: Any, codes: Mapping[str, tuple[float, ...]], z: float) -> pd.DataFrame:
    values = np.asarray(result.model.parameters["thresholds"], dtype=float)
    errors = np.asarray(result.standard_errors["thresholds"], dtype=float)
    rows = [
        (name, k, found[k], values[j, k - 1], errors[j, k - 1])
        for j, (name, found) in enumerate(codes.items())
        for k in range(1, len(found))
    ]
    table = pd.DataFrame(rows, columns=["item", "threshold", "category", "b", "se"])
    table["ci.lower"] = table["b"] - z * table["se"]
    table["ci.upper"] = table["b"] + z * table["se"]
    return table


def _notes(table: pd.DataFrame, used: pd.DataFrame) -> tuple[str, ...]:
    notes = ["Standard errors take respondents as independent."]
    incomplete = int(used.isna().any(axis=1).sum())
    if incomplete:
        notes.append(
            f"{incomplete} respondents lack an answer to some items and are used with those given."
        )
    steep = list(table.index[table["discrimination"] > STEEP])
    if steep:
        notes.append(
            f"The discrimination of {', '.join(steep)} is above {STEEP:g}: look for items that say "
            "the same."
        )
    return tuple(notes)
