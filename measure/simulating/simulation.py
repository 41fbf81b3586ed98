"""Data from a model, with the model exactly true in the population, and with holes if wanted."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from measure.errors import OptionError
from measure.fitting.fitted import Fit
from measure.model import Implied
from measure.simulating.clusters import Clusters
from measure.simulating.holes import Holes, require_kept, with_holes
from measure.simulating.inattention import Careless, carelessly
from measure.simulating.nonnormal import draw
from measure.simulating.planned import Forms
from measure.simulating.populations import Population, population, sizes_of

Array = NDArray[np.float64]


def simulate(
    model: str | Fit | Population,
    n: int | Mapping[object, int],
    *,
    seed: int | np.random.Generator,
    skewness: float | Mapping[str, float] | ArrayLike = 0.0,
    kurtosis: float | Mapping[str, float] | ArrayLike = 0.0,
    method: str = "vale_maurelli",
    missing: Holes | Forms | Sequence[Holes | Forms] = (),
    clusters: Clusters | None = None,
    careless: Careless | None = None,
    group: str = "group",
    cluster: str = "cluster",
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
        responses, so that the shares of the categories change with them; with two levels those of
        the part within clusters.
    method
        How non-normal data are made, "vale_maurelli" or "independent"; see `nonnormal.draw`.
    missing
        Holes to leave, or forms that leave out items: one rule or several.
    clusters
        How respondents are divided among clusters, which lie within groups; for a model of two
        levels, and for no other.
    careless
        Respondents who do not read; all variables have to be ordered then. Holes come after.
    group, cluster
        Names of the columns of groups, where there are several, and of clusters; a fit has its own.
    function, std_lv, orthogonal, group_equal
        How a text is completed; see `population`.

    Returns
    -------
    DataFrame
        One row a respondent, group by group; the observed variables and, with several groups, the
        column of the groups, with clusters that of the clusters, numbered from 1. Ordered items are
        answered in their categories. The same for the same arguments.

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
            cluster=cluster,
            function=function,
            std_lv=std_lv,
            orthogonal=orthogonal,
            group_equal=group_equal,
        )
    _require_possible(truth, clusters, careless)
    rules = (missing,) if isinstance(missing, Holes | Forms) else tuple(missing)
    require_kept(rules, truth.names)
    rng = _generator(seed)
    third, fourth = _each("skewness", skewness, truth), _each("kurtosis", kurtosis, truth)
    sizes = sizes_of(truth, n)
    if truth.between:
        assert clusters is not None
        drawn, labels = _drawn_in_clusters(truth, sizes, clusters, rng, (third, fourth, method))
    else:
        parts = [
            draw(one.sigma, one.mu, size, rng, skewness=third, kurtosis=fourth, method=method)
            for one, size in zip(truth.moments, sizes, strict=True)
        ]
        drawn, labels = np.vstack(parts), None
    frame = _answered(drawn, truth, sizes)
    kinds = None if careless is None else _without_reading(frame, truth, careless, rng)
    frame = with_holes(frame, rules, rng)
    if truth.group is not None:
        frame[truth.group] = pd.Series(truth.groups).repeat(list(sizes)).to_numpy()
    if labels is not None:
        frame[truth.cluster] = labels
    if careless is not None and careless.column is not None:
        frame[careless.column] = kinds
    return frame


def _require_possible(
    truth: Population, clusters: Clusters | None, careless: Careless | None
) -> None:
    """Refuse columns that are there already, and what the population does not go with."""
    added = {"groups": truth.group, "clusters": truth.cluster}
    if careless is not None:
        added["careless answers"] = careless.column
        numbers = [name for name in truth.names if name not in truth.values]
        if numbers:
            raise OptionError(
                f"{', '.join(numbers)}: careless answers are drawn from categories. Give these "
                'variables thresholds, as "x1 | -1*t1 + 0*t2".'
            )
    taken = set(truth.names)
    for what, name in added.items():
        if name in taken:
            raise OptionError(
                f'the column of the {what}, "{name}", is a variable of the model or another column.'
            )
        if name is not None:
            taken.add(name)
    if bool(truth.between) != (clusters is not None):
        raise OptionError(
            "a model of two levels is drawn in clusters: give clusters=Clusters(sizes=20)."
            if truth.between
            else "clusters are for a model of two levels (`level:` blocks), which this is not."
        )


def _drawn_in_clusters(
    truth: Population,
    sizes: Sequence[int],
    clusters: Clusters,
    rng: np.random.Generator,
    shape: tuple[Array, Array, str],
) -> tuple[Array, NDArray[np.intp]]:
    """Draw both parts of all variables, (n, p), and the number of each row's cluster."""
    third, fourth, method = shape
    # Streams of their own, so that more rows leave the first ones and their clusters as they are.
    of_sizes, of_clusters, of_persons = rng.spawn(3)
    found, labels, before = [], [], 0
    for inner, outer, size in zip(truth.moments, truth.between, sizes, strict=True):
        members = clusters.divided(size, of_sizes)
        own = np.flatnonzero(np.diag(inner.sigma) > 0)
        rows = np.zeros((size, len(truth.names)))
        rows[:, own] = draw(
            inner.sigma[np.ix_(own, own)],
            None,
            size,
            of_persons,
            skewness=third if third.ndim == 0 else third[own],
            kurtosis=fourth if fourth.ndim == 0 else fourth[own],
            method=method,
        )
        at = np.repeat(np.arange(len(members)), members)
        found.append(rows + _effects(outer, len(members), of_clusters)[at])
        labels.append(at + before + 1)
        before += len(members)
    return np.vstack(found), np.concatenate(labels).astype(np.intp)


def _effects(outer: Implied, n_clusters: int, rng: np.random.Generator) -> Array:
    """Draw where clusters stand, (n_clusters, p); covariances may be singular."""
    values, vectors = np.linalg.eigh(outer.sigma)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    assert outer.mu is not None
    return np.asarray(outer.mu + rng.standard_normal((n_clusters, len(root))) @ root.T)


def _answered(drawn: Array, truth: Population, sizes: Sequence[int]) -> pd.DataFrame:
    """Cut the latent responses of ordered items into categories."""
    if not truth.values:
        return pd.DataFrame(drawn, columns=list(truth.names))
    ends = np.cumsum(sizes)[:-1]
    columns = dict(zip(truth.names, drawn.T, strict=True))
    for name, values in truth.values.items():
        pairs = zip(truth.cuts(name), np.split(columns[name], ends), strict=True)
        codes = np.concatenate([np.searchsorted(cuts, own) for cuts, own in pairs])
        columns[name] = np.array(values)[codes]
    return pd.DataFrame(columns)


def _without_reading(
    frame: pd.DataFrame, truth: Population, stated: Careless, rng: np.random.Generator
) -> NDArray[np.object_]:
    """Replace the answers of those who do not read, in place, and say who they are."""
    values = [np.array(truth.values[name]) for name in truth.names]
    codes = np.column_stack(
        [np.searchsorted(own, frame[name]) for name, own in zip(truth.names, values, strict=True)]
    )
    counts = np.array([len(own) for own in values], dtype=np.intp)
    answers, kinds = carelessly(codes.astype(np.intp), counts, stated, rng)
    for k, (name, own) in enumerate(zip(truth.names, values, strict=True)):
        frame[name] = own[answers[:, k]]
    return kinds


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
