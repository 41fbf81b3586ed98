"""Writes the two-page summary for decision makers, set by typst.

What may be said follows from the verdicts of the published findings; the numbers are theirs.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import islice
from pathlib import Path

import typst

from analyses import labels
from analyses.export import pictures
from analyses.section import (
    Figure,
    Finding,
    Message,
    Provenance,
    Quantity,
    Report,
    Section,
    Value,
    Verdict,
)
from analyses.verdicts import CHECKS, FURTHER, TOTALS, worst
from analyses.wording import Words

FILE_NAME = "summary.pdf"

_TEMPLATE = Path(__file__).parent / "summary.typ"
_FONT = "Libertinus Serif"
"""Carried by typst, so that the summary looks the same on every machine."""

_PAGES = 2
_SIZES = (
    (10.5, 82.0),
    (10.0, 82.0),
    (9.5, 75.0),
    (9.0, 68.0),
    (8.5, 60.0),
    (8.5, 45.0),
    (8.0, 40.0),
)
"""Sizes of the text in points and of the figure in mm; the first that fits two pages is used."""

_RESULT_SECTIONS = (
    *("screening", "items", "reliability", "confirmatory", "invariance", "levels"),
    *("development", "hypotheses"),
)
_FIGURE_SECTIONS = ("reliability", "levels", "confirmatory", "items")
_MOST_NUMBERS = 4


def write(
    report: Report, path: Path, words: Words, *, drawn: Mapping[str, str] | None = None
) -> None:
    """Write the summary to a PDF file of two tagged A4 pages.

    Parameters
    ----------
    report
        A published report.
    path
        The file to write.
    words
        The language.
    drawn
        The figures as SVG by id, from `pictures.draw`; drawn here if None.
    """
    drawn = pictures.draw(report, words) if drawn is None else drawn
    path.write_bytes(contents(report, words, drawn))


def contents(report: Report, words: Words, drawn: Mapping[str, str]) -> bytes:
    """Give the summary as the bytes of a PDF file."""
    text = json.dumps(_text(report, words) | _figure(report, words, drawn))
    compiler = typst.Compiler(
        _TEMPLATE,
        root=_TEMPLATE.parent,
        font_paths=typst.Fonts(include_system_fonts=False),
    )
    created = datetime.fromisoformat(report.created)
    for size, height in _SIZES:
        made = compiler.compile(
            format="pdf",
            sys_inputs={
                "text": text,
                "size": str(size),
                "figure_height": str(height),
                "font": _FONT,
            },
            pdf_standards=["a-2a", "ua-1"],
            timestamp=created,
        )
        if int(json.loads(compiler.query("<pages>", field="value", one=True))) <= _PAGES:
            break
    assert isinstance(made, bytes)
    return made


def title(report: Report, words: Words) -> str:
    """Give the finding that the summary is named after."""
    precise, fits = _reliability_verdict(report), _structure_verdict(report)
    agree = _is_favourable(precise) == _is_favourable(fits)
    return words.say(
        Message(
            f"face.summary.title.{'and' if agree else 'but'}",
            {
                "first": Message(f"face.summary.reliability.{precise}"),
                "second": Message(f"face.summary.structure.{fits}"),
            },
        )
    )


def _reliability_verdict(report: Report) -> Verdict:
    return _verdict_of(report, "reliability")


def _verdict_of(report: Report, section: str) -> Verdict:
    judged = _judged(_sections(report, (section,)))
    return worst(finding.verdict for finding in judged if _is_main(finding))


def _is_main(finding: Finding) -> bool:
    """Tell whether the summary rests on a finding; the others are counted.

    A verdict that hangs on the method is told among the doubts, and changes no other.
    """
    return finding.id not in (*CHECKS, *TOTALS) and not finding.id.startswith(FURTHER)


def _structure_verdict(report: Report) -> Verdict:
    findings = [f for s in _sections(report, ("confirmatory",)) for f in s.findings]
    return worst(finding.verdict for finding in findings if finding.id == "global_fit")


def _is_favourable(verdict: Verdict) -> bool:
    return verdict in ("good", "acceptable")


def _sections(report: Report, ids: tuple[str, ...]) -> Iterator[Section]:
    present = {section.id: section for section in report.sections}
    return (present[section_id] for section_id in ids if section_id in present)


def _findings(report: Report, section: str) -> Iterator[Finding]:
    return (finding for one in _sections(report, (section,)) for finding in one.findings)


def _judged(sections: Iterator[Section] | tuple[Section, ...]) -> Iterator[Finding]:
    """Give the findings that a rule judges."""
    for section in sections:
        yield from (finding for finding in section.findings if finding.verdict != "information")


def _text(report: Report, words: Words) -> dict[str, object]:
    """Give every text of the summary, in the language."""

    def say(key: str, **values: Value) -> str:
        return words.say(Message(f"face.summary.{key}", values))

    name = report.title.get(words.language, report.instrument)
    asked = [say("asked_text", title=name, n=report.n_obs, survey=report.survey)]
    if report.simulated:
        asked.append(say("asked_simulated"))
    asked += [words.say(note) for note in _standing(report, "note.self_report")]
    keys = ("kicker", "asked", "results", "use", "can", "cannot", "certainty", "method")
    can, cannot = _uses(report)
    method = "method_text_confidential" if report.confidential else "method_text"
    return {
        "language": words.language,
        "title": title(report, words),
        "marks": labels.marks(report, words),
        "instrument": name,
        "heading": {key: say(key) for key in keys},
        "page": say("page", page="{page}", pages="{pages}"),
        "asked_text": asked,
        "results_text": list(_results(report, words)),
        "numbers": list(_numbers(report, words)),
        "numbers_meaning": say("omega"),
        "can_text": [say(f"uses.{key}") for key in can],
        "cannot_text": [say(f"uses.{key}") for key in cannot],
        "certainty_text": [
            say("certainty_text"),
            _counts(report, words),
            *_doubts(report, words),
            *_checks(report, words),
        ],
        "method_text": [
            say(
                method,
                instrument=report.instrument,
                version=report.instrument_version,
                survey=report.survey,
                n=report.n_obs,
                created=labels.created(report),
                software=report.software,
            ),
            *(words.say(section.answer) for section in _sections(report, ("card",))),
            *(words.say(note) for note in report.notes if note.key.startswith("lock.")),
            " ".join(_methods(report, words)),
            say("method_files"),
        ],
        "origins": list(_origins(report, words)),
    }


def _results(report: Report, words: Words) -> Iterator[str]:
    """Give the answers of the sections; that on structure is put in plain words."""
    for section in _sections(report, _RESULT_SECTIONS):
        if section.id == "confirmatory":
            yield words.say(Message(f"face.summary.fits.{_structure_verdict(report)}"))
        else:
            yield words.say(section.answer)


def _doubts(report: Report, words: Words) -> Iterator[str]:
    """Say in which sections verdicts are poor or open, and how many."""
    for verdict in ("poor", "undecided"):
        counts = [
            (section, sum(finding.verdict == verdict for finding in section.findings))
            for section in report.sections
        ]
        where = tuple(
            Message(
                "face.summary.certainty_where", {"section": labels.title(section, words), "n": n}
            )
            for section, n in counts
            if n > 0
        )
        if where:
            yield words.say(Message(f"face.summary.certainty_{verdict}", {"where": where}))


def _checks(report: Report, words: Words) -> Iterator[str]:
    """Say whether verdicts hang on how the answers are computed, and in which sections."""
    found = [
        (section, finding)
        for section in report.sections
        for finding in section.findings
        if finding.id in CHECKS or finding.id.startswith("check_")
    ]
    told = [
        (section, finding)
        for section, finding in found
        if finding.verdict != "information" or finding.id not in CHECKS
    ]
    if found and not told:
        yield words.say(Message("face.summary.check_same"))
    for section, finding in told:
        values: dict[str, Value] = {
            "section": labels.title(section, words),
            "claim": finding.claim,
        }
        yield words.say(Message("face.summary.check_in", values))


def _methods(report: Report, words: Words) -> Iterator[str]:
    """Say how the models were fitted, as the section on structure does."""
    for section in _sections(report, ("confirmatory",)):
        for note in section.notes:
            if note.key.startswith("method.note."):
                yield words.say(note)


def _standing(report: Report, key: str) -> Iterator[Message]:
    """Give a note once that several sections carry."""
    notes = (note for section in report.sections for note in section.notes if note.key == key)
    first = next(notes, None)
    if first is not None:
        yield first


def _uses(report: Report) -> tuple[list[str], list[str]]:
    """Say what the numbers can and cannot be used for; judging a person is never among the first.

    The rules of reliability ask for more where change is to be followed than where groups are
    described, so `good` allows both and `acceptable` the second only. Change also needs scales
    that the answers support: the structure may not be poor.
    """
    precise, fits = _reliability_verdict(report), _structure_verdict(report)
    change = precise == "good" and _is_favourable(fits)
    can, cannot = ["improve"], ["person"]
    (can if _is_favourable(precise) else cannot).append(
        "groups" if _is_favourable(precise) else "groups_not"
    )
    (can if change else cannot).append("change" if change else "change_not")
    if fits == "poor":
        cannot.append("structure_not")
    if not all(_is_favourable(finding.verdict) for finding in _further(report)):
        cannot.append("further_not")
    if any(not _is_favourable(f.verdict) for f in _findings(report, "invariance")):
        cannot.append("licence_not")
    if _verdict_of(report, "levels") in ("poor", "undecided"):
        cannot.append("means_not")
    cannot += ["ranking", "cause"]
    if report.simulated:
        can, cannot = ["practice"], ["simulated", "person"]
    return can, cannot


def _further(report: Report) -> Iterator[Finding]:
    """Give the findings on scales outside the reference model."""
    for finding in _judged(_sections(report, ("reliability",))):
        if finding.id.startswith(FURTHER):
            yield finding


def _with_interval(report: Report) -> Iterator[tuple[Finding, Quantity]]:
    """Give the first number with an interval of each main scale."""
    for finding in filter(_is_main, _judged(_sections(report, ("reliability",)))):
        for quantity in finding.evidence:
            if quantity.lower is not None and quantity.upper is not None:
                yield finding, quantity
                break


def _numbers(report: Report, words: Words) -> Iterator[str]:
    """Put the main numbers and their intervals in words."""
    for finding, quantity in islice(_with_interval(report), _MOST_NUMBERS):
        ends = {
            end: words.cell(value, quantity.kind, quantity.digits)
            for end, value in (
                ("value", quantity.value),
                ("lower", quantity.lower),
                ("upper", quantity.upper),
            )
        }
        name = words.say(Message(quantity.name))
        claim = words.say(finding.claim)
        sentence = words.say(Message("face.summary.interval", {"name": name} | ends))
        yield f"{claim} {sentence}"


def _origins(report: Report, words: Words) -> Iterator[str]:
    """Tell the estimator, n and source of the numbers told, each source once."""
    told: dict[tuple[str, str], list[Provenance]] = {}
    for _, quantity in islice(_with_interval(report), _MOST_NUMBERS):
        origin = quantity.provenance
        named = words.write(origin.estimator), words.write(origin.source)
        told.setdefault(named, []).append(origin)
    for origins in told.values():
        n_obs = {origin.n_obs for origin in origins}
        # Numbers from different people share a source; how many each is from stands in the report.
        one = origins[0] if len(n_obs) == 1 else replace(origins[0], n_obs=None)
        yield labels.provenance(one, words)


def _counts(report: Report, words: Words) -> str:
    verdicts = [finding.verdict for finding in _judged(report.sections)]
    counts = {name: verdicts.count(name) for name in ("good", "acceptable", "poor", "undecided")}
    return words.say(Message("face.summary.certainty_counts", {"n": len(verdicts)} | counts))


def _figure(report: Report, words: Words, drawn: Mapping[str, str]) -> dict[str, object]:
    """Choose the figure with intervals that says most to a decision maker."""
    chosen = next(
        (
            figure
            for section in _sections(report, _FIGURE_SECTIONS)
            for figure in section.figures
            if figure.form == "intervals"
        ),
        None,
    )
    if chosen is None:
        missing = words.say(Message("face.summary.figure_missing"))
        return {"figure": "", "figure_alt": "", "figure_missing": missing}
    return {
        "figure": _in_own_font(chosen, drawn),
        "figure_alt": words.say(chosen.alt),
        "figure_missing": "",
    }


def _in_own_font(figure: Figure, drawn: Mapping[str, str]) -> str:
    # Libertinus runs narrower than the font the labels were measured in, so nothing collides.
    from analyses.charts.plotting import FONT

    return drawn[figure.id].replace(FONT, _FONT)
