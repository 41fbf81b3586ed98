"""What a model is fitted to: raw rows, or moments with their numbers of respondents."""

from collections.abc import Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import pandas as pd

from measure.errors import DataError, ModelError, OptionError
from measure.estimators import DISCREPANCIES, Discrepancy
from measure.moments import Moments, complete, missing, ordinal
from measure.moments.asymptotic import require_clusters
from measure.moments.ordinal.wide import Wide
from measure.moments.ordinal_twolevel.gather import from_rows as ordinal_twolevel_moments
from measure.moments.rows import group_labels, rows_of
from measure.moments.twolevel.gather import from_rows as twolevel_moments
from measure.specification.levels import Levels
from measure.specification.options import Method, Options
from measure.specification.syntax import Syntax
from measure.specification.table import Groups
from measure.specification.variables import Variables, variables_of
from measure.storage.places import groups_of
from measure.storage.stored_answers import StoredAnswers
from measure.storage.stored_codes import Asked
from measure.storage.stored_moments import moments_of


@dataclass(frozen=True, eq=False)
class Source:
    """What a model is fitted to: raw rows, or moments with their numbers of respondents.

    The names are those of `cfa`; with several groups the last three are dictionaries. Moments that
    have been gathered are kept, and what they are compared by, so that models of the same variables
    that are fitted to one source share them; the data must not change meanwhile.
    """

    data: pd.DataFrame | StoredAnswers | None = None
    sample_cov: object = None
    sample_mean: object = None
    sample_nobs: object = None
    _kept: dict[Hashable, Moments] = field(default_factory=dict, init=False, repr=False)
    _wide: dict[Hashable, Wide] = field(default_factory=dict, init=False, repr=False)
    _weighed: list[tuple[tuple[str, bool], Discrepancy]] = field(
        default_factory=list, init=False, repr=False
    )

    def groups(self, options: Options) -> Groups:
        """Find the groups of the model."""
        labels: tuple[object, ...] = (1,)
        if self.data is not None and self.sample_cov is not None:
            raise OptionError("give either data or sample_cov, not both.")
        if self.data is None and self.sample_cov is None:
            raise DataError("there is nothing to fit the model to: give data, or sample_cov.")
        if options.group is not None and self.data is not None:
            labels = (
                groups_of(self.data, options.group)
                if isinstance(self.data, StoredAnswers)
                else group_labels(self.data, options.group)
            )
        elif isinstance(self.sample_cov, Mapping):
            labels = tuple(self.sample_cov)
        return Groups(
            labels,
            tuple(options.group_equal),
            tuple(options.group_partial),
            options.meanstructure is not False,
        )

    def ordered(self, syntax: Syntax, options: Options) -> tuple[str, ...]:
        """Find the ordered items: those that `ordered` names or the text gives thresholds.

        Raises
        ------
        OptionError, ModelError
            Where an item is not in the model, or cannot be ordered.
        """
        variables = variables_of(syntax.statements)
        names = _ordered_names(syntax, variables, options)
        if names and self.data is None:
            raise OptionError(
                "ordered items need the answers themselves; sample_cov does not hold them. Give "
                "data."
            )
        if names:
            _refuse_predictors(variables, options)
        return names

    def moments(
        self,
        names: tuple[str, ...],
        options: Options,
        method: Method,
        ordered: tuple[str, ...] = (),
        levels: Levels | None = None,
    ) -> Moments:
        """Gather the moments of the named variables, or give those that have been gathered."""
        names = names if levels is None else levels.names
        asked = (
            names,
            ordered,
            options.group,
            options.cluster,
            options.missing,
            method.fiml,
            method.less_one,
            method.observed_moments,
            levels,
        )
        if asked not in self._kept:
            self._kept[asked] = self._gathered(names, options, method, ordered, levels)
        return self._kept[asked]

    def gather(self, names: Sequence[str], options: Options, ordered: Sequence[str]) -> None:
        """Gather the moments of many variables at once, for models of some of them in their order.

        Models of other variables, or of answers that are not used pairwise, gather their own.

        Parameters
        ----------
        names
            Variables, each once.
        options
            As for the models.
        ordered
            Those of the variables that are ordered.
        """
        pairwise = options.missing == "pairwise" and isinstance(self.data, pd.DataFrame)
        if not pairwise or not ordered or len(names) < 2:
            return
        assert isinstance(self.data, pd.DataFrame)
        method = options.completed(ordered=True, levels=False).checked().method()
        information, group, cluster = method.moment_information, options.group, options.cluster
        # What some variable does not allow may be none of a model's business.
        with suppress(DataError):
            rows = rows_of(self.data, tuple(names), group=group, cluster=cluster)
            self._wide[group, cluster, information] = Wide.from_rows(
                rows, tuple(ordered), information=information
            )

    def _cut(
        self, names: tuple[str, ...], options: Options, method: Method, ordered: tuple[str, ...]
    ) -> Moments | None:
        """Cut moments from those of more variables, where such have been gathered."""
        key = (options.group, options.cluster, method.moment_information)
        if options.missing != "pairwise" or key not in self._wide:
            return None
        return self._wide[key].cut(names, ordered)

    def discrepancy(self, moments: Moments, method: Method, *, means: bool) -> Discrepancy:
        """Give the discrepancy of a model from moments, the same for all models of them.

        What it works out about the moments alone, such as the saturated likelihood of incomplete
        rows, is then worked out once.
        """
        name = method.estimator.discrepancy
        wanted = (name, means)
        for known, own in self._weighed:
            if known == wanted and own.moments is moments:
                return own
        made = DISCREPANCIES[name](moments, means=means)
        self._weighed.append((wanted, made))
        return made

    def _gathered(
        self,
        names: tuple[str, ...],
        options: Options,
        method: Method,
        ordered: tuple[str, ...],
        levels: Levels | None,
    ) -> Moments:
        if isinstance(self.data, StoredAnswers):
            if levels is not None:
                raise OptionError(
                    "a two-level model needs the rows of each cluster together, and stored answers "
                    "are read a batch at a time. Read the columns into memory."
                )
            labels, pairwise = self.groups(options).labels, options.missing == "pairwise"
            asked = Asked(names, labels, options.group, options.cluster, pairwise)
            return moments_of(self.data, asked, options, method, ordered)
        if self.data is not None:
            cut = self._cut(names, options, method, ordered) if levels is None else None
            if cut is not None:
                return cut
            rows = rows_of(self.data, names, group=options.group, cluster=options.cluster)
            if levels is not None and ordered:
                pairwise = options.missing == "pairwise"
                return ordinal_twolevel_moments(rows, levels, pairwise=pairwise)
            if levels is not None:
                return twolevel_moments(rows, levels, incomplete=method.fiml)
            if ordered:
                moments = ordinal.from_rows(
                    rows,
                    ordered,
                    pairwise=options.missing == "pairwise",
                    information=method.moment_information,
                )
            elif method.fiml:
                moments = missing.from_rows(rows)
            else:
                moments = complete.from_rows(rows, less_one=method.less_one)
            require_clusters(moments.clusters, moments.groups, options.cluster)
            return moments
        if method.fiml or options.cluster is not None:
            raise OptionError(
                "missing answers and clusters are seen in the rows only, and sample_cov has none. "
                "Give data."
            )
        return complete.from_covariance(
            self.sample_cov, self.sample_mean, self.sample_nobs, names, less_one=method.less_one
        )


