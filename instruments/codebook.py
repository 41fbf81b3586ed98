"""What was asked, as tables: one row an item, and how many items there are of each kind."""

from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from instruments.schema import Instrument

UNSCALED = "none"
"""The row of items that belong to no scale."""

SHOWN_APART = {"id", "text", "self_text", "response"}


def codebook(instrument: "Instrument") -> pd.DataFrame:
    """Describe every item of an instrument in one row; see `Instrument.codebook`."""
    variants = {item.id for item in instrument.variants}
    with_own_text = any(item.self_text for item in instrument.all_items)
    rows = []
    for item in instrument.all_items:
        response = instrument.response(item.id)
        row: dict[str, Any] = {"item": item.id}
        row |= {f"text.{language}": item.text[language] for language in instrument.languages}
        if with_own_text:
            row |= {f"self_text.{name}": item.self_text.get(name) for name in instrument.languages}
        row |= item.model_dump(exclude=SHOWN_APART)
        row["variant"] = item.id in variants
        row["scales"] = " ".join(scale.id for scale in instrument.scales if item.id in scale.items)
        row["forms"] = " ".join(form.id for form in instrument.forms if item.id in form.items)
        row |= {"response": response.id, "lowest": response.lowest, "highest": response.highest}
        for language in instrument.languages:
            labels = response.labels.get(language, {})
            row[f"labels.{language}"] = "; ".join(f"{c} = {text}" for c, text in labels.items())
        row["missing"] = "; ".join(f"{part.code} = {part.name}" for part in response.missing)
        rows.append(row)
    integers = dict.fromkeys(("lowest", "highest", "instructed"), "Int64")
    return pd.DataFrame(rows).astype(integers)


def item_counts(instrument: "Instrument") -> pd.DataFrame:
    """Count the items of every scale; see `Instrument.item_counts`."""
    placed = {name for scale in instrument.scales for name in scale.items}
    groups = {scale.id: scale.items for scale in instrument.scales}
    if rest := tuple(item.id for item in instrument.all_items if item.id not in placed):
        groups[UNSCALED] = rest
    variants = {item.id for item in instrument.variants}
    rows = []
    for name, ids in groups.items():
        items = [instrument.item(item) for item in ids]
        counted = [item for item in items if item.id not in variants]
        rows.append(
            {
                "scale": name,
                "indicator": items[0].indicator,
                "level": items[0].level,
                "items": len(counted),
                "reversed": sum(item.keying == -1 for item in counted),
                "variants": len(items) - len(counted),
            }
        )
    return pd.DataFrame(rows).set_index("scale")
