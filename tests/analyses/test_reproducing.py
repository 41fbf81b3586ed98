"""The programs that the dashboard shows are run, and give the tables they stand beside."""

import contextlib
import io

import pytest

from analyses import reproducing
from analyses.publication import assemble
from analyses.reproducing import Read
from tests.analyses.demonstrations import fits, instrument, survey

NAME = "mental_ability"


def _run(code: str) -> tuple[object, str]:
    names: dict[str, object] = {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "shown", "exec"), names)
    return names["table"], printed.getvalue()


@pytest.mark.parametrize(
    ("section", "table"),
    [("items", "items_visual"), ("reliability", "reliability"), ("confirmatory", "models")],
)
def test_a_program_gives_the_table_that_the_report_has(section, table):
    module = __import__(f"analyses.{section}", fromlist=["run"])
    made = module.run(instrument(NAME), survey(NAME), fits=fits(NAME))
    published = assemble(instrument(NAME), survey(NAME), (made,)).sections[0]
    found, printed = _run(reproducing.code(Read(NAME), section, table))
    assert found == published.table(table)
    if table == "reliability":
        # Holzinger & Swineford's textual scale, to lavaan's and psych's digits.
        assert "textual 0.88270" in printed


def test_a_program_reads_the_answers_as_the_reader_had_them_read():
    read = Read("coupling", "svar.xlsx", {"group": "sector"}, mapping=True, wave="T2")
    code = reproducing.code(read, "items", "items_bro")
    assert "Path('svar.xlsx'), {'group': 'sector'}, mapping=Path(\"mapping.toml\")" in code
    assert "one_wave(instrument, given.survey, 'T2')" in code
    compile(code, "shown", "exec")


@pytest.mark.parametrize("section", ["levels", "hypotheses", "claims", "sensitivity", "card"])
def test_what_rests_on_other_sections_is_made_by_the_whole_validation(section):
    code = reproducing.code(Read("coupling", "svar.csv", flagged="keep"), section, "any")
    assert "validate(instrument, given.survey, beside=given.beside, flagged='keep')" in code
    compile(code, "shown", "exec")


def test_without_the_flagged_every_table_is_made_by_the_whole_validation():
    code = reproducing.code(Read("coupling", "svar.csv", flagged="drop"), "items", "items_bro")
    assert "flagged='drop'" in code


def test_what_was_asked_for_besides_is_asked_for_again():
    read = Read("coupling", "svar.csv", more=("cutoffs", "multiverse"))
    for section, table in (
        ("confirmatory", "dynamic_cutoffs"),
        ("multiverse", "multiverse_questionnaire"),
    ):
        code = reproducing.code(read, section, table)
        assert "beside=given.beside, cutoffs=True, multiverse=True)" in code
        compile(code, "shown", "exec")
    assert "validate" not in reproducing.code(read, "confirmatory", "models")


@pytest.mark.parametrize("key", reproducing.STATISTICS, ids="-".join)
def test_every_call_of_measure_stands_for_a_section_that_is_run_alone(key):
    section, table = key
    assert section in reproducing.ALONE
    compile(reproducing.code(Read(NAME), section, table), "shown", "exec")
