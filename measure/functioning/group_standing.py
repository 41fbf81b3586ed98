"""Where respondents stand on a scale, and their groups, by what answers say at each ability.

What an answer says at an ability is known here. Estimated are the mean and the standard deviation
of each group but the first, in which ability is standard normal.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from measure.fitting.inference import inverse as inverse_of

Array = NDArray[np.float64]

REACH, SPACING = 6.0, 0.25
"""The grid of abilities, in standard deviations of the first group. The trapezoid rule errs by
about exp(-2 (π s / SPACING)²) for a posterior of standard deviation s: 1e-12 at s = 0.3."""
GRID = np.arange(-REACH, REACH + SPACING / 2, SPACING)

STEPS, HALVINGS, TOLERANCE = 200, 30, 1e-10
_POWERS = GRID ** np.arange(5)[:, None]


@dataclass(frozen=True, eq=False)
class Standing:
    """Ability given group and answers, and how it hangs on the groups' means and sds.

    Attributes
    ----------
    means, sds
        (n_groups,) of ability; 0 and 1 in the first group.
    logl
        Log-likelihood, but for what was taken from `likelihoods` respondent by respondent.
    moments
        (4, n_obs) means of z, z², z³ and z⁴ given a respondent's answers, z being ability from the
        mean of one's group in its standard deviations.
    member
        (n_groups, n_obs): 1 for whose group it is.
    """

    means: Array
    sds: Array
    logl: float
    moments: Array
    member: Array

    @cached_property
    def ability(self) -> Array:
        """Mean of ability given a respondent's group and answers, (n_obs,)."""
        return np.asarray(self.means @ self.member + (self.sds @ self.member) * self.moments[0])

    @cached_property
    def slopes(self) -> Array:
        """Derivatives of `ability` by the mean and the log sd of one's own group, (n_obs, 2).

        They are the posterior covariances of ability with the derivatives of the group's log
        density.
        """
        first, second, third, _ = self.moments
        sds = self.sds @ self.member
        return np.column_stack([second - first**2, sds * (third - first * second)])

    @cached_property
    def influence(self) -> Array:
        """What each respondent adds to the groups' means, then log sds, (n_obs, 2 n_groups - 2)."""
        by_mean, by_log_sd = self._scores
        others = self.member[1:]
        scores = np.vstack([others * by_mean, others * by_log_sd]).T
        return np.asarray(scores @ inverse_of_products(scores), dtype=float)

    @cached_property
    def _scores(self) -> tuple[Array, Array]:
        """Derivatives of each respondent's log-likelihood by the own group's mean and log sd."""
        first, second, _, _ = self.moments
        return first / (self.sds @ self.member), second - 1.0

    def _newton(self) -> tuple[Array, float]:
        """Newton's step for each group's mean and log sd, (n_groups, 2), and what it promises.

        A group's own two parameters are all that its members' answers depend on. Where the
        curvature has no maximum, the products of scores stand for it (Berndt et al. 1974).
        """
        first, second, third, fourth = self.moments
        n, sds = self.member.sum(axis=1), self.sds
        gradient = self.member @ np.column_stack(self._scores)
        # Louis (1982): expected curvature of the log density, and the variance of its slope.
        curved = self.member @ np.column_stack(
            [second - first**2, third - first * second - 2 * first, fourth - second * (second + 2)]
        )
        by_mean, crossed, by_log_sd = (
            (n - curved[:, 0]) / sds**2,
            -curved[:, 1] / sds,
            -curved[:, 2],
        )
        information = np.stack([by_mean, crossed, crossed, by_log_sd], axis=1).reshape(-1, 2, 2)
        determined = by_mean * by_log_sd - crossed**2 > 1e-10 * np.abs(by_mean * by_log_sd)
        bent = ~(determined & (by_mean > 0))
        if bent.any():
            scores = np.column_stack(self._scores)
            information[bent] = np.einsum("gi,ij,ik->gjk", self.member[bent], scores, scores)
            inverse = np.linalg.pinv(information, rcond=1e-10, hermitian=True)
        else:
            inverse = np.linalg.inv(information)
        step = np.einsum("gjk,gk->gj", inverse, gradient)
        # The first group gives ability its scale.
        step[0] = 0.0
        return step, float((gradient * step).sum())


def standing(likelihoods: Array, member: Array, means: Array, sds: Array) -> Standing:
    """Give where respondents stand if the groups' means and standard deviations are these.

    Parameters
    ----------
    likelihoods
        (n_grid, n_obs) of each respondent's answers at each ability of `GRID`, in any unit of the
        respondent.
    member
        (n_groups, n_obs): 1 for whose group it is.
    means, sds
        (n_groups,) of ability.
    """
    z = (GRID - means[:, None]) / sds[:, None]
    weights = np.exp(-0.5 * z**2) * (SPACING / np.sqrt(2 * np.pi) / sds[:, None])
    sums = _POWERS @ (likelihoods * (weights.T @ member))
    with np.errstate(divide="ignore", invalid="ignore"):
        logl = float(np.log(sums[0]).sum())
        raw = sums / sums[0]
    m, s = means @ member, sds @ member
    # From moments about zero to those about the mean of the group.
    central = [
        raw[1] - m,
        raw[2] - m * (2 * raw[1] - m),
        raw[3] - m * (3 * raw[2] - m * (3 * raw[1] - m)),
        raw[4] - m * (4 * raw[3] - m * (6 * raw[2] - m * (4 * raw[1] - m))),
    ]
    moments = np.stack([one / s**power for power, one in enumerate(central, start=1)])
    return Standing(means, sds, logl, moments, member)


def settled(likelihoods: Array, member: Array, means: Array, sds: Array) -> Standing:
    """Give the means and standard deviations of the groups their most likely values.

    Parameters
    ----------
    likelihoods, member
        As for `standing`.
    means, sds
        Where to start.

    Notes
    -----
    By Newton's method; where a search ends without a maximum its best is given.
    """
    now = standing(likelihoods, member, means, sds)
    for _ in range(STEPS):
        step, promised = now._newton()
        if promised < TOLERANCE:
            break
        for halving in range(HALVINGS):
            by_mean, by_log_sd = step.T / 2**halving
            wider = np.exp(np.clip(by_log_sd, -1, 1))
            tried = standing(likelihoods, member, now.means + by_mean, now.sds * wider)
            if tried.logl > now.logl:
                break
        else:
            break
        now = tried
    return now


def inverse_of_products(scores: Array) -> Array:
    """Inverse of the sum of products of scores; of one that has none the generalised one."""
    products = scores.T @ scores
    found = inverse_of(products)
    if found is not None:
        return found
    return np.asarray(np.linalg.pinv(products, hermitian=True), dtype=float)
