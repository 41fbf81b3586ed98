"""A survey file and an instrument, made into checked answers."""

import datetime
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analyses.errors import SurveyError
from analyses.fielding import returned
from analyses.intake import (
    asked,
    columns,
    lookalikes,
    raw_answers,
    selfratings,
    then_answers,
    waves,
)
from analyses.intake.asked import NOT_ASKED
from analyses.intake.mapping import (
    ColumnMapping,
    OwnMeasure,
    ThenColumns,
    own_columns,
    own_notes,
)
from analyses.intake.raw_answers import DECLARED, OPTIONAL_KINDS
from analyses.intake.reading import RawTable, read_table
from analyses.section import Message
from analyses.simulating import mark
from instruments import answers
from instruments.schema import BackgroundColumn, Instrument

BLANK_WORDS = frozenset({"NA", "N/A", "#N/A", "NaN", "."})
"""What programs write for an empty cell; to the letter, since "none" can be an answer."""


@dataclass(frozen=True, eq=False)
class Survey:
    """The answers to an instrument, read and checked.

    Parameters
    ----------
    name
        The file's name, without its folder.
    data
        One row a respondent: the background columns of the instrument that the file has (text, or
        categories in the order of their codes where the file labels them), then the items as
        answered codes (float, NaN where missing), then columns of the user's own as numbers, by
        the names that `own` gives them. Items that nobody was asked are left out.
    scored
        (n_obs, n_items): the items that are scored (checks of attention are not), reverse-keyed.
    form
        Id of the largest form of the instrument that anybody got and whose items are there; of the
        rotated form also where only some of its versions are.
    why_missing
        (n_obs, n_items): of which kind a missing answer is: one of the instrument's missing codes,
        `blank`, `declared` where the file declares a missing value that the instrument does not
        know, `not_asked` where the respondent's form does not have the item, `self_rating` where
        the answer is one of `self_ratings`. NaN where there is an answer.
    asked
        (n_obs, n_items) bool: whether the item was asked of the respondent, as raters of whom or
        what it is about. Only these answers can be missing.
    forms
        (n_obs, 2): `form` and `version` that each respondent got; missing where not known, or
        where the form has no versions.
    self_ratings
        (n_obs, items with `self_for`): what those whom an item is about answered about themselves,
        reverse-keyed, NaN for everybody else. These answers are in neither `data` nor `scored`,
        since they have another referent.
    notes
        What was detected in the file, and what was not used.
    simulated
        True where no person gave the answers: a column of the file says so (`simulating.mark`), or
        they are those of the instrument's simulated demonstration.
    waves
        The names of the waves in order; empty where the file does not say.
    wave_column
        The column of `data` that says the wave.
    wave
        The wave that the survey has been cut to by `at`.
    own
        The measures of other instruments that the user has declared columns for.
    then
        (n_obs, n_items): what respondents say afterwards about where they stood before, by item,
        reverse-keyed, NaN where they do not; without columns where nobody was asked.
    """

    name: str
    data: pd.DataFrame
    scored: pd.DataFrame
    form: str
    why_missing: pd.DataFrame
    asked: pd.DataFrame
    forms: pd.DataFrame
    self_ratings: pd.DataFrame
    notes: tuple[Message, ...]
    simulated: bool
    waves: tuple[str, ...] = ()
    wave_column: str | None = None
    wave: str | None = None
    own: tuple[OwnMeasure, ...] = ()
    then: pd.DataFrame = field(default_factory=pd.DataFrame)

    @cached_property
    def missing_codes(self) -> pd.DataFrame:
        """Counts of missing answers, (n_items, kinds), with the kinds that the file has."""
        kinds = list(self.why_missing.dtypes.iloc[0].categories) if self.why_missing.size else []
        counts = answers.count_missing(self.why_missing, kinds)
        optional = [kind for kind in OPTIONAL_KINDS if kind in counts and not counts[kind].any()]
        return counts.drop(columns=optional)

    def where(self, rows: "pd.Series[bool]") -> "Survey":
        """Give the survey of some of its respondents.

        Parameters
        ----------
        rows
            (n_obs,) bool, indexed as `data`.

        Returns
        -------
        Survey
            With the rows numbered anew, without the items that none of them was asked, and with
            their form where all of them got the same.
        """
        of_anybody = self.asked.loc[rows].any()
        items = of_anybody.index[of_anybody]
        nobody = of_anybody.index[~of_anybody]
        forms = self.forms.loc[rows, "form"]
        alike = forms.notna().all() and forms.nunique() == 1

        def cut(table: pd.DataFrame) -> pd.DataFrame:
            return table.loc[rows].reset_index(drop=True)

        return replace(
            self,
            data=cut(self.data.drop(columns=nobody)),
            scored=cut(self.scored.drop(columns=nobody, errors="ignore")),
            form=str(forms.iloc[0]) if alike else self.form,
            why_missing=cut(self.why_missing[items]),
            asked=cut(self.asked[items]),
            forms=cut(self.forms),
            self_ratings=cut(self.self_ratings),
            then=cut(self.then) if len(self.then.columns) else self.then,
        )

    def at(self, wave: str) -> "Survey":
        """Give the survey of one wave, named in any case and spacing.

        Raises
        ------
        SurveyError
            Where the survey has no such wave.
        """
        name = waves.find(wave, self.waves)
        if name is None or self.wave_column is None:
            has = columns.listed(self.waves, "wave") if self.waves else "no waves"
            raise SurveyError(f'"{self.name}" has no wave "{wave}".\n    It has {has}.')
        return replace(self.where(self.data[self.wave_column] == name), wave=name)


