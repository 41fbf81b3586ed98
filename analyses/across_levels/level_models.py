"""How the models of persons within organisations fit, level by level, and by the check."""

from collections.abc import Iterator, Sequence

from analyses import evidence
from analyses.across_levels.two_levels import TwoLevel, measures_of
from analyses.evidence import column, columns
from analyses.ledger.judgement import LADDER
from analyses.modelling import methods
from analyses.section import Cell, Finding, Message, Phrase, Provenance, Table, Value

SOURCE = "Ryu & West 2009"
"""Of the test of one level with the other left free."""

CHECKED = ("cfi", "rmsea", "within", "between")


def findings(models: Sequence[TwoLevel]) -> Iterator[Finding]:
    """Say of each model how it stands, and whether the check of it says the same."""
    for one in models:
        if one.judgement == "not_measured":
            continue
        yield Finding(
            id=f"two_levels_{one.model.id}",
            claim=Message(f"levels.two.claim.{one.judgement}", _values(one)),
            verdict=LADDER[one.judgement],
            notes=(one.reason,),
        )
        if one.check is not None:
            agrees = one.check.judgement == one.judgement
            yield Finding(
                id=f"two_levels_check_{one.model.id}",
                claim=Message(
                    f"levels.two.check.{'agrees' if agrees else 'differs'}", _values(one)
                ),
                verdict="information" if agrees else "undecided",
                notes=(one.check.reason,),
            )


def _values(one: TwoLevel) -> dict[str, Value]:
    return {"model": evidence.model_label(one.model)}


def tables(models: Sequence[TwoLevel]) -> Iterator[Table]:
    """Give the fit of each model at each level, and both computations side by side."""
    fitted = [one for one in models if one.by_level.result is not None]
    if fitted:
        yield _level_table(fitted)
    for one in models:
        if one.check is not None and one.fit is not None and one.check.fit is not None:
            yield _check_table(one)


def _level_table(models: Sequence[TwoLevel]) -> Table:
    first = models[0]
    assert first.fit is not None
    assert first.by_level.result is not None
    present = set(first.by_level.result.columns)
    end = next((end for end in (".scaled", ".robust") if f"cfi{end}" in present), "")
    tests = ("chisq.scaled", "pvalue.scaled") if "chisq.scaled" in present else ("chisq", "pvalue")
    indices = (f"rmsea{end}", f"cfi{end}")
    rows: list[tuple[Cell, ...]] = []
    for one in models:
        found = one.by_level.result
        assert found is not None
        for level, row in found.iterrows():
            rows.append(
                (
                    evidence.model_label(one.model),
                    Message(f"levels.two.level.{level}"),
                    evidence.number(row[tests[0]]),
                    int(row["df"]),
                    evidence.number(row[tests[1]]),
                    *(evidence.number(row[name]) for name in (*indices, "srmr")),
                    int(row["n"]),
                )
            )
    return Table(
        id="level_fit",
        title=Message("levels.two.table.fit"),
        columns=(
            column("model", "message"),
            column("at_level", "message"),
            column(tests[0], "number", 1),
            column("df", "count", 0),
            column(tests[1], "pvalue", 3),
            *columns("number", 3, *indices, "srmr"),
            column("level_counts", "count", 0),
        ),
        rows=tuple(rows),
        provenance=Provenance(methods.estimated_by(first.fit), first.fit.n_obs, SOURCE),
        notes=tuple(_notes(models)),
    )


def _notes(models: Sequence[TwoLevel]) -> Iterator[Message]:
    yield Message("levels.two.note.fit")
    for one in models:
        assert one.by_level.result is not None
        for text in dict.fromkeys(filter(None, one.by_level.result["note"])):
            values: dict[str, Value] = {**_values(one), "text": str(text)}
            yield Message("levels.two.note.program", values)


def _check_table(one: TwoLevel) -> Table:
    assert one.fit is not None
    assert one.check is not None
    assert one.check.fit is not None
    own, other = measures_of(one.fit), measures_of(one.check.fit)
    both: dict[str, Value] = {
        "ordinal": methods.estimated_by(one.fit),
        "check": methods.estimated_by(one.check.fit),
    }
    return Table(
        id=f"level_check_{one.model.id}",
        title=Message("levels.two.table.check", _values(one)),
        columns=(
            column("quantity", "message"),
            *columns("number", 3, "by_ordinal", "by_check", "difference"),
        ),
        rows=tuple(
            (
                _index(name),
                evidence.number(own[name]),
                evidence.number(other[name]),
                evidence.number(other[name] - own[name]),
            )
            for name in CHECKED
        ),
        provenance=Provenance(Message("estimator.both", both), one.fit.n_obs, "Muthén 1994"),
        notes=(Message("levels.two.note.check", {"n": one.check.fit.n_obs}),),
    )


def _index(name: str) -> Phrase:
    return Message(f"levels.two.index.{name}")
