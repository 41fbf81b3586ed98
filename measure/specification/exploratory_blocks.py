"""Exploratory blocks of a model text: factors on each of which every item of the block loads.

`efa("b")*f1 + efa("b")*f2 =~ x1 + x2 + x3 + x4` makes a block "b" of two factors and four items
(Asparouhov & Muthén 2009). Its factors have variance 1; they covary with each other unless they are
kept uncorrelated, and with all other factors. A rotation says which of many equivalent loadings are
meant, so that no single loading of a block can be fixed, named or tied to another.
"""

from dataclasses import dataclass

from measure.errors import ModelError
from measure.specification.syntax import Statement, Syntax


@dataclass(frozen=True)
class ExploratoryBlock:
    """The factors of a block and the items that load on all of them, in the order of the text."""

    name: str
    factors: tuple[str, ...]
    items: tuple[str, ...]

    @property
    def is_rotated(self) -> bool:
        """Whether there is more than one position of the factors to choose from."""
        return len(self.factors) > 1


def exploratory_blocks(syntax: Syntax) -> tuple[ExploratoryBlock, ...]:
    """Find the exploratory blocks of a model text.

    Raises
    ------
    ModelError
        A factor that belongs to a block in part or to two, factors of a block with other items,
        or a statement about one of its parameters, which has no meaning under rotation.
    """
    block_of: dict[str, str] = {}
    items: dict[str, dict[str, None]] = {}
    latent = {row.lhs for row in syntax.statements if row.op == "=~"}
    for row in syntax.statements:
        name = _block_name(row)
        if name is None:
            continue
        if block_of.setdefault(row.lhs, name) != name:
            raise _refusal(row, f'the factor "{row.lhs}" belongs to two blocks. Choose one.')
        if row.rhs in latent:
            raise _refusal(
                row, f'"{row.rhs}" is a factor; the items of an exploratory block are observed.'
            )
        items.setdefault(row.lhs, {})[row.rhs] = None
    blocks = []
    for name in dict.fromkeys(block_of.values()):
        factors = tuple(factor for factor, own in block_of.items() if own == name)
        first = items[factors[0]]
        for factor in factors[1:]:
            if items[factor].keys() != first.keys():
                raise ModelError(
                    f'the factors "{factors[0]}" and "{factor}" of the exploratory block "{name}" '
                    "have other items. All items of a block load on all of its factors: write "
                    f'efa("{name}")*{factors[0]} + efa("{name}")*{factor} =~ and the items once.'
                )
        if len(first) <= len(factors):
            raise ModelError(
                f'the exploratory block "{name}" has {len(first)} items for {len(factors)} '
                "factors; it needs more items than factors."
            )
        blocks.append(ExploratoryBlock(name, factors, tuple(first)))
    for row in syntax.statements:
        _refuse_meaningless(row, block_of)
    return tuple(blocks)


def _block_name(row: Statement) -> str | None:
    for modifier in row.modifiers:
        if modifier.kind == "efa":
            return str(modifier.values[0])
    return None


def _refuse_meaningless(row: Statement, block_of: dict[str, str]) -> None:
    """Refuse what is said about parameters that change with the rotation."""
    sides = [name for name in (row.lhs, row.rhs) if name in block_of]
    if not sides:
        return
    named = f'"{row.lhs} {row.op} {row.rhs}"'.replace(' "', '"')
    if row.op != "=~" or row.lhs not in block_of:
        raise _refusal(
            row,
            f'{named} is about "{sides[0]}", a factor of the exploratory block '
            f'"{block_of[sides[0]]}". Its covariances are free as they are; regressions, higher '
            "factors and means of such factors are not estimated by this version.",
        )
    if _block_name(row) is None:
        raise _refusal(
            row,
            f'{named}: the factor "{row.lhs}" belongs to the exploratory block '
            f'"{block_of[row.lhs]}" elsewhere. Write efa("{block_of[row.lhs]}")* before it here '
            "too.",
        )
    if len(row.modifiers) > 1:
        raise _refusal(
            row,
            f"{named}: a single loading of an exploratory block cannot be fixed, named or tied, as "
            "it changes with the rotation. Leave the modifier out; a target rotation draws "
            "loadings towards values.",
        )
    if row.block.group is not None:
        raise _refusal(
            row, "exploratory blocks are estimated in one group only; leave out `group:`."
        )


def _refusal(row: Statement, reason: str) -> ModelError:
    return ModelError(f"line {row.line}, column {row.column}: {reason}")
