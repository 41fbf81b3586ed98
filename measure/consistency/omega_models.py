"""The models that omega comes from: their text, and how they are fitted."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from measure.errors import DataError, IdentificationError, ListwiseWarning, OptionError
from measure.fitting.confirmatory import cfa
from measure.fitting.fitted import Fit

ONE, BIFACTOR, SECOND_ORDER, EXPLORATORY = MODELS = (
    "one-factor",
    "bifactor",
    "second-order",
    "schmid-leiman",
)
GENERAL = "g"


@dataclass(frozen=True)
class Estimation:
    """How omega is estimated from items.

    Attributes
    ----------
    ordered
        Whether items are ordered categories: the model is then one of latent responses (WLSMV on
        polychoric correlations), and omega that of the sum of the answers.
    of
        "answers", or "standardized" for the sum of standardised items (exploratory models only).
    missing
        "listwise", or "fiml" with a model of continuous items.
    cluster
        Column that names the cluster of each respondent.
    interval
        None for the delta method, "percentile" or "bca".
    n_samples, seed
        Of a bootstrap interval.
    confidence_level
        Of the intervals.
    """

    ordered: bool = False
    of: str = "answers"
    missing: str = "listwise"
    cluster: str | None = None
    interval: str | None = None
    n_samples: int = 1000
    seed: int | None = None
    confidence_level: float = 0.95


def fitted(text: str, items: pd.DataFrame, how: Estimation) -> Fit:
    """Fit a model with robust standard errors."""
    with warnings.catch_warnings():
        # How many rows were left out stands in the result.
        warnings.simplefilter("ignore", ListwiseWarning)
        return cfa(
            text,
            items,
            estimator="WLSMV" if how.ordered else "MLR",
            ordered=True if how.ordered else (),
            missing=how.missing,
            cluster=how.cluster,
            std_lv=True,
            orthogonal=True,
        )


def text_of(model: str, names: list[str], factors: Mapping[str, Sequence[str]] | None) -> str:
    """Write the model."""
    if model == ONE:
        if factors is not None:
            raise OptionError('factors are those of a "bifactor" or "second-order" model.')
        if len(names) < 3:
            raise IdentificationError(
                f"a factor is determined by three items or more, and there are {len(names)}. Of "
                "two items give alpha, which is their reliability where they measure alike "
                "(cronbach_alpha)."
            )
        return _line(GENERAL if GENERAL not in names else "general", names)
    if factors is None:
        raise OptionError(f'model="{model}" needs factors, a dictionary from factor to items.')
    _check(names, factors)
    lines = [_line(name, own) for name, own in factors.items()]
    general = next(name for name in (GENERAL, "general", "g_") if name not in {*names, *factors})
    if model == BIFACTOR:
        return "\n".join([_line(general, names), *lines])
    apart = [name for name in names if not any(name in own for own in factors.values())]
    if apart:
        raise DataError(
            f'item "{apart[0]}" is in no factor, and so in no second-order model. Put it in one, '
            "or leave it out of the items."
        )
    if len(factors) < 3:
        raise IdentificationError(
            f"{len(factors)} factors do not determine a general one behind them, which needs three."
        )
    return "\n".join([*lines, _line(general, list(factors))])


def _line(factor: str, items: Sequence[str]) -> str:
    return f"{factor} =~ {' + '.join(items)}"


def _check(names: list[str], factors: Mapping[str, Sequence[str]]) -> None:
    """Refuse factors that do not fit the items."""
    seen: dict[str, str] = {}
    for factor, own in factors.items():
        if isinstance(own, str) or len(own) < 2:
            raise DataError(f'factor "{factor}" needs a list of at least two items.')
        if factor in names:
            raise DataError(f'"{factor}" is both a factor and an item.')
        for name in own:
            if name not in names:
                raise DataError(f'factor "{factor}" names "{name}", which is not among the items.')
            if name in seen:
                raise DataError(f'item "{name}" is in two factors, {seen[name]} and {factor}.')
            seen[name] = factor
