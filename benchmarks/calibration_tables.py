"""What the reports of the calibration studies share: tables in Markdown, and filled text."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from textwrap import fill

from benchmarks.calibration_lavaan import TOLERANCES, Agreement
from benchmarks.calibration_study import CellFigures


@dataclass(frozen=True)
class Check:
    """One promised figure: of which cell, what it is, what was found, within what it has to lie."""

    cell: str
    what: str
    found: float
    limits: tuple[float, float]

    @property
    def holds(self) -> bool:
        """Whether it lies there."""
        return self.limits[0] <= self.found <= self.limits[1]


@dataclass(frozen=True)
class Limits:
    """Within what a coverage has to lie: the mean over parameters, and that of each."""

    mean: tuple[float, float]
    each: tuple[float, float]


def coverage_checks(cell: str, found: CellFigures, limits: Limits) -> list[Check]:
    """Hold the coverage of the parameters of a cell against the promised one."""
    (low, at_low), (high, at_high) = found.extreme("coverage")
    return [
        Check(cell, "mean coverage", found.coverage, limits.mean),
        Check(cell, f"lowest coverage (`{code(at_low)}`)", low, limits.each),
        Check(cell, f"highest coverage (`{code(at_high)}`)", high, limits.each),
    ]


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Put rows under headings."""
    lines = [headings, [":--", *("--:" for _ in headings[1:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def percent(value: float) -> str:
    """Give a share as a percentage with one decimal."""
    return f"{100 * value:.1f}"


def code(name: str) -> str:
    """Give the name of a parameter so that it may stand in a cell of a table."""
    return name.replace("|", "\\|")


def bullets(*texts: str) -> str:
    """One bullet a text, its lines filled."""
    return "\n".join(_filled(text, "- ", "  ") for text in texts)


def filled(text: str) -> str:
    """One paragraph, its lines filled."""
    return _filled(text, "", "")


def _filled(text: str, first: str, later: str) -> str:
    # A line that ends in a hyphen would get a space after it.
    return fill(
        " ".join(text.split()),
        100,
        initial_indent=first,
        subsequent_indent=later,
        break_on_hyphens=False,
    )


def listed(values: Sequence[str]) -> str:
    """Give values as "a, b and c"."""
    return ", ".join(values[:-1]) + f" and {values[-1]}" if len(values) > 1 else values[0]


def versions_of(versions: dict[str, str]) -> str:
    """Give the versions of packages as text."""
    return ", ".join(f"{name} {number}" for name, number in versions.items())


def intervals_table(labelled: Iterable[tuple[str, CellFigures]]) -> str:
    """Coverage, standard errors and bias of each cell, over its parameters."""
    rows = []
    for label, one in labelled:
        (low, at_low), (high, at_high) = one.extreme("coverage")
        (small, _), (large, _) = one.extreme("se_ratio")
        ratios = [figures.se_ratio for figures in one.parameters.values()]
        biases = [figures.bias for figures in one.parameters.values()]
        worst = max(one.parameters, key=lambda name: abs(one.parameters[name].bias))
        rows.append(
            (
                *(label, f"{one.n:,}", f"{len(ratios)}", f"**{percent(one.coverage)}**"),
                *(f"{percent(low)} `{code(at_low)}`", f"{percent(high)} `{code(at_high)}`"),
                f"{sum(ratios) / len(ratios):.3f} ({small:.3f}–{large:.3f})",
                f"{sum(map(abs, biases)) / len(biases):.3f}",
                f"{one.parameters[worst].bias:+.3f} `{code(worst)}`",
            )
        )
    headings = (
        *("cell", "n", "parameters", "mean coverage, %", "lowest", "highest"),
        *("SE / SD (range)", "mean abs. bias / SD", "largest bias / SD"),
    )
    return table(headings, rows)


def checks_table(checks: Iterable[Check]) -> str:
    """Promised figures, found and held against their limits."""
    rows = [
        (
            check.cell,
            check.what,
            f"{100 * check.found:.2f} %",
            f"{100 * check.limits[0]:g}–{100 * check.limits[1]:g} %",
            "holds" if check.holds else "**does not hold**",
        )
        for check in checks
    ]
    return table(("cell", "figure", "found", "promised", ""), rows)


def agreement(found: Agreement | None, labels: dict[str, str]) -> str:
    """Largest deviations from lavaan.

    Parameters
    ----------
    found
        The comparison, if one was made.
    labels
        What the cells that were compared are called in tables, by their names.
    """
    if found is None:
        return "Not compared (`python -m benchmarks.calibration --lavaan`)."
    rows = []
    for name, label in labels.items():
        own = found.largest[name]
        rows.append((label, *(f"{own[p]:.0e}" if p in own else "–" for p in TOLERANCES)))
    rows.append(("tolerance", *(f"{one:.0e}" for one in TOLERANCES.values())))
    rows.append(("numbers compared", *(f"{found.compared[part]:,}" for part in TOLERANCES)))
    deviations = table(("largest deviation, relative to max(1, abs. value)", *TOLERANCES), rows)
    text = f"""{found.samples} of the samples, spread over these cells and all their sizes, were
    fitted by lavaan {found.version} too (`python -m benchmarks.calibration --lavaan`). What
    deviates from theory above is thus the method, not the code."""
    return f"{filled(text)}\n\n{deviations}"
