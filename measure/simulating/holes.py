"""Answers that are left out of simulated data: at random, by what somebody answered, by form."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import known_option
from measure.errors import OptionError
from measure.simulating.planned import Forms

Array = NDArray[np.float64]

# Steps of the bisection for the intercept of a logistic rule: to the last bit.
HALVINGS = 200


@dataclass(frozen=True)
class Holes:
    """Answers that are left out of simulated data.

    Attributes
    ----------
    share
        Share of the answers of each item that are missing, from 0 to below 1.
    items
        The items that get holes; all but `depends_on` by default.
    depends_on
        A variable that keeps all its answers and decides who does not answer (missing at random).
        None: everyone is as likely not to (missing completely at random).
    rule
        "logistic": the log-odds of a missing answer rise by `slope` for each standard deviation of
        `depends_on`, independently item by item, with the intercept that makes the expected share
        right among these rows. "quantile": the rows with the highest values (the lowest for a
        negative slope) lack all `items`, in the number that comes nearest to `share`.
    slope
        How strongly missing answers depend on the variable; for "quantile" its sign counts only.
    """

    share: float
    items: Sequence[str] | None = None
    depends_on: str | None = None
    rule: str = "logistic"
    slope: float = 1.0


def with_holes(
    frame: pd.DataFrame, rules: Sequence[Holes | Forms], rng: np.random.Generator
) -> pd.DataFrame:
    """Leave out answers of a frame that has nothing but variables."""
    gone = np.zeros(frame.shape, dtype=bool)
    for rule in rules:
        if isinstance(rule, Forms):
            gone |= rule.gone(list(frame.columns), len(frame), rng)
        else:
            gone |= _gone(rule, frame, rng)
    return frame.mask(gone) if gone.any() else frame


def require_kept(rules: Sequence[Holes | Forms], names: Sequence[str]) -> None:
    """Refuse rules that are not possible, or that hide what another one depends on."""
    for rule in rules:
        if isinstance(rule, Forms):
            named = rule.rotated
        elif isinstance(rule, Holes):
            _require_holes(rule)
            named = (*(rule.items or ()), *_needed(rule))
        else:
            raise OptionError(
                f"missing is a Holes(share=...), Forms(...) or a list of them, not {rule!r}."
            )
        for name in named:
            if name not in names:
                raise OptionError(f'missing names "{name}", but the model has {", ".join(names)}.')
    needed = {name for rule in rules for name in _needed(rule)}
    hidden = [name for rule in rules for name in _hit(rule, names) if name in needed]
    if hidden:
        raise OptionError(
            f'missing answers depend on "{hidden[0]}", which itself gets holes, so that they would '
            "not be missing at random. Leave it out of `items`."
        )


def _require_holes(holes: Holes) -> None:
    known_option("rule", holes.rule, RULES)
    if not 0 <= holes.share < 1:
        raise OptionError(f"share is {holes.share}, but must be at least 0 and below 1.")
    if isinstance(holes.items, str):
        raise OptionError(f'items is a list of names, as items=["{holes.items}"].')
    if holes.rule == "quantile" and (holes.depends_on is None or holes.slope == 0):
        raise OptionError('rule="quantile" needs depends_on, and a slope other than 0.')
    if not np.isfinite(holes.slope):
        raise OptionError(f"slope is {holes.slope}, but must be a finite number.")


def _needed(rule: Holes | Forms) -> tuple[str, ...]:
    return () if isinstance(rule, Forms) or rule.depends_on is None else (rule.depends_on,)


def _hit(holes: Holes | Forms, names: Sequence[str]) -> list[str]:
    """Name the items that a rule makes holes in."""
    if isinstance(holes, Forms):
        return list(holes.rotated)
    if holes.items is not None:
        return list(holes.items)
    return [name for name in names if name != holes.depends_on]


def _gone(holes: Holes, frame: pd.DataFrame, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Mark the answers that a rule leaves out."""
    gone = np.zeros(frame.shape, dtype=bool)
    if not len(frame):
        return gone
    names = list(frame.columns)
    columns = np.array([names.index(name) for name in _hit(holes, names)], dtype=np.intp)
    z = np.zeros(len(frame))
    if holes.depends_on is not None:
        own = frame[holes.depends_on].to_numpy()
        z = (own - own.mean()) / own.std() if own.std() > 0 else z
    chances = RULES[holes.rule](z, holes)
    gone[:, columns] = rng.random((len(frame), len(columns))) < chances[:, None]
    return gone


def _logistic(z: Array, holes: Holes) -> Array:
    """Chances of a missing answer whose mean is the share."""
    if holes.share == 0:
        return np.zeros(len(z))
    pull = holes.slope * z
    # Between these bounds the mean chance passes the share.
    centre = np.log(holes.share / (1 - holes.share))
    low, high = centre - pull.max(), centre - pull.min()
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if _chances(middle + pull).mean() < holes.share:
            low = middle
        else:
            high = middle
    return _chances((low + high) / 2 + pull)


def _chances(log_odds: Array) -> Array:
    # exp(-|x|) cannot overflow.
    small = np.exp(-np.abs(log_odds))
    return np.asarray(np.where(log_odds > 0, 1.0, small) / (1 + small))


def _quantile(z: Array, holes: Holes) -> Array:
    """Chances that are 1 for the rows at one end and 0 for the others."""
    count = round(holes.share * len(z))
    chances = np.zeros(len(z))
    chances[np.argsort(-np.sign(holes.slope) * z, kind="stable")[:count]] = 1.0
    return chances


RULES: dict[str, Callable[[Array, Holes], Array]] = {"logistic": _logistic, "quantile": _quantile}
