"""How precisely sums of items measure persons and clusters, by what the construct is taken to be.

References
----------
Geldhof, G. J., Preacher, K. J., & Zyphur, M. J. (2014). Reliability estimation in a multilevel
confirmatory factor analysis framework. Psychological Methods, 19, 72-91.
Lai, M. H. C. (2021). Composite reliability of multilevel data: It's about observed scores and
construct meanings. Psychological Methods, 26, 90-102.
Stapleton, L. M., Yang, J. S., & Hancock, G. R. (2016). Construct meaning in multilevel settings.
Journal of Educational and Behavioral Statistics, 41, 481-520.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.checks import confidence, known_option
from measure.consistency.construct_types import (
    CONSTRUCTS,
    DEVIATION,
    LATENT,
    MEAN,
    PERSON,
    Levels,
    Target,
    targets_of,
)
from measure.consistency.level_sums import ModelSums, SaturatedSums, ratio
from measure.display import render_html, render_text
from measure.distributions import normal_quantile
from measure.errors import ModelError, OptionError
from measure.fitting.fitted import Fit
from measure.moments.asymptotic import few_clusters_note
from measure.moments.twolevel.clusters import Clusters
from measure.specification.levels import BETWEEN, WITHIN

Array = NDArray[np.float64]
NAN = float("nan")


@dataclass(frozen=True, eq=False)
class MultilevelReliability:
    """Reliability of sums of items at two levels.

    Attributes
    ----------
    table
        One row a construct, group, score and coefficient: `within between` (its factors), `group
        n_items score coefficient size est se ci.lower ci.upper`. `size` is the number of members
        that a cluster mean rests on, the harmonic mean over clusters.
    by_size
        One row a construct, group and size of clusters: `within between group size n_clusters est
        se ci.lower ci.upper`, the omega of the mean of a cluster of that size.
    construct
        What the constructs were taken to be.
    n_obs, n_clusters, estimator
        Of the fit.
    level
        Of the intervals.
    notes
        What could not be computed, and what a reader has to know.
    """

    table: pd.DataFrame
    by_size: pd.DataFrame
    construct: str
    n_obs: int
    n_clusters: int
    estimator: str
    level: float
    notes: tuple[str, ...]

    def _report(self) -> tuple[str, dict[str, object], dict[str, pd.DataFrame]]:
        facts: dict[str, object] = {
            "construct": self.construct,
            "estimator": self.estimator,
            "respondents": self.n_obs,
            "clusters": self.n_clusters,
            "level of intervals": self.level,
        }
        facts |= {f"note {k}": note for k, note in enumerate(self.notes, start=1)}
        tables = {"Sums of items": self.table}
        if len(self.by_size):
            tables["Cluster means by number of members"] = self.by_size
        return "Reliability at two levels", facts, tables

    def __repr__(self) -> str:
        return render_text(*self._report())

    def _repr_html_(self) -> str:
        return render_html(*self._report())


def multilevel_reliability(
    fit: Fit, construct: str, *, confidence_level: float = 0.95
) -> MultilevelReliability:
    """Reliability of sums (or means) of items as measures of persons and of clusters.

    What is true of a score depends on the construct, which has to be declared (Stapleton, Yang &
    Hancock 2016), and what is error of it on the score (Lai 2021). Within clusters let s be the sum
    of the loadings, φw the variance of the factor and Σw the covariance matrix of the items that
    the model implies, and s, φb and Σb the same between; n is the number of members.

    ============== ================== ================= =================== =====================
    score          what it is         true              in all              constructs
    ============== ================== ================= =================== =====================
    person         a person's sum     s²φw + s²φb       1'Σw1 + 1'Σb1       individual, configural
    deviation      less the mean of   s²φw              1'Σw1               individual, configural
                   the cluster
    cluster mean   mean of n members  s²φb              1'Σb1 + 1'Σw1/n     configural, shared
    latent mean    that of endlessly  s²φb              1'Σb1               configural, shared
                   many
    ============== ================== ================= =================== =====================

    Their quotients are omega: ω2l, ωw and ωb of Lai (2021), and of the latent mean the omega of
    Geldhof, Preacher & Zyphur (2014), which `composite_reliability` gives too. Nobody has the
    latent mean: where means of members are used, as in any report, the omega of cluster means
    counts, which is lower the fewer members there are. Alpha puts k/(k - 1) times the sum of the
    covariances among the k items in place of what is true, all from the saturated model.

    Parameters
    ----------
    fit
        A two-level fit to continuous items.
    construct
        - "individual": of persons, clusters being only where they are found. The items load on a
          factor at both levels, equally; without a factor between, only deviations have an omega.
        - "configural": the construct of a cluster is that of its members (a mean of theirs). Items
          load equally at both levels.
        - "shared": of clusters alone, about which members are asked. Any model within, saturated or
          with factors.
        - "simultaneous": both behind the same items, two uncorrelated factors between, one with the
          loadings of the factor within. What belongs to the other is error of each. With loadings
          that are nearly proportional the data do not part the two; Lai (2021) then fixes φb of the
          configural one.
    confidence_level
        Of the intervals.

    Returns
    -------
    MultilevelReliability
        Coefficients "omega", "alpha" (not of simultaneous constructs) and, of shared constructs,
        "irr": 1'Σb1 / (1'Σb1 + 1'Σw1/n), the agreement of members in the mean alone. Standard
        errors are by the delta method, from the covariance matrix of the estimates that the fit
        has, of alpha from that of the saturated moments.

    Raises
    ------
    ModelError
        The model has no construct of this type: the message says what is in the way, as that items
        load differently at the two levels. Where it is in the way of some constructs only, their
        omega is NaN and `notes` says why.
    OptionError
        A fit of one level, or to ordered items; an unknown construct; `confidence_level` outside 0
        to 1.

    Notes
    -----
    The members who answered are taken for a sample of endlessly many. Where all have answered, what
    they happen to feel is part of a configural construct and no error: the truth about the mean
    then is s²(φb + φw/n), and the omega given is too low.

    The harmonic mean size gives the reliability of means over all clusters, since 1'Σw1/n averages
    over 1/n.
    """
    z = float(normal_quantile((1 + confidence(confidence_level)) / 2))
    known_option("construct", construct, CONSTRUCTS)
    _require_levels(fit)
    groups = [_Group(fit, group, construct, z) for group in range(fit.n_groups)]
    targets = [target for group in groups for target in group.targets]
    if all(set(target.scores) == set(target.without) for target in targets):
        problem = targets[0].problem if targets else "it has no factors at the level it needs."
        raise ModelError(f'the model has no "{construct}" construct: {problem}')
    clusters = fit.n_clusters
    assert clusters is not None
    return MultilevelReliability(
        table=pd.DataFrame([row for group in groups for row in group.rows()]),
        by_size=pd.DataFrame([row for group in groups for row in group.rows_by_size()]),
        construct=construct,
        n_obs=fit.n_obs,
        n_clusters=clusters,
        estimator=fit.estimator,
        level=confidence_level,
        notes=tuple(dict.fromkeys(filter(None, _notes(fit, targets)))),
    )


def _require_levels(fit: Fit) -> None:
    """Refuse fits whose sums have no two levels.

    Raises
    ------
    OptionError
        Says what to do.
    """
    if fit.model.table.levels is None:
        raise OptionError(
            "multilevel_reliability is about models of two levels, with `level:` blocks and "
            "`cluster`; this one has one level. Take composite_reliability."
        )
    if fit.moments.ordinal is not None:
        raise OptionError(
            "multilevel_reliability is not available for ordered items, whose sums are no sums of "
            "the latent responses. Fit the answers as numbers (without `ordered`)."
        )


@dataclass(frozen=True, eq=False)
class _Group:
    """The constructs of one group of respondents, and their coefficients."""

    fit: Fit
    group: int
    construct: str
    z: float

    @cached_property
    def model(self) -> ModelSums:
        return ModelSums(self.fit, self.group)

    @cached_property
    def saturated(self) -> SaturatedSums:
        return SaturatedSums(self.fit, self.group)

    @cached_property
    def targets(self) -> list[Target]:
        return targets_of(Levels(self.fit, self.model.states), self.construct)

    @property
    def clusters(self) -> Clusters:
        assert self.fit.moments.nested is not None
        return self.fit.moments.nested[self.group]

    def rows(self) -> Iterator[dict[str, object]]:
        """Rows of the table."""
        own = self.clusters
        harmonic = own.n_clusters / float((own.counts / own.sizes).sum())
        for target in self.targets:
            for score in target.scores:
                size = harmonic if score == MEAN else NAN
                for coefficient, found in self._coefficients(target, score, size):
                    yield {
                        **self._about(target),
                        "n_items": len(target.items),
                        "score": score,
                        "coefficient": coefficient,
                        "size": size,
                        **found,
                    }

    def rows_by_size(self) -> Iterator[dict[str, object]]:
        """Rows of the table of cluster means by size."""
        own = self.clusters
        for target in self.targets:
            if MEAN not in target.scores or MEAN in target.without:
                continue
            for size, count in zip(own.sizes.tolist(), own.counts.tolist(), strict=True):
                omega = self._omega(target, MEAN, size)
                yield {
                    **self._about(target),
                    "size": int(size),
                    "n_clusters": int(count),
                    **self._estimate(omega, self.model.covariance),
                }

    def _about(self, target: Target) -> dict[str, object]:
        return {
            "within": target.within,
            "between": target.between,
            "group": self.fit.moments.groups[self.group],
        }

    def _coefficients(
        self, target: Target, score: str, size: float
    ) -> Iterator[tuple[str, dict[str, float]]]:
        covariance = self.model.covariance
        if score in target.without:
            yield "omega", dict.fromkeys(("est", "se", "ci.lower", "ci.upper"), NAN)
        else:
            yield "omega", self._estimate(self._omega(target, score, size), covariance)
        if target.alone and len(target.items) > 1:
            alpha = self._alpha(target, score, size)
            yield "alpha", self._estimate(alpha, self.saturated.covariance)
        if score == MEAN and not target.within:
            between = self.model.whole(BETWEEN, target.items)
            sampled = between + self.model.whole(WITHIN, target.items) / size
            yield "irr", self._estimate(ratio(between, sampled), covariance)

    def _omega(self, target: Target, score: str, size: float) -> Array:
        true, whole = 0.0, _whole(self.model, target, score, size)
        if score in (PERSON, DEVIATION):
            true = true + self.model.true(WITHIN, target.within, target.items)
        if score != DEVIATION:
            true = true + self.model.true(BETWEEN, target.between, target.items)
        return ratio(np.asarray(true), whole)

    def _alpha(self, target: Target, score: str, size: float) -> Array:
        common, whole = 0.0, _whole(self.saturated, target, score, size)
        if score in (PERSON, DEVIATION):
            common = common + self.saturated.shared(WITHIN, target.items)
        if score != DEVIATION:
            common = common + self.saturated.shared(BETWEEN, target.items)
        k = len(target.items)
        return ratio(k / (k - 1) * np.asarray(common), whole)

    def _estimate(self, amount: Array, covariance: Array) -> dict[str, float]:
        slope = amount[1:]
        est, se = float(amount[0]), float(np.sqrt(np.maximum(slope @ covariance @ slope, 0.0)))
        return {"est": est, "se": se, "ci.lower": est - self.z * se, "ci.upper": est + self.z * se}


def _whole(sums: ModelSums | SaturatedSums, target: Target, score: str, size: float) -> Array:
    """Variance of a score."""
    if score == DEVIATION:
        return sums.whole(WITHIN, target.items)
    between = sums.whole(BETWEEN, target.items)
    if score == LATENT:
        return between
    members = 1.0 if score == PERSON else size
    return between + sums.whole(WITHIN, target.items) / members


def _notes(fit: Fit, targets: list[Target]) -> Iterator[str]:
    for target in targets:
        if target.problem:
            yield f"{target.name}: {target.problem}"
        elif target.remark:
            yield f"{target.name}: {target.remark}"
    yield few_clusters_note(fit.n_clusters)
    if fit.vcov is None:
        yield "The fit has no standard errors, so that nothing has an interval."
    if not fit.admissible:
        yield (
            "The estimates are not admissible (see the notes of the fit): reliabilities may differ "
            "from those of any population."
        )
