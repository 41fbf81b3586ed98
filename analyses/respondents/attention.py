"""The items that say which answer to give: who gave it, and whether the flags agree with them."""

import pandas as pd

import measure
from analyses import evidence
from analyses.evidence import column
from analyses.intake.survey import Survey
from analyses.section import Cell, Finding, Message, Provenance, Table
from instruments.schema import Instrument


def results(instrument: Instrument, survey: Survey) -> pd.DataFrame:
    """Tell of each check whether it was passed, (n_obs, n_checks); NaN where it has no answer."""
    checks = [item for item in instrument.check_ids if item in survey.data.columns]
    passed = {
        item: (survey.data[item] == instrument.item(item).instructed)
        .astype(float)
        .where(survey.data[item].notna())
        for item in checks
    }
    return pd.DataFrame(passed, index=survey.data.index)


def finding(passed: pd.DataFrame) -> Finding:
    """Say how many failed at least one check."""
    answered = passed.notna().any(axis=1)
    n_answered = int(answered.sum())
    failed = int((passed == 0).any(axis=1).sum())
    source = Message("source.answers")
    return Finding(
        id="screening_attention",
        claim=Message(
            "attention.claim", {"failed": failed, "n": n_answered, "checks": passed.shape[1]}
        ),
        verdict="information",
        evidence=(
            evidence.count("attention_failed", failed, source, n_answered),
            evidence.share(
                "attention_failed_share", failed / max(n_answered, 1), source, n_answered
            ),
        ),
        notes=(Message("attention.note.slips"),),
    )


def tables(
    instrument: Instrument, passed: pd.DataFrame, careless: measure.CarelessAnswers
) -> tuple[Table, ...]:
    """Give the answers to each check, and how the flags agree with them."""
    by_check = _by_check(instrument, passed)
    return (by_check,) if careless.kinds.empty else (by_check, _by_flag(passed, careless))


def _by_check(instrument: Instrument, passed: pd.DataFrame) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for item in passed.columns:
        answered, right = int(passed[item].notna().sum()), int((passed[item] == 1).sum())
        wording = evidence.text(instrument.item(item).text)
        share = (answered - right) / answered if answered else None
        rows.append((item, wording, answered, right, answered - right, share))
    return Table(
        id="attention_checks",
        title=Message("attention.table.checks"),
        columns=(
            column("item", "text"),
            column("wording", "message"),
            column("answered", "count", 0),
            column("as_instructed", "count", 0),
            column("otherwise", "count", 0),
            column("share_otherwise", "percent", 1),
        ),
        rows=tuple(rows),
        provenance=_provenance(len(passed)),
    )


def _by_flag(passed: pd.DataFrame, careless: measure.CarelessAnswers) -> Table:
    answered = passed.notna().any(axis=1)
    failed = (passed == 0).any(axis=1)
    rows: list[tuple[Cell, ...]] = []
    for name, group in (("flagged", careless.flagged), ("not_flagged", ~careless.flagged)):
        people = int((group & answered).sum())
        wrong = int((group & failed).sum())
        share = wrong / people if people else None
        rows.append((Message(f"attention.group.{name}"), people, wrong, share))
    return Table(
        id="attention_flagged",
        title=Message("attention.table.flagged"),
        columns=(
            column("group", "message"),
            column("respondents", "count", 0),
            column("failed_check", "count", 0),
            column("share_failed", "percent", 1),
        ),
        rows=tuple(rows),
        provenance=_provenance(int(answered.sum())),
        notes=(Message("attention.note.independent"),),
        respondents="respondents",
        distribution=True,
    )


def _provenance(n_obs: int) -> Provenance:
    return Provenance(Message("estimator.count"), n_obs, Message("source.answers"))
