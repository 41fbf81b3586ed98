"""How lavaan is asked for a rotation of exploratory blocks."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from measure.errors import OptionError
from measure.specification.rotation_plan import RotationPlan

# Rotations by our name and by lavaan's; those that may be either way lose their ending.
_NAMES = {
    **{
        name: name
        for name in ("varimax", "quartimax", "orthomax", "oblimin", "quartimin", "entropy")
    },
    **{name: name for name in ("cf-varimax", "cf-equamax", "cf-parsimax", "simplimax")},
    **{
        f"{name}{ending}": theirs
        for name, theirs in {
            **{own: own for own in ("geomin", "bentler", "infomax", "target", "pst", "bigeomin")},
            "bifactor": "biquartimin",
        }.items()
        for ending in ("", "Q", "T")
    },
}
_ORTHOGONAL = ("varimax", "quartimax", "orthomax", "entropy")
_ARGUMENTS = {"epsilon": "geomin.epsilon", "target": "target", "weights": "target.mask"}
_GAMMA = {"oblimin": "oblimin.gamma", "orthomax": "orthomax.gamma"}


def rotation_options(plan: RotationPlan | None) -> Iterator[str]:
    """Write the arguments of lavaan that stand for a plan; nothing where it has none.

    Raises
    ------
    OptionError
        A rotation that lavaan does not have, or not for several blocks.
    """
    if plan is None:
        return
    name = plan.rotation
    own = next(iter(plan.arguments.values()))
    if name not in _NAMES or own.get("k", "n_items") != "n_items":
        raise OptionError(f'lavaan has no rotation "{name}" with these arguments.')
    if any(np.ndim(value) for value in own.values()) and len(plan.arguments) > 1:
        raise OptionError("lavaan takes one target for all blocks, so no code gives this fit.")
    yield f'rotation = "{_NAMES[name]}"'
    yield f"rotation.args = list({', '.join(_arguments(name, own, plan))})"


def _arguments(name: str, own: Mapping[str, Any], plan: RotationPlan) -> Iterator[str]:
    orthogonal = own.get("orthogonal", False) or name.endswith("T") or name in _ORTHOGONAL
    yield f"orthogonal = {'TRUE' if orthogonal else 'FALSE'}"
    yield f'row.weights = "{"kaiser" if own["normalize"] else "none"}"'
    yield f"std.ov = {'TRUE' if plan.standardized else 'FALSE'}"
    yield f"rstarts = {plan.n_starts}"
    for argument, value in own.items():
        theirs = _GAMMA.get(name, "") if argument == "gamma" else _ARGUMENTS.get(argument, "")
        if theirs:
            yield f"{theirs} = {_value(value)}"


def _value(value: Any) -> str:
    if not np.ndim(value):
        return repr(float(value))
    table = np.asarray(value, dtype=float)
    numbers = ["NA" if np.isnan(number) else repr(float(number)) for number in table.ravel()]
    return f"matrix(c({', '.join(numbers)}), {len(table)}, byrow = TRUE)"
