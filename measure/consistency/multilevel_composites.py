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

import pandas as pd

from measure.checks import confidence, known_option
from measure.consistency.construct_types import CONSTRUCTS, Target
from measure.consistency.level_coefficients import LevelCoefficients
from measure.display import render_html, render_text
from measure.distributions import normal_quantile
from measure.errors import ModelError, OptionError
from measure.fitting.fitted import Fit
from measure.moments.asymptotic import FEW_CLUSTERS


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
        has, of alpha from that of the saturated moments. Intervals are normal on the logit scale,
        on which few clusters do less harm; estimates outside 0 to 1 have none. Those of a latent
        mean that is true to nearly 1 do not hold (benchmarks/LEVELS.md).

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
    groups = [LevelCoefficients(fit, group, construct, z) for group in range(fit.n_groups)]
    targets = [target for group in groups for target in group.targets]
    if all(set(target.scores) == set(target.without) for target in targets):
        problem = targets[0].problem if targets else "it has no factors at the level it needs."
        raise ModelError(f'the model has no "{construct}" construct: {problem}')
    clusters = fit.n_clusters
    assert clusters is not None
    table = pd.DataFrame([row for group in groups for row in group.rows()])
    return MultilevelReliability(
        table=table,
        by_size=pd.DataFrame([row for group in groups for row in group.rows_by_size()]),
        construct=construct,
        n_obs=fit.n_obs,
        n_clusters=clusters,
        estimator=fit.estimator,
        level=confidence_level,
        notes=tuple(
            dict.fromkeys(
                filter(None, (*_notes(fit, targets, table), *map(_boundary_note, groups)))
            )
        ),
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


def _boundary_note(group: LevelCoefficients) -> str:
    """Say where standard errors of alpha come from, if not from where they should."""
    if group.construct == "simultaneous" or not group.saturated.on_boundary:
        return ""
    return (
        "The covariances of the items between clusters, unrestricted, lie at the edge of what is "
        "possible (some sum of items has no variance there): standard errors of alpha rest on the "
        "expected information."
    )


def _notes(fit: Fit, targets: list[Target], table: pd.DataFrame) -> Iterator[str]:
    for target in targets:
        if target.problem:
            yield f"{target.name}: {target.problem}"
        elif target.remark:
            yield f"{target.name}: {target.remark}"
    if fit.method.fiml:
        yield (
            "Sizes of clusters count the members who answered some item; the reliability of a mean "
            "is that of so many who answered all."
        )
    if (fit.n_clusters or 0) < FEW_CLUSTERS:
        yield (
            f"There are {fit.n_clusters} clusters; with fewer than {FEW_CLUSTERS} intervals of "
            "what is between clusters tend to be too narrow."
        )
    if fit.vcov is None:
        yield "The fit has no standard errors, so that nothing has an interval."
    outside = table[(table["est"] <= 0) | (table["est"] >= 1)]
    for row in outside.to_dict("records"):
        yield (
            f"{row['between'] or row['within']}: {row['coefficient']} of {row['score']} is "
            f"{row['est']:.3f}, outside what a reliability can be, and has no interval."
        )
    if not fit.admissible:
        yield (
            "The estimates are not admissible (see the notes of the fit): reliabilities may differ "
            "from those of any population."
        )
