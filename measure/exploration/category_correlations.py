"""How do ordered answers go together? Polychoric, tetrachoric and polyserial correlations."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import known_option
from measure.display import render_html, render_text
from measure.distributions import normal_quantile
from measure.errors import DataError, MeasureWarning
from measure.moments.asymptotic import few_clusters_note
from measure.moments.labels import with_numbers
from measure.moments.ordinal import estimates, gamma_of, place_of
from measure.moments.ordinal.codes import Coded, coded
from measure.moments.ordinal.influence import INFORMATION
from measure.moments.ordinal.notes import (
    abnormal_note,
    improper_note,
    notes_of,
    perfect_note,
)
from measure.moments.ordinal.pair_tables import EMPTY_CELLS
from measure.moments.ordinal.smoothing import smoothed
from measure.moments.ordinal.two_step import TwoStep
from measure.moments.rows import rows_of
from measure.storage.places import groups_of
from measure.storage.stored_answers import StoredAnswers
from measure.storage.stored_codes import Asked, coded_answers

Array = NDArray[np.float64]

MISSING = ("listwise", "pairwise")
SMOOTH = ("none", "eigenvalues")


@dataclass(frozen=True, eq=False)
class CategoryCorrelations:
    """Correlations of the latent responses behind ordered answers, and their thresholds.

    With several groups the index of every table begins with the group.

    Attributes
    ----------
    correlations
        Variables × variables: polychoric between ordered ones (tetrachoric where both have two
        categories), polyserial between an ordered and a continuous one, Pearson between continuous
        ones.
    thresholds
        Thresholds of the ordered variables, standard normal, labelled `item|t1`.
    n_obs, n_dropped
        Rows used, and rows left out.
    missing, empty_cells, information, smooth
        What was asked for.
    notes
        What the reader has to know.
    """

    correlations: pd.DataFrame
    thresholds: pd.Series
    n_obs: int
    n_dropped: int
    missing: str
    empty_cells: str
    information: str
    smooth: str
    notes: tuple[str, ...]
    _groups: tuple[TwoStep, ...]
    _found: Coded

    @cached_property
    def covariance(self) -> pd.DataFrame:
        """Asymptotic covariance of the statistics, from their influence functions.

        Labelled as lavaan does: `item|t1` thresholds, `x~1` means, `x~~x` variances and `a~~b`
        covariances, which for two ordered variables are correlations and for an ordered and a
        continuous one are in units of the latter. Groups are divided by n - 1, as in lavaan.
        Where clusters were given, influences are summed within them first. Smoothing does not
        enter.
        """
        groups = self._groups
        gamma = gamma_of(groups, self._found.clusters, self.information) / sum(
            group.n_rows for group in groups
        )
        size = groups[0].layout.order.size
        # lavaan divides Gamma by n - 1 in a group.
        less = np.repeat([np.sqrt(group.n_rows / (group.n_rows - 1)) for group in groups], size)
        labels = pd.Index(list(groups[0].layout.labels))
        if len(groups) > 1:
            labels = pd.MultiIndex.from_product([self._found.groups, labels])
        return pd.DataFrame(gamma * np.outer(less, less), index=labels, columns=labels)

    @cached_property
    def se(self) -> pd.DataFrame:
        """Standard errors of the correlations, variables × variables, 0 on the diagonal.

        NaN where one variable determines the other.
        """
        names = list(self._found.layout.names)
        tables = []
        for group, own in zip(self._groups, self._errors, strict=True):
            errors = np.zeros((len(names), len(names)))
            i, j = group.layout.order.pairs
            errors[i, j] = errors[j, i] = own
            tables.append(pd.DataFrame(errors, index=names, columns=names))
        return _stacked(tables, self._found.groups)

    @cached_property
    def thresholds_se(self) -> pd.Series:
        """Standard errors of the thresholds."""
        errors = np.sqrt(np.diag(self.covariance))
        every = pd.Series(errors, index=self.covariance.index, name="se")
        return every.loc[self.thresholds.index]

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """One row a pair, with what its correlation rests on.

        The columns are `lhs rhs kind n est se ci.lower ci.upper empty thin information.ratio`.
        `kind` is tetrachoric, polychoric, polyserial or Pearson; `est` is before smoothing. The
        95 % interval is symmetric on the scale of arctanh. `empty` counts the empty cells of the
        contingency table of two ordered variables, `thin` is the share of its cells in which fewer
        than 5 answers are expected. `information.ratio` is the first-order over the observed
        information about the correlation, 1 where the latent responses are normal.
        """
        tables = [
            _pair_table(group, errors)
            for group, errors in zip(self._groups, self._errors, strict=True)
        ]
        if len(tables) == 1:
            return tables[0]
        keys = list(self._found.groups)
        stacked = pd.concat(tables, keys=keys, names=["group", None])
        return stacked.reset_index("group").reset_index(drop=True)

    @cached_property
    def _errors(self) -> list[Array]:
        """Standard errors of the correlations of each group, by the delta method."""
        size = self._groups[0].layout.order.size
        found = []
        for k, group in enumerate(self._groups):
            place = slice(k * size, (k + 1) * size)
            own = self.covariance.to_numpy()[place, place]
            slopes = group.correlation_slopes
            variances = np.einsum("pm,pm->p", slopes @ np.nan_to_num(own), slopes)
            variances[group.perfect] = np.nan
            found.append(np.sqrt(variances))
        return found

    @property
    def answers(self) -> tuple[TwoStep, ...]:
        """Answers of each group, with what was estimated from them."""
        return self._groups

    def _facts(self) -> dict[str, object]:
        facts: dict[str, object] = {
            "rows used": self.n_obs,
            "left out": self.n_dropped,
            "missing answers": self.missing,
            "ordered": len(self._found.layout.ordered),
            "continuous": len(self._found.layout.continuous),
        }
        return facts | {f"note {i}": note for i, note in enumerate(self.notes, start=1)}

    def _tables(self) -> dict[str, pd.DataFrame]:
        return {"Correlations": self.correlations, "Thresholds": self.thresholds.to_frame()}

    def __repr__(self) -> str:
        return render_text("Category correlations", self._facts(), self._tables())

    def _repr_html_(self) -> str:
        return render_html("Category correlations", self._facts(), self._tables())


def polychoric(
    data: pd.DataFrame | StoredAnswers,
    ordered: bool | Sequence[str] = True,
    *,
    group: str | None = None,
    cluster: str | None = None,
    missing: str = "listwise",
    empty_cells: str = "2x2",
    information: str = "first.order",
    smooth: str = "none",
) -> CategoryCorrelations:
    """Correlations of the normal responses that ordered answers are taken to be cut from.

    Parameters
    ----------
    data
        One row a respondent. All columns are used, but those of the group and the cluster.
        Ordered ones hold whole numbers or ordered pandas categories, at most 12 of them. Also
        answers larger than memory, from `stored`, all of them ordered.
    ordered
        Names of the ordered variables; True for all. The others are continuous.
    group
        Column of groups that are analysed separately. They need the same categories.
    cluster
        Column of the clusters that respondents come from; standard errors then hold for sampling
        of clusters.
    missing
        "listwise": rows without a missing answer. "pairwise": thresholds from all answers of an
        item, each correlation from the rows that have both; this takes answers to be missing
        completely at random.
    empty_cells
        "2x2": where a table of two binary items has one empty cell, 0.5 is added to it with the
        margins kept, as lavaan does. "all": 0.5 is added to every other empty cell as well.
        "none": nothing is added. `notes` say where something was.
    information
        What standard errors rest on. "first.order": products of scores, as in lavaan; right where
        the latent responses, and the continuous variables, are normal. "observed": derivatives of
        the scores; right whatever their distribution.
    smooth
        "eigenvalues": where a matrix is not positive definite, its eigenvalues are raised to 1e-6
        and its diagonal is scaled back to 1. `notes` say where that was done. "none": it is left
        as it is, with a warning.

    Returns
    -------
    CategoryCorrelations

    Raises
    ------
    DataError
        A column is missing or not numeric; an ordered item has one category, more than 12, or
        other than whole numbers; a category is not used in every group; too few rows.
    OptionError
        An option is not known.

    Warns
    -----
    MeasureWarning
        One variable determines another, or a matrix is not positive definite.

    References
    ----------
    Olsson (1979), Maximum likelihood estimation of the polychoric correlation coefficient: the
    two-step method. Olsson, Drasgow & Dorans (1982), The polyserial correlation coefficient.
    Muthén (1984), eqs 12 to 15, for the asymptotic covariance.
    """
    known_option("missing", missing, MISSING)
    known_option("empty_cells", empty_cells, EMPTY_CELLS)
    known_option("information", information, INFORMATION)
    known_option("smooth", smooth, SMOOTH)
    names, chosen = _variables(data, ordered, group, cluster)
    pairwise = missing == "pairwise"
    if isinstance(data, StoredAnswers):
        labels = (1,) if group is None else groups_of(data, group)
        found = coded_answers(data, Asked(names, labels, group, cluster, pairwise), chosen)
    else:
        rows = rows_of(with_numbers(data, chosen), names, group=group, cluster=cluster)
        found = coded(rows, chosen, pairwise=pairwise)
    groups = estimates(found, empty_cells)
    matrices, notes = [], []
    for one, label in zip(groups, found.groups, strict=True):
        where = place_of(label, found)
        matrix, own = _treated(one, where, information, smooth)
        matrices.append(pd.DataFrame(matrix, index=list(names), columns=list(names)))
        notes += own
    notes += _few_clusters(found)
    named = list(found.layout.labels)[found.layout.order.sections[0]]
    thresholds = [pd.Series(one.thresholds, index=named, name="threshold") for one in groups]
    return CategoryCorrelations(
        correlations=_stacked(matrices, found.groups),
        thresholds=thresholds[0]
        if len(groups) == 1
        else pd.concat(thresholds, keys=list(found.groups)),
        n_obs=sum(one.n_rows for one in groups),
        n_dropped=found.n_dropped,
        missing=missing,
        empty_cells=empty_cells,
        information=information,
        smooth=smooth,
        notes=tuple(notes),
        _groups=tuple(groups),
        _found=found,
    )


def _variables(
    data: pd.DataFrame | StoredAnswers,
    ordered: bool | Sequence[str],
    group: str | None,
    cluster: str | None,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of all variables and of the ordered ones."""
    if not isinstance(data, pd.DataFrame | StoredAnswers):
        raise DataError(
            "the data must be a pandas DataFrame with one row a respondent, "
            f"not {type(data).__name__}."
        )
    names = tuple(name for name in data.columns if name not in (group, cluster))
    if len(names) < 2:
        raise DataError(f"the data have {len(names)} items; correlations need at least 2.")
    if isinstance(ordered, bool):
        return names, names if ordered else ()
    chosen = (ordered,) if isinstance(ordered, str) else tuple(ordered)
    absent = [name for name in chosen if name not in names]
    if absent:
        raise DataError(
            f'`ordered` names "{absent[0]}", which is not among the items: '
            f"{', '.join(map(str, names[:10]))}."
        )
    return names, chosen


