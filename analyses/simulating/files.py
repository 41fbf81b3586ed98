"""Simulated answers as files: the survey, the truth beside it, and where both come from."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from analyses import output
from analyses.defaults import software
from analyses.errors import OutputError
from analyses.fielding import responses
from analyses.section import Message
from analyses.simulating.drawing import SECOND, Drawn
from analyses.simulating.mark import COLUMN, MARK
from analyses.simulating.truth import Truth, truth
from analyses.wording import Words

STEM = "simulated"
README, POPULATION = "README.md", "population.toml"
DIGITS = 6


def check(folder: Path) -> None:
    """Check, before anything is drawn, that a folder can be written and has nothing in it.

    Raises
    ------
    OutputError
        If it is a file, has anything in it, or cannot be written to.
    """
    if folder.is_dir() and any(folder.iterdir()):
        raise OutputError(
            f'"{folder}" has files in it and is left alone. Name a new folder with --out.'
        )
    output.check(folder)


def write(drawn: Drawn, folder: Path, words: Words, *, seed: int, format: str) -> str:
    """Write a draw into a new folder, whole or not at all, and give the name of the survey.

    Parameters
    ----------
    drawn
        What was drawn.
    folder
        Made, with its parents; it has to be new or empty.
    words
        The language of the README, and of labels where the format has them.
    seed
        What it was drawn with.
    format
        A key of `responses.FORMATS`.

    Raises
    ------
    OutputError
        If the folder is not empty, or the disk refuses.
    FieldingError
        If there is no such format, or the form cannot be asked.
    """
    check(folder)
    answers = responses.Answers(drawn.instrument, drawn.form, drawn.data, words)
    ending, survey = responses.contents(answers, format)
    files = {f"{STEM}{ending}": survey, **truths(drawn, STEM, seed=seed)}
    files[POPULATION] = drawn.population.origin.read_bytes()
    files[README] = _readme(drawn, words, seed=seed, survey=f"{STEM}{ending}").encode("utf-8")
    with output.whole(folder) as place:
        for name, content in files.items():
            (place / name).write_bytes(content)
    return f"{STEM}{ending}"


def truths(drawn: Drawn, stem: str, *, seed: int) -> dict[str, bytes]:
    """Give the files of the true values, and of who answered carelessly, by name."""
    who = drawn.careless.assign(**{COLUMN: MARK})
    told = json.dumps(_told(drawn, seed), indent=1, ensure_ascii=False, allow_nan=False)
    return {
        f"{stem}_truth.json": f"{told}\n".encode(),
        f"{stem}_careless.csv": who.to_csv(index=False, lineterminator="\n").encode("utf-8"),
    }


def _told(drawn: Drawn, seed: int) -> dict[str, Any]:
    """Give all that is true of a draw, as plain values."""
    found: Truth = truth(drawn)
    first = drawn.first_wave
    kinds = drawn.careless.groupby(["wave", "kind"]).size()
    return {
        COLUMN: MARK,
        "instrument": f"{drawn.instrument.id} {drawn.instrument.version}",
        "form": drawn.form,
        "seed": seed,
        "drawn": {
            "organisations": int(first["organisation"].nunique()),
            "units": int(first["unit"].nunique()),
            "groups": int(first.groupby(["organisation", "profession"]).ngroups),
            "respondents": len(first),
            "second_wave": int((drawn.data["wave"] == SECOND).sum()),
            "holds": {name: bool(value) for name, value in vars(drawn.wanted).items()},
        },
        "items": _records(found.items),
        "scales": _records(found.scales),
        "second_order": _records(found.second_order),
        "latent_correlations": _below(found.correlations),
        "hypotheses": [_plain(row) for row in found.hypotheses.to_dict("records")],
        "change": _plain(found.gains),
        "noninvariance": [_plain(row) for row in found.noninvariance.to_dict("records")],
        "careless": {
            str(wave): {str(kind): int(n) for kind, n in own.droplevel(0).items()}
            for wave, own in kinds.groupby(level=0)
        },
    }


def _records(table: pd.DataFrame) -> dict[str, Any]:
    return {str(name): _plain(row) for name, row in table.to_dict("index").items()}


def _below(correlations: pd.DataFrame) -> dict[str, Any]:
    """Give the correlations of each variable with those before it."""
    names = [str(name) for name in correlations.columns]
    rows = correlations.to_numpy()
    return {
        name: _plain(dict(zip(names[:k], rows[k, :k].tolist(), strict=True)))
        for k, name in enumerate(names)
        if k
    }


def _plain(value: Any) -> Any:
    """Round numbers; what is not there is left out."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items() if not _absent(one)}
    return round(value, DIGITS) + 0.0 if isinstance(value, float) else value


def _absent(value: object) -> bool:
    return value is None or (isinstance(value, float) and value != value)


def _readme(drawn: Drawn, words: Words, *, seed: int, survey: str) -> str:
    """Say what the files are, and how to make them again."""
    wanted = [name for name, value in vars(drawn.wanted).items() if not value]
    left_out = ", ".join(words.say(Message(f"cli.simulate.part.{name}")) for name in wanted)
    lines = [
        f"# {MARK}",
        words.say(Message("cli.simulate.readme.nobody")),
        words.say(
            Message(
                "cli.simulate.readme.source",
                {
                    "instrument": f"{drawn.instrument.id} {drawn.instrument.version}",
                    "form": drawn.form,
                    "seed": str(seed),
                    "software": software(),
                },
            )
        ),
        words.say(Message("cli.simulate.readme.holds", {"left_out": left_out}))
        if left_out
        else words.say(Message("cli.simulate.readme.holds_all")),
    ]
    told = (
        (survey, "survey"),
        (f"{STEM}_truth.json", "truth"),
        (f"{STEM}_careless.csv", "careless"),
        (POPULATION, "population"),
    )
    rows = [f"- `{name}`: {words.say(Message(f'cli.simulate.readme.{key}'))}" for name, key in told]
    return "\n\n".join([*lines, "\n".join(rows)]) + "\n"
