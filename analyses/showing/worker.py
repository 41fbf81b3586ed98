"""The process that validates one survey, or plans one: `python -m analyses.showing.worker`.

It reads one line of JSON (a `Task`) on standard input, and tells in lines of JSON on standard
output how far it has come and how it ended. It ends itself when standard input is closed, and takes
the task's folder with it, so that nothing outlives the server. What a file holds reaches neither
the log nor the reader as a traceback.
"""

import json
import os
import shutil
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

RESULTS = "results.json"
"""The file that a finished validation leaves in the folder of its task."""

FIGURES = "figures.json"
"""Beside it: every figure as SVG, by language and id, so that no page waits for one to be drawn."""

OF_A_TASK = "kobling-"
"""How the name of a task's own folder begins."""

WORTHWHILE = 100
"""To start processes takes longer than fewer simulated studies of a size."""

PATIENCE = 10
"""How much nicer than others a patient task is; what it starts is as nice."""

Tell = Callable[..., None]


@dataclass(frozen=True)
class Task:
    """What a process is to do.

    Parameters
    ----------
    kind
        "validate" a survey, only list the "columns" of its file, or "plan" a study.
    instrument
        Name of a bundled instrument.
    folder
        The task's own; the survey lies there unless `survey` says otherwise.
    survey
        The file with the answers.
    roles
        Role → column of the file, as on the command line.
    mapping
        A mapping file.
    wave, flagged
        As for `analyses.report.validate`.
    more
        What the validation is asked for beyond the usual; some of `analyses.reproducing.MORE`.
    wish
        The parts of a `Wish`, for a plan.
    patient
        Whether it leaves the machine to what others do, where there is not enough of it.
    """

    kind: Literal["validate", "columns", "plan"]
    instrument: str
    folder: str
    survey: str
    roles: Mapping[str, str] = field(default_factory=dict)
    mapping: str | None = None
    wave: str | None = None
    flagged: str = "both"
    more: Sequence[str] = ()
    wish: Mapping[str, Any] = field(default_factory=dict)
    patient: bool = False

    @property
    def lane(self) -> tuple[str, bool]:
        """The queue that it stands in."""
        return self.kind, self.patient

    def line(self) -> bytes:
        """Give the task as the line that the process reads."""
        return (json.dumps(asdict(self)) + "\n").encode()


def main() -> None:
    """Do the task that stands on standard input."""
    tell = _only_told(sys.stdout)
    task = Task(**json.loads(sys.stdin.readline()))
    done = threading.Event()
    threading.Thread(target=_end_with_the_server, args=(task, done), daemon=True).start()
    if task.patient:
        os.nice(PATIENCE)
    # Loading the statistics takes a second or two, in which nothing else is to be waited for.
    from analyses.errors import AnalysisError
    from instruments import AnswerError, InstrumentError
    from measure.errors import MeasureError

    try:
        told = {"validate": _validate, "columns": _columns, "plan": _plan}[task.kind](task, tell)
        done.set()
        tell(kind="done", **told)
    except (AnalysisError, AnswerError, InstrumentError, MeasureError) as error:
        tell(kind="refused", error=str(error))
    except Exception as error:
        # Where it happened, and not what the message says, which may quote answers.
        frames = "".join(traceback.format_tb(error.__traceback__))
        sys.stderr.write(f"{type(error).__name__}\n{frames}")
        tell(kind="failed")


def _validate(task: Task, tell: Tell) -> dict[str, Any]:
    import instruments
    from analyses import side_by_side
    from analyses.export import pictures, results
    from analyses.intake import guarding, inputs
    from analyses.report import validate
    from analyses.wording import LANGUAGES, words

    tell(kind="progress", step="cli.reading", share=0.0)
    survey = Path(task.survey)
    guarding.check(survey)
    mapping = None if task.mapping is None else Path(task.mapping)
    given = inputs.read(
        instruments.load(task.instrument),
        inputs.Inputs(survey, dict(task.roles), mapping=mapping),  # type: ignore[arg-type]
    )

    def show(step: str, share: float) -> None:
        tell(kind="progress", step=step, share=share)

    with side_by_side.team() as team:
        report = validate(
            given.instrument,
            given.survey,
            beside=given.beside,
            progress=show,
            team=team,
            wave=task.wave,
            flagged=task.flagged,
            cutoffs="cutoffs" in task.more,
            multiverse="multiverse" in task.more,
        )
        tell(kind="progress", step="cli.writing", share=1.0)
        drawn = {language: pictures.draw(report, words(language), team) for language in LANGUAGES}
    results.write(report, Path(task.folder) / RESULTS)
    (Path(task.folder) / FIGURES).write_text(json.dumps(drawn), encoding="utf-8")
    return {}


def _columns(task: Task, tell: Tell) -> dict[str, Any]:
    """List the file's columns, which names are found without help, and what the others may be."""
    import instruments
    from analyses.fielding import returned
    from analyses.intake import guarding, reading, suggesting

    survey = Path(task.survey)
    guarding.check(survey)
    instrument = instruments.load(task.instrument)
    names = suggesting.wanted(instrument)
    raw = reading.read_table(survey, expected=names)
    columns = [str(name) for name in raw.frame.columns]
    translated = returned.translate(raw, instrument, survey=survey.name, keep=set())
    found = suggesting.by_themselves([str(name) for name in translated.frame.columns], instrument)
    free = [column for column in columns if column not in found.values()]
    suggested = suggesting.suggest(free, instrument, found=found)
    return {"columns": columns, "found": list(found), "suggested": dict(suggested)}


def _plan(task: Task, tell: Tell) -> dict[str, Any]:
    """Plan a study, with as many processes as the server leaves to this task."""
    import instruments
    from analyses import planning, scheduler
    from analyses.export import pictures, results
    from analyses.side_by_side import WORKERS
    from analyses.studies.wishes import Wish
    from analyses.wording import LANGUAGES, words

    def show(step: str, share: float) -> None:
        tell(kind="progress", step=step, share=share)

    show("step.planning", 0.0)
    instrument = instruments.load(task.instrument)
    wish = Wish(**task.wish)
    workers = int(os.environ.get(WORKERS, "1")) if wish.repeats >= WORTHWHILE else 1
    execution = planning.execution(scheduler.workers(workers), show)
    section = planning.run(instrument, wish, execution=execution)
    report = planning.report(instrument, section)
    drawn = {language: pictures.draw(report, words(language)) for language in LANGUAGES}
    results.write(report, Path(task.folder) / RESULTS)
    (Path(task.folder) / FIGURES).write_text(json.dumps(drawn), encoding="utf-8")
    return {}


def _only_told(output: IO[str]) -> Tell:
    """Keep standard output for what is told; what libraries print goes to standard error."""
    told = os.fdopen(os.dup(output.fileno()), "w", encoding="utf-8")
    os.dup2(2, output.fileno())

    def tell(**message: object) -> None:
        told.write(json.dumps(message) + "\n")
        told.flush()

    return tell


def _end_with_the_server(task: Task, done: threading.Event) -> None:
    """Wait until the server closes its end, and end at once.

    Where the task is not done the server has gone, and nobody else deletes what was uploaded.
    """
    sys.stdin.read()
    folder = Path(task.folder)
    if not done.is_set() and folder.name.startswith(OF_A_TASK):
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


if __name__ == "__main__":
    main()