def read_survey(
    path: str | Path,
    instrument: Instrument,
    *,
    mapping: Mapping[str, str] | None = None,
    own: Sequence[OwnMeasure] = (),
    then: ThenColumns | None = None,
) -> Survey:
    """Read a survey file and check it against the instrument, before anything is computed.

    Parameters
    ----------
    path
        A .csv, .tsv, .txt, .xlsx, .sav, .dta or .parquet file with one row a respondent and wave.
    instrument
        What was asked.
    mapping
        Name in the instrument → name of the column in the file, where they differ.
    own
        Measures of other instruments in further columns of the file.
    then
        The columns with what people say afterwards about where they stood before; by default those
        called "{item}_then".

    Raises
    ------
    SurveyError
        Where the file cannot be read, or lacks what the instrument requires or the mapping names;
        where somebody answered twice in a wave, or the waves cannot be told apart.
    AnswerError
        Where an answer is outside its response scale or no label of it, an item is constant or
        empty, or there are fewer complete answers than items.
    """
    path = Path(path)
    mapping = dict(mapping or {})
    names = [*instrument.all_item_ids, *(column.name for column in instrument.columns)]
    others = {column for measure in own for column in measure.columns}
    then = ColumnMapping().then if then is None else then
    others |= set(then.columns.values())
    raw = read_table(path, expected=[*(mapping.get(name, name) for name in names), *others])
    raw, marked = mark.taken_from(raw)
    said = then_answers.columns_of(raw.frame, instrument, then, survey=path.name)
    others |= set(said.values())
    raw = returned.translate(raw, instrument, survey=path.name, keep={*mapping.values(), *others})
    match = columns.match(
        [str(name) for name in raw.frame.columns if name not in others],
        instrument,
        survey=path.name,
        mapping=mapping,
    )
    responses = {item: instrument.response(item) for item in match.items}
    codes, missing, item_notes = raw_answers.read(raw, match.found, responses)
    background = {
        part.name: _background(raw, match.found[part.name], part)
        for part in instrument.columns
        if part.name in match.found
    }
    in_waves = _waves(instrument, background, path.name)
    stated = background.get(asked.FORM)
    answered = ~missing.isin([answers.BLANK, DECLARED])
    design = asked.design(instrument, match.form, answered, stated, survey=path.name)
    missing = missing.mask(~design.asked, NOT_ASKED)
    read = selfratings.apart(instrument, codes, missing, design.asked, background)
    of_anybody = read.asked.any()
    rated = list(of_anybody.index[of_anybody])
    check_answers(instrument, design.form.id, read.codes[rated], read.asked)
    measured = own_columns(raw.frame, tuple(own), path.name)
    afterwards, then_notes = then_answers.read(raw, said, instrument)
    data = pd.concat([pd.DataFrame(background), read.codes[rated], measured], axis=1)
    tables = (data, read.missing[rated], read.asked[rated], design.forms, read.self_ratings)
    data, missing, was_asked, forms, self_ratings = (
        table.reset_index(drop=True) for table in tables
    )
    return Survey(
        name=path.name,
        data=data,
        scored=instrument.score(data[rated]),
        form=design.form.id,
        why_missing=missing,
        asked=was_asked,
        forms=forms,
        self_ratings=self_ratings,
        notes=(
            *raw.notes,
            *item_notes,
            *match.notes,
            *lookalikes.other_versions(raw.frame, instrument),
            *design.notes,
            *read.notes,
            *in_waves.notes,
            *own_notes(own),
            *then_notes,
        ),
        simulated=marked or _simulated(path, codes, instrument),
        waves=in_waves.order,
        wave_column=instrument.column_for("wave") if in_waves.order else None,
        own=tuple(own),
        then=afterwards.reset_index(drop=True),
    )


