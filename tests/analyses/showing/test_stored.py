"""Stored results: computed once in a process of their own, and anew where anything changes."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from analyses.export import results
from analyses.showing import stored
from analyses.showing.jobs import Job, Office
from analyses.showing.shelf import Shelf, Shown
from analyses.showing.worker import FIGURES, RESULTS
from analyses.wording import LANGUAGES
from tests.analyses.demonstrations import instrument, validated
from tests.analyses.reports import REPORT

HS39 = instrument("mental_ability")


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_what_a_process_computes_and_stores_is_what_is_computed_here():
    shelf = Shelf(Office(1))
    job = shelf.get(HS39)
    assert isinstance(job, Job)
    assert shelf.get(HS39) is job
    assert job.ended.wait(180)
    shown = shelf.get(HS39)
    assert isinstance(shown, Shown)
    computed = validated("mental_ability")
    assert replace(shown.report, created=computed.created) == computed
    assert stored.load(HS39) == (shown.report, shown.figures)
    assert set(shown.figures) == set(LANGUAGES)
    drawn = {figure.id for section in computed.sections for figure in section.figures}
    assert set(shown.figures["da"]) == drawn
    assert all(picture.startswith("<svg") for picture in shown.figures["en"].values())
    again = Shelf(Office(1)).get(HS39)
    assert isinstance(again, Shown)


def test_the_name_changes_with_rules_answers_and_code(monkeypatch):
    before = stored.key(HS39)
    stricter = HS39.rules.factors_retained.model_copy(update={"source": "another"})
    rules = HS39.rules.model_copy(update={"factors_retained": stricter})
    assert stored.key(HS39.model_copy(update={"rules": rules})) != before
    stored.key.cache_clear()
    monkeypatch.setattr(stored, "code", lambda: "other code")
    assert stored.key(HS39) != before
    stored.key.cache_clear()


def test_a_new_result_takes_the_place_of_the_old(tmp_path, cache):
    done = tmp_path / "done"
    done.mkdir()
    results.write(REPORT, done / RESULTS)
    (done / FIGURES).write_text("{}")
    stored.keep(HS39, done)
    old = stored.place(HS39).with_name(f"{HS39.id}-of-other-code.json")
    shutil.copyfile(stored.place(HS39), old)
    stored.keep(HS39, done)
    kept = {stored.place(HS39), stored.figures_place(HS39)}
    assert set((cache / "kobling" / "demonstrations").iterdir()) == kept
    assert stored.load(HS39) == (REPORT, {})


def test_a_damaged_file_counts_as_none(cache):
    stored.place(HS39).parent.mkdir(parents=True)
    stored.place(HS39).write_text("{}")
    assert stored.load(HS39) is None


def test_without_a_cache_folder_of_its_own_the_home_has_it(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert stored.folder() == Path.home() / ".cache" / "kobling" / "demonstrations"
