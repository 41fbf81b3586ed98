"""The steps of measurement invariance: what each makes equal, and what that identifies.

The scale of a factor, and with ordered items that of a latent response, is set in every group as
long as nothing is equal. What becomes equal across groups sets it in the later groups, where it is
then free (continuous items: Meredith 1993; Widaman & Reise 1997; ordered items: Wu & Estabrook
2016, Psychometrika 81, 1014-1045, from thresholds over loadings to intercepts).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from measure.errors import ModelError, OptionError
from measure.specification.defaults import NAN
from measure.specification.table import Parameter, ParameterTable

# Steps in their order, and the kind of parameter that each makes equal.
STEPS: dict[str, str] = {
    "configural": "",
    "thresholds": "thresholds",
    "metric": "loadings",
    "scalar": "intercepts",
    "strict": "residuals",
    "variances": "lv.variances",
    "covariances": "lv.covariances",
    "means": "means",
}
# What a step rests on: without these its comparison of groups has no meaning.
_RESTS_ON = {
    "metric": ("thresholds",),
    "scalar": ("thresholds", "metric"),
    "strict": ("thresholds", "metric", "scalar"),
    "variances": ("thresholds", "metric", "scalar"),
    "covariances": ("thresholds", "metric", "scalar", "variances"),
    "means": ("thresholds", "metric", "scalar"),
}

Name = tuple[str, str, str]


class Pattern(NamedTuple):
    """How the values of a parameter go together in the groups.

    Groups of one class share a value. `reference` is that of the class of the first group where the
    scale needs it or the text says so, and NaN where it is free.
    """

    reference: float
    classes: tuple[int, ...]

    def fixed(self, group: int) -> bool:
        """Whether the value in a group is given."""
        return self.reference == self.reference and self.classes[group] == self.classes[0]


@dataclass(frozen=True)
class Structure:
    """A measurement model as it stands in each group, and what is not to be equal.

    Attributes
    ----------
    rows
        Parameters of one group, in their order.
    observed, latent
        Items and factors.
    thresholds
        Number of thresholds of each ordered item.
    n_groups
        Number of groups.
    std_lv
        Whether the variances of factors set their scales, and not marker items.
    released
        Parameters with the groups, from 0, in which each has a value of its own.
    """

    rows: tuple[Parameter, ...]
    observed: tuple[str, ...]
    latent: tuple[str, ...]
    thresholds: Mapping[str, int]
    n_groups: int
    std_lv: bool
    released: Mapping[Name, frozenset[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, table: ParameterTable, *, std_lv: bool) -> "Structure":
        """Take the model of a table in which nothing is equal."""
        rows = [r for r in table.parameters if r.group == 1 and not table.follows(r)]
        counts = {} if table.ordered is None else dict(table.ordered.n_thresholds)
        found = cls(tuple(rows), table.observed, table.latent, counts, table.n_groups, std_lv)
        _require_alike(table)
        return found

    def with_released(self, released: Mapping[Name, frozenset[int]]) -> "Structure":
        """Let parameters differ in groups, after checking that enough stays equal."""
        found = replace(self, released=released)
        _require_anchors(found)
        return found

    def kind(self, row: Parameter) -> str:
        """Name what a parameter is, in the words that `STEPS` uses."""
        if row.op in ("|", "=~"):
            return "thresholds" if row.op == "|" else "loadings"
        latent = row.lhs in self.latent
        if row.op == "~1":
            return "means" if latent else "intercepts"
        if not latent:
            return "residuals"
        return "lv.variances" if row.lhs == row.rhs else "lv.covariances"

    def pattern(self, row: Parameter, equal: frozenset[str]) -> Pattern:
        """Say how the values of a parameter go together where these kinds are equal."""
        kind = self.kind(row)
        tied = self._classes(row) if kind in equal else tuple(range(self.n_groups))
        reference = self._reference(row, kind)
        if reference != reference:
            return Pattern(NAN, tied)
        freed = self._freed(row, kind, equal)
        return Pattern(reference, tied if freed else (0,) * self.n_groups)

    def _reference(self, row: Parameter, kind: str) -> float:
        """Value that sets a scale, or that the text fixes; NaN where there is none."""
        if kind == "means" or (kind == "intercepts" and row.lhs in self.thresholds):
            return 0.0
        alone = row.lhs == row.rhs
        if alone and (row.lhs in self.thresholds or (kind == "lv.variances" and self.std_lv)):
            return 1.0
        return NAN if row.free else row.value

    def _freed(self, row: Parameter, kind: str, equal: frozenset[str]) -> bool:
        """Whether what is equal determines a scale in the later groups."""
        if kind == "means":
            return "intercepts" in equal
        if kind == "lv.variances":
            return self.std_lv and "loadings" in equal
        n = self.thresholds.get(row.lhs, 0)
        if kind == "intercepts":
            return n > 0 and "thresholds" in equal
        if kind != "residuals" or not n or row.lhs != row.rhs:
            return False
        if n > 1:
            return "thresholds" in equal
        # Two categories tell the unit of a response only where loading and intercept are known.
        return "intercepts" in equal or (bool(self.latent) and "loadings" in equal)

    def _classes(self, row: Parameter) -> tuple[int, ...]:
        apart = self.released.get((row.lhs, row.op, row.rhs), frozenset())
        rest = min((g for g in range(self.n_groups) if g not in apart), default=0)
        return tuple(g if g in apart else rest for g in range(self.n_groups))

    def predicted_df(self, equal: frozenset[str]) -> int:
        """Degrees of freedom by counting items, thresholds, loadings and factors.

        Each kind that becomes equal adds, in every group after the first, one for each of its
        parameters less one for each scale that it sets free there: two a polytomous item for
        thresholds (intercept and unit), one a factor for loadings and for intercepts.
        """
        counted = self._counted()
        p, n_ordered = len(self.observed), len(self.thresholds)
        n_cuts, n_factors = sum(self.thresholds.values()), len(self.latent)
        binary = sum(n == 1 for n in self.thresholds.values())
        n_moments = n_cuts + 2 * (p - n_ordered) + p * (p - 1) // 2
        scaled = n_factors if self.std_lv else 0
        rises = {
            "thresholds": n_cuts - 2 * n_ordered + binary,
            "loadings": counted["loadings"] - scaled - (binary if n_factors else 0),
            "intercepts": p - n_factors - (0 if n_factors else binary),
            "residuals": counted["residuals"] + n_ordered,
            "lv.variances": n_factors,
            "lv.covariances": counted["lv.covariances"],
            "means": n_factors,
        }
        later = self.n_groups - 1
        total = self.n_groups * (n_moments - self.n_free) + later * sum(
            rises[kind] for kind in equal
        )
        return total - self._n_released(equal)

    def _counted(self) -> dict[str, int]:
        """Free parameters of one group that set no scale, by kind."""
        counted = dict.fromkeys(("loadings", "intercepts", "residuals", "lv.covariances"), 0)
        for row in self.rows:
            kind = self.kind(row)
            if kind in counted and row.free:
                counted[kind] += 1
        return counted

    @property
    def n_free(self) -> int:
        """Free parameters of a group as long as nothing is equal."""
        scales = 0 if self.std_lv else len(self.latent)
        return sum(self.thresholds.values()) + sum(self._counted().values()) + scales

    def may_differ(self, row: Parameter) -> bool:
        """Whether a parameter is free, or set by the steps, and not fixed by the model text."""
        kind = self.kind(row)
        by_steps = row.lhs in self.thresholds and kind in ("intercepts", "residuals")
        return row.free or by_steps or kind in ("means", "lv.variances")

    def _n_released(self, equal: frozenset[str]) -> int:
        kinds = {(row.lhs, row.op, row.rhs): self.kind(row) for row in self.rows}
        return sum(
            min(len(groups), self.n_groups - 1)
            for name, groups in self.released.items()
            if kinds[name] in equal
        )

    @property
    def binary_factors(self) -> list[str]:
        """Factors all of whose items have two categories."""
        items: dict[str, list[str]] = {name: [] for name in self.latent}
        for row in self.rows:
            if row.op == "=~":
                items[row.lhs].append(row.rhs)
        return [f for f, own in items.items() if all(self.thresholds.get(x) == 1 for x in own)]

    def without_factors(self) -> "Structure":
        """Give the model in which the items have nothing in common."""
        own = set(self.observed)
        rows = [row for row in self.rows if row.lhs in own and row.op != "=~"]
        alone = [row for row in rows if row.op != "~~" or row.lhs == row.rhs]
        return replace(self, rows=tuple(alone), latent=(), released={})


def _require_alike(table: ParameterTable) -> None:
    """Refuse a text that says something else about one group than about another."""
    own: dict[Name, tuple[object, ...]] = {}
    for row in table.parameters:
        said = (row.free, row.value if not row.free else None, row.lower, row.upper)
        name = (row.lhs, row.op, row.rhs)
        if own.setdefault(name, said) != said:
            raise ModelError(
                f'"{row}" is not the same in all groups in the model text. The steps say what is '
                "equal: write the model once, for one group, and name what may differ in `partial`."
            )


def _require_anchors(structure: Structure) -> None:
    """Refuse releases that leave too little in common to compare groups by."""
    for factor in structure.latent:
        for kind in ("loadings", "intercepts"):
            items = [r.rhs for r in structure.rows if (r.lhs, r.op) == (factor, "=~")]
            names = {x: (factor, "=~", x) if kind == "loadings" else (x, "~1", "") for x in items}
            freed = [x for x, name in names.items() if structure.released.get(name)]
            if freed and len(items) - len(freed) < 2:
                raise OptionError(
                    f'no anchor left: of the {kind} of "{factor}" fewer than two would stay equal '
                    f"({', '.join(freed)} are released), and with fewer the groups have no common "
                    "scale (Byrne, Shavelson & Muthén 1989). Release fewer, or stop a step earlier."
                )
    for item, n in structure.thresholds.items():
        cut = [name[2] for name in structure.released if name[:2] == (item, "|")]
        if cut and n - len(cut) < 2:
            raise OptionError(
                f'no anchor left: "{item}" has {n} threshold{"s" * (n > 1)}, and two have to stay '
                f"equal to set the unit of its response ({', '.join(sorted(cut))} would be "
                "released). Release its loading or its intercept instead, or leave the item out."
            )
        if n == 1 and any(n_[1] == "=~" and n_[2] == item for n_ in structure.released):
            raise OptionError(
                f'"{item}" has two categories, which do not tell its loading from its unit in a '
                f'group: a loading of its own changes nothing. Release "{item} ~1" instead.'
            )


def chosen_steps(steps: Sequence[str] | None, structure: Structure, *, delta: bool) -> list[str]:
    """Check which steps are asked for, or choose those that the model has.

    Parameters
    ----------
    steps
        As the caller gave them.
    structure
        The model.
    delta
        Whether there are ordered items with the delta parameterization.

    Raises
    ------
    OptionError
        Unknown, doubled or out of order; or a step that the items do not have.
    """
    lacking = _lacking(structure, delta=delta)
    if steps is None:
        usual = ("configural", "thresholds", "metric", "scalar", "strict")
        return [step for step in usual if step not in lacking]
    if isinstance(steps, str):
        raise OptionError(f'steps is a list of names, as steps=["configural", "{steps}"].')
    asked = list(steps)
    for step in asked:
        if step not in STEPS:
            raise OptionError(f'step "{step}" is not known; the steps are {", ".join(STEPS)}.')
        if step in lacking:
            raise OptionError(lacking[step])
    ordered = [step for step in STEPS if step in asked]
    if asked != ordered:
        raise OptionError(
            f"the steps {', '.join(asked)} stand out of order or twice; they are "
            f"{', '.join(ordered)}."
        )
    if asked[:1] != ["configural"]:
        raise OptionError(
            'the first step is "configural", in which nothing is equal; every later one is judged '
            "by what it gives up. Begin with it."
        )
    return asked


def _lacking(structure: Structure, *, delta: bool) -> dict[str, str]:
    """Steps that the items do not have, with the reason."""
    lacking = {}
    if not structure.thresholds:
        lacking["thresholds"] = (
            'the step "thresholds" needs ordered items; there are none. Leave it out, or name the '
            "items in `ordered`."
        )
    elif structure.binary_factors:
        named = ", ".join(structure.binary_factors)
        for step in ("thresholds", "metric"):
            lacking[step] = (
                f'the step "{step}" cannot be told from the ones before: all items of {named} have '
                "two categories, for which thresholds, loadings and intercepts are only testable "
                'together (Wu & Estabrook 2016). Go from "configural" to "scalar".'
            )
    if delta:
        lacking["strict"] = (
            'the step "strict" makes residual variances of latent responses equal, which the delta '
            'parameterization does not have as parameters. Give parameterization="theta".'
        )
    return lacking


def equal_kinds(steps: Iterable[str], upto: str) -> frozenset[str]:
    """Kinds of parameters that are equal in a step: its own, those before it, and their grounds."""
    kinds = set[str]()
    for step in steps:
        kinds.update(STEPS[one] for one in (step, *_RESTS_ON.get(step, ())))
        if step == upto:
            break
    return frozenset(kinds - {""})
