"""The waves of a survey: one name for each, their order, and nobody twice in one of them.

Names that differ only in case, blanks and punctuation are one wave. Whether "1", "T1" and
"baseline" are one wave is never guessed: a survey that calls waves so is refused unless respondents
show that they are different, by answering in both.
"""

import datetime
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

import pandas as pd

from analyses.errors import SurveyError
from analyses.intake.columns import SHOWN, listed
from analyses.section import Message

NUMBERED = re.compile(
    "|t|w|m|tp|wave|måling|maaling|målingnr|målepunkt|tid|tidspunkt|time|timepoint|runde|round|"
    "bølge|boelge|nr|no|wavenr|survey|undersøgelse"
)
"""What may stand beside the number of a wave without saying more than the number."""

FIRST = re.compile(
    "før|foer|førmåling|foermaaling|førtest|pre|præ|pretest|prætest|before|baseline|start|"
    "startmåling|basis|basismåling|nulmåling|nulpunktsmåling"
)
AFTER = re.compile("efter|eftermåling|eftertest|post|posttest|after|slut|slutmåling")
LATER = re.compile("followup|opfølgning|opfoelgning|opfølgningsmåling|fu")
"""Words that place a wave before the others, after them, and after those."""

AFTER_ALL = 1e6
"""Where a wave called "after" stands among numbered ones; "follow-up" comes after it."""

NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?")
YEAR_FIRST = re.compile(r"(\d{4})[-./](\d{1,2})(?:[-./](\d{1,2}))?(?:[ T]\d{1,2}:.*)?")
YEAR_LAST = re.compile(r"(\d{1,2})([-./])(\d{1,2})[-./](\d{4})")


@dataclass(frozen=True, eq=False)
class Waves:
    """The wave of each respondent, by one name for each wave; `order` holds the names."""

    values: "pd.Series[Any]"
    order: tuple[str, ...]
    notes: tuple[Message, ...]


class _Name(NamedTuple):
    """What a name says: its number, and in which words (`stem`); a date instead of both."""

    number: float | None
    stem: str
    date: datetime.date | None = None

    @property
    def place(self) -> float | None:
        """Where the wave stands as far as its words say; None where they do not."""
        if FIRST.fullmatch(self.stem):
            return -1.0
        if AFTER.fullmatch(self.stem):
            return AFTER_ALL + (self.number or 0.0)
        if LATER.fullmatch(self.stem):
            return 2 * AFTER_ALL + (self.number or 0.0)
        return self.number if NUMBERED.fullmatch(self.stem) else None


def read(
    values: "pd.Series[Any]", respondents: "pd.Series[Any] | None", *, column: str, survey: str
) -> Waves:
    """Give each wave one name, and put the waves in order.

    Parameters
    ----------
    values
        (n_obs,) text or categories, as the file has them.
    respondents
        (n_obs,) who answered; None where the file does not say.
    column, survey
        What error messages call the column and the file.

    Raises
    ------
    SurveyError
        Where several names may mean one wave and no respondent tells them apart, where there are
        about as many values as rows, or where the order of the waves is not known.
    """
    text = values.astype(object).map(lambda value: str(value).strip(), na_action="ignore")
    text = text.mask(text == "")
    keys = text.map(_key, na_action="ignore")
    names: dict[str, str] = {}
    merged = []
    for key in dict.fromkeys(keys.dropna()):
        spelled = text[keys == key].value_counts()
        names[key] = str(spelled.index[0])
        if len(spelled) > 1:
            others = tuple(str(one) for one in spelled.index[1:])
            merged.append(Message("waves.merged_one", {"name": names[key], "others": others}))
    one_name = keys.map(names, na_action="ignore")
    counts = {name: int((one_name == name).sum()) for name in names.values()}
    where = f'the column "{column}" of "{survey}"'
    if len(counts) > 1:
        _refuse_times(counts, len(text), where)
        _refuse_doubtful(counts, one_name, respondents, where)
    listed_first = list(values.cat.categories) if hasattr(values, "cat") else []
    notes = [Message("waves.merged", {"names": tuple(merged)})] if merged else []
    n_blank = int(text.isna().sum())
    if n_blank and len(counts) > 1:
        notes.append(Message("waves.blank", {"n": n_blank}))
    return Waves(one_name, _in_order(list(counts), listed_first, where), tuple(notes))


