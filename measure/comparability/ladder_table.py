"""The table of the steps of invariance: fit, differences, and which variant of an index counts."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from measure import indices
from measure.errors import OptionError
from measure.evaluation.difference import difference
from measure.fitting.corrected import corrected_for_missing
from measure.fitting.fitted import Fit
from measure.indices import Factors

NAN = float("nan")
VARIANTS = {"robust": ".robust", "scaled": ".scaled", "plain": ""}
_MEASURES = (
    *("npar", "chisq", "df", "pvalue", "cfi", "tli", "rmsea", "srmr"),
    *("srmr_within", "srmr_between"),
    *("chisq.scaled", "df.scaled", "pvalue.scaled", "chisq.scaling.factor"),
    *("cfi.scaled", "tli.scaled", "rmsea.scaled", "cfi.robust", "tli.robust", "rmsea.robust"),
    *("aic", "bic"),
)


def variant_of(fits: Mapping[str, Fit]) -> str:
    """Choose the variant of CFI and RMSEA that every step has: robust, scaled, else plain."""
    measures = [fit.fit_measures for fit in fits.values()]
    for variant, suffix in VARIANTS.items():
        values = [one.get(f"{name}{suffix}", NAN) for one in measures for name in ("cfi", "rmsea")]
        if np.isfinite(values).all():
            return variant
    return "plain"


def fit_table(fits: Mapping[str, Fit], null: Fit | None, variant: str) -> pd.DataFrame:
    """Fit of each step under lavaan's names, and `cfi.nested` where a null model is given."""
    first = next(iter(fits.values())).fit_measures
    names = [name for name in _MEASURES if name in first]
    rows = {step: [fit.fit_measures[name] for name in names] for step, fit in fits.items()}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=names)
    if null is not None:
        nested = [nested_cfi(fit, null, variant) for fit in fits.values()]
        table.insert(names.index("srmr") + 1, "cfi.nested", nested)
    return table.astype({"npar": int, "df": int}).rename_axis(index="step")


def nested_cfi(fit: Fit, null: Fit, variant: str) -> float:
    """CFI against a null model that is nested in all steps (Widaman & Thompson 2003)."""
    own, base = fit.test, null.test
    if variant == "plain":
        return indices.cfi(own.chisq, own.df, base.chisq, base.df)
    if variant == "scaled":
        return indices.cfi(own.scaled, own.scaled_df, base.scaled, base.scaled_df)
    if fit.moments.layout is not None:
        return NAN
    if fit.method.fiml:
        robust = own.test != "standard"
        own, base = corrected_for_missing(fit.point, null.point, robust=robust)
    factors = Factors(own.mean_factor, base.mean_factor)
    return indices.cfi(own.chisq, own.df, base.chisq, base.df, factors)


def difference_table(fits: Mapping[str, Fit], variant: str) -> tuple[pd.DataFrame, list[str]]:
    """Tests and differences between each step and the one before it, with what is to be noted.

    A step without more degrees of freedom than the one before it, and a pair that cannot be
    compared, have no test.
    """
    suffix, notes, rows = VARIANTS[variant], list[str](), {}
    before: tuple[str, Fit] | None = None
    for step, fit in fits.items():
        row = dict[str, object](
            dict.fromkeys(("chisq_diff", "df_diff", "pvalue_diff"), NAN), method="", scaling=NAN
        )
        if before is not None:
            found = fit.fit_measures, before[1].fit_measures
            for name in ("cfi", "tli", "rmsea", "srmr"):
                key = name if name == "srmr" else f"{name}{suffix}"
                row[f"delta_{name}"] = found[0][key] - found[1][key]
            row["df_diff"] = float(fit.df - before[1].df)
            row |= _tested(step, fit, before, notes)
        rows[step] = row
        before = step, fit
    columns = ["chisq_diff", "df_diff", "pvalue_diff", "method"]
    columns += [f"delta_{name}" for name in ("cfi", "tli", "rmsea", "srmr")]
    return pd.DataFrame.from_dict(rows, orient="index").reindex(columns=columns), notes


def _tested(step: str, fit: Fit, before: tuple[str, Fit], notes: list[str]) -> dict[str, object]:
    """Test a step against the one before it, and note what is to be known about the test."""
    last, free = before
    if fit.df == free.df:
        notes.append(
            f'"{step}" has the degrees of freedom of "{last}": the items have too few categories '
            "for what it makes equal to be testable by itself, and it fits as well."
        )
        return {}
    try:
        # A step makes more equal than the one before it.
        test = difference(fit, free, nesting="design").iloc[0]
    except OptionError as error:
        notes.append(f'"{step}" could not be tested against "{last}": {error}')
        return {}
    if test["notes"]:
        notes.append(f'"{step}" against "{last}": {test["notes"]}')
    return {
        "chisq_diff": float(test["chisq_diff"]),
        "pvalue_diff": float(test["pvalue"]),
        "method": str(test["method"]),
    }
