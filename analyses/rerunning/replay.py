"""Runs a recorded run again, from the same files with the same options, and compares."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from analyses.errors import SurveyError
from analyses.export import results
from analyses.intake import inputs as files
from analyses.intake.earlier import located
from analyses.intake.inputs import Inputs
from analyses.rerunning import record as records
from analyses.rerunning.published import Moved, differences, published
from analyses.rerunning.record import FileRecord, Record
from analyses.section import Report
from analyses.side_by_side import ALONE, Team


@dataclass(frozen=True, eq=False)
class Run:
    """A run as it lies in its folder: what it rested on, and what it published."""

    folder: Path
    record: Record
    report: Report


@dataclass(frozen=True, eq=False)
class Replayed:
    """What came of running a run again.

    Parameters
    ----------
    moved
        Where it does not publish the same; empty where all is the same.
    n_compared
        Numbers, verdicts and words of the first run that were compared.
    versions
        What is of another version now: before and after; an empty text where there was none.
    """

    moved: tuple[Moved, ...]
    n_compared: int
    versions: Mapping[str, tuple[str, str]]


def read(path: Path) -> Run:
    """Read a run from its folder, or from the `run.json` in it.

    Raises
    ------
    SurveyError
        Where the folder holds no recorded run.
    """
    folder = path.parent if path.name == records.FILE_NAME else path
    found = records.read(folder / records.FILE_NAME)
    return Run(folder, found, results.read(folder / results.FILE_NAME))


def replay(
    run: Run,
    *,
    survey: Path | None = None,
    instrument: Path | None = None,
    earlier: Iterable[Path] = (),
    progress: Callable[[str, float], None] | None = None,
    team: Team = ALONE,
) -> Replayed:
    """Run a run again.

    Parameters
    ----------
    survey
        Where the survey lies now; looked for by its name if None, as side files always are: in the
        survey's folder, in the present one, beside the run and in its folder, and with the
        instrument.
    instrument
        The instrument's file, where it is not one that comes with the toolkit.
    earlier
        Where the reports lie that were published before, or their folders; looked for in the same
        places, and in the folders there, where they are not among these.
    progress, team
        As for `analyses.report.validate`.

    Raises
    ------
    SurveyError
        Where a file is not found, or is not the one that was read then; where the instrument is not
        what it was.
    """
    import instruments
    from analyses.report import validate

    recorded = run.record
    places = [Path.cwd(), run.folder.resolve().parent, run.folder.resolve()]
    if survey is not None:
        places.insert(0, survey.resolve().parent)
    loaded = instruments.load(_instrument(recorded, places, instrument))
    _same_instrument(recorded, records.of_instrument(loaded))
    places.append(loaded.origin.parent)
    paths = {
        name: _located(name, file, places, survey if name == "survey" else None)
        for name, file in recorded.files.items()
        if not _is_earlier(name)
    }
    before = [
        _earlier(file, earlier, places)
        for name, file in recorded.files.items()
        if _is_earlier(name)
    ]
    given = files.read(
        loaded,
        Inputs(
            survey=paths["survey"],
            columns=recorded.columns,  # type: ignore[arg-type]
            **{name: paths.get(name) for name in records.SIDE_FILES},
            earlier=tuple(before),
        ),
    )
    options = recorded.options
    again = validate(
        given.instrument,
        given.survey,
        beside=given.beside,
        progress=progress,
        team=team,
        estimator=options.estimator,
        seed=options.seed,
        confidential=options.confidential,
        wave=options.wave,
        flagged=options.flagged,
        cutoffs=options.cutoffs,
        multiverse=options.multiverse,
    )
    return Replayed(
        moved=differences(run.report, again),
        n_compared=len(published(run.report)),
        versions=changed_versions(recorded.versions, records.versions()),
    )


def _is_earlier(name: str) -> bool:
    return name.split(".")[0] == records.EARLIER


def _earlier(file: FileRecord, given: Iterable[Path], places: Iterable[Path]) -> Path:
    """Find a report that was published before by its hash; runs call theirs all the same."""
    there = [located(path) for path in given]
    for folder in places:
        there += [folder / file.name, *sorted(folder.glob(f"*/{file.name}"))]
    for path in there:
        if path.is_file() and records.of_file(path).sha256 == file.sha256:
            return path
    raise SurveyError(
        f'the earlier report "{file.name}" with the SHA-256 {file.sha256} is not found. Say where '
        "it lies with --earlier."
    )


def changed_versions(
    before: Mapping[str, str], after: Mapping[str, str]
) -> dict[str, tuple[str, str]]:
    """Give what is of another version in the second than in the first."""
    pairs = {name: (before.get(name, ""), after.get(name, "")) for name in {**before, **after}}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _instrument(recorded: Record, places: Iterable[Path], given: Path | None) -> str | Path:
    if given is not None:
        return given
    if not recorded.instrument.file:
        return recorded.instrument.id
    name = recorded.instrument.file
    for folder in places:
        if (folder / name).is_file():
            return folder / name
    raise SurveyError(f'the instrument\'s file "{name}" is not found. Say where with --instrument.')


def _same_instrument(recorded: Record, now: records.InstrumentRecord) -> None:
    """Refuse an instrument that is not what it was, and say which parts of it have changed."""
    before = recorded.instrument
    if before.id != now.id:
        raise SurveyError(f'the run is of the instrument "{before.id}", not of "{now.id}".')
    if (before.sha256, before.rules_sha256) == (now.sha256, now.rules_sha256):
        return
    kinds = sorted(
        kind
        for kind in {**before.parts, **now.parts}
        if before.parts.get(kind) != now.parts.get(kind)
    )
    changed = ", ".join(kinds) if kinds else "words only"
    raise SurveyError(
        f'the instrument "{before.id}" is not what it was (version {before.version} then, '
        f"{now.version} now; changed: {changed}), so the run cannot be run again. Give the file of "
        "that version with --instrument."
    )


def _located(name: str, file: FileRecord, places: Iterable[Path], given: Path | None) -> Path:
    """Find a file by its name and hash."""
    candidates = [given] if given is not None else [folder / file.name for folder in places]
    there = [path for path in candidates if path.is_file()]
    for path in there:
        if records.of_file(path).sha256 == file.sha256:
            return path
    if there:
        raise SurveyError(
            f'"{there[0].name}" ({name}) is not the file that was read then: its SHA-256 is '
            f"{records.of_file(there[0]).sha256}, and it was {file.sha256}."
        )
    missing = file.name if given is None else given.name
    where = "Say where it lies with --survey." if name == "survey" else "Lay it beside the survey."
    raise SurveyError(f'"{missing}" ({name}) is not found. {where}')