def _treated(group: TwoStep, where: str, information: str, smooth: str) -> tuple[Array, list[str]]:
    """Correlation matrix of a group as it is reported, and what has to be said about it."""
    notes = list(notes_of(group, where))
    doubt = abnormal_note(group, where)
    if doubt and information == "first.order":
        notes.append(doubt)
    alarming = [note for note in (perfect_note(group, where),) if note]
    matrix = group.correlations
    improper = improper_note(group, where)
    if improper and smooth == "eigenvalues":
        matrix, change = smoothed(matrix)
        notes.append(
            f"{improper} It was smoothed: its eigenvalues were raised to 1e-6, which changed "
            f"correlations by up to {change:.3f}. Standard errors are those before."
        )
    elif improper:
        alarming.append(f'{improper} It was left as it is; smooth="eigenvalues" would change it.')
    for note in alarming:
        warnings.warn(note, MeasureWarning, stacklevel=3)
    return matrix, notes + alarming


def _few_clusters(found: Coded) -> list[str]:
    if found.clusters is None:
        return []
    note = few_clusters_note(len(np.unique(np.concatenate(found.clusters))))
    return [note] if note else []


def _stacked(tables: list[pd.DataFrame], groups: tuple[object, ...]) -> pd.DataFrame:
    return tables[0] if len(tables) == 1 else pd.concat(tables, keys=list(groups))


def _pair_table(group: TwoStep, errors: Array) -> pd.DataFrame:
    layout, rho = group.layout, group.rho
    i, j = layout.order.pairs
    names = np.array(layout.names, dtype=object)
    both = layout.ordered_pairs.places
    empty = pd.array([pd.NA] * len(i), dtype="Int64")
    thin, ratio = np.full(len(i), np.nan), np.full(len(i), np.nan)
    empty[both] = group.tables.empty.sum(axis=(1, 2))
    thin[both], ratio[both] = group.diagnosis
    half = normal_quantile(0.975) * errors / (1 - rho**2)
    return pd.DataFrame(
        {
            "lhs": names[i],
            "rhs": names[j],
            "kind": layout.kinds,
            "n": group.n_together[i, j],
            "est": rho,
            "se": errors,
            "ci.lower": np.tanh(np.arctanh(rho) - half),
            "ci.upper": np.tanh(np.arctanh(rho) + half),
            "empty": empty,
            "thin": thin,
            "information.ratio": ratio,
        }
    )
