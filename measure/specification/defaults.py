"""What is added to a model text: lavaan's defaults for `cfa()`, `sem()`, `growth()`, `lavaan()`."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from measure.specification.responses import Ordered
from measure.specification.variables import Variables

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Defaults:
    """What is added to the statements of a model text. The words are lavaan's, with underscores."""

    int_ov_free: bool = True
    int_lv_free: bool = False
    auto_fix_first: bool = True
    auto_fix_single: bool = True
    auto_var: bool = True
    auto_cov_lv_x: bool = True
    auto_cov_y: bool = True
    auto_th: bool = True
    auto_delta: bool = True
    scales_free: bool = False
    fixed_x: bool = False
    std_lv: bool = False
    orthogonal: bool = False
    orthogonal_efa: bool = False
    effect_coding: bool = False
    meanstructure: bool = False


_SEM = {"fixed_x": True}
_NOTHING = dict.fromkeys(
    (
        *("int_ov_free", "auto_fix_first", "auto_fix_single", "auto_var", "auto_cov_lv_x"),
        *("auto_cov_y", "auto_th", "auto_delta"),
    ),
    False,
)
DEFAULTS: dict[str, Defaults] = {
    "cfa": Defaults(**_SEM),
    "sem": Defaults(**_SEM),
    "growth": Defaults(**_SEM, int_ov_free=False, int_lv_free=True, meanstructure=True),
    "lavaan": Defaults(**_SEM, **_NOTHING),
}
"""The option table of the four ways to fit a model; `lavaan` adds nothing to the text but the
moments of given predictors, which are no parameters."""


_Default = tuple[str, str, str, float, bool]


def default_rows(
    variables: Variables,
    defaults: Defaults,
    fixed_x: tuple[str, ...],
    *,
    means: bool,
    ordered: Ordered | None = None,
    centred: frozenset[str] | None = None,
    scales: bool = True,
) -> Iterator[_Default]:
    """Rows that the text leaves out, in lavaan's order; NaN means free.

    Within clusters `centred` names the variables whose means, and thresholds, stand between them;
    factors have mean 0 there. `scales` tells whether ordered items have their unit here, which
    they do not between clusters.
    """
    single = _single_indicators(variables) if defaults.auto_fix_single else frozenset()
    thresholds = {} if ordered is None else ordered.n_thresholds
    scaled = thresholds if scales else {}
    if defaults.auto_th:
        for x in (x for x in variables.observed if x in thresholds and x not in (centred or ())):
            for k in range(1, thresholds[x] + 1):
                yield x, "|", f"t{k}", NAN, False
    if defaults.auto_var:
        for x in variables.observed:
            if x in scaled:
                yield x, "~~", x, _scale(ordered, "~~", defaults), False
            elif x not in variables.given:
                yield x, "~~", x, 0.0 if x in single else NAN, False
        for f in variables.latent:
            fixed = defaults.std_lv or f in variables.explored
            yield f, "~~", f, 1.0 if fixed else NAN, False
    yield from _default_covariances(variables, defaults)
    if defaults.auto_var or fixed_x:
        for index, x in enumerate(variables.given):
            for other in variables.given[index:]:
                yield x, "~~", other, NAN, bool(fixed_x)
    if defaults.auto_delta:
        for x in (x for x in variables.observed if x in scaled):
            yield x, "~*~", x, _scale(ordered, "~*~", defaults), False
    if means:
        for x in variables.observed:
            exogenous = x in fixed_x
            fixed = x in thresholds or not (exogenous or defaults.int_ov_free)
            fixed = fixed or (centred is not None and x in centred and not exogenous)
            yield x, "~1", "", 0.0 if fixed else NAN, exogenous
        free_latent = centred is None and (defaults.int_lv_free or defaults.effect_coding)
        for f in variables.latent:
            yield f, "~1", "", NAN if free_latent else 0.0, False


def _scale(ordered: Ordered | None, op: str, defaults: Defaults) -> float:
    """Unit of a latent response: 1, but free where equal thresholds determine it."""
    assert ordered is not None
    return NAN if defaults.scales_free and op != ordered.follows else 1.0


def _default_covariances(variables: Variables, defaults: Defaults) -> Iterator[_Default]:
    """Covariances of exogenous factors, and of the outcomes at the end of all paths."""
    value = 0.0 if defaults.orthogonal else NAN
    explored = variables.explored
    if defaults.auto_cov_lv_x:
        for one, other in combinations(variables.exogenous_latent, 2):
            within = one in explored and explored[one] == explored.get(other)
            uncorrelated = defaults.orthogonal_efa and within
            yield one, "~~", other, 0.0 if uncorrelated else value, False
    if defaults.auto_cov_y:
        for pair in combinations(variables.terminal, 2):
            both_latent = set(pair) <= set(variables.latent)
            yield pair[0], "~~", pair[1], value if both_latent else NAN, False


def _single_indicators(variables: Variables) -> frozenset[str]:
    """Items that are the only indicator of a factor and indicate no other factor."""
    alone = [items[0] for items in variables.indicators.values() if len(items) == 1]
    shared = [name for items in variables.indicators.values() if len(items) > 1 for name in items]
    return frozenset(alone) - frozenset(shared)
