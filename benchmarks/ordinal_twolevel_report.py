"""The tables of the study of ordered answers at two levels."""

from typing import Any

import numpy as np

from benchmarks.calibration_tables import filled, percent, table
from benchmarks.ordinal_twolevel_design import BETWEEN, SIZES, THRESHOLDS, WITHIN


def report(content: dict[str, Any]) -> str:
    """Write the whole report."""
    studies = content["studies"]
    n = studies[0]["samples"]
    head = f"""simulerede data / simulated data. {n} samples of each population were drawn:
    clusters of {SIZES[0]} to {SIZES[1]} members, six items in five categories (thresholds of the
    standardised response {_listed(THRESHOLDS)}), one factor within clusters (loadings
    {_listed(WITHIN)}) and one between them ({_listed(BETWEEN)} of the standard deviation between).
    Shares, correlations and thresholds are those of `measure.twolevel_correlations`, loadings those
    of `measure.cfa` with `level:` blocks, `std_lv=True` and WLSMV. Seed {content["seed"]}, to which
    the number of the population is added; {content["minutes"]:.0f} minutes in one process on a
    shared machine."""
    error = 100 * (0.95 * 0.05 / n) ** 0.5
    second = f"""Each row is a mean over the quantities of a kind. **bias** is the mean estimate
    less the true value, **SD** the standard deviation of the estimates, **SE/SD** the mean standard
    error over it, **coverage** the share of samples whose 95 % interval holds the true value (of
    one quantity the standard error of that is {error:.1f} %), with the lowest and the highest over
    the quantities. **without** are the estimates that have no standard error, because a variance
    between clusters is 0 or a correlation at its limit; they count in bias and SD only (where a
    variance is 0 there is no correlation either)."""
    third = """**no fit** counts samples in which the model was refused (an item without variance
    between clusters) or the search found no minimum, **improper** those with a negative variance or
    the like. The model is true: 5 % of the samples should be **rejected**."""
    parts = [
        f"# Ordered answers at two levels\n\n{filled(head)}",
        f"## Estimates and intervals\n\n{filled(second)}\n\n{_estimates(studies)}",
        f"## Tests of the factor model\n\n{filled(third)}\n\n{_tests(studies)}",
    ]
    return "\n\n".join(parts) + "\n"


def _listed(values: Any) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _estimates(studies: list[dict[str, Any]]) -> str:
    rows = []
    for study in studies:
        kinds = dict.fromkeys(figure["kind"] for figure in study["figures"])
        for kind in kinds:
            own = [figure for figure in study["figures"] if figure["kind"] == kind]
            bias, sd = (float(np.nanmean([one[name] for one in own])) for name in ("bias", "sd"))
            known = [figure for figure in own if figure["se"] is not None]
            ratio = float(np.nanmean([figure["se"] / figure["sd"] for figure in known]))
            each = [figure["coverage"] for figure in known]
            without = sum(figure["undefined"] for figure in own)
            whole = sum(figure["samples"] for figure in own)
            rows.append(
                [
                    study["population"],
                    kind,
                    f"{bias:+.3f}",
                    f"{sd:.3f}",
                    f"{ratio:.2f}",
                    f"{percent(sum(each) / len(each))} ({percent(min(each))} to "
                    f"{percent(max(each))})",
                    percent(without / whole),
                ]
            )
    headings = ["population", "quantity", "bias", "SD", "SE/SD", "coverage, %", "without, %"]
    return table(headings, rows)


def _tests(studies: list[dict[str, Any]]) -> str:
    rows = []
    for study in studies:
        none = sum(study["refused"].values())
        rows.append(
            [
                study["population"],
                percent(none / study["samples"]),
                percent(study["improper"] / (study["samples"] - none)),
                percent(study["rejected"]),
                percent(study["rejected_mean"]),
            ]
        )
    headings = ["population", "no fit, %", "improper, %", "rejected by WLSMV, %", "by WLSM, %"]
    return table(headings, rows)
