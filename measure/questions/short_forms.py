"""Short forms: the few items that stand best for a scale, and what asking only these loses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize

from measure.checks import complete_rows, numeric_items
from measure.display import render_html, render_text
from measure.errors import DataError, OptionError
from measure.rotating.extraction import extract

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

FEWEST, FEWEST_FULL = 2, 3
MOST_CANDIDATES = 50_000


@dataclass(frozen=True, eq=False)
class ShortForms:
    """Items proposed for a short form, and what the short form loses.

    Attributes
    ----------
    items
        One row an item: `scale item loading chosen folds`; the standardised loading in its scale,
        whether the item is proposed, and in what share of the folds it would have been.
    scales
        One row a scale: `n_items n_short omega omega_short omega_held omega_short_held loss
        loss.se r_full n_obs`. `omega` and `omega_short` are from all respondents, who also chose
        the items; the `_held` ones are means over the folds, each of respondents who did not.
        `loss` is the mean held-out difference and `loss.se` its standard error over folds.
        `r_full` correlates the held-out short form with the whole scale as if this were answered
        another time, so that their common items do not count twice (Levy 1967).
    validity
        One row a scale and criterion: `scale criterion r r_short loss loss.se n_obs`, held-out
        correlations of the whole and the short scale with the criterion.
    n_folds, n_obs
        Folds, and respondents with an answer to all items of at least one scale.
    notes
        What the reader has to know.
    """

    items: pd.DataFrame
    scales: pd.DataFrame
    validity: pd.DataFrame
    n_folds: int
    n_obs: int
    notes: tuple[str, ...]

    @property
    def chosen(self) -> dict[str, tuple[str, ...]]:
        """The proposed items by scale, in the order of the scales."""
        proposed = self.items[self.items["chosen"]]
        return {
            str(scale): tuple(rows["item"]) for scale, rows in proposed.groupby("scale", sort=False)
        }

    def _tables(self) -> dict[str, pd.DataFrame]:
        tables = {"Items": self.items, "Scales": self.scales}
        return tables if self.validity.empty else tables | {"Validity": self.validity}

    def _facts(self) -> dict[str, object]:
        facts: dict[str, object] = {"respondents": self.n_obs, "folds": self.n_folds}
        return facts | {f"note {i}": note for i, note in enumerate(self.notes, start=1)}

    def __repr__(self) -> str:
        return render_text("Short forms", self._facts(), self._tables())

    def _repr_html_(self) -> str:
        return render_html("Short forms", self._facts(), self._tables())


def short_forms(
    data: pd.DataFrame,
    scales: Mapping[str, Sequence[str]],
    *,
    n_items: int | Mapping[str, int] = 3,
    keep: Sequence[str] = (),
    content: Mapping[str, str] | None = None,
    at_least: Mapping[str, int] | None = None,
    criteria: Sequence[str] = (),
    cluster: str | None = None,
    n_folds: int = 5,
    seed: int | None = None,
) -> ShortForms:
    """Propose the items of a short form, and test on held-out respondents what it loses.

    Parameters
    ----------
    data
        One row a respondent: items (already reverse-keyed where they should be), criteria and the
        column of clusters.
    scales
        Items of each scale, at least three; a scale uses respondents who answered all its items.
    n_items
        How many items to keep of each scale, at least two.
    keep
        Items that the short form has in any case.
    content, at_least
        What each item is about, and how many items the short form shall have at least about it.
    criteria
        Columns whose correlations with the scales shall survive.
    cluster
        Column of clusters; a cluster is held out as a whole.
    n_folds, seed
        Folds, dealt at random.

    Returns
    -------
    ShortForms

    Raises
    ------
    DataError
        Items or criteria that cannot be analysed, a scale of fewer than three items, an item in
        two scales.
    OptionError
        Options that contradict each other or the scales, or that no choice of items fulfils.

    Notes
    -----
    Of all choices that fulfil the quotas, the one with the highest mean omega of its scales is
    proposed: (Σλ)² / ((Σλ)² + Σθ) over the chosen items, with loadings λ and error variances θ of
    one factor extracted by minres from the covariances of the whole scale. All choices within a
    scale are compared; quotas across scales make it an integer programme, which is solved exactly.
    The same is done in the training part of each fold, so that the held-out numbers are of the
    procedure and not of the luckiest items.
    """
    wanted = _wanted(data, scales, n_items, keep)
    quotas = _quotas(scales, content, at_least)
    folds = _deal(data, cluster, n_folds, np.random.default_rng(seed))
    chooser = _Chooser(scales, wanted, tuple(keep), quotas)
    answers = {name: _Answers.of(name, data, list(items)) for name, items in scales.items()}
    whole = {name: own.factor() for name, own in answers.items()}
    chosen = chooser.choose(whole)
    others = data[list(criteria)].to_numpy(dtype=float)
    held = [
        _held_out(answers, criteria, others, folds == k, chooser)
        for k in range(int(folds.max()) + 1)
    ]
    return ShortForms(
        items=_item_table(scales, whole, chosen, held),
        scales=_scale_table(scales, answers, whole, chosen, held),
        validity=_validity_table(scales, criteria, held),
        n_folds=n_folds,
        n_obs=len(set().union(*(own.rows for own in answers.values()))),
        notes=(
            "The choice rests on omega of sums of answers; whether the items still cover what the "
            "scale is about is for people who know the subject to judge.",
        ),
    )


@dataclass(frozen=True, eq=False)
class _Factor:
    """One factor of a scale: loadings and error variances in the units of the answers."""

    items: tuple[str, ...]
    loadings: Array
    errors: Array
    standard: Array

    def omega(self, chosen: Indices | None = None) -> float:
        """Reliability of the sum of some items, all by default."""
        use = np.arange(len(self.items)) if chosen is None else chosen
        common = float(self.loadings[use].sum()) ** 2
        return common / (common + float(self.errors[use].sum()))

    def correlation(self, chosen: Indices) -> float:
        """Correlation of the sum of some items with the sum of all, answered another time."""
        return float(np.sqrt(self.omega(chosen) * self.omega()))

    def places(self, names: Sequence[str]) -> Indices:
        return np.array([self.items.index(name) for name in names], dtype=np.intp)


@dataclass(frozen=True, eq=False)
class _Answers:
    """Complete answers to a scale, (n_obs, n_items), and in which rows of the data they stand."""

    scale: str
    items: tuple[str, ...]
    values: Array
    rows: Indices

    @classmethod
    def of(cls, scale: str, data: pd.DataFrame, items: list[str]) -> "_Answers":
        frame = complete_rows(numeric_items(data, items), minimum_rows=2 * len(items))
        rows = data.index.get_indexer(frame.index)
        return cls(scale, tuple(items), frame.to_numpy(dtype=float), rows)

    def part(self, chosen: NDArray[np.bool_]) -> "_Answers":
        """Give the answers of some rows of the data, which have to be enough for a factor."""
        own = chosen[self.rows]
        values = self.values[own]
        if len(values) <= 2 * len(self.items) or (np.ptp(values, axis=0) == 0).any():
            raise DataError(
                f'a fold has {len(values)} respondents who answered all items of "{self.scale}", '
                "too few to estimate its reliability. Use fewer folds, or more respondents."
            )
        return _Answers(self.scale, self.items, values, self.rows[own])

    def factor(self) -> _Factor:
        """Extract one factor."""
        S = np.cov(self.values, rowvar=False)
        sd = np.sqrt(np.diag(S))
        found = extract(S / np.outer(sd, sd), 1, "minres")
        standard = found.loadings[:, 0]
        return _Factor(
            items=self.items,
            loadings=standard * sd,
            errors=found.uniquenesses * sd**2,
            standard=standard,
        )


@dataclass(frozen=True, eq=False)
class _Chooser:
    """Chooses items by the quotas."""

    scales: Mapping[str, Sequence[str]]
    wanted: Mapping[str, int]
    keep: tuple[str, ...]
    quotas: Mapping[str, tuple[frozenset[str], int]]

    def choose(self, factors: Mapping[str, _Factor]) -> dict[str, tuple[str, ...]]:
        """Give the items with the highest mean omega, by scale."""
        candidates = [
            (name, subset, factor.omega(factor.places(subset)))
            for name, factor in factors.items()
            for subset in self._subsets(name)
        ]
        value = np.array([omega for _, _, omega in candidates])
        one_each = np.array(
            [[float(name == scale) for name, _, _ in candidates] for scale in self.scales]
        )
        rules = [optimize.LinearConstraint(one_each, 1, 1)]
        for about, least in self.quotas.values():
            counts = [float(len(about.intersection(subset))) for _, subset, _ in candidates]
            rules.append(optimize.LinearConstraint(np.array([counts]), least, np.inf))
        solved = optimize.milp(
            -value,
            constraints=rules,
            integrality=np.ones(len(value), dtype=int),
            bounds=optimize.Bounds(0, 1),
        )
        if not solved.success:
            raise OptionError(
                "no choice of items fulfils n_items, keep and at_least together. Keep more items "
                "or ask for less."
            )
        return {
            name: subset
            for (name, subset, _), taken in zip(candidates, solved.x > 0.5, strict=True)
            if taken
        }

    def _subsets(self, name: str) -> list[tuple[str, ...]]:
        fixed = set(self.keep)
        return [
            subset
            for subset in combinations(self.scales[name], self.wanted[name])
            if fixed.intersection(self.scales[name]) <= set(subset)
        ]


@dataclass(frozen=True, eq=False)
class _Held:
    """One fold: what was chosen without it, and how that does in it."""

    chosen: Mapping[str, tuple[str, ...]]
    omegas: Mapping[str, tuple[float, float, float]]
    correlations: Mapping[tuple[str, str], tuple[float, float, int]]


def _held_out(
    answers: Mapping[str, _Answers],
    criteria: Sequence[str],
    others: Array,
    out: NDArray[np.bool_],
    chooser: _Chooser,
) -> _Held:
    """Hold some rows of the data out; `others` are the criteria in all of them."""
    training = {name: own.part(~out).factor() for name, own in answers.items()}
    chosen = chooser.choose(training)
    omegas, correlations = {}, {}
    for name, own in answers.items():
        held = own.part(out)
        factor = held.factor()
        places = factor.places(chosen[name])
        omegas[name] = (factor.omega(), factor.omega(places), factor.correlation(places))
        sums = [held.values.sum(axis=1), held.values[:, places].sum(axis=1)]
        there = others[held.rows]
        found = [_correlations(total, there) for total in sums]
        counts = (~np.isnan(there)).sum(axis=0)
        for criterion, *pair, n in zip(criteria, *found, counts, strict=True):
            correlations[name, criterion] = (float(pair[0]), float(pair[1]), int(n))
    return _Held(chosen, omegas, correlations)


def _correlations(total: Array, others: Array) -> Array:
    """Correlate a sum (n_obs,) with each criterion (n_obs, n_criteria), over who has it.

    NaN where fewer than two have it, or all of them alike.
    """
    there = ~np.isnan(others)
    n = np.maximum(there.sum(axis=0), 1)
    own = np.where(there, total[:, None], 0.0)
    other = np.where(there, others, 0.0)
    own = np.where(there, own - own.sum(axis=0) / n, 0.0)
    other = np.where(there, other - other.sum(axis=0) / n, 0.0)
    spread = np.sqrt((own**2).sum(axis=0) * (other**2).sum(axis=0))
    together = (own * other).sum(axis=0)
    known = np.divide(together, spread, out=np.full(len(spread), np.nan), where=spread > 0)
    return np.asarray(known)


def _item_table(
    scales: Mapping[str, Sequence[str]],
    whole: Mapping[str, _Factor],
    chosen: Mapping[str, tuple[str, ...]],
    held: Sequence[_Held],
) -> pd.DataFrame:
    rows = [
        {
            "scale": name,
            "item": item,
            "loading": loading,
            "chosen": item in chosen[name],
            "folds": float(np.mean([item in fold.chosen[name] for fold in held])),
        }
        for name, items in scales.items()
        for item, loading in zip(items, whole[name].standard, strict=True)
    ]
    return pd.DataFrame(rows)


def _scale_table(
    scales: Mapping[str, Sequence[str]],
    answers: Mapping[str, _Answers],
    whole: Mapping[str, _Factor],
    chosen: Mapping[str, tuple[str, ...]],
    held: Sequence[_Held],
) -> pd.DataFrame:
    rows = {}
    for name, items in scales.items():
        each = np.array([fold.omegas[name] for fold in held])
        loss, se = _mean_and_error(each[:, 0] - each[:, 1])
        rows[name] = {
            "n_items": len(items),
            "n_short": len(chosen[name]),
            "omega": whole[name].omega(),
            "omega_short": whole[name].omega(whole[name].places(chosen[name])),
            "omega_held": each[:, 0].mean(),
            "omega_short_held": each[:, 1].mean(),
            "loss": loss,
            "loss.se": se,
            "r_full": each[:, 2].mean(),
            "n_obs": len(answers[name].rows),
        }
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index.name = "scale"
    return table.astype({"n_items": int, "n_short": int, "n_obs": int})


def _validity_table(
    scales: Mapping[str, Sequence[str]], criteria: Sequence[str], held: Sequence[_Held]
) -> pd.DataFrame:
    rows = []
    for name in scales:
        for criterion in criteria:
            each = np.array([fold.correlations[name, criterion] for fold in held])
            # Sizes are compared: a correlation that turns from -.3 to -.2 is a loss.
            loss, se = _mean_and_error(np.sign(each[:, 0].mean()) * (each[:, 0] - each[:, 1]))
            means = each.mean(axis=0)
            n = int(each[:, 2].sum())
            rows.append((name, criterion, means[0], means[1], loss, se, n))
    columns = ["scale", "criterion", "r", "r_short", "loss", "loss.se", "n_obs"]
    return pd.DataFrame(rows, columns=columns)


def _mean_and_error(values: Array) -> tuple[float, float]:
    """Mean over folds and its standard error, as if folds were independent."""
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


def _wanted(
    data: pd.DataFrame,
    scales: Mapping[str, Sequence[str]],
    n_items: int | Mapping[str, int],
    keep: Sequence[str],
) -> dict[str, int]:
    if not data.index.is_unique:
        raise DataError("row labels occur twice; reset the index of the data first.")
    known = [item for items in scales.values() for item in items]
    twice = sorted({item for item in known if known.count(item) > 1})
    if twice:
        raise DataError(f"the items {', '.join(twice)} are in two scales; give each to one.")
    strange = [item for item in keep if item not in known]
    if strange:
        raise OptionError(f"keep names {', '.join(strange)}, which no scale has.")
    wanted = {}
    for name, items in scales.items():
        if isinstance(n_items, Mapping) and name not in n_items:
            raise OptionError(f'n_items says nothing about the scale "{name}".')
        number = n_items[name] if isinstance(n_items, Mapping) else n_items
        if len(items) < FEWEST_FULL:
            raise DataError(
                f'the scale "{name}" has {len(items)} items; one of at least {FEWEST_FULL} can be '
                "shortened, since fewer do not determine a factor."
            )
        if not FEWEST <= number <= len(items):
            raise OptionError(
                f'n_items is {number} for "{name}", but must be from {FEWEST} to {len(items)}.'
            )
        if comb(len(items), number) > MOST_CANDIDATES:
            raise OptionError(
                f'"{name}" has {comb(len(items), number):,} choices of {number} items; up to '
                f"{MOST_CANDIDATES:,} are compared. Split the scale, or keep some items."
            )
        wanted[name] = number
    return wanted


def _quotas(
    scales: Mapping[str, Sequence[str]],
    content: Mapping[str, str] | None,
    at_least: Mapping[str, int] | None,
) -> dict[str, tuple[frozenset[str], int]]:
    if at_least is None:
        return {}
    if content is None:
        raise OptionError("at_least needs content, which says what each item is about.")
    items = [item for one in scales.values() for item in one]
    about = {
        what: frozenset(item for item in items if content.get(item) == what) for what in at_least
    }
    for what, least in at_least.items():
        if len(about[what]) < least:
            raise OptionError(
                f'at_least asks for {least} items about "{what}"; the scales have '
                f"{len(about[what])}."
            )
    return {what: (about[what], least) for what, least in at_least.items()}


def _deal(
    data: pd.DataFrame, cluster: str | None, n_folds: int, generator: np.random.Generator
) -> Indices:
    """Fold of each row: respondents, or clusters as a whole, in random order, dealt in turn."""
    units = np.arange(len(data))
    if cluster is not None:
        if cluster not in data.columns:
            raise OptionError(f'the data have no column "{cluster}".')
        units = pd.factorize(data[cluster], use_na_sentinel=False)[0]
    n_units = int(units.max()) + 1 if len(units) else 0
    if not 2 <= n_folds <= n_units:
        raise OptionError(f"n_folds is {n_folds}, but must be from 2 to {n_units}.")
    fold = np.empty(n_units, dtype=np.intp)
    fold[generator.permutation(n_units)] = np.arange(n_units) % n_folds
    return np.asarray(fold[units], dtype=np.intp)
