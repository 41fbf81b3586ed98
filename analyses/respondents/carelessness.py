"""Who may have answered without reading: counts of flags, never the flags of single people."""

from dataclasses import replace
from typing import Any

import pandas as pd

import measure
from analyses import disclosure, evidence
from analyses.defaults import SEED
from analyses.errors import SurveyError
from analyses.evidence import column
from analyses.intake.survey import Survey
from analyses.section import Cell, Finding, Message, Provenance, Quantity, Table, Value
from instruments.schema import Instrument


def asked(instrument: Instrument, survey: Survey) -> measure.Asked:
    """Say how the scored items of a survey were asked."""
    items = [str(item) for item in survey.scored.columns]
    limits = {item: instrument.response(item).limits for item in items}
    forms = [*survey.forms["form"].dropna().unique(), *survey.forms["version"].dropna().unique()]
    return measure.Asked(
        scales={scale.id: evidence.scored_items(scale, survey) for scale in instrument.scales},
        categories={item: both for item, both in limits.items() if both is not None},
        reversed_items=[item for item in items if instrument.item(item).keying == -1],
        orders={
            str(form): [item for item in instrument.form_items(str(form)) if item in items]
            for form in forms
        },
    )


def answers_given(instrument: Instrument, survey: Survey) -> pd.DataFrame:
    """Give the scored items as answered, in the order of the form."""
    items = [item for item in instrument.form_items(survey.form) if item in survey.scored.columns]
    others = [item for item in survey.scored.columns if item not in items]
    return survey.data[[*items, *others]]


def judge(instrument: Instrument, survey: Survey, *, seed: int = SEED) -> measure.CarelessAnswers:
    """Look for careless answers, without the items that check attention.

    Raises
    ------
    SurveyError
        Where the column of response times holds something else.
    """
    return measure.careless_answers(
        answers_given(instrument, survey),
        asked(instrument, survey),
        version=survey.forms["version"].fillna(survey.forms["form"]),
        seconds=seconds(instrument, survey),
        seed=seed,
    )


def seconds(instrument: Instrument, survey: Survey) -> pd.Series | None:
    """Give the time that each respondent took; None where the survey does not say.

    Raises
    ------
    SurveyError
        Where the column holds something else.
    """
    name = instrument.column_for("seconds")
    if name is None or name not in survey.data.columns or survey.data[name].isna().all():
        return None
    written = survey.data[name].astype(object)
    taken = pd.to_numeric(
        written.map(lambda value: str(value).replace(",", "."), na_action="ignore"),
        errors="coerce",
    )
    wrong = written.notna() & ~(taken >= 0)
    if wrong.any():
        raise SurveyError(
            f'column "{name}" holds "{written[wrong].iloc[0]}" for respondent number '
            f"{int(wrong.to_numpy().argmax()) + 1}, which is no number of seconds.\n"
            "    Give the time as a number, or leave the cell empty."
        )
    return taken.astype(float)


def finding(careless: measure.CarelessAnswers) -> Finding:
    """Say how many are flagged, and how many would be if everybody had read the statements."""
    n_judged = careless.n_judged
    if careless.kinds.empty:
        return Finding(
            id="screening_careless",
            claim=Message("careless.claim.none"),
            verdict="information",
            notes=(_reason(careless),),
        )
    flagged = flagged_count(careless)
    expected = _quantity("flagged_expected", careless.expected_flagged, None, careless)
    values: dict[str, Value] = {"flagged": flagged, "n": n_judged, "expected": expected}
    return Finding(
        id="screening_careless",
        claim=Message("careless.claim.flagged", values),
        verdict="information",
        evidence=(
            evidence.count("judged", n_judged, Message("source.answers"), n_judged),
            flagged,
            _quantity("flagged", careless.n_flagged / n_judged, _behind(careless), careless),
            expected,
            _quantity("flagged_flat", careless.expected_flat, None, careless),
        ),
        notes=(
            Message("careless.note.rule"),
            Message("careless.note.never_deleted"),
            Message(f"careless.note.model_{careless.attentive}"),
            *_not_judged(careless),
        ),
    )


def flagged_count(careless: measure.CarelessAnswers) -> Quantity:
    """Give the number of people who are flagged, as it may stand in a sentence."""
    share = _quantity("flagged_count", careless.n_flagged, _behind(careless), careless)
    return replace(share, kind="count", digits=0)


