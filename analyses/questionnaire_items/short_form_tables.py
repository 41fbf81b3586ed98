"""The tables and the figure of a proposed short form."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from analyses import evidence
from analyses.evidence import column, columns
from analyses.section import Cell, Figure, Message, Provenance, Table
from instruments.forms import Form
from instruments.schema import Instrument, Scale
from measure.questions.short_forms import ShortForms


@dataclass(frozen=True, eq=False)
class Proposal:
    """A shorter form as the answers propose it, and as the instrument declares it.

    Attributes
    ----------
    proposed, declared
        What the two choices of items lose, tested in the same folds.
    kept
        The items that the form has of the scales that it shortens.
    scales
        These scales, by their id.
    content
        What each item stands for: its facet, or its place between low and high.
    criteria
        The scales whose scores are criteria, by their name in the results.
    clustered, seed
        Whether clusters were held out as a whole, and the seed of the folds.
    """

    form: Form
    proposed: ShortForms
    declared: ShortForms
    kept: frozenset[str]
    scales: Mapping[str, Scale]
    content: Mapping[str, str]
    criteria: Mapping[str, Scale]
    clustered: bool
    seed: int


def source(proposal: Proposal) -> Message:
    """Say how respondents were held out."""
    key = "source.folds_clustered" if proposal.clustered else "source.folds"
    return Message(key, {"seed": str(proposal.seed)})


def tables(instrument: Instrument, proposal: Proposal) -> Iterator[Table]:
    """Give the items, what each scale loses, and what their correlations with others lose."""
    yield _items_table(instrument, proposal)
    yield _scales_table(proposal)
    if len(proposal.proposed.validity):
        yield _validity_table(proposal)


def _provenance(proposal: Proposal) -> Provenance:
    found = proposal.proposed
    return Provenance(
        Message("estimator.held_out", {"n": found.n_folds}), found.n_obs, source(proposal)
    )


def _items_table(instrument: Instrument, proposal: Proposal) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for _, row in proposal.proposed.items.iterrows():
        item = str(row["item"])
        content = proposal.content.get(item)
        rows.append(
            (
                evidence.text(proposal.scales[str(row["scale"])].label),
                item,
                evidence.text(instrument.item(item).text),
                _content(content),
                evidence.number(float(row["loading"])),
                _yes(bool(row["chosen"])),
                _yes(item in proposal.kept),
                float(row["folds"]),
            )
        )
    return Table(
        id=f"short_form_items_{proposal.form.id}",
        title=Message("short_forms.table.items", {"form": evidence.text(proposal.form.label)}),
        columns=(
            column("scale", "message"),
            column("item", "text"),
            column("wording", "message"),
            column("content", "message"),
            column("loading", "number", 3),
            *columns("message", 0, "proposed", "declared_form"),
            column("folds", "percent", 0),
        ),
        rows=tuple(rows),
        provenance=_provenance(proposal),
        notes=(Message("short_forms.note.folds"), Message("short_forms.note.quota")),
    )


def _content(content: str | None) -> Message:
    """Name what an item stands for: a place between low and high in words, a facet by its code."""
    if content is None:
        return Message("short_forms.content.none")
    if content in BANDS:
        return Message(f"short_forms.content.{content}")
    return evidence.plain(content)


BANDS = ("low", "middle", "high")


def _yes(value: bool) -> Message:
    return Message("short_forms.yes" if value else "short_forms.no")


def _scales_table(proposal: Proposal) -> Table:
    """Give one row a scale: reliability of all items, of the proposed and of the form's own."""
    own = proposal.declared.scales.to_dict("index")
    rows: list[tuple[Cell, ...]] = []
    for name, row in proposal.proposed.scales.iterrows():
        declared = own[name]
        rows.append(
            (
                evidence.text(proposal.scales[str(name)].label),
                int(row["n_items"]),
                int(row["n_short"]),
                int(row["n_obs"]),
                *(
                    evidence.number(float(row[part]))
                    for part in ("omega_held", "omega_short_held", "loss", "loss.se", "r_full")
                ),
                evidence.number(float(declared["omega_short_held"])),
                evidence.number(float(declared["loss"])),
                evidence.number(float(declared["loss.se"])),
            )
        )
    return Table(
        id=f"short_form_{proposal.form.id}",
        title=Message("short_forms.table.scales", {"form": evidence.text(proposal.form.label)}),
        columns=(
            column("scale", "message"),
            *columns("count", 0, "n_items", "n_short", "n"),
            *columns("number", 3, "omega_held", "omega_short_held", "loss", "loss.se", "r_full"),
            *columns("number", 3, "omega_declared", "loss_declared", "loss_declared.se"),
        ),
        rows=tuple(rows),
        provenance=_provenance(proposal),
        notes=(Message("short_forms.note.loss"), Message("short_forms.note.r_full")),
    )


def _validity_table(proposal: Proposal) -> Table:
    """Give one row a scale: correlations with the criteria on average, and the one that loses most.

    The average is of sizes: a correlation of -.3 counts as .3.
    """
    rows: list[tuple[Cell, ...]] = []
    for name, own in proposal.proposed.validity.groupby("scale", sort=False):
        most = own.iloc[int(own["loss"].to_numpy().argmax())]
        rows.append(
            (
                evidence.text(proposal.scales[str(name)].label),
                len(own),
                *(evidence.number(float(own[part].abs().mean())) for part in ("r", "r_short")),
                evidence.number(float(own["loss"].mean())),
                evidence.text(proposal.criteria[str(most["criterion"])].label),
                evidence.number(float(most["loss"])),
                evidence.number(float(most["loss.se"])),
            )
        )
    return Table(
        id=f"short_form_validity_{proposal.form.id}",
        title=Message("short_forms.table.validity", {"form": evidence.text(proposal.form.label)}),
        columns=(
            column("scale", "message"),
            column("n_criteria", "count", 0),
            *columns("number", 2, "r_whole", "r_short"),
            column("loss_validity", "number", 3),
            column("criterion_scale", "message"),
            *columns("number", 3, "largest_loss", "loss.se"),
        ),
        rows=tuple(rows),
        provenance=_provenance(proposal),
        notes=(Message("short_forms.note.validity"),),
    )


def figure(proposal: Proposal) -> Figure:
    """Draw what each scale loses."""
    return Figure(
        id=f"short_form_{proposal.form.id}",
        title=Message("short_forms.figure", {"form": evidence.text(proposal.form.label)}),
        alt=Message("short_forms.figure.alt", {"n": len(proposal.scales)}),
        table=f"short_form_{proposal.form.id}",
        form="bars",
        channels={"y": "scale", "x": "loss"},
    )
