"""Which version of the indices of fit is shown and judged: robust, scaled or plain.

Scaled is not robust: indices formed from a scaled chi-square estimate another quantity than the
one that cut-offs are about. The robust ones keep that quantity and correct for answers that are
not normal, for clusters and for gaps (Brosseau-Liard, Savalei & Li 2012; Brosseau-Liard & Savalei
2014; after FIML Zhang & Savalei 2023), and with ordered answers for the little that least squares
says about the size of misfit (Savalei 2021). Every number is shown under a name that says which it
is.
"""

from collections.abc import Iterator, Mapping
from typing import Literal

import measure
from analyses.modelling.fits import Fits
from analyses.section import Message
from analyses.verdicts import known
from measure.specification.options import SCALED

Kind = Literal["robust", "scaled", "plain"]

KINDS: tuple[Kind, ...] = ("robust", "scaled", "plain")
"""From the one that is preferred."""

# Where a model has a mean structure, lavaan's `srmr` counts the means too, which a saturated mean
# structure fits exactly; the rules are about variances and covariances.
SRMR = "srmr_bentler_nomean"

NAMES: Mapping[Kind, Mapping[str, str]] = {
    "robust": {
        "cfi": "cfi.robust",
        "tli": "tli.robust",
        "rmsea": "rmsea.robust",
        "rmsea.ci.lower": "rmsea.ci.lower.robust",
        "rmsea.ci.upper": "rmsea.ci.upper.robust",
        "srmr": SRMR,
    },
    "scaled": {
        "cfi": "cfi.scaled",
        "tli": "tli.scaled",
        "rmsea": "rmsea.scaled",
        "rmsea.ci.lower": "rmsea.ci.lower.scaled",
        "rmsea.ci.upper": "rmsea.ci.upper.scaled",
        "srmr": SRMR,
    },
    "plain": {
        "cfi": "cfi",
        "tli": "tli",
        "rmsea": "rmsea",
        "rmsea.ci.lower": "rmsea.ci.lower",
        "rmsea.ci.upper": "rmsea.ci.upper",
        "srmr": SRMR,
    },
}
"""lavaan's name of each index, by kind."""

DELTAS: Mapping[Kind, Mapping[str, str]] = {
    "robust": {"cfi": "delta_cfi.robust", "rmsea": "delta_rmsea.robust"},
    "scaled": {"cfi": "delta_cfi.scaled", "rmsea": "delta_rmsea.scaled"},
    "plain": {"cfi": "delta_cfi", "rmsea": "delta_rmsea"},
}
"""Names of the differences between two models, by kind."""

_SOURCES: Mapping[str, Mapping[str, str]] = {
    "robust": {
        "cfi": "Brosseau-Liard & Savalei 2014",
        "tli": "Brosseau-Liard & Savalei 2014",
        "rmsea": "Brosseau-Liard, Savalei & Li 2012",
    },
    "plain": {
        "cfi": "Bentler 1990",
        "tli": "Tucker & Lewis 1973",
        "rmsea": "Steiger & Lind 1980; Steiger 1990",
    },
}
_TESTS = {
    "standard": "Jöreskog 1969",
    "satorra.bentler": "Satorra & Bentler 1994",
    "mean.var.adjusted": "Satorra & Bentler 1994",
    "scaled.shifted": "Asparouhov & Muthén 2010",
    "yuan.bentler.mplus": "Yuan & Bentler 2000; Asparouhov & Muthén 2005",
}


def kind_of(fit: measure.Fit | None) -> Kind:
    """Give the best kind of which a fit has CFI, TLI and RMSEA; plain for no fit."""
    if fit is None:
        return "plain"
    return next(
        (
            kind
            for kind in KINDS
            if all(known(measures(fit, kind)[name]) for name in ("cfi", "tli", "rmsea"))
        ),
        "plain",
    )


def shared_kind(reference: measure.Fit | None, fits: Fits) -> Kind:
    """Give the kind for all models: the reference model's, else the first fitted one's."""
    first = next((fitted.fit for fitted in fits.values() if fitted.fit is not None), None)
    return kind_of(reference if reference is not None else first)


def measures(fit: measure.Fit, kind: Kind) -> dict[str, float]:
    """Give the indices of one kind under their plain names; NaN where the fit has none."""
    found = fit.fit_measures
    return {name: float(found.get(label, float("nan"))) for name, label in NAMES[kind].items()}


def chisq_names(fit: measure.Fit | None) -> tuple[str, str, str]:
    """Name the chi-square test that the fit has, its degrees of freedom and its p-value."""
    if fit is None or fit.test.test not in SCALED:
        return "chisq", "df", "pvalue"
    # Only the mean-and-variance adjusted test has degrees of freedom of its own.
    own = fit.test.test == "mean.var.adjusted"
    return "chisq.scaled", "df.scaled" if own else "df", "pvalue.scaled"


def source(fit: measure.Fit, kind: Kind, name: str) -> str:
    """Give where the formula of an index comes from."""
    if name == "srmr":
        return "Bentler 1995"
    if kind == "robust" and fit.options.has_ordered:
        return "Savalei 2021"
    if kind == "robust" and fit.method.fiml:
        return "Zhang & Savalei 2023"
    if kind == "scaled":
        return f"{_SOURCES['plain'][name].split('; ')[0]}; {_TESTS[fit.test.test]}"
    return _SOURCES[kind][name]


def sources(fit: measure.Fit | None, kind: Kind) -> str:
    """Give the sources of the table of models: test, indices, information criteria."""
    if fit is None:
        return "Bentler 1990; Steiger 1990; Schwarz 1978"
    parts = [_TESTS[fit.test.test]]
    for name in ("cfi", "tli", "rmsea", "srmr"):
        parts += source(fit, kind, name).split("; ")
    if not fit.options.has_ordered:
        parts.append("Schwarz 1978")
    return "; ".join(dict.fromkeys(parts))


_NOTES = {
    ("robust", False): "confirmatory.note.kind_robust",
    ("scaled", False): "confirmatory.note.kind_scaled",
    ("robust", True): "confirmatory.note.kind_robust_ordered",
    ("scaled", True): "confirmatory.note.kind_scaled_ordered",
}


def notes(fit: measure.Fit | None, kind: Kind) -> Iterator[Message]:
    """Say which version of the indices is shown, and why no better one where there is none."""
    ordered = fit is not None and fit.options.has_ordered
    if kind != "plain":
        yield Message(_NOTES[kind, ordered])