def tables(careless: measure.CarelessAnswers) -> tuple[Table, ...]:
    """Give the flags by index and by how many kinds of evidence agree."""
    if careless.n_judged == 0:
        return ()
    by_index = _by_index(careless)
    return (by_index,) if careless.kinds.empty else (by_index, _by_kinds(careless))


def _behind(careless: measure.CarelessAnswers) -> int:
    """Give how many people a number of the flagged tells of: the flagged, where they are few."""
    few = disclosure.is_small(careless.n_flagged)
    return careless.n_flagged if few else careless.n_judged


def _quantity(
    name: str, value: float, n_obs: int | None, careless: measure.CarelessAnswers
) -> Quantity:
    provenance = Provenance(Message("estimator.careless"), n_obs, _source(careless))
    number = evidence.number(value)
    return Quantity(f"statistic.{name}", number, provenance, kind="percent", digits=1)


def _source(careless: measure.CarelessAnswers) -> Message:
    return Message("source.careless", {"seed": str(careless.seed)})


def _reason(careless: measure.CarelessAnswers) -> Message:
    if careless.attentive == "none":
        return Message("note.technical", {"text": careless.reason})
    return Message("careless.note.one_kind")


def _not_judged(careless: measure.CarelessAnswers) -> tuple[Message, ...]:
    n = careless.n_obs - careless.n_judged
    return (Message("careless.note.few_answers", {"n": n}),) if n else ()


def _provenance(careless: measure.CarelessAnswers) -> Provenance:
    return Provenance(Message("estimator.careless"), careless.n_judged, _source(careless))


def _by_index(careless: measure.CarelessAnswers) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for name, row in careless.indices.iterrows():
        beyond, share = evidence.number(row["n_beyond"]), evidence.number(row["share_beyond"])
        few = Message("careless.few", {"threshold": disclosure.THRESHOLD})
        hides = beyond is not None and disclosure.is_small(round(beyond))
        digits = 0 if name == "longstring" else 2
        rows.append(
            (
                Message(f"careless.index.{name}"),
                Message(f"careless.kind.{row['kind']}"),
                _beyond(row, digits, alone=careless.kinds.empty),
                few if hides else beyond,
                few if hides else share,
                evidence.number(row["expected"]),
            )
        )
    return Table(
        id="careless_indices",
        title=Message("careless.table.indices"),
        columns=(
            column("index", "message"),
            column("evidence_kind", "message"),
            column("cutoff", "message"),
            column("beyond", "count", 0),
            column("share_beyond", "percent", 1),
            column("share_expected", "percent", 1),
        ),
        rows=tuple(rows),
        provenance=_provenance(careless),
        notes=()
        if careless.kinds.empty
        else (Message("careless.note.cutoff"), Message("careless.note.as_given")),
    )


def _beyond(row: "pd.Series[Any]", digits: int, *, alone: bool) -> Message:
    """Say from where on an index counts, or why it does not."""
    if row["lacks"]:
        return Message(f"careless.lacks.{row['lacks']}")
    upper, lower = evidence.number(row["cutoff"]), evidence.number(row["cutoff.lower"])
    if upper is None:
        return Message("careless.cutoff.alone" if alone else "careless.cutoff.never")
    values: dict[str, Value] = {"value": evidence.limit(upper, digits)}
    if lower is not None:
        values["lower"] = evidence.limit(lower, digits)
    return Message(f"careless.cutoff.{row['tail']}", values)


def _by_kinds(careless: measure.CarelessAnswers) -> Table:
    kinds = careless.kinds
    last = max(int(kinds.index[kinds["n"] > 0].max()), 2)
    rows = tuple(
        (str(number), int(row["n"]), float(row["share"]), float(row["expected"]))
        for number, row in kinds.iterrows()
        if isinstance(number, int) and number <= last
    )
    return Table(
        id="careless_kinds",
        title=Message("careless.table.kinds"),
        columns=(
            column("n_kinds", "text"),
            column("respondents", "count", 0),
            column("share", "percent", 1),
            column("share_expected", "percent", 1),
        ),
        rows=rows,
        provenance=_provenance(careless),
        respondents="respondents",
    )
