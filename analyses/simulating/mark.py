"""The mark that no person gave the answers of a file, carried by a column of the file itself.

Whatever system has had the file, and whatever it is called, a report on it then says so.
"""

from dataclasses import replace

from analyses.intake.reading import RawTable

COLUMN = "simulated"
MARK = "simulerede data / simulated data"


def taken_from(raw: RawTable) -> tuple[RawTable, bool]:
    """Tell whether any row of a table is marked, and give the table without the mark.

    A column of that name that holds something else is left alone.
    """
    marks = [name for name in raw.frame.columns if str(name).strip().casefold() == COLUMN]
    for name in marks:
        cells = raw.frame[name].map(lambda cell: isinstance(cell, str) and cell.strip() == MARK)
        if cells.any():
            return replace(raw, frame=raw.frame.drop(columns=name)), True
    return raw, False
