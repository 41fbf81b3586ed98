"""Make the demonstration data of KKS: simulated, from a fixed seed.

Run with `python -m instruments.coupling.simulate_demonstration`. The standard library is enough; a
test makes the data again and compares them with the file. The constants of this module are the
population, that is, the truth that an analysis should find again.
"""

import csv
import io
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import instruments
from instruments import Instrument, Item

SEED = 20250301
FORM = "individual"
FILE = Path(__file__).parent / "demonstration.csv"

N_ORGANISATIONS = 24
N_RESPONDENTS = 600
UNIT_SIZES = (3, 17)

GENERAL = {"bro": 0.80, "kom": 0.75, "kor": 0.80, "kop": 0.85}
"""Loading of each function on coupling competence, at every level: correlations of .60 to .68."""

SHARE = {"organisation": 0.08, "unit": 0.05, "person": 0.87}
"""Variance of each function by level."""

LOADINGS = (0.70, 0.62, 0.58, 0.66, 0.60, 0.64)
"""Standardised loadings of the six items of every function, before the effects of `SHIFT`."""

THRESHOLDS = (-1.88, -1.08, -0.05, 1.22)
DIFFICULTY = {"low": -0.35, "middle": 0.0, "high": 0.35}
"""Added to the thresholds: statements high on the construct map are harder to agree with."""

SHIFT = {"daily": 0.25, "weekly": 0.05, "monthly": -0.10, "rarely": -0.25}
AMBASSADOR_SHIFT = 0.45

NOT_RELEVANT, DONT_KNOW = 8, 9
MISSING = {"": 0.004, str(NOT_RELEVANT): 0.003, str(DONT_KNOW): 0.003}
CITIZEN_ITEM = "I_kop2"
CITIZEN_NOT_RELEVANT = {"producing": 0.01, "case_processing": 0.01, "staff": 0.10}
STOPS_EARLY = 0.02

PROFESSIONS = {
    "municipal": ("service", "care", "pedagogy", "teaching", "social_work", "clerical"),
    "regional": ("service", "care", "nursing", "clerical", "academic"),
    "state": ("operations", "social_work", "clerical", "academic"),
}
EDUCATION = {
    "service": ("unskilled", "skilled"),
    "operations": ("skilled", "short"),
    "care": ("unskilled", "skilled"),
    "nursing": ("medium",),
    "pedagogy": ("skilled", "medium"),
    "teaching": ("medium",),
    "social_work": ("medium",),
    "clerical": ("skilled", "short"),
    "academic": ("long",),
}

Row = dict[str, str]


@dataclass(frozen=True)
class Unit:
    """A unit of an organisation, and where its members stand on each function on average."""

    organisation: str
    name: str
    sector: str
    kind: str
    professions: tuple[str, ...]
    size: int
    means: dict[str, float]


def draw_functions(source: random.Random, variance: float) -> dict[str, float]:
    """Draw the part of the four functions that one level contributes."""
    general = source.gauss()
    return {
        function: math.sqrt(variance)
        * (loading * general + math.sqrt(1 - loading**2) * source.gauss())
        for function, loading in GENERAL.items()
    }


def weighted(source: random.Random, shares: dict[str, float]) -> str:
    """Draw one of several names, by their shares."""
    return source.choices(list(shares), weights=list(shares.values()))[0]


def draw_units(source: random.Random) -> list[Unit]:
    """Draw organisations with two or three units each, whose sizes add up to the sample."""
    owners = [number for number in range(N_ORGANISATIONS) for _ in range(source.randint(2, 3))]
    smallest, largest = UNIT_SIZES
    sizes = [source.randint(smallest, largest) for _ in owners]
    while (gap := N_RESPONDENTS - sum(sizes)) != 0:
        place = source.randrange(len(sizes))
        step = 1 if gap > 0 else -1
        if smallest <= sizes[place] + step <= largest:
            sizes[place] += step
    organisations = []
    for _ in range(N_ORGANISATIONS):
        sector = weighted(source, {"municipal": 0.6, "regional": 0.25, "state": 0.15})
        professions = source.sample(PROFESSIONS[sector], k=source.randint(2, 4))
        organisations.append((sector, professions, draw_functions(source, SHARE["organisation"])))
    units = []
    for place, (owner, size) in enumerate(zip(owners, sizes, strict=True)):
        sector, professions, above = organisations[owner]
        own = draw_functions(source, SHARE["unit"])
        units.append(
            Unit(
                organisation=f"org{owner + 1:02d}",
                name=f"unit{place + 1:02d}",
                sector=sector,
                kind=weighted(source, {"producing": 0.55, "case_processing": 0.3, "staff": 0.15}),
                professions=tuple(source.sample(professions, k=2)),
                size=size,
                means={function: above[function] + own[function] for function in GENERAL},
            )
        )
    return units


