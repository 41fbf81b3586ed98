"""One aligned factor: its items in the metric of a group, with standard errors, sets and R^2."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.comparability.alignment_loss import AlignmentLoss
from measure.comparability.alignment_search import AlignmentSearch, realign
from measure.comparability.alignment_sets import explained, invariant_set
from measure.comparability.common_metric import ItemFunctions, require_defined
from measure.errors import ModelError
from measure.fitting.inference import inverse, wald

Array = NDArray[np.float64]

# Share of parameters that differ up to which alignment has been found to be trustworthy.
TRUSTED = 0.25
# With all means free: how many times larger than the errors of differences the error of a mean may
# be before their common level counts as undetermined.
LEVEL = 3.0
# Starts of which fewer reach the least loss leave in doubt whether it is the least.
FEW = 0.1


def require_alignable(functions: ItemFunctions) -> ItemFunctions:
    """Give the functions back, or refuse a single item, and impossible estimates."""
    if len(functions.names) < 2:
        raise ModelError(
            f'factor "{functions.factor}" has one item: nothing tells a difference of the item '
            "from one of the persons. Leave the factor out."
        )
    return require_defined(functions)


def standardised(functions: ItemFunctions) -> ItemFunctions:
    """Give the same for a factor with mean 0 and variance 1 in each group, in one direction.

    Nothing but the sign of its loadings says which way a factor points; all follow the first group.
    """
    scoring, items = functions.scoring, functions.scoring.items
    turn = np.where(functions.loadings @ functions.loadings[0] < 0, -1.0, 1.0)[:, None]
    root = turn * np.sqrt(functions.variances)[:, None]
    loadings = functions.loadings * root
    levels = scoring.signs * functions.loadings[:, items]
    locations = functions.locations + levels * functions.means[:, None]
    n, p, q = len(root), len(functions.names), functions.size
    places = np.arange(p, q - 2)
    slopes = np.zeros((n, q, q))
    slopes[:, range(p), range(p)] = root
    slopes[:, range(p), q - 1] = functions.loadings / (2 * root)
    slopes[:, places, places] = 1.0
    slopes[:, places, items] = scoring.signs * functions.means[:, None]
    slopes[:, places, q - 2] = levels
    jacobian = _block_diagonal(slopes)
    return replace(
        functions,
        loadings=loadings,
        locations=locations,
        means=np.zeros(n),
        variances=np.ones(n),
        covariance=jacobian @ functions.covariance @ jacobian.T,
    )


def _block_diagonal(blocks: Array) -> Array:
    """One matrix of the blocks (G, a, b)."""
    n, a, b = blocks.shape
    found = np.zeros((n, a, n, b))
    found[range(n), :, range(n), :] = blocks
    return found.reshape(n * a, n * b)


@dataclass(frozen=True, eq=False)
class AlignedFactor:
    """One factor: what was aligned, and how, in the metric of the group at `place`.

    `draws` are the number and the seed of drawn configural parameters that covariances come from;
    None for the delta method.
    """

    given: ItemFunctions
    loss: AlignmentLoss
    search: AlignmentSearch
    place: int
    draws: tuple[int, int] | None = None

    @cached_property
    def x(self) -> Array:
        """Means and log standard deviations in the metric of the reference group, (2 G,)."""
        return self._in_metric(self.search.x)

    def _in_metric(self, found: Array) -> Array:
        x, unit = found.copy(), found[..., 2 * self.place + 1, None]
        x[..., 0::2] *= np.exp(-unit)
        x[..., 1::2] -= unit
        return x

    @cached_property
    def _x_slopes(self) -> Array:
        """Derivatives of `x` by the configural parameters, (2 G, G (p + m)).

        At the least loss F_z(z, c) = 0, so that dz/dc = -F_zz^-1 F_zc. NaN where the loss is flat.
        """
        bent = inverse(self.search.hessian, indefinite=True)
        if bent is None:
            return np.full((len(self.x), self.search.mixed.shape[1]), np.nan)
        moved = -self.search.basis @ bent @ self.search.mixed
        unit = self.search.x[2 * self.place + 1]
        d_unit = moved[2 * self.place + 1]
        slopes = moved.copy()
        slopes[0::2] = np.exp(-unit) * (moved[0::2] - np.outer(self.search.x[0::2], d_unit))
        slopes[1::2] -= d_unit
        return slopes

    @cached_property
    def functions(self) -> ItemFunctions:
        """The aligned items, with the covariances of everything."""
        x, p = self.x, len(self.given.names)
        u = self.loss.aligned(x)
        covariance = self._by_delta() if self.draws is None else self._by_draws(*self.draws)
        return replace(
            self.given,
            loadings=u[:, :p],
            locations=u[:, p:],
            means=x[0::2],
            variances=np.exp(2 * x[1::2]),
            covariance=covariance,
        )

    @cached_property
    def _spread(self) -> Array:
        """Covariance matrix of the configural parameters, (G (p + m), G (p + m))."""
        n, size = len(self.given.groups), self.given.size
        kept = (np.arange(n)[:, None] * size + np.arange(size - 2)).ravel()
        return np.asarray(self.given.covariance[np.ix_(kept, kept)])

    def _by_delta(self) -> Array:
        x, size, n = self.x, self.given.size, len(self.given.groups)
        own = self.loss.by_x(x)
        slopes = _block_diagonal(self.loss.by_given(x)).reshape(n, size - 2, -1)
        slopes += np.einsum("gja,gac->gjc", own, self._x_slopes.reshape(n, 2, -1))
        rows = np.zeros((n, size, slopes.shape[2]))
        rows[:, :-2] = slopes
        rows[:, -2] = self._x_slopes[0::2]
        rows[:, -1] = 2 * np.exp(2 * x[1::2])[:, None] * self._x_slopes[1::2]
        jacobian = rows.reshape(n * size, -1)
        return np.asarray(jacobian @ self._spread @ jacobian.T)

    def _by_draws(self, n_draws: int, seed: int) -> Array:
        """Align configural parameters drawn from their normal distribution."""
        n, p, size = len(self.given.groups), len(self.given.names), self.given.size
        if np.isnan(self._spread).any():
            return np.full((n * size,) * 2, np.nan)
        values, vectors = np.linalg.eigh(self._spread)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        noise = np.random.default_rng(seed).standard_normal((n_draws, len(values)))
        given = np.hstack([self.given.loadings, self.given.locations])
        drawn = given + (noise @ root.T).reshape(n_draws, n, size - 2)
        loss = replace(self.loss, loadings=drawn[..., :p], locations=drawn[..., p:])
        x = self._in_metric(realign(loss, self.search))
        means, variances = x[:, 0::2, None], np.exp(2 * x[:, 1::2, None])
        vectors = np.concatenate([loss.aligned(x), means, variances], axis=-1)
        return np.cov(vectors.reshape(n_draws, -1), rowvar=False)

    @cached_property
    def _se(self) -> Array:
        """Standard errors of loadings, locations, means and variances, (G, q)."""
        spread = np.diag(self.functions.covariance).reshape(len(self.given.groups), -1)
        return np.sqrt(np.maximum(spread, 0.0))

    @property
    def _told(self) -> bool:
        """Whether there are standard errors to tell differences by."""
        return bool(np.isfinite(self._se).all())

    @cached_property
    def _members(self) -> NDArray[np.bool_]:
        """Invariant set of each parameter, (G, p + m)."""
        own, n = self.functions, len(self.given.groups)
        u = self._aligned
        sets = []
        for j in range(u.shape[1]):
            at = np.arange(n) * own.size + j
            sets.append(invariant_set(u[:, j], own.covariance[np.ix_(at, at)], own.n_obs))
        return np.stack(sets, axis=1)

    @property
    def _aligned(self) -> Array:
        return np.hstack([self.functions.loadings, self.functions.locations])

    @cached_property
    def _labels(self) -> list[tuple[str, str, str]]:
        """lhs, op and rhs of the parameters of a group."""
        given = self.given
        labels = [(given.factor, "=~", name) for name in given.names]
        count = dict.fromkeys(given.names, 0)
        for item, cut in zip(given.scoring.items, given.scoring.cut, strict=True):
            name = given.names[item]
            count[name] += 1
            labels.append((name, "|", f"t{count[name]}") if cut else (name, "~1", ""))
        return labels

    @cached_property
    def _r2(self) -> Array:
        """Explained variation of each configural parameter, (p + m,)."""
        own, x = self.functions, self.x
        loadings, locations = own.loadings.mean(axis=0), own.locations.mean(axis=0)
        shift = own.scoring.signs * loadings[own.scoring.items]
        predicted = np.hstack(
            [
                np.exp(x[1::2])[:, None] * loadings,
                locations + x[0::2, None] * shift,
            ]
        )
        return explained(np.hstack([self.given.loadings, self.given.locations]), predicted)

    def summary(self) -> dict[str, object]:
        """Row of the table of factors."""
        p = len(self.given.names)
        return {
            "factor": self.given.factor,
            "simplicity": self.search.value,
            "starts.reached": self.search.reached,
            "n_parameters": self._members.shape[1],
            "noninvariant": float((~self._members).mean()) if self._told else np.nan,
            "r2.loadings": float(np.nanmean(self._r2[:p])),
            "r2.locations": float(np.nanmean(self._r2[p:])),
            "converged": self.search.flat,
        }

    def means(self, level: float) -> pd.DataFrame:
        """Rows of the table of means."""
        own, se = self.functions, self._se
        of_variances = _limits(own.variances, se[:, -1], level)
        return pd.DataFrame(
            {
                "factor": own.factor,
                "group": list(own.groups),
                "n": own.n_obs.astype(int),
                "mean": own.means,
                "se": se[:, -2],
                **_limits(own.means, se[:, -2], level),
                "variance": own.variances,
                "variance.se": se[:, -1],
                **{f"variance.{name}": limits for name, limits in of_variances.items()},
                "noninvariant": (~self._members).mean(axis=1) if self._told else np.nan,
            }
        )

    def parameters(self) -> pd.DataFrame:
        """Rows of the table of aligned parameters."""
        u, n = self._aligned, len(self.given.groups)
        lhs, op, rhs = zip(*self._labels, strict=True)
        return pd.DataFrame(
            {
                "lhs": np.tile(lhs, n),
                "op": np.tile(op, n),
                "rhs": np.tile(rhs, n),
                "group": [label for label in self.given.groups for _ in lhs],
                "est": u.ravel(),
                "se": self._se[:, :-2].ravel(),
                "invariant": pd.array(
                    self._members.ravel() if self._told else [pd.NA] * u.size, dtype="boolean"
                ),
            }
        )

    def invariance(self) -> pd.DataFrame:
        """Rows of the table of parameters over groups."""
        u, losses, groups = self._aligned, self.loss.losses(self.search.x), self.given.groups
        rows = []
        for j, (lhs, op, rhs) in enumerate(self._labels):
            members = self._members[:, j]
            weights = self.given.n_obs * members
            outside = [str(g) for g, inside in zip(groups, members, strict=True) if not inside]
            rows.append(
                {
                    "factor": self.given.factor,
                    "lhs": lhs,
                    "op": op,
                    "rhs": rhs,
                    "average": weights @ u[:, j] / weights.sum() if members.any() else np.nan,
                    "n_invariant": int(members.sum()) if self._told else pd.NA,
                    "noninvariant": ", ".join(outside) if self._told else pd.NA,
                    "r2": self._r2[j],
                    "loss": losses[j],
                }
            )
        return pd.DataFrame(rows)

    def notes(self, method: str) -> Iterator[str]:
        """Say what puts the alignment of this factor in doubt."""
        name, summary = self.given.factor, self.summary()
        if not self.search.flat:
            yield (
                f"{name}: the search did not end at a minimum of the loss. Give more random starts "
                "or a larger epsilon."
            )
        if self.search.reached < FEW:
            yield (
                f"{name}: {self.search.reached:.0%} of the random starts reached the least loss; "
                "there may be a smaller one. Give more starts."
            )
        if np.isnan(self.given.covariance).any():
            yield f"{name}: the fit has no standard errors, so that no parameter can be tested."
            return
        if not self._told:
            yield (
                f"{name}: other means or variances have the same loss, so that there are no "
                'standard errors. Take method="fixed", or a larger epsilon.'
            )
            return
        share = float((~self._members).mean())
        if share > TRUSTED:
            yield (
                f"{name}: {summary['noninvariant']:.0%} of the parameters differ between groups, "
                f"more than {TRUSTED:.0%}; see by alignment_recovery what the means are worth."
            )
        if method == "free" and self._level_undetermined():
            yield (
                f"{name}: with all means free, their common level is poorly determined, because "
                'loadings hardly differ between groups. Take method="fixed".'
            )

    def _level_undetermined(self) -> bool:
        own = self.functions
        at = np.arange(len(own.groups)) * own.size + own.size - 2
        V = own.covariance[np.ix_(at, at)]
        spread = np.diag(V)
        differences = (spread[:, None] + spread - 2 * V)[np.triu_indices(len(V), 1)]
        return bool(np.sqrt(spread.max()) > LEVEL * np.sqrt(np.median(differences)))


def _limits(est: Array, se: Array, level: float) -> dict[str, Array]:
    """Normal interval without the test: no mean or variance is tested against 0."""
    found = wald(est, se, level)
    return {name: found[name] for name in ("ci.lower", "ci.upper")}
