"""What a run takes where its user says nothing, and the name of the program that takes it."""

from importlib import metadata

SEED = 20240501
"""Seed of everything random in a run, unless the user gives another."""

ORDINAL = "WLSMV"
"""Estimator of the models of answers in ordered categories, unless the user gives another: limited
information from thresholds and polychoric correlations (Muthén 1984; Asparouhov & Muthén 2010)."""

ROBUST = "MLR"
"""Estimator of the models of continuous answers, and of the check that stands beside the ordinal
models: standard errors and tests that hold for answers that are neither normal nor independent."""


def software() -> str:
    """Name the program and its version; a source tree that is not installed has no version."""
    try:
        return f"kobling {metadata.version('kobling')}"
    except metadata.PackageNotFoundError:
        return "kobling"
