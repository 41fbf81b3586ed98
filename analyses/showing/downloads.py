"""What a reader takes away: a table or figure by itself, or the whole report in a format."""

import csv
import io
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from pathlib import Path

from analyses import labels
from analyses.section import Figure, Report, Section, Table
from analyses.wording import Words

PICTURE_SCALE = 2.0
"""Points of a PNG for each point of the drawing, so that it is sharp on a slide."""

KINDS = {
    ".html": "text/html",
    ".pdf": "application/pdf",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".csv": "text/csv",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".zip": "application/zip",
    ".sav": "application/octet-stream",
    ".py": "text/x-python",
    ".toml": "application/toml",
}


# What writes files is imported where it is called for: the first page does not wait for it.


@cache
def files() -> dict[str, str]:
    """Give what the files of a run are called as downloads, and where a run writes them.

    Without the record, which rests on files that the server does not keep, and without what only
    a comparison of two runs writes.
    """
    from analyses import output
    from analyses.export import comparison
    from analyses.rerunning import record

    offered = sorted(output.FILE_NAMES - {record.FILE_NAME, comparison.FILE_NAME})
    return {name if Path(name).suffix else f"{name}.zip": name for name in offered}


@dataclass(frozen=True)
class Download:
    """A file that is made when it is asked for."""

    name: str
    make: Callable[[], bytes]

    @property
    def kind(self) -> str:
        """Its media type."""
        return KINDS.get(Path(self.name).suffix, "application/octet-stream")


def of_table(report: Report, section: Section, table: Table, words: Words) -> tuple[Download, ...]:
    """Give a table as csv and as a workbook; no cell of either can run as a formula."""
    alone = replace(report, sections=(replace(section, tables=(table,), figures=()),))
    return (
        Download(f"{table.id}.csv", lambda: _csv(table, words)),
        Download(f"{table.id}.xlsx", lambda: _workbook(alone, words)),
    )


def of_figure(figure: Figure, drawn: str) -> tuple[Download, ...]:
    """Give a figure, which is an SVG, as drawing and as picture."""
    return (
        Download(f"{figure.id}.svg", drawn.encode),
        Download(f"{figure.id}.png", lambda: _png(drawn)),
    )


class ReportFiles:
    """Every file that a run writes, made once when the first is asked for.

    Folders are given as one archive.
    """

    def __init__(self, report: Report, words: Words) -> None:
        self._report, self._words = report, words

    @property
    def downloads(self) -> tuple[Download, ...]:
        """The files by name, in the order of their names."""
        return tuple(Download(name, partial(self._made, name)) for name in sorted(files()))

    def _made(self, name: str) -> bytes:
        return self._files[name]

    @cached_property
    def _files(self) -> dict[str, bytes]:
        from analyses import output

        made: dict[str, bytes] = {}
        with tempfile.TemporaryDirectory(prefix="kobling-") as folder:
            place = Path(folder) / "report"
            output.write(self._report, place, language=self._words.language)
            for name, written in files().items():
                if (place / written).is_dir():
                    made[name] = _archive(place / written)
                else:
                    made[name] = (place / written).read_bytes()
        return made


def _workbook(report: Report, words: Words) -> bytes:
    from analyses.export import workbook

    return workbook.contents(report, words)


def _png(drawn: str) -> bytes:
    import vl_convert

    return vl_convert.svg_to_png(drawn, scale=PICTURE_SCALE)


def _csv(table: Table, words: Words) -> bytes:
    """Write a table as semicolon-separated text, as Excel opens it in Danish."""
    from analyses.export import workbook

    text = io.StringIO()
    sheet = csv.writer(text, delimiter=";", lineterminator="\r\n")
    heading = [workbook.safe(word) for word in labels.heading(table, words)]
    sheet.writerow(heading)
    for written, cells in zip(labels.rows(table, words), table.rows, strict=True):
        # A negative number begins with a minus, and is no formula.
        sheet.writerow(
            word if isinstance(cell, int | float) else workbook.safe(word)
            for word, cell in zip(written, cells, strict=True)
        )
    # The mark at the start tells Excel that the text is UTF-8.
    return text.getvalue().encode("utf-8-sig")


def _archive(folder: Path) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
    return content.getvalue()
