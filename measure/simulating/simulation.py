"""Data from a model, with the model exactly true in the population, and with holes if wanted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from measure.checks import known_option
from measure.errors import OptionError
from measure.fitting.fitted import Fit
from measure.simulating.nonnormal import draw
from measure.simulating.populations import Population, population, sizes_of

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


def simulate(
    model: str | Fit | Population,
    n: int | Mapping[object, int],
    *,
    seed: int | np.random.Generator,
    skewness: float | Mapping[str, float] | ArrayLike = 0.0,
    kurtosis: float | Mapping[str, float] | ArrayLike = 0.0,
    method: str = "vale_maurelli",
    missing: Holes | Sequence[Holes] = (),
    group: str = "group",
    function: str = "sem",
    std_lv: bool = False,
    orthogonal: bool = False,
    group_equal: Sequence[str] = (),
) -> pd.DataFrame:
    """Draw data from a model that is exactly true in the population.

    Parameters
    ----------
    model
        Model text in which every parameter has a value, a fit, whose estimates are the population,
        or what `population` gives for either.
    n
        Rows, in each group; or a dictionary from group to rows, which also names the groups of a
        text.
    seed
        Whole number, or a generator, as `repeat` gives one to its task.
    skewness, kurtosis
        Of the observed variables (excess kurtosis, 0 for normal): one for all, one for each, in
        the order of `population(model).names`, or a dictionary by name with 0 for the others. They
        change neither means nor covariances. Of ordered items they are those of the latent
        responses, so that the shares of the categories change with them.
    method
        How non-normal data are made, "vale_maurelli" or "independent"; see `nonnormal.draw`.
    missing
        Holes to leave: one rule or several.
    group
        Name of the column of the groups, where there are several; a fit has its own.
    function, std_lv, orthogonal, group_equal
        How a text is completed; see `population`.

    Returns
    -------
    DataFrame
        One row a respondent, group by group; the observed variables and, with several groups, the
        column of the groups. Ordered items are answered in their categories. The same for the same
        arguments.

    Raises
    ------
    ModelSyntaxError, ModelError
        The model gives no population; see `population`.
    OptionError
        An option is unknown or impossible, or names what is not there.

    Examples
    --------
    >>> text = "f =~ 0.8*x1 + 0.7*x2 + 0.6*x3; f ~~ 1*f; x1 ~~ 0.36*x1; x2 ~~ 0.51*x2"
    >>> simulate(text + "; x3 ~~ 0.64*x3", 200, seed=1).shape
    (200, 3)
    """
    if isinstance(model, Population):
        truth = model
    else:
        of_text = isinstance(model, str)
        truth = population(
            model,
            groups=tuple(n) if of_text and isinstance(n, Mapping) else None,
            group=group,
            function=function,
            std_lv=std_lv,
            orthogonal=orthogonal,
            group_equal=group_equal,
        )
    if truth.group in truth.names:
        raise OptionError(f'the column of the groups, "{truth.group}", is a variable of the model.')
    rng = _generator(seed)
    third, fourth = _each("skewness", skewness, truth), _each("kurtosis", kurtosis, truth)
    sizes = sizes_of(truth, n)
    parts = [
        draw(one.sigma, one.mu, size, rng, skewness=third, kurtosis=fourth, method=method)
        for one, size in zip(truth.moments, sizes, strict=True)
    ]
    frame = pd.DataFrame(np.vstack(parts), columns=list(truth.names))
    for name, values in truth.values.items():
        answers = np.split(frame[name].to_numpy(), np.cumsum(sizes)[:-1])
        pairs = zip(truth.cuts(name), answers, strict=True)
        codes = np.concatenate([np.searchsorted(cuts, own) for cuts, own in pairs])
        frame[name] = np.array(values)[codes]
    rules = (missing,) if isinstance(missing, Holes) else tuple(missing)
    _require_kept(rules, truth)
    gone = np.zeros(frame.shape, dtype=bool)
    for holes in rules:
        gone |= _gone(holes, frame, rng)
    frame = frame.mask(gone)
    if truth.group is not None:
        frame[truth.group] = pd.Series(truth.groups).repeat(list(sizes)).to_numpy()
    return frame


def _generator(seed: int | np.random.Generator) -> np.random.Generator:
    if isinstance(seed, np.random.Generator):
        return seed
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or seed < 0:
        raise OptionError(f"seed is {seed!r}, but must be a whole number, 0 or more.")
    return np.random.default_rng(seed)


def _each(option: str, value: float | Mapping[str, float] | ArrayLike, truth: Population) -> Array:
    """Give one number for each variable; `draw` checks them."""
    if not isinstance(value, Mapping):
        return np.asarray(value, dtype=np.float64)
    unknown = [str(name) for name in value if name not in truth.names]
    if unknown:
        raise OptionError(
            f"{option} names {', '.join(unknown)}, but the model has {', '.join(truth.names)}."
        )
    return np.array([float(value.get(name, 0.0)) for name in truth.names])


def _require_kept(rules: Sequence[Holes], truth: Population) -> None:
    """Refuse rules that are not possible, or that hide what another one depends on."""
    for holes in rules:
        if not isinstance(holes, Holes):
            raise OptionError(f"missing is a Holes(share=...) or a list of them, not {holes!r}.")
        known_option("rule", holes.rule, RULES)
        if not 0 <= holes.share < 1:
            raise OptionError(f"share is {holes.share}, but must be at least 0 and below 1.")
        if isinstance(holes.items, str):
            raise OptionError(f'items is a list of names, as items=["{holes.items}"].')
        if holes.rule == "quantile" and (holes.depends_on is None or holes.slope == 0):
            raise OptionError('rule="quantile" needs depends_on, and a slope other than 0.')
        if not np.isfinite(holes.slope):
            raise OptionError(f"slope is {holes.slope}, but must be a finite number.")
        for name in (*(holes.items or ()), *_needed(holes)):
            if name not in truth.names:
                raise OptionError(
                    f'missing names "{name}", but the model has {", ".join(truth.names)}.'
                )
    needed = {name for holes in rules for name in _needed(holes)}
    hidden = [name for holes in rules for name in _hit(holes, truth.names) if name in needed]
    if hidden:
        raise OptionError(
            f'missing answers depend on "{hidden[0]}", which itself gets holes, so that they would '
            "not be missing at random. Leave it out of `items`."
        )


def _needed(holes: Holes) -> tuple[str, ...]:
    return () if holes.depends_on is None else (holes.depends_on,)


def _hit(holes: Holes, names: Sequence[str]) -> list[str]:
    """Name the items that a rule makes holes in."""
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