def _waves(
    instrument: Instrument, background: dict[str, "pd.Series[Any]"], survey: str
) -> waves.Waves:
    """Read the waves, give each one name in the background, and refuse who answered twice."""
    column, who = instrument.column_for("wave"), instrument.column_for("respondent")
    respondents = background.get(who or "")
    found = waves.Waves(pd.Series(dtype=object), (), ())
    if column in background and background[column].notna().any():
        values = background[column]
        found = waves.read(values, respondents, column=column, survey=survey)
        if not hasattr(values, "cat"):
            background[column] = found.values.astype("str")
        else:
            kind = pd.CategoricalDtype(list(found.order))
            background[column] = found.values.astype(kind)
    start = next((one for one in instrument.columns if one.role == "start"), None)
    if start is not None and start.name in background and len(found.order) > 1:
        named = (word for labels in start.values.values() for word in labels.values())
        background[start.name] = waves.starts(
            background[start.name],
            found.order,
            [*start.values, *named],
            column=start.name,
            survey=survey,
        )
    if respondents is not None:
        by_wave = background.get(column or "") if found.order else None
        waves.refuse_doubles(respondents, by_wave, survey=survey)
    return found


def check_answers(
    instrument: Instrument, form: str, codes: pd.DataFrame, was_asked: pd.DataFrame
) -> None:
    """Refuse answers that nothing can be computed from.

    Parameters
    ----------
    instrument, form
        What may be asked, and the form that was.
    codes, was_asked
        (n_obs, n_items) as in `Survey`.

    Raises
    ------
    AnswerError
        As `instruments.check_answers`; the items that everybody was asked are needed together.
    """
    # Whoever reads gives a check of attention the same answer, so it may well be constant.
    scored = [str(item) for item in codes if item not in instrument.check_ids]
    of_all = [
        item
        for item in instrument.asked_of_all(form)
        if item in was_asked and was_asked[item].all()
    ]
    answers.check_answers(codes, scored, together=of_all)


def _background(raw: RawTable, column: str, declared: BackgroundColumn) -> "pd.Series[Any]":
    """Give a background column as text, or as categories where the file labels its values.

    The instrument's own names of the values go before the file's labels.
    """
    values = raw.frame[column]
    text = values.astype(object).map(_as_text, na_action="ignore")
    labels = {_as_text(value): label for value, label in raw.value_labels.get(column, {}).items()}
    if not labels or set(text.dropna()) <= set(declared.values):
        words = text.isin(BLANK_WORDS - set(declared.values))
        return text.mask(words).astype("str")
    doubles = {label for label, n in Counter(labels.values()).items() if n > 1}
    shown = {
        value: f"{label} ({value})" if label in doubles else label
        for value, label in labels.items()
    }
    others = sorted(set(text.dropna()) - set(shown))
    categories = [*shown.values(), *(value for value in others if value not in shown.values())]
    named = text.map(lambda value: shown.get(value, value), na_action="ignore")
    return named.astype(pd.CategoricalDtype(categories))


def _as_text(value: object) -> str:
    """Write a value of a background column; whole numbers without decimals."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return str(value.date())
    return str(value).strip()


def _simulated(path: Path, codes: pd.DataFrame, instrument: Instrument) -> bool:
    """Tell whether the answers are the instrument's simulated demonstration.

    Wherever the file lies, and also after a survey system has had it and written it anew.
    """
    if instrument.demonstration is None or not instrument.demonstration.simulated:
        return False
    original = instrument.demonstration_path()
    if path.read_bytes() == original.read_bytes():
        return True
    table = _demonstrated(original)
    if len(table) != len(codes) or not set(codes.columns) <= set(table.columns):
        return False
    answered = instrument.decode(table[list(codes.columns)]).codes
    return bool(
        np.array_equal(answered.to_numpy(), codes[answered.columns].to_numpy(), equal_nan=True)
    )


@lru_cache(maxsize=1)
def _demonstrated(path: Path) -> pd.DataFrame:
    """Read a demonstration once, not again for every survey that is held against it."""
    return read_table(path).frame
