"""Checks of forms, blocks and the rotation of a planned-missing form."""

from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING

from instruments.problems import Problem, listed, repeated

if TYPE_CHECKING:
    from instruments.schema import Instrument, Rotation


def problems(instrument: "Instrument") -> Iterator[Problem]:
    """Find what is wrong with the blocks, forms and the rotation of an instrument."""
    known = set(instrument.all_item_ids)
    for field, kind in (("blocks", "block"), ("forms", "form")):
        for entry, part in enumerate(getattr(instrument, field)):
            texts = [f'there is no item "{name}"' for name in part.items if name not in known]
            texts += [f'"{name}" occurs twice' for name in repeated(part.items)]
            for text in texts:
                yield Problem(f'{kind} "{part.id}", items: {text}', field, entry)
    blocks = {block.id for block in instrument.blocks}
    for entry, form in enumerate(instrument.forms):
        for part, named in (("headings", form.headings), ("intros", form.intros)):
            for name in named:
                if name not in blocks:
                    text = f'form "{form.id}", {part}: there is no block "{name}"'
                    yield Problem(text, "forms", entry)
    if instrument.rotation is not None:
        for text in _rotation(instrument.rotation, instrument):
            yield Problem(f"rotation, {text}", "rotation")


def _rotation(rotation: "Rotation", instrument: "Instrument") -> Iterator[str]:
    forms = {form.id: form for form in instrument.forms}
    if rotation.form not in forms:
        yield f'form: there is no form "{rotation.form}"; the file has {listed(forms)}'
        return
    blocks = forms[rotation.form].blocks
    if not blocks:
        yield f'form: the form "{rotation.form}" is not given by blocks, so it cannot be rotated'
        return
    for block in rotation.core:
        if block not in blocks:
            yield f'core: the form "{rotation.form}" has no block "{block}"'
    for name in repeated(version.id for version in rotation.versions):
        yield f'version "{name}" occurs twice; give each version its own id'
    for version in rotation.versions:
        for block in version.blocks:
            if block not in blocks:
                yield (
                    f'version "{version.id}": the form "{rotation.form}" has no block "{block}"; '
                    f"it has {listed(blocks)}"
                )
        for block in repeated(version.blocks):
            yield f'version "{version.id}": the block "{block}" occurs twice'
        for block in rotation.core:
            if block not in version.blocks:
                yield f'version "{version.id}": the core block "{block}" is missing'
    yield from _balance(rotation, [block for block in blocks if block not in rotation.core])


def _balance(rotation: "Rotation", rotated: list[str]) -> Iterator[str]:
    """Find blocks and pairs that stand in more or fewer versions than is stated."""
    shown = Counter(block for version in rotation.versions for block in set(version.blocks))
    pairs = Counter(
        frozenset(pair)
        for version in rotation.versions
        for pair in combinations(sorted(set(version.blocks)), 2)
    )
    for block in rotated:
        if shown[block] != rotation.shown_in:
            yield (
                f'versions: the block "{block}" stands in {shown[block]} versions; shown_in says '
                f"{rotation.shown_in}"
            )
    for first, second in combinations(rotated, 2):
        together = pairs[frozenset((first, second))]
        if together != rotation.together_in:
            yield (
                f'versions: the blocks "{first}" and "{second}" stand together in {together} '
                f"versions; together_in says {rotation.together_in}"
            )
