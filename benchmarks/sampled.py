"""A study that is run from the command line, resumed, and told of in tables."""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.calibration_results import HERE
from benchmarks.invariance import written


@dataclass(frozen=True)
class Study:
    """What a study is made of.

    Attributes
    ----------
    name
        Its module in `benchmarks`, and what its file of results is called.
    page
        The file of its tables.
    about
        What `--help` says.
    trial
        Draws one sample of each cell, and gives what is to be kept.
    report
        Makes tables of what was kept.
    samples, seed
        Samples of each cell, and where they start.
    """

    name: str
    page: str
    about: str | None
    trial: Callable[[np.random.Generator], Any]
    report: Callable[[dict[str, Any]], str]
    samples: int
    seed: int

    def main(self, arguments: Sequence[str] | None = None) -> None:
        """Run the study, or write its tables again."""
        parser = argparse.ArgumentParser(
            prog=f"python -m benchmarks.{self.name}", description=self.about
        )
        parser.add_argument("--samples", type=int, default=self.samples, help="of each cell")
        parser.add_argument("--workers", type=int, default=1, help="processes")
        parser.add_argument("--resume", action="store_true", help="add to what the file holds")
        parser.add_argument("--report", action="store_true", help="write tables again, no more")
        parser.add_argument("--out", type=Path, default=HERE, help="folder of the files")
        given = parser.parse_args(arguments)
        path = given.out / f"{self.name}.json"
        if not given.report:
            written(path, self.trial, given, self.seed)
        # From what was written, so that the files cannot differ.
        found = json.loads(path.read_text(encoding="utf-8"))
        (given.out / self.page).write_text(self.report(found), encoding="utf-8")
