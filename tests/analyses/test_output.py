import os
import shutil
import stat

import pytest

from analyses import output
from analyses.errors import OutputError
from analyses.export import results
from tests.analyses.reports import MARKED, REPORT


def _everything(folder):
    return {
        path.relative_to(folder): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "report"
    output.write(REPORT, folder, language="da")
    return folder


@pytest.fixture
def earlier(written, tmp_path):
    """Give a folder with an earlier result."""
    return shutil.copytree(written, tmp_path / "report")


def test_all_formats_are_written_and_nothing_else(written):
    # Nothing is known of the run that this report comes from, so none is recorded.
    assert {path.name for path in written.iterdir()} == output.FILE_NAMES
    figures = {figure.id for section in REPORT.sections for figure in section.figures}
    assert {path.stem for path in (written / "figures").iterdir()} == figures
    assert {path.stem for path in (written / "slides").iterdir()} <= figures
    assert [path.name for path in written.parent.iterdir()] == ["report"]
    assert results.read(written / "results.json") == REPORT


def test_an_earlier_result_is_replaced(earlier, tmp_path):
    output.write(MARKED, earlier, language="en")
    assert results.read(earlier / "results.json") == MARKED
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_parents_are_made(tmp_path):
    folder = tmp_path / "a" / "b" / "report"
    with output.whole(folder) as place:
        assert not (tmp_path / "a").exists()
        (place / "x").write_text("x")
    assert (folder / "x").read_text() == "x"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_an_empty_folder_is_ours_to_fill(tmp_path):
    with output.whole(tmp_path / "new") as place:
        (place / "x").write_text("x")
    (tmp_path / "empty").mkdir()
    with output.whole(tmp_path / "empty") as place:
        (place / "x").write_text("x")
    assert (tmp_path / "empty" / "x").exists()


def _leave_half_way(folder, error):
    with output.whole(folder) as place:
        (place / "half").write_text("half")
        raise error


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_on_failure_the_old_result_is_as_before_and_nothing_else_remains(error, earlier, tmp_path):
    before = _everything(tmp_path)
    with pytest.raises(error):
        _leave_half_way(earlier, error)
    assert _everything(tmp_path) == before


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_on_failure_a_new_folder_is_not_there(error, tmp_path):
    with pytest.raises(error):
        _leave_half_way(tmp_path / "a" / "report", error)
    assert list(tmp_path.iterdir()) == []


def test_if_the_name_cannot_be_taken_the_old_result_returns(earlier, tmp_path, monkeypatch):
    before = _everything(tmp_path)
    rename = type(earlier).rename

    def fail_for_new(self, target):
        if self.suffix == ".part":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(type(earlier), "rename", fail_for_new)
    with pytest.raises(OutputError, match="No space left"), output.whole(earlier) as place:
        (place / "x").write_text("x")
    assert _everything(tmp_path) == before


def test_a_full_disk_is_told_in_a_sentence(tmp_path):
    with (
        pytest.raises(OutputError, match="cannot be written: No space left"),
        output.whole(tmp_path / "report"),
    ):
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_ours_is_left_alone(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "thesis.docx").write_text("years of work")
    with pytest.raises(OutputError, match="does not hold a result of kobling"):
        output.check(folder)
    assert (folder / "thesis.docx").read_text() == "years of work"


def test_results_of_another_program_do_not_make_a_folder_ours(tmp_path):
    (tmp_path / "results.json").write_text('{"format": "else"}')
    with pytest.raises(OutputError, match="does not hold a result of kobling"):
        output.check(tmp_path)


def test_a_result_beside_foreign_files_is_left_alone(earlier):
    (earlier / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"notes\.txt"):
        output.check(earlier)


def test_a_file_or_a_file_as_parent_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="is a file"):
        output.check(tmp_path / "file")
    with pytest.raises(OutputError, match="is not a folder"):
        output.check(tmp_path / "file" / "report")


def test_a_folder_where_nobody_may_write_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(OutputError, match="no permission"):
        output.check(tmp_path / "report")


def test_others_may_read_the_folder_as_the_umask_allows(written):
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(written.stat().st_mode) == 0o777 & ~umask


def test_a_link_to_an_earlier_result_stays_a_link(earlier, tmp_path):
    (tmp_path / "link").symlink_to(earlier)
    output.write(MARKED, tmp_path / "link", language="da")
    assert (tmp_path / "link").is_symlink()
    assert results.read(earlier / "results.json") == MARKED