def find(wave: str, waves: Sequence[str]) -> str | None:
    """Give the name of a wave that is asked for in any spelling, or None."""
    return next((one for one in waves if _key(one) == _key(wave)), None)


def starts(
    values: "pd.Series[Any]",
    order: Sequence[str],
    others: Iterable[str],
    *,
    column: str,
    survey: str,
) -> "pd.Series[Any]":
    """Give the wave in which something began, by the waves' own names; missing where it has not.

    Parameters
    ----------
    values
        (n_obs,) text or categories, as the file has them.
    order
        The waves.
    others
        Declared words for what has not begun.
    column, survey
        What error messages call the column and the file.

    Raises
    ------
    SurveyError
        Where a value is neither a wave nor one of the other words.
    """
    text = values.astype(object).map(lambda value: str(value).strip(), na_action="ignore")
    not_begun = {_key(one) for one in others}
    text = text.mask((text == "") | text.map(_key, na_action="ignore").isin(not_begun))
    found = text.map(lambda value: find(value, order), na_action="ignore")
    strange = text[text.notna() & found.isna()]
    if not strange.empty:
        raise SurveyError(
            f'the column "{column}" of "{survey}" holds {listed(sorted(set(strange)), "value")} in '
            f"{len(strange)} {_rows(len(strange))}, which is no wave; the file has "
            f"{listed(list(order), 'wave')}.\n    Write the wave in which it began, and leave the "
            "cell empty where it has not begun."
        )
    return found.astype(object)


def refuse_doubles(
    respondents: "pd.Series[Any]", waves: "pd.Series[Any] | None", *, survey: str
) -> None:
    """Refuse a file with a respondent twice in one wave, or in a file without waves.

    Parameters
    ----------
    respondents, waves
        (n_obs,) indexed as the file counts its rows; who did not state a wave is passed over.

    Raises
    ------
    SurveyError
        It names the respondents and their rows.
    """
    data = pd.DataFrame({"who": respondents})
    data["wave"] = "" if waves is None or waves.nunique() < 2 else waves
    data = data.dropna()
    doubles = data[data.duplicated(keep=False)]
    if doubles.empty:
        return
    row = str(data.index.name or "row")
    lines = []
    groups = list(doubles.groupby(["who", "wave"], sort=False))
    for (who, wave), rows in groups[:SHOWN]:
        within = f' in wave "{wave}"' if wave else ""
        numbers = " and ".join(str(number) for number in rows.index[:SHOWN])
        lines.append(f'    "{who}"{within}: {row}s {numbers}')
    if len(groups) > SHOWN:
        lines.append(f"    … and {len(groups) - SHOWN} more")
    several = "respondents have" if len(groups) > 1 else "respondent has"
    again = (
        "If they answered at different times, say which in a column for the wave."
        if waves is None
        else "Correct the respondents or the waves in the file."
    )
    raise SurveyError(
        f'{len(groups)} {several} more than one row of "{survey}" in one wave:\n'
        + "\n".join(lines)
        + f"\n    Delete the rows that do not count. {again}"
    )


def _key(name: str) -> str:
    """Give what is the same for names of the same wave: without case, blanks and punctuation."""
    name = name.strip().casefold()
    if NUMBER.fullmatch(name):
        return f"{float(name.replace(',', '.')):g}"
    date = _date(name)
    if date is not None:
        return date.isoformat()
    return "".join(letter for letter in name if letter.isalnum()) or name


def _date(name: str, *, day_first: bool = True) -> datetime.date | None:
    if (found := YEAR_FIRST.fullmatch(name)) is not None:
        year, month, day = int(found[1]), int(found[2]), int(found[3] or 1)
    elif (found := YEAR_LAST.fullmatch(name)) is not None:
        day, month, year = int(found[1]), int(found[3]), int(found[4])
        if not day_first:
            day, month = month, day
    else:
        return None
    try:
        return datetime.date(year, month, day)
    except ValueError:
        return None


def _read(name: str) -> _Name:
    folded = name.strip().casefold()
    if NUMBER.fullmatch(folded):
        return _Name(float(folded.replace(",", ".")), "")
    if (date := _date(folded)) is not None:
        return _Name(None, "", date)
    key = _key(name)
    parts = re.fullmatch(r"(\D*)(\d+)(\D*)", key)
    return _Name(None, key) if parts is None else _Name(float(parts[2]), parts[1] + parts[3])


