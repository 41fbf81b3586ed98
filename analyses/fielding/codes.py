"""What items, background columns and their answers are called in each survey system.

The only place that knows it: the writers take the names from here, and the reader looks them up.

LimeSurvey: codes of letters and digits (`Question::rules()` in its source), so that underscores are
dropped; an array's column is called `code[subcode]`; answer codes have at most five characters, so
that items have `A` before their code and background columns `A` before the place of the value.
REDCap: field names in small letters (data dictionary, column A). XLSForm: names stay as they are,
and a column is called by its groups and its name (`group/name` or `group-name`).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from analyses.fielding.errors import FieldingError
from instruments.schema import BackgroundColumn, Instrument, ResponseScale

BACKGROUND_GROUP = "background"
"""The group that background columns stand in, where a system has groups."""

LIMESURVEY_ANSWER = "A"


@dataclass(frozen=True)
class System:
    """One survey system, as far as names go.

    Parameters
    ----------
    id, title
        How it is called here, and by its makers.
    name
        Its name of an item, a background column or a block.
    answer, value
        Its code of an answer of a response scale, and of a value of a background column.
    metadata
        The columns that it exports by itself, as a pattern that a whole heading fits.
    marks
        Those of them that no other system has.
    respondent
        Those that number the respondents, the best first.
    language
        Those that tell the language in which was answered.
    """

    id: str
    title: str
    name: Callable[[str], str]
    answer: Callable[[int], str]
    value: Callable[[BackgroundColumn, str], str]
    metadata: re.Pattern[str]
    marks: re.Pattern[str]
    respondent: tuple[str, ...]
    language: tuple[str, ...] = ()

    def names(self, wanted: Iterable[str]) -> dict[str, str]:
        """Give the system's name of each, in one-to-one correspondence.

        Raises
        ------
        FieldingError
            If two of them would have one name in the system.
        """
        given: dict[str, str] = {}
        owners: dict[str, str] = {}
        for own in wanted:
            name = self.name(own)
            if owners.setdefault(name.casefold(), own) != own:
                raise FieldingError(
                    f'"{owners[name.casefold()]}" and "{own}" would both be called "{name}" in '
                    f"{self.title}.\n    Rename one of them in the instrument."
                )
            given[own] = name
        return given


def _without_underscores(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "", name)


def _small_letters(name: str) -> str:
    return re.sub(r"[^a-z0-9_]", "_", name.lower())


def _unchanged(name: str) -> str:
    return name


def _plain_answer(code: int) -> str:
    return str(code)


def _plain_value(column: BackgroundColumn, value: str) -> str:
    assert value in column.values
    return value


def _limesurvey_answer(code: int) -> str:
    return f"{LIMESURVEY_ANSWER}{code}"


def _limesurvey_value(column: BackgroundColumn, value: str) -> str:
    return f"{LIMESURVEY_ANSWER}{list(column.values).index(value) + 1}"


LIMESURVEY = System(
    id="lss",
    title="LimeSurvey",
    name=_without_underscores,
    answer=_limesurvey_answer,
    value=_limesurvey_value,
    metadata=re.compile(
        r"id|submitdate|lastpage|startlanguage|seed|token|startdate|datestamp|ipaddr|refurl|"
        r"interviewtime|groupTime\d+|Response ID|Date submitted|Last page|Start language|Seed|"
        r"Date started|Date last action|IP address|Referrer URL"
    ),
    marks=re.compile(r"submitdate|lastpage|startlanguage"),
    respondent=("id", "Response ID"),
    language=("startlanguage", "Start language"),
)

REDCAP = System(
    id="redcap",
    title="REDCap",
    name=_small_letters,
    answer=_plain_answer,
    value=_plain_value,
    metadata=re.compile(
        r"record_id|Record ID|redcap_\w+|[a-z0-9_]+_complete|[a-z0-9_]+_timestamp|Complete\?|"
        r"Survey Identifier|Survey Timestamp|Event Name|Repeat Instrument|Repeat Instance|"
        r"Data Access Group"
    ),
    marks=re.compile(r"redcap_\w+|[a-z0-9_]+_complete|Complete\?"),
    respondent=("record_id", "Record ID"),
)

XLSFORM = System(
    id="xlsform",
    title="XLSForm (ODK, KoboToolbox)",
    name=_unchanged,
    answer=_plain_answer,
    value=_plain_value,
    metadata=re.compile(
        r"start|end|today|deviceid|username|(meta[/-])?(instanceID|instanceName|rootUuid)|KEY|"
        r"SubmissionDate|SubmitterID|SubmitterName|AttachmentsPresent|AttachmentsExpected|Status|"
        r"ReviewState|DeviceID|Edits|FormVersion|__version__|_id|_uuid|_submission_time|"
        r"_validation_status|_notes|_status|_submitted_by|_tags|_index|formhub/uuid|_xform_id_string|"
        r"introduction|(.*[/-])?(generated|reserved_name_for_field_list_labels)_\w+"
    ),
    marks=re.compile(
        r"(meta[/-])?instanceID|KEY|SubmissionDate|__version__|_uuid|_submission_time|formhub/uuid"
    ),
    respondent=("_uuid", "KEY", "meta/instanceID", "meta-instanceID", "instanceID", "_id"),
)

SYSTEMS: Mapping[str, System] = {system.id: system for system in (LIMESURVEY, REDCAP, XLSFORM)}
"""The systems by the name of their import format."""


def own_name(heading: str, names: Mapping[str, str], system: System) -> str | None:
    """Give the instrument's name of the column that a system calls so, or None.

    Parameters
    ----------
    heading
        As the system exports it: its code, or (LimeSurvey) the code with a text after it.
    names
        The system's names in small letters → the instrument's names.
    system
        The system.
    """
    if system is XLSFORM:
        parts = re.split(r"[/-]", heading)
        return names.get(parts[-1].casefold())
    if system is REDCAP:
        return names.get(heading.casefold()) if heading == heading.lower() else None
    within = re.match(r"[A-Za-z][A-Za-z0-9]*(?:\[([A-Za-z0-9]+)\]|_([A-Za-z0-9]+)$)", heading)
    if within is not None:
        return names.get((within[1] or within[2]).casefold())
    alone = re.match(r"([A-Za-z][A-Za-z0-9]*)(?:$|[.:] )", heading)
    return names.get(alone[1].casefold()) if alone is not None else None


def in_groups(heading: str, system: System) -> bool:
    """Tell whether a heading names a block and an item in the manner of a system."""
    if system is LIMESURVEY:
        return re.match(r"[A-Za-z][A-Za-z0-9]*\[[A-Za-z0-9]+\]", heading) is not None
    return system is XLSFORM and re.search(r"\w[/-]\w", heading) is not None


def answer_codes(response: ResponseScale, system: System) -> dict[str, int]:
    """Give the code of each answer of a response scale by the code that a system exports."""
    codes = (*response.codes, *(part.code for part in response.missing))
    return {system.answer(code): code for code in codes}


def value_codes(column: BackgroundColumn, system: System) -> dict[str, str]:
    """Give each value of a background column by the code that a system exports."""
    return {system.value(column, value): value for value in column.values}


def column_names(instrument: Instrument) -> tuple[str, ...]:
    """Give everything of an instrument that a column may be called by: items, then background."""
    return (*instrument.all_item_ids, *(column.name for column in instrument.columns))
