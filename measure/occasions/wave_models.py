"""The text of one measurement model at several waves, step by step more alike over the waves."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from measure.errors import ModelError, OptionError
from measure.specification.refusals import refuse_levels
from measure.specification.syntax import Statement, parse

CONTINUOUS_STEPS = ("configural", "metric", "scalar", "strict", "variances", "means")
ORDERED_STEPS = ("configural", "thresholds", "metric", "scalar", "strict", "variances", "means")
"""The steps of the ladder, each with the equalities of those before it."""

EQUAL = {
    "configural": "",
    "thresholds": "thresholds",
    "metric": "loadings",
    "scalar": "intercepts",
    "strict": "residuals",
    "variances": "lv.variances",
    "means": "means",
}
"""What each step adds, in the words of `group_equal`."""

KIND = {"=~": "loadings", "~1": "intercepts", "|": "thresholds", "~~": "residuals"}


@dataclass(frozen=True)
class Measured:
    """What a model text measures by what.

    Attributes
    ----------
    loadings
        Pairs of factor and item.
    factors, items
        Each once, in the order of the text.
    residuals
        Pairs of items whose residuals correlate within a wave.
    """

    loadings: tuple[tuple[str, str], ...]
    factors: tuple[str, ...]
    items: tuple[str, ...]
    residuals: tuple[tuple[str, str], ...]

    @property
    def names(self) -> frozenset[tuple[str, str, str]]:
        """Parameters that may differ between waves where their kind is equal; thresholds aside."""
        found = {(factor, "=~", item) for factor, item in self.loadings}
        found |= {(item, "~1", "") for item in self.items}
        return frozenset(found | {(item, "~~", item) for item in self.items})


def measured(model: str) -> Measured:
    """Read a model text that says which items measure which factors.

    Raises
    ------
    ModelError
        The text says more than that: factors of factors, regressions, fixed or labelled parameters,
        constraints. It would be another model at each wave.
    """
    syntax = parse(model)
    refuse_levels(syntax, "a model of waves")
    factors = tuple(dict.fromkeys(row.lhs for row in syntax.statements if row.op == "=~"))
    for row in syntax.statements:
        _refuse_what_is_more(row, factors)
    if syntax.constraints:
        raise ModelError(
            f'"{syntax.constraints[0].text}": constraints cannot be carried over to several waves. '
            "Leave them out."
        )
    loadings = tuple((row.lhs, row.rhs) for row in syntax.statements if row.op == "=~")
    if not loadings:
        raise ModelError('the model measures nothing. Write it as "f =~ x1 + x2 + x3".')
    items = tuple(dict.fromkeys(item for _, item in loadings))
    residuals = tuple(
        (row.lhs, row.rhs)
        for row in syntax.statements
        if row.op == "~~" and row.lhs not in factors and row.lhs != row.rhs
    )
    unknown = {name for pair in residuals for name in pair} - set(items)
    if unknown:
        raise ModelError(f"{', '.join(sorted(unknown))}: not an item of any factor of the model.")
    return Measured(loadings, factors, items, residuals)


def _refuse_what_is_more(row: Statement, factors: Collection[str]) -> None:
    said = f"{row.lhs} {row.op} {row.rhs}".rstrip()
    if row.op == "=~" and row.rhs in factors:
        raise ModelError(
            f'"{said}": factors of factors are not carried over to several waves. Give the model '
            "of the factors that items measure."
        )
    mixed = row.op == "~~" and (row.lhs in factors) != (row.rhs in factors)
    if row.op not in ("=~", "~~") or mixed:
        raise ModelError(
            f'"{said}": a model of several waves is made from loadings (=~) and residual '
            "correlations (~~) alone. Leave the rest out."
        )
    if row.modifiers:
        raise ModelError(
            f'"{said}" is fixed or labelled, but what is equal at each step is decided by the '
            "ladder. Write the name alone."
        )


def wave_model(
    model: str,
    waves: Sequence[Mapping[str, str]],
    *,
    step: str = "configural",
    thresholds: Mapping[str, int] | None = None,
    n_groups: int = 1,
    partial: Sequence[str] = (),
    parameterization: str = "delta",
    definitions: Sequence[str] = (),
) -> str:
    """Give the text of a measurement model at several waves of the same respondents.

    Factors are correlated within and over waves, and residuals of the same item over waves
    (Little 2013, chapter 5). The scale is set at the first wave of the first group, where factors
    have mean 0 and variance 1; elsewhere they get their own variances with equal loadings and
    their own means with equal intercepts, so that a difference of means is in standard deviations
    of the first wave. Ordered items follow Wu & Estabrook (2016): intercepts and scales of latent
    responses are free, but at the first wave of the first group, once thresholds are equal, and
    intercepts are 0 again at the step "scalar".

    Parameters
    ----------
    model
        Which items measure which factors, as "f =~ y1 + y2 + y3"; residuals may correlate.
    waves
        For each wave the column that holds each item.
    step
        One of `ORDERED_STEPS`, with ordered items, or of `CONTINUOUS_STEPS`.
    thresholds
        Number of thresholds of each ordered item.
    n_groups
        Groups of respondents, among all waves of which parameters are equal.
    partial
        Parameters that differ all the same, as "f =~ y2", "y2 ~1", "y2 | t1" or "y2 ~~ y2".
    parameterization
        Of ordered items. Equal residuals need "theta".
    definitions
        Lines that are added, as "change := m.f.g1.w2 - m.f.g1.w1". The mean of a factor f is called
        m.f.g1.w2 in the first group and second wave, and its variance v.f.g1.w2; the factor itself
        f.w2.

    Returns
    -------
    str
        Text for `measure.fit`.

    Raises
    ------
    ModelError
        The model says more than which items measure which factors.
    OptionError
        An unknown step or parameter, or a step that has no meaning for the items.

    References
    ----------
    Little, T. D. (2013). Longitudinal structural equation modeling. Guilford.
    Wu, H., & Estabrook, R. (2016). Identification of confirmatory factor analysis models of
    different levels of invariance for ordered categorical outcomes. Psychometrika, 81, 1014-1045.
    """
    what = measured(model)
    cuts = dict(thresholds or {})
    require_step(step, cuts)
    require_identified(step, cuts, what.items, parameterization)
    released = released_of(partial, what, cuts)
    writer = _Writer(
        what, tuple(waves), cuts, n_groups, equal_at(step, cuts), released, parameterization
    )
    return "\n".join([*writer.lines(), *definitions])


def null_text(
    model: str,
    waves: Sequence[Mapping[str, str]],
    *,
    step: str,
    thresholds: Mapping[str, int],
    n_groups: int,
    parameterization: str,
) -> str:
    """Give the text of the model in which nothing covaries that is nested in a step.

    Thresholds, intercepts and residual variances are equal as they are there (Widaman & Thompson
    2003, Psychological Methods 8, 16-37).
    """
    alone = without_factors(measured(model))
    equal = equal_at(step, thresholds)
    writer = _Writer(
        alone, tuple(waves), thresholds, n_groups, equal, frozenset(), parameterization
    )
    return "\n".join(line for wave in range(len(waves)) for line in writer.measurement(wave))


def without_factors(what: Measured) -> Measured:
    """Give the items alone."""
    return Measured((), (), what.items, ())


def steps_of(ordered: Collection[str]) -> tuple[str, ...]:
    """Give the steps of the ladder, in their order."""
    return ORDERED_STEPS if ordered else CONTINUOUS_STEPS


def require_step(step: str, ordered: Collection[str]) -> None:
    """Refuse a step that the ladder does not have.

    Raises
    ------
    OptionError
        It names those that it has.
    """
    known = steps_of(ordered)
    if step not in known:
        raise OptionError(f'step "{step}" is not known; the ladder has {", ".join(known)}.')


def equal_at(step: str, ordered: Collection[str]) -> frozenset[str]:
    """Give what is equal over waves and groups at a step."""
    known = steps_of(ordered)
    return frozenset(EQUAL[one] for one in known[1 : known.index(step) + 1])


def require_identified(
    step: str, thresholds: Mapping[str, int], items: Sequence[str], parameterization: str
) -> None:
    """Refuse a step that says nothing about the items.

    Raises
    ------
    OptionError
        Thresholds or loadings alone of items with two categories, or equal residuals of latent
        responses whose total variances are fixed.
    """
    binary = [item for item in items if thresholds.get(item) == 1]
    if binary and step in ("thresholds", "metric"):
        raise OptionError(
            f"{', '.join(binary)}: with two categories, thresholds, loadings and intercepts can "
            f'only be tested together (Wu & Estabrook 2016). Leave out the step "{step}", and go '
            'from "configural" to "scalar".'
        )
    if thresholds and parameterization == "delta" and "residuals" in equal_at(step, thresholds):
        raise OptionError(
            f'step "{step}": with parameterization="delta" residual variances of ordered items are '
            'no parameters that could be equal. Choose parameterization="theta".'
        )


def released_of(
    partial: Sequence[str], what: Measured, thresholds: Mapping[str, int]
) -> frozenset[tuple[str, str, str]]:
    """Read which parameters differ between waves all the same.

    Raises
    ------
    OptionError
        One of them is none of the model, or fewer than two thresholds of an item stay equal.
    """
    if isinstance(partial, str):
        raise OptionError(f'partial is a list of parameters, as partial=["{partial}"].')
    known = {(item, "|", f"t{k + 1}") for item, n in thresholds.items() for k in range(n)}
    known |= what.names
    found = set()
    for text in partial:
        rows = parse(text).statements
        for row in rows:
            if (row.lhs, row.op, row.rhs) not in known:
                raise OptionError(
                    f'partial "{text}" names no parameter of the model. Write it as "f =~ y2", '
                    '"y2 ~1", "y2 | t1" or "y2 ~~ y2", with items named as in the model.'
                )
            found.add((row.lhs, row.op, row.rhs))
    for item, n in thresholds.items():
        freed = len([name for name in found if name[:2] == (item, "|")])
        if freed and n - freed < 2:
            raise OptionError(
                f'no anchor left: "{item}" has {n} thresholds, and two have to stay equal to set '
                'the unit of its response. Release its loading or its intercept ("y2 ~1") instead.'
            )
    return frozenset(found)


def n_equalities(
    step: str,
    what: Measured,
    thresholds: Mapping[str, int],
    cells: int,
    released: Collection[tuple[str, str, str]] = (),
) -> int:
    """Count the degrees of freedom that a step adds to the one before it in the whole ladder.

    Parameters
    ----------
    cells
        Waves times groups; in each but the first a parameter of the step is tied to the first.
    """
    n_factors = len(what.factors)
    own = len([name for name in released if KIND[name[1]] == EQUAL[step]])
    each = {
        "configural": 0,
        # Two equal thresholds give each latent response its scale and intercept.
        "thresholds": sum(n - 2 for n in thresholds.values()),
        "metric": len(what.loadings) - n_factors,
        "scalar": len(what.items) - n_factors,
        "strict": len(what.items),
        "variances": n_factors,
        "means": n_factors,
    }[step]
    return (cells - 1) * (each - own)


@dataclass(frozen=True)
class _Writer:
    """Writes the lines of a model of several waves."""

    what: Measured
    waves: tuple[Mapping[str, str], ...]
    thresholds: Mapping[str, int]
    n_groups: int
    equal: frozenset[str]
    released: frozenset[tuple[str, str, str]]
    parameterization: str

    def lines(self) -> Iterator[str]:
        for wave in range(len(self.waves)):
            yield from self.measurement(wave)
            yield from self._factors(wave)
        yield from self._residuals()
        yield from self._covariances()

    def measurement(self, wave: int) -> Iterator[str]:
        """Write loadings, intercepts or thresholds, and residual variances of a wave."""
        column = self.waves[wave]
        for factor, item in self.what.loadings:
            label = f"l.{factor}.{item}"
            tied = self._tied((factor, "=~", item))
            yield self._line(f"{factor}.w{wave + 1} =~", column[item], label, wave, tied)
        for item in self.what.items:
            if item in self.thresholds:
                yield from self._response(wave, item)
                continue
            name = column[item]
            tied = self._tied((item, "~1", ""))
            yield self._line(f"{name} ~", "1", f"i.{item}", wave, tied)
            tied = self._tied((item, "~~", item))
            yield self._line(f"{name} ~~", name, f"r.{item}", wave, tied)

    def _response(self, wave: int, item: str) -> Iterator[str]:
        """Write thresholds, intercept and scale of the latent response to an ordered item."""
        name = self.waves[wave][item]
        for k in range(self.thresholds[item]):
            cut = f"t{k + 1}"
            tied = self._tied((item, "|", cut))
            yield self._line(f"{name} |", cut, f"t.{item}.{k + 1}", wave, tied)
        told = "thresholds" in self.equal
        moves = told and not self._tied((item, "~1", ""))
        yield self._line(f"{name} ~", "1", f"i.{item}", wave, False, fixed=0, free=moves)
        scaled = told and not self._tied((item, "~~", item))
        op = "~*~" if self.parameterization == "delta" else "~~"
        yield self._line(f"{name} {op}", name, f"r.{item}", wave, False, fixed=1, free=scaled)

    def _factors(self, wave: int) -> Iterator[str]:
        spread = "loadings" in self.equal and "lv.variances" not in self.equal
        moves = "intercepts" in self.equal and "means" not in self.equal
        for factor in self.what.factors:
            name = f"{factor}.w{wave + 1}"
            yield self._line(f"{name} ~~", name, f"v.{factor}", wave, False, fixed=1, free=spread)
            yield self._line(f"{name} ~", "1", f"m.{factor}", wave, False, fixed=0, free=moves)

    def _residuals(self) -> Iterator[str]:
        """Write residual covariances of items within a wave, and of the same item over waves."""
        for column in self.waves:
            for one, other in self.what.residuals:
                yield f"{column[one]} ~~ {column[other]}"
        for first, later in combinations(self.waves, 2):
            for item in self.what.items:
                yield f"{first[item]} ~~ {later[item]}"

    def _covariances(self) -> Iterator[str]:
        names = [
            f"{factor}.w{wave + 1}"
            for wave in range(len(self.waves))
            for factor in self.what.factors
        ]
        for one, other in combinations(names, 2):
            yield f"{one} ~~ {self._labels(f'c.{one}..{other}')}*{other}"

    def _tied(self, name: tuple[str, str, str]) -> bool:
        return KIND[name[1]] in self.equal and name not in self.released

    def _labels(self, label: str) -> str:
        return _each([f"{label}.g{group + 1}" for group in range(self.n_groups)])

    def _line(
        self,
        left: str,
        right: str,
        label: str,
        wave: int,
        tied: bool,
        *,
        fixed: int | None = None,
        free: bool = True,
    ) -> str:
        """Write one parameter of one wave, of all groups.

        `fixed` is its value at the first wave of the first group, and everywhere if not `free`.
        """
        values, labels = [], []
        for group in range(self.n_groups):
            held = fixed is not None and (not free or (group == 0 and wave == 0))
            values.append(str(fixed) if held else "NA")
            labels.append(label if tied else f"{label}.g{group + 1}.w{wave + 1}")
        return f"{left} {_each(values)}*{right} + {_each(labels)}*{right}"


def _each(values: Sequence[str]) -> str:
    return values[0] if len(values) == 1 else f"c({', '.join(values)})"