def _ordered_names(syntax: Syntax, variables: Variables, options: Options) -> tuple[str, ...]:
    """Names of the ordered items, in the order of the observed variables."""
    inner = [x for x in variables.observed if x not in variables.exogenous_observed]
    if isinstance(options.ordered, bool):
        asked = inner if options.ordered else []
    elif isinstance(options.ordered, str):
        raise OptionError(f'ordered is a list of items, as ordered=["{options.ordered}"], or True.')
    else:
        asked = list(options.ordered)
    absent = [x for x in asked if x not in variables.observed]
    if absent:
        raise OptionError(
            f"ordered names {', '.join(absent)}, which the model does not use. Leave "
            f"{'it' if len(absent) == 1 else 'them'} out."
        )
    cut = {row.lhs for row in syntax.statements if row.op == "|"}
    names = tuple(x for x in variables.observed if x in cut or x in asked)
    outer = [x for x in names if x in variables.exogenous_observed]
    if outer:
        raise ModelError(
            f"{', '.join(outer)}: an observed predictor that nothing explains cannot be ordered. "
            "Give it as a number, or as 0/1 columns, one for each category but one."
        )
    return names


def _refuse_predictors(variables: Variables, options: Options) -> None:
    """Refuse observed predictors of ordered items, unless they are asked to be random."""
    if not variables.given or options.fixed_x is False:
        return
    raise OptionError(
        f"{', '.join(variables.given)}: with ordered items, models conditional on observed "
        "predictors (probit regressions) are not available. fixed_x=False takes the predictors "
        "for random and normally distributed together with the latent responses; for a predictor "
        "with few values, such as 0 and 1, compare groups instead."
    )
