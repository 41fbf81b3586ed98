"""How many careless answers are found? Run by `python -m benchmarks.screening [--seeds N]`.

Samples of the population that KKS states (`instruments/coupling/population.toml`) are drawn, one a
seed, each with 10 % careless answerers: a third in straight lines with noise, a third at random, a
third reading until somewhere between 30 and 70 % of the form. Among those who read, 3 % have flat
profiles. The flags, which do not use the items that check attention, are held against the truth.
The table goes to `SCREENING.md` beside this file.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console

import instruments
import measure
from analyses.simulating.drawing import Drawn, Wanted, draw
from instruments.population import load_population

REPORT = Path(__file__).with_name("SCREENING.md")
FORMS = ("full", "standard", "individual", "short")
FIRST_SEED = 1001
KINDS = {
    "straightline": "straight lines",
    "random": "random",
    "partial": "part-way",
    "flat": "flat, reading",
    "attentive": "others, reading",
}
EXPLANATION = """# Screening

What the flags for careless answers find in draws of the population that KKS states: 1,800 people
a draw, 10 % of them careless (a third in straight lines with noise, a third at random, a third
reading until somewhere between 30 and 70 % of the form); of those who read, 3 % answer nearly the
same throughout. The items that check attention are not used. `python -m benchmarks.screening` makes
this file; seeds {first} to {last}, one a draw.

Shares flagged, in %: the mean over the draws, and in brackets the lowest and the highest draw.
*False alarms* are of all who read, flat profiles included; *expected* is what the rule itself
states without knowing the truth.

"""


def judged(drawn: Drawn) -> measure.CarelessAnswers:
    """Flag the answers of a draw."""
    instrument, items = drawn.instrument, drawn.items
    limits = {item: instrument.response(item).limits for item in items}
    answers = instrument.decode(drawn.data[items]).codes
    asked = measure.Asked(
        scales={
            scale.id: [item for item in scale.items if item in items] for scale in instrument.scales
        },
        categories={item: both for item, both in limits.items() if both is not None},
        reversed_items=[item for item in items if instrument.item(item).keying == -1],
        orders={
            form: [item for item in instrument.form_items(form) if item in items]
            for form in drawn.data["form"].unique()
        },
    )
    return measure.careless_answers(answers, asked, version=drawn.data["form"])


def shares(drawn: Drawn) -> dict[str, float]:
    """Give the share flagged of each kind of answerer, and what the rule itself expects."""
    found = judged(drawn)
    flagged, kind = found.flagged.to_numpy(), drawn.careless["kind"].to_numpy()
    row = {name: float(flagged[kind == name].mean()) for name in KINDS}
    row["found"] = float(flagged[np.isin(kind, ["straightline", "random"])].mean())
    row["false"] = float(flagged[np.isin(kind, ["flat", "attentive"])].mean())
    row["expected"] = found.expected_flagged
    return row


def study(form: str, seeds: range, console: Console) -> pd.DataFrame:
    """Draw, flag and count, a row a seed."""
    instrument = instruments.load("coupling")
    population = load_population(instrument)
    rows = []
    for seed in seeds:
        begin = time.perf_counter()
        wanted = Wanted(second_wave=False)
        rows.append(shares(draw(instrument, population, seed=seed, form=form, wanted=wanted)))
        took = time.perf_counter() - begin
        console.print(f"{form} {seed}: found {rows[-1]['found']:.3f}, {took:.0f} s")
    return pd.DataFrame(rows, index=pd.Index(seeds, name="seed"))


def line(form: str, items: int, rows: pd.DataFrame) -> str:
    """Write one form's row of the table."""

    def cell(name: str) -> str:
        lowest, mean, highest = (
            100 * float(value) for value in (rows[name].min(), rows[name].mean(), rows[name].max())
        )
        return f"{mean:.1f} ({lowest:.1f}–{highest:.1f})"

    names = ["found", *KINDS, "false", "expected"]
    return f"| {form} | {items} | {len(rows)} | " + " | ".join(map(cell, names)) + " |"


def main() -> None:
    """Run the study of all forms and write the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.screening", description=__doc__)
    parser.add_argument("--seeds", type=int, default=50, help="draws of each form")
    parser.add_argument("--forms", nargs="+", default=list(FORMS), choices=FORMS)
    given = parser.parse_args()
    seeds = range(FIRST_SEED, FIRST_SEED + given.seeds)
    instrument = instruments.load("coupling")
    heads = ["found", *KINDS.values(), "false alarms", "expected"]
    lines = [
        "| form | items | draws | straight or random "
        + "".join(f"| {h} " for h in heads[1:])
        + "|",
        "| :-- | --: | --: " + "| --: " * len(heads) + "|",
    ]
    for form in given.forms:
        checks = instrument.check_ids
        n_items = len([item for item in instrument.form(form).items if item not in checks])
        lines.append(line(form, n_items, study(form, seeds, Console(stderr=True))))
    text = EXPLANATION.format(first=seeds[0], last=seeds[-1]) + "\n".join(lines) + "\n"
    REPORT.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