def _may_be_one(one: _Name, other: _Name) -> bool:
    """Tell whether two names of different spelling may mean one wave."""
    first, second = sorted((one.place, other.place), key=lambda place: (place is None, place or 0))
    if first is None or second is None:
        return False
    if first == second:
        return True
    if first < 0:
        return second in (0.0, 1.0)
    return second >= AFTER_ALL > first >= 2 and other.stem != one.stem


def _refuse_times(counts: Mapping[str, int], n_rows: int, where: str) -> None:
    if len(counts) > 2 and len(counts) > n_rows / 2:
        raise SurveyError(
            f"{where} has {len(counts)} different values in {n_rows} rows, so it names no waves "
            f"(first: {listed(list(counts)[:3], 'value')}).\n"
            "    If it holds the time of answering, give it another name, and the waves a column "
            "of their own."
        )


def _refuse_doubtful(
    counts: Mapping[str, int],
    values: "pd.Series[Any]",
    respondents: "pd.Series[Any] | None",
    where: str,
) -> None:
    """Refuse names that may mean one wave, unless respondents answered under both."""
    who = {
        name: set() if respondents is None else set(respondents[values == name].dropna())
        for name in counts
    }
    doubtful = [
        (one, other)
        for one, other in combinations(counts, 2)
        if _may_be_one(_read(one), _read(other)) and not who[one] & who[other]
    ]
    if not doubtful:
        return
    involved = list(dict.fromkeys(name for pair in doubtful for name in pair))
    shown = ", ".join(f'"{name}" ({n} {_rows(n)})' for name, n in counts.items())
    evidence = (
        "and the file does not say who answered (no column of respondents)"
        if not any(who.values())
        else "and no respondent has answered under more than one of these names"
    )
    quoted = " and ".join(f'"{name}"' for name in involved)
    raise SurveyError(
        f"{where} may call one wave by several names. It holds {shown}.\n"
        f"    {quoted} may be the same wave, {evidence}.\n"
        "    Give each wave one name in the file: 1, 2, 3. Nothing is analysed until that is clear."
    )


def _rows(n: int) -> str:
    return "row" if n == 1 else "rows"


def _in_order(names: list[str], listed_first: Iterable[str], where: str) -> tuple[str, ...]:
    """Put the waves in order: by number, date, words that have an order, or the file's labels."""
    if len(names) < 2:
        return tuple(names)
    read = {name: _read(name) for name in names}
    dates = [one.date for one in read.values()]
    if all(dates):
        _refuse_days_or_months(names, where)
        return tuple(sorted(names, key=lambda name: str(read[name].date)))
    stems = {one.stem for one in read.values() if one.place is None}
    # Names that share their words ("6 months", "12 months") are ordered by their numbers.
    placed = {
        name: one.number if one.place is None and len(stems) == 1 else one.place
        for name, one in read.items()
    }
    places = [(place, name) for name, place in placed.items() if place is not None]
    if len({place for place, _ in places}) == len(names) and not any(dates):
        return tuple(name for _, name in sorted(places))
    leading = {name: re.match(r"\d+(?=\D)", name) for name in names}
    numbers = [int(found[0]) for found in leading.values() if found is not None]
    if len(set(numbers)) == len(names):
        return tuple(name for _, name in sorted(zip(numbers, names, strict=True)))
    declared = [name for name in listed_first if name in names]
    if len(declared) == len(names):
        return tuple(declared)
    raise SurveyError(
        f"the order of the waves in {where} is not known: {listed(names, 'value')}.\n"
        "    Call them 1, 2, 3, or begin each name with its number (1 before, 2 after)."
    )


def _refuse_days_or_months(names: list[str], where: str) -> None:
    """Refuse dates like 3/4/2024 whose order depends on whether the day or the month is first."""
    slashed = [name for name in names if "/" in name and YEAR_LAST.fullmatch(name)]
    if len(slashed) < 2:
        return
    months = {name: _date(name, day_first=False) for name in slashed}
    if all(months.values()):
        days = {name: _date(name) for name in slashed}
        orders = [sorted(slashed, key=lambda name: str(one[name])) for one in (days, months)]
        if orders[0] != orders[1]:
            raise SurveyError(
                f"{where} holds dates whose order depends on whether the day or the month stands "
                f"first: {listed(slashed, 'value')}.\n    Write them as 2024-03-31, or as 1, 2, 3."
            )
