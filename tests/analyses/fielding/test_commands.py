"""`kobling questionnaire` and `kobling codebook`: files, refusals, and nothing half-written."""

import errno
import os
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

import instruments
from analyses.cli import REFUSED, main
from analyses.fielding import files, limesurvey, redcap, xlsform

CHECKS = {"lss": limesurvey.problems, "redcap": redcap.problems, "xlsform": xlsform.problems}
BEGINNINGS = {"docx": b"PK", "pdf": b"%PDF"}


def _invoke(*words: object):
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.mark.parametrize("format", files.QUESTIONNAIRES)
def test_a_questionnaire_is_written_in_every_format(format: str, tmp_path: Path) -> None:
    path = tmp_path / f"skema{files.QUESTIONNAIRES[format][0]}"
    words = ("--instrument", "coupling", "--form", "short", "--format", format, "--out", path)
    result = _invoke("questionnaire", *words)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"Det korte skema ligger i {path}\n"
    content = path.read_bytes()
    if format in CHECKS:
        assert CHECKS[format](content) == []
    else:
        assert content.startswith(BEGINNINGS[format])
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("format", files.CODEBOOKS)
def test_a_codebook_is_written_in_every_format(format: str, tmp_path: Path) -> None:
    path = tmp_path / f"kodebog{files.CODEBOOKS[format]}"
    words = ("--instrument", "coupling", "--format", format, "--language", "en", "--out", path)
    result = _invoke("codebook", *words)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"The codebook is in {path}\n"
    assert path.stat().st_size > 1000
    assert list(tmp_path.iterdir()) == [path]


def test_an_instrument_without_answers_in_words_has_a_codebook_too(tmp_path: Path) -> None:
    for name in instruments.names():
        for format, ending in files.CODEBOOKS.items():
            path = tmp_path / f"{name}{ending}"
            result = _invoke("codebook", "--instrument", name, "--format", format, "--out", path)
            assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("command", "changed", "message"),
    [
        ("questionnaire", {"--form": "kort"}, 'has no form "kort"'),
        ("questionnaire", {"--language": "fr"}, 'no language "fr"'),
        ("questionnaire", {"--format": "doc"}, 'no format "doc".*docx, pdf, lss'),
        ("questionnaire", {"--instrument": "kks"}, 'no instrument "kks"'),
        ("questionnaire", {"--instrument": "leadership_climate", "--form": "all"}, "only a label"),
        ("questionnaire", {"--role": "leader"}, 'role "leader"'),
        ("questionnaire", {"--format": "docx"}, r"does not end with \.docx"),
        ("questionnaire", {"--out": "{folder}"}, "is a folder"),
        ("questionnaire", {"--out": "{folder}/none/skema.pdf"}, 'no folder "none"'),
        ("questionnaire", {"--out": "{folder}/there.pdf"}, "is there already"),
        ("codebook", {"--form": "kort"}, 'has no form "kort"'),
        ("codebook", {"--format": "pdf"}, 'no format "pdf".*xlsx, html, sav'),
        ("codebook", {"--out": "{folder}/none/bog.xlsx"}, 'no folder "none"'),
    ],
)
def test_bad_input_is_told_in_a_sentence_and_nothing_is_written(
    command: str, changed: dict[str, str], message: str, tmp_path: Path
) -> None:
    (tmp_path / "there.pdf").write_bytes(b"mine")
    options = {"--instrument": "coupling", "--form": "short", "--out": "{folder}/skema.pdf"}
    if command == "codebook":
        options["--out"] = "{folder}/bog.xlsx"
    words = [part.format(folder=tmp_path) for pair in (options | changed).items() for part in pair]
    result = _invoke(command, *words)
    assert result.exit_code == REFUSED, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert result.stderr.startswith(("Fejl: ", "Error: "))
    assert _found(message, result.stderr)
    assert [path.name for path in tmp_path.iterdir()] == ["there.pdf"]
    assert (tmp_path / "there.pdf").read_bytes() == b"mine"


def _found(message: str, text: str) -> bool:

    return re.search(message, text.replace("\n", " ")) is not None


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "fsync", full)
    words = ("--instrument", "coupling", "--form", "short", "--out", tmp_path / "skema.pdf")
    result = _invoke("questionnaire", *words)
    assert result.exit_code == REFUSED
    assert "No space left" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_permission_is_told(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(files.os, "access", lambda *_: False)
    words = ("--instrument", "coupling", "--form", "short", "--out", tmp_path / "skema.pdf")
    result = _invoke("questionnaire", *words)
    assert result.exit_code == REFUSED
    assert "no permission" in result.stderr
