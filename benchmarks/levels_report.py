"""The tables of the study of continuous answers at two levels."""

from typing import Any

import numpy as np

from benchmarks.calibration_tables import filled, percent, table
from benchmarks.levels_design import (
    BETWEEN,
    BETWEEN_R,
    BIAS,
    LOADINGS,
    SIZES,
    SKEWED_DF,
    WITHIN_R,
)

STEPS = ("configural", "metric", "strong")


def report(content: dict[str, Any]) -> str:
    """Write the whole report."""
    studies = content["studies"]
    n = studies[0]["samples"]
    head = f"""simulerede data / simulated data. {n} samples of each population were drawn: clusters
    of {SIZES[0]} to {SIZES[1]} members (all sizes as often, the same in every sample), two factors
    of four items each, the same at both levels: loadings {_listed(LOADINGS[:4])}, variance of an
    item within clusters 1, of a factor 1 within and {BETWEEN:g} between, correlation of the factors
    {WITHIN_R:g} within and {BETWEEN_R:g} between, residual variances between {_listed(BIAS[:4])}.
    **no bias**: residual variances between of 0. **skewed**: factors and residuals of both levels
    are chi-square with {SKEWED_DF} degrees of freedom (skewness 1.41, excess kurtosis 3). Estimates
    are those of `measure.cross_level_invariance` and `measure.multilevel_reliability`. Seed
    {content["seed"]}, to which the number of the population is added; {content["minutes"]:.0f}
    minutes in one process on a shared machine (`python -m benchmarks.levels`)."""
    error = 100 * (0.95 * 0.05 / n) ** 0.5
    columns = f"""Each row is a mean over the quantities of a kind. **bias** is the mean estimate
    less the true value, **SD** the standard deviation of the estimates, which ML and MLR share,
    **SE/SD** the mean standard error over it, **coverage** the share of samples whose 95 % interval
    holds the true value (of one quantity the standard error of that is {error:.1f} %), with the
    lowest over the quantities."""
    second = f"""Of the step "configural", factors scaled by their variances. {columns}"""
    third = """Of sums of the four items of a factor, by the model with equal loadings, construct
    "configural"; intervals are symmetric on the logit scale. **without** are estimates outside 0 to
    1, which have none (a negative residual variance between clusters makes omega of the latent mean
    exceed 1): where their true value is near 1, coverage is of a chosen part of the samples."""
    fourth = """The first step by itself, and what each later step adds: **rejected** at 5 % is the
    share of samples, which should be 5 % where the step is true ("strong" is false unless there is
    no bias: there it is power). **no fit** counts samples in which a step has no minimum,
    **improper** those with a negative variance in the first step."""
    parts = [
        f"# Continuous answers at two levels\n\n{filled(head)}",
        f"## Parameters\n\n{filled(second)}\n\n{_estimates(studies, reliabilities=False)}",
        f"## Reliability\n\n{filled(third)}\n\n{_estimates(studies, reliabilities=True)}",
        f"## Tests of the steps between levels\n\n{filled(fourth)}\n\n{_tests(studies)}",
    ]
    return "\n\n".join(parts) + "\n"


def _listed(values: Any) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _estimates(studies: list[dict[str, Any]], *, reliabilities: bool) -> str:
    """Table the quantities of every population, both estimators side by side."""
    rows = []
    for ml, mlr in zip(studies[::2], studies[1::2], strict=True):
        for kind in dict.fromkeys(figure["kind"] for figure in ml["figures"]):
            if ("," in kind) != reliabilities:
                continue
            first, second = _of_kind(ml, kind), _of_kind(mlr, kind)
            row = [ml["population"], kind]
            row += [f"{_mean(first, 'true'):.3f}", f"{_mean(first, 'bias'):+.3f}"]
            row.append(f"{_mean(first, 'sd'):.3f}")
            for own in (first, second):
                row.append(f"{np.mean([one['se'] / one['sd'] for one in own]):.2f}")
                each = [one["coverage"] for one in own]
                row.append(f"{percent(_mean(own, 'coverage'))} ({percent(min(each))})")
            if reliabilities:
                without = sum(one["undefined"] for one in first)
                row.append(percent(without / sum(one["samples"] for one in first)))
            rows.append(row)
    headings = ["population", "quantity", "true", "bias", "SD"]
    headings += [f"{what}, {one}" for one in ("ML", "MLR") for what in ("SE/SD", "coverage, %")]
    return table([*headings, *(["without, %"] if reliabilities else [])], rows)


def _of_kind(study: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [figure for figure in study["figures"] if figure["kind"] == kind]


def _mean(figures: list[dict[str, Any]], name: str) -> float:
    return float(np.mean([one[name] for one in figures]))


def _tests(studies: list[dict[str, Any]]) -> str:
    rows = []
    for study in studies:
        n = study["samples"]
        row = [study["population"], study["estimator"]]
        row += [percent(study["tests"][step]["rejected"]) for step in STEPS]
        row += [percent(sum(study["ended"].values()) / n), percent(study["improper"] / n)]
        rows.append(row)
    headings = ["population", "by", *(f"{step} rejected, %" for step in STEPS)]
    return table([*headings, "no fit, %", "improper, %"], rows)
