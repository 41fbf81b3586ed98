"""Which items each respondent was asked: what is blank by design is told from what is left out.

The column `form` says which form or version of the rotated form a respondent got. Where it is
silent, the version is told by the blocks that were answered, if nobody answered more blocks than a
version has; else everybody counts as asked everything that the file has.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analyses.errors import SurveyError
from analyses.intake.columns import SHOWN, listed
from analyses.section import Message, Value
from instruments.schema import Form, Instrument
from instruments.texts import fold

FORM = "form"
"""The column that says which form or version a respondent got."""

NOT_ASKED = "not_asked"
"""The kind of a missing answer that the respondent's form does not ask for."""

MOSTLY = 0.5
"""Versions are told by the answers where these fit exactly one for more than this share."""


@dataclass(frozen=True, eq=False)
class Design:
    """What each respondent was asked.

    Parameters
    ----------
    forms
        (n_obs, 2) `form` and `version` of each respondent; missing where not known, or where the
        form has no versions. A form that the file holds only in part counts as what it is read as.
    asked
        (n_obs, n_items) bool.
    form
        The largest form that anybody got.
    notes
        What the column `form` says, and where it and the answers contradict each other.
    """

    forms: pd.DataFrame
    asked: pd.DataFrame
    form: Form
    notes: tuple[Message, ...]


def design(
    instrument: Instrument,
    form: Form,
    given: pd.DataFrame,
    stated: "pd.Series[Any] | None",
    *,
    survey: str,
) -> Design:
    """Tell which items each respondent was asked.

    Parameters
    ----------
    instrument
        What may be asked.
    form
        The form that the file's columns hold.
    given
        (n_obs, n_items) bool: whether there is an answer, also one that counts as missing ("don't
        know").
    stated
        (n_obs,) the column `form` of the file; None where it has none.
    survey
        What error messages call the file.

    Returns
    -------
    Design
        An item that has an answer counts as asked, also where the stated form does not have it; a
        note then says so.

    Raises
    ------
    SurveyError
        Where the stated form has items that the file lacks, and the respondents have answers to
        items that it does not have: then another form was asked than stated.
    """
    forms, notes = _stated(instrument, stated, given)
    told, silent = forms.copy(), forms.isna() & given.any(axis=1)
    if silent.any():
        found = _by_answers(instrument, form, given[silent])
        told[silent] = found
        known = int(found.notna().sum())
        if known:
            values: dict[str, Value] = {"n": known, "unknown": int(silent.sum()) - known}
            notes.append(Message("reading.version_by_answers", values))
    asked = pd.DataFrame(True, index=given.index, columns=given.columns)
    for form_id in told.dropna().unique():
        items = [item for item in given.columns if item not in instrument.form_items(form_id)]
        asked.loc[told == form_id, items] = False
    notes += _contradictions(instrument, forms, given, asked, survey)
    of_anybody = (asked | given).any()
    if nobody := list(of_anybody.index[~of_anybody]):
        notes.append(Message("reading.nobody_asked", {"n": len(nobody), "items": tuple(nobody)}))
    forms_of = told.map(lambda form_id: _read_as(instrument, form, form_id, given), "ignore")
    versions = told.mask(told.isin([one.id for one in instrument.forms]), None)
    by_row = pd.DataFrame({"form": forms_of, "version": versions})
    largest = max(
        (instrument.form(form_id) for form_id in forms_of.dropna().unique()),
        key=lambda one: len(one.items),
        default=form,
    )
    return Design(by_row, asked | given, form if told.isna().any() else largest, tuple(notes))


def _stated(
    instrument: Instrument, stated: "pd.Series[Any] | None", given: pd.DataFrame
) -> tuple["pd.Series[Any]", list[Message]]:
    """Read the column `form`: ids, or their words in any language."""
    nothing = pd.Series(None, index=given.index, dtype=object)
    if stated is None:
        return nothing, []
    words = {fold(form_id): form_id for form_id in instrument.form_ids}
    declared = next((column for column in instrument.columns if column.name == FORM), None)
    for value, labels in {} if declared is None else declared.values.items():
        words |= {fold(text): value for text in labels.values() if value in instrument.form_ids}
    read = stated.astype(object).map(lambda value: words.get(fold(str(value))), na_action="ignore")
    strange = stated[stated.notna() & read.isna()].astype(str)
    forms = nothing.where(read.isna(), read)
    if strange.empty:
        return forms, []
    values: dict[str, Value] = {"n": len(strange), "values": tuple(sorted(strange.unique()))}
    return forms, [Message("reading.form_unknown", values)]


def _by_answers(instrument: Instrument, form: Form, given: pd.DataFrame) -> "pd.Series[Any]":
    """Tell the version of each respondent by the blocks that were answered, if that is possible."""
    told = pd.Series(None, index=given.index, dtype=object)
    rotation = instrument.rotation
    if rotation is None or rotation.form != form.id:
        return told
    items = {
        block.id: [item for item in block.items if item in given.columns]
        for block in instrument.blocks
    }
    blocks = [block for block in rotation.rotated if items[block]]
    if not blocks:
        return told
    answered = np.column_stack([given[items[block]].any(axis=1) for block in blocks])
    shown = np.array([[block in one.blocks for block in blocks] for one in rotation.versions])
    # A version fits where no block is answered that it does not show.
    fits = ~(answered[:, None, :] & ~shown[None, :, :]).any(axis=2)
    n_fitting = fits.sum(axis=1)
    if (n_fitting == 0).any() or (n_fitting == 1).mean() <= MOSTLY:
        return told
    ids = np.array([version.id for version in rotation.versions], dtype=object)
    one = n_fitting == 1
    told[one] = ids[fits[one].argmax(axis=1)]
    return told


def _read_as(instrument: Instrument, form: Form, form_id: str, given: pd.DataFrame) -> str:
    """Give the form that a respondent of a form or version is read as, by the file's columns."""
    own = instrument.form_of(form_id)
    there = own.id == form.id or set(own.items) <= set(given.columns)
    return own.id if there else form.id


def _contradictions(
    instrument: Instrument,
    forms: "pd.Series[Any]",
    given: pd.DataFrame,
    asked: pd.DataFrame,
    survey: str,
) -> list[Message]:
    """Compare what the column `form` says with the items of the file and the answers."""
    notes: list[Message] = []
    beyond = given & ~asked & forms.notna().to_numpy()[:, None]
    for form_id in sorted(forms.dropna().unique()):
        rows = forms == form_id
        absent = [item for item in instrument.form_items(form_id) if item not in given.columns]
        answered = beyond.loc[rows].any()
        more = list(answered.index[answered])
        if absent and more:
            raise SurveyError(
                f'the column "{FORM}" of "{survey}" says "{form_id}" in {int(rows.sum())} rows, '
                f"but the file lacks {listed(absent, 'item')} of it, and these rows answer "
                f"{listed(more, 'item')}, which it does not have.\n"
                f'    Correct the column "{FORM}", or delete it.'
            )
        if absent:
            notes.append(_differs("reading.form_lacks", form_id, rows, absent))
        if more:
            n = int(beyond.loc[rows].to_numpy().sum())
            notes.append(_differs("reading.form_exceeded", form_id, rows, more, answers=n))
    return notes


def _differs(
    key: str, form_id: str, rows: "pd.Series[bool]", items: Sequence[str], **more: int
) -> Message:
    values: dict[str, Value] = {
        "form": form_id,
        "rows": int(rows.sum()),
        "n": len(items),
        "items": tuple(items[:SHOWN]),
    }
    return Message(key, values | more)
