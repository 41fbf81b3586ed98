"""The Python that makes a table or figure again, by the public functions, for whoever checks it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from analyses.studies.wishes import Wish

ALONE = {
    "screening": "screening",
    "content": "content_validity",
    "items": "items",
    "item_response": "item_response",
    "short_forms": "short_form",
    "reliability": "reliability",
    "exploratory": "exploratory",
    "confirmatory": "confirmatory",
    "invariance": "invariance",
}
"""Sections that are run by themselves, and their modules; the others rest on what a whole
validation has settled before them (licences, what became of hypotheses, the flagged)."""

STATISTICS = {
    ("reliability", "reliability"): (
        "for scale in instrument.reflective_scales:",
        "    answers = survey.scored.reindex(columns=list(scale.items))",
        "    print(scale.id, measure.cronbach_alpha(answers).alpha)",
    ),
    ("exploratory", "kmo_items"): (
        "fit = fit_reference(instrument, survey)[instrument.reference_model.id].fit",
        "items = [name for name in survey.scored if name in set(fit.parameters['rhs'])]",
        "print(measure.sampling_adequacy(survey.scored[items]).kmo_items)",
    ),
    ("confirmatory", "models"): (
        "for name, fitted in fit_models(instrument, survey).items():",
        "    print(name, fitted.fit and fitted.fit.fit_measures)",
    ),
    ("confirmatory", "loadings"): (
        "fit = fit_reference(instrument, survey)[instrument.reference_model.id].fit",
        "print(fit.parameters.query(\"op == '=~'\"))",
    ),
    ("confirmatory", "factor_correlations"): (
        "fit = fit_reference(instrument, survey)[instrument.reference_model.id].fit",
        "print(measure.standardized(fit).query(\"op == '~~' and lhs != rhs\"))",
    ),
}
"""Beside the section: the call of `measure` that a table's numbers come from."""


MORE = ("cutoffs", "multiverse")
"""What a validation does only where it is asked for, as it takes minutes."""

MADE_OF_MORE = ("dynamic_cutoffs",)
"""Tables that only a validation makes that was asked for more, in sections that others have too."""


@dataclass(frozen=True)
class Read:
    """How the answers were read, and what was asked of them.

    Parameters
    ----------
    instrument
        Name of the bundled instrument.
    survey
        Name of the file; None for the instrument's own bundled answers.
    roles
        Role → column, as on the command line.
    mapping
        Whether a mapping file was used.
    wave, flagged
        As for `analyses.report.validate`.
    more
        Which of `MORE` was asked for.
    """

    instrument: str
    survey: str | None = None
    roles: Mapping[str, str] = field(default_factory=dict)
    mapping: bool = False
    wave: str | None = None
    flagged: str = "both"
    more: tuple[str, ...] = ()


def code(read: Read, section_id: str, table_id: str) -> str:
    """Give Python that computes a table again and prints it.

    Parameters
    ----------
    read
        How the answers were read.
    section_id, table_id
        The table, and the section that holds it.

    Returns
    -------
    str
        A program. Its `table` equals the one shown: published, and so rounded and without small
        groups. Cells that are hidden only for the sake of other tables are there. Where a call of
        `measure` gives the numbers in full, that call stands below.
    """
    simple = section_id in ALONE and table_id not in MADE_OF_MORE
    alone = simple and read.flagged != "drop"
    module = ALONE.get(section_id, section_id)
    statistic = STATISTICS.get((section_id, table_id), ()) if alone else ()
    lines = [
        *(("import measure",) if any("measure." in line for line in statistic) else ()),
        *_imports(module if alone else None, statistic),
        "",
        *_reading(read, whole=not alone),
        "",
        *(_run_alone(module, section_id) if alone else _run_all(read)),
        f'table = report.section("{section_id}").table("{table_id}")',
        "print([column.name for column in table.columns])",
        "for row in table.rows:",
        "    print(row)",
    ]
    if statistic:
        lines += ["", *statistic]
    return "\n".join(lines) + "\n"


def plan_code(instrument: str, wish: Wish, table_id: str) -> str:
    """Give Python that plans a study again and prints a table of it."""
    default = Wish(wish.claim)
    asked = {
        field.name: getattr(wish, field.name)
        for field in fields(wish)
        if getattr(wish, field.name) != getattr(default, field.name)
    }
    given = "".join(f", {name}={value!r}" for name, value in asked.items())
    return "\n".join(
        (
            "import instruments",
            "from analyses import planning",
            "from analyses.studies.wishes import Wish",
            "",
            f'instrument = instruments.load("{instrument}")',
            f'section = planning.run(instrument, Wish("{wish.claim}"{given}))',
            "report = planning.report(instrument, section)",
            f'table = report.section("planning").table("{table_id}")',
            "print([column.name for column in table.columns])",
            "for row in table.rows:",
            "    print(row)",
            "",
        )
    )


def _imports(module: str | None, statistic: tuple[str, ...]) -> list[str]:
    used = "\n".join(statistic)
    fits = [name for name in ("fit_models", "fit_reference") if f"{name}(" in used]
    lines = ["import instruments", "from analyses.intake import inputs"]
    if module is None:
        return ["from pathlib import Path", "", *lines, "from analyses.report import validate"]
    return [
        "from pathlib import Path",
        "",
        lines[0],
        f"from analyses import {module}",
        lines[1],
        "from analyses.intake.cross_section import one_wave",
        *((f"from analyses.modelling.fits import {', '.join(fits)}",) if fits else ()),
        "from analyses.publication import assemble",
    ]


def _reading(read: Read, *, whole: bool) -> list[str]:
    path = "instrument.demonstration_path()" if read.survey is None else f"Path({read.survey!r})"
    given = [path]
    if read.roles:
        given.append(repr(dict(read.roles)))
    if read.mapping:
        given.append('mapping=Path("mapping.toml")')
    lines = [
        f'instrument = instruments.load("{read.instrument}")',
        f"given = inputs.read(instrument, inputs.Inputs({', '.join(given)}))",
        "instrument = given.instrument",
    ]
    if not whole:
        wave = "" if read.wave is None else f", {read.wave!r}"
        lines.append(f"survey = one_wave(instrument, given.survey{wave})")
    return lines


def _run_alone(module: str, section_id: str) -> list[str]:
    return [
        f"section = {module}.run(instrument, survey)",
        "report = assemble(instrument, survey, (section,))",
    ]


def _run_all(read: Read) -> list[str]:
    options = ["beside=given.beside"]
    if read.wave is not None:
        options.append(f"wave={read.wave!r}")
    if read.flagged != "both":
        options.append(f"flagged={read.flagged!r}")
    options += [f"{name}=True" for name in read.more]
    return [f"report = validate(instrument, given.survey, {', '.join(options)})"]