def draw_background(source: random.Random, unit: Unit, first: bool) -> Row:
    """Draw one respondent's background; the first of most units is its leader."""
    profession = source.choice(unit.professions)
    leads = source.random() < (0.85 if first else 0.03)
    other = weighted(source, {"employee": 0.98, "other": 0.02})
    central = leads and unit.kind == "staff" and source.random() < 0.5
    return {
        "organisation": unit.organisation,
        "unit": unit.name,
        "profession": profession,
        "role": "leader" if leads else other,
        "tier": ("central" if central else "decentral") if leads else "none",
        "education": source.choice(EDUCATION[profession]),
        "sector": unit.sector,
        "unit_type": unit.kind,
        "crossboundary": weighted(
            source, {"daily": 0.3, "weekly": 0.35, "monthly": 0.2, "rarely": 0.15}
        ),
        "ambassador": weighted(source, {"no": 0.88, "yes": 0.12}),
        "seniority": weighted(
            source, {"under_1": 0.12, "1_to_4": 0.33, "5_to_9": 0.25, "10_or_more": 0.3}
        ),
        "age": weighted(
            source,
            {
                "under_30": 0.14,
                "30_to_39": 0.22,
                "40_to_49": 0.26,
                "50_to_59": 0.26,
                "60_or_more": 0.12,
            },
        ),
        "wave": "1",
        "form": FORM,
        "language": weighted(source, {"da": 0.96, "en": 0.04}),
    }


def answer(source: random.Random, item: Item, score: float) -> int:
    """Draw the answer code of a person with a score on the item's function."""
    loading = LOADINGS[int(item.id[-1]) - 1]
    propensity = loading * score + math.sqrt(1 - loading**2) * source.gauss()
    shift = DIFFICULTY[item.band or "middle"]
    category = 1 + sum(propensity > threshold + shift for threshold in THRESHOLDS)
    return category if item.keying == 1 else len(THRESHOLDS) + 2 - category


def draw_answers(
    source: random.Random, items: tuple[Item, ...], unit: Unit, background: Row
) -> Row:
    """Draw one respondent's answers, some of them missing."""
    own = draw_functions(source, SHARE["person"])
    shift = SHIFT[background["crossboundary"]]
    if background["ambassador"] == "yes":
        shift += AMBASSADOR_SHIFT
    stops = source.random() < STOPS_EARLY
    last = source.randrange(len(items)) if stops else len(items)
    answers = {}
    for place, item in enumerate(items):
        function = item.function or ""
        code = str(answer(source, item, own[function] + unit.means[function] + shift))
        absent = dict(MISSING)
        if item.id == CITIZEN_ITEM:
            absent[str(NOT_RELEVANT)] = CITIZEN_NOT_RELEVANT[unit.kind]
        drawn = weighted(source, {code: 1 - sum(absent.values()), **absent})
        answers[item.id] = drawn if place < last else ""
    return answers


def simulate(instrument: Instrument, seed: int) -> list[Row]:
    """Give all rows of the file, in the order of organisations and units."""
    source = random.Random(seed)
    items = tuple(instrument.item(item) for item in instrument.form(FORM).items)
    rows: list[Row] = []
    for unit in draw_units(source):
        for place in range(unit.size):
            background = draw_background(source, unit, first=place == 0)
            answers = draw_answers(source, items, unit, background)
            rows.append({"respondent": f"r{len(rows) + 1:03d}", **background, **answers})
    return rows


def written(rows: list[Row]) -> str:
    """Write rows as comma-separated text with a heading."""
    target = io.StringIO()
    writer = csv.DictWriter(target, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return target.getvalue()


def main(say: Callable[[str], None] = print) -> None:
    """Write the file beside this module and say so."""
    rows = simulate(instruments.load("coupling"), SEED)
    FILE.write_text(written(rows), encoding="utf-8", newline="\n")
    say(f"{len(rows)} simulated respondents written to {FILE.name}")


if __name__ == "__main__":
    main()
