"""What `rotation` and `rotation_args` of a model mean, block by block, also in lavaan's words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.errors import OptionError
from measure.rotating.rotation import criterion_of, resolve_arguments, rotation_names
from measure.rotating.rotation_equations import Criteria
from measure.specification.exploratory_blocks import ExploratoryBlock

Array = NDArray[np.float64]

# lavaan's default, and its names of rotations that have another name here.
DEFAULT = "geomin"
LAVAAN_NAMES = {
    "biquartimin": "bifactor",
    "bi-quartimin": "bifactor",
    "bi-geomin": "bigeomin",
    "crawford-ferguson": "cf",
}
# Its ε of geomin; that of GPArotation, and so of `efa`, is 0.01.
GEOMIN = {"epsilon": 0.001}
N_STARTS = 100
# Arguments that are tables, and so differ from block to block.
TABLES = {"target": "target", "Target": "target", "weights": "weights", "W": "weights"}
TABLES["target.mask"] = "weights"
KAISER = {"kaiser": True, "none": False}


@dataclass(frozen=True, eq=False)
class RotationPlan:
    """How the blocks of a model are to be rotated.

    Attributes
    ----------
    rotation
        A name in `rotation.ROTATIONS`.
    arguments
        Of each block by its name, as `rotation.resolve_arguments` returns them.
    standardized
        Whether items are divided by their standard deviation while rotating.
    n_starts, seed
        Random starts besides the unrotated position, and their seed.
    """

    rotation: str
    arguments: Mapping[str, Mapping[str, Any]]
    standardized: bool
    n_starts: int
    seed: int | None

    def how(self, block: ExploratoryBlock) -> Criteria:
        """Criterion and weights of the items of a block."""
        own = self.arguments[block.name]
        criterion, oblique = criterion_of(self.rotation, own)
        return Criteria(criterion, oblique, bool(own["normalize"]), self.standardized)

    @property
    def oblique(self) -> bool:
        """Whether factors of a block may correlate."""
        return all(criterion_of(self.rotation, own)[1] for own in self.arguments.values())


def plan_of(
    rotation: str | None,
    given: Mapping[str, Any] | None,
    seed: int | None,
    blocks: Sequence[ExploratoryBlock],
) -> RotationPlan | None:
    """Work out how blocks are to be rotated; None where nothing is.

    Parameters
    ----------
    rotation, given, seed
        The options `rotation`, `rotation_args` and `seed` of a model.
    blocks
        Its exploratory blocks.

    Raises
    ------
    OptionError
        Options without a block to rotate, or that do not say how.
    """
    if not blocks:
        if rotation is not None or given or seed is not None:
            raise OptionError(
                "rotation, rotation_args and seed have no use in this model, which has no "
                'exploratory block, as efa("b")*f1 + efa("b")*f2 =~ x1 + x2. Leave them out.'
            )
        return None
    name = LAVAAN_NAMES.get(rotation or DEFAULT, rotation or DEFAULT)
    if name == "none":
        return None
    if name == "promax" or name not in rotation_names():
        known = ", ".join(n for n in rotation_names() if n != "promax")
        reason = (
            "minimises no criterion, so that its standard errors are not known"
            if name == "promax"
            else "is not known"
        )
        raise OptionError(f'rotation "{name}" {reason}; choose one of: {known}.')
    rest = dict(given or {})
    standardized = _flag(rest, "std.ov", "standardized", default=True)
    n_starts = _count(rest)
    weights = rest.pop("row.weights", "default")
    if weights != "default":
        if weights not in KAISER or "normalize" in rest:
            raise OptionError(
                f'row.weights is {weights!r}, but must be "kaiser", "none" or "default", and '
                "stands for `normalize`, so that only one of the two can be given."
            )
        rest["normalize"] = KAISER[weights]
    # lavaan takes `orthogonal` of every rotation; where there is no choice it says nothing new.
    arguments = {
        block.name: _resolved(name, {k: _of_block(k, v, block, blocks) for k, v in rest.items()})
        for block in blocks
    }
    return RotationPlan(name, arguments, standardized, n_starts, seed)


def _resolved(name: str, given: dict[str, Any]) -> dict[str, Any]:
    defaults = GEOMIN if name.startswith(("geomin", "bigeomin")) else {}
    own = resolve_arguments(name, given)
    named = {"epsilon", "eps", "delta", "geomin.epsilon"} & set(given)
    return own if named else own | defaults


def _flag(rest: dict[str, Any], *names: str, default: bool) -> bool:
    for name in names:
        if name in rest:
            value = rest.pop(name)
            if not isinstance(value, bool | np.bool_):
                raise OptionError(f"{name} is {value!r}, but must be True or False.")
            return bool(value)
    return default


def _count(rest: dict[str, Any]) -> int:
    for name in ("rstarts", "n_starts"):
        if name in rest:
            value = rest.pop(name)
            if not isinstance(value, Integral) or isinstance(value, bool) or int(value) < 0:
                raise OptionError(f"{name} is {value!r}, but must be a whole number, 0 or more.")
            return int(value)
    return N_STARTS


def _of_block(
    name: str, value: Any, block: ExploratoryBlock, blocks: Sequence[ExploratoryBlock]
) -> Any:
    """Give the part of an argument that belongs to a block, in the order of its items."""
    if name not in TABLES:
        return value
    if isinstance(value, Mapping):
        if block.name not in value:
            raise OptionError(
                f'{name} has no table for the block "{block.name}"; it has: '
                f"{', '.join(map(str, value))}."
            )
        value = value[block.name]
    elif len(blocks) > 1:
        raise OptionError(
            f"{name} is one table, but there are {len(blocks)} exploratory blocks. Give a "
            f'dictionary with one for each, as {{"{block.name}": ...}}.'
        )
    if isinstance(value, pd.DataFrame):
        named = {str(label) for label in value.index} == set(block.items)
        if named and {str(label) for label in value.columns} == set(block.factors):
            value = value.loc[list(block.items), list(block.factors)]
        value = value.to_numpy(dtype=float)
    found = np.asarray(value)
    if found.shape != (len(block.items), len(block.factors)):
        raise OptionError(
            f'{name} of the block "{block.name}" should be items × factors, {len(block.items)} × '
            f"{len(block.factors)}, with {', '.join(block.items)} as rows and "
            f"{', '.join(block.factors)} as columns."
        )
    return value
