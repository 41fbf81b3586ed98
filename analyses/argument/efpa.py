"""A self-review by the headings of EFPA's review model, filled with what a run knows.

Headings as in the EFPA review model for the description and evaluation of psychological and
educational tests (2013, version 4.2.6), in our own words, and the topic that its edition of 2025
adds: equality, diversity and inclusion. What neither the instrument's file nor a
run tells is "not stated"; grades are for the reviewers and stand nowhere.
"""

from collections.abc import Callable, Mapping

from analyses import evidence
from analyses.argument import cells
from analyses.argument.found import Found, of
from analyses.evidence import columns
from analyses.section import Cell, Message, Provenance, Table, Value
from instruments.schema import Instrument

Answer = tuple[Message | None, tuple[str, ...]]
"""What is said to a heading, None where it is not stated, and the sections that say more."""

Said = Callable[[Instrument, Found], Answer]

NOT_STATED: Answer = (None, ())


def table(instrument: Instrument, sections: Found) -> Table:
    """Give one row a heading: what the file and the run say to it, and where there is more."""
    rows: list[tuple[Cell, ...]] = []
    for part, topics in HEADINGS.items():
        for topic, said in topics.items():
            answer, where = said(instrument, sections)
            rows.append(
                (
                    Message(f"efpa.part.{part}"),
                    Message(f"efpa.topic.{topic}"),
                    Message("not_stated") if answer is None else answer,
                    cells.titles(where),
                )
            )
    return Table(
        id="efpa",
        title=Message("efpa.table"),
        columns=columns("message", 0, "part", "topic", "stated", "where_found"),
        rows=tuple(rows),
        provenance=Provenance(Message("estimator.none"), None, Message("efpa.source")),
        notes=(Message("efpa.note"),),
    )


def _answers(*named: str) -> Said:
    """Give the answers of the sections that the run has, and their names."""

    def said(instrument: Instrument, sections: Found) -> Answer:
        present = tuple(name for name in named if name in sections.sections)
        if not present:
            return NOT_STATED
        return cells.sentences([sections.sections[name].answer for name in present]), present

    return said


def _measured(section: str, beginning: str, name: str) -> Said:
    """Give a section's answer, followed by one number of each of its scales."""

    def said(instrument: Instrument, sections: Found) -> Answer:
        if section not in sections.sections:
            return NOT_STATED
        labels = {scale.id: evidence.text(scale.label) for scale in instrument.scales}
        numbers = [
            of(quantity, labels[scale])
            for scale, quantity in sections.numbers(section, beginning, name)
            if scale in labels
        ]
        answer = sections.sections[section].answer
        return cells.sentences([answer, cells.numbers(numbers)]), (section,)

    return said


def _fit(instrument: Instrument, sections: Found) -> Answer:
    """Give what the structure section answers, with the indices of the reference model."""
    finding = sections.finding("confirmatory", "global_fit")
    if finding is None:
        return NOT_STATED
    answer = sections.sections["confirmatory"].answer
    return cells.sentences([answer, cells.numbers(finding.evidence)]), ("confirmatory",)


def _of_file(describe: Callable[[Instrument], Message]) -> Said:
    """Give what the instrument's file says."""
    return lambda instrument, sections: (describe(instrument), ())


def _name(instrument: Instrument) -> Message:
    values: dict[str, Value] = {
        "title": evidence.text(instrument.title),
        "id": instrument.id,
        "version": instrument.version,
    }
    return Message("efpa.said.name", values)


def _scales(instrument: Instrument) -> Message:
    labels = tuple(evidence.text(scale.label) for scale in instrument.scales)
    return Message("efpa.said.scales", {"n": len(labels), "scales": labels})


def _items(instrument: Instrument) -> Message:
    turned = sum(item.keying < 0 for item in instrument.items)
    return Message("efpa.said.items", {"n": len(instrument.items), "turned": turned})


def _forms(instrument: Instrument) -> Message:
    labels = tuple(evidence.text(form.label) for form in instrument.forms)
    return Message("efpa.said.forms", {"n": len(labels), "forms": labels})


def _languages(instrument: Instrument) -> Message:
    named = tuple(
        Message(f"efpa.language.{code}") if code in ("da", "en") else code
        for code in instrument.languages
    )
    return Message("plain_list", {"parts": named})


def _always(key: str) -> Said:
    """Give the same sentence whatever the run holds."""
    return lambda instrument, sections: (Message(key), ())


def _not_stated(instrument: Instrument, sections: Found) -> Answer:
    return NOT_STATED


def _no_evidence(instrument: Instrument, sections: Found) -> Answer:
    return Message("cosmin.sign.none"), ("validity",)


HEADINGS: Mapping[str, Mapping[str, Said]] = {
    "description": {
        "name": _of_file(_name),
        "source": _of_file(lambda instrument: evidence.plain(instrument.citation)),
        "status": _of_file(lambda instrument: evidence.plain(evidence.text(instrument.status))),
        "purpose": _of_file(
            lambda instrument: evidence.plain(evidence.text(instrument.description))
        ),
        "population": _not_stated,
        "scales": _of_file(_scales),
        "languages": _of_file(_languages),
    },
    "scoring": {
        "items": _of_file(_items),
        "forms": _of_file(_forms),
        "administration": _not_stated,
        "time": _not_stated,
        "users": _not_stated,
        "costs": _not_stated,
    },
    "rationale": {
        "theory": _answers("claims"),
        "content": _answers("content"),
        "documentation": _not_stated,
    },
    "materials": {"items_quality": _answers("items"), "presentation": _not_stated},
    "norms": {"norms": _always("efpa.said.norms")},
    "reliability": {
        "sample": _answers("screening"),
        "consistency": _measured("reliability", "reliability_", "omega"),
        "retest": _no_evidence,
        "equivalence": _answers("short_forms"),
        "information": _measured("item_response", "graded_", "marginal_reliability"),
        "raters": _answers("levels"),
    },
    "validity": {
        "exploratory": _answers("exploratory"),
        "confirmatory": _fit,
        "groups": _answers("invariance"),
        "relations": _answers("hypotheses"),
        "change": _answers("development"),
        "criterion": _no_evidence,
    },
    "equality": {"fairness": _answers("invariance"), "accommodation": _not_stated},
    "reports": {"reports": _always("efpa.said.reports")},
    "final": {"final": _always("efpa.said.final")},
}
"""What is said to each heading, by part of the review."""
