"""What a caller asked for, and what it amounts to: estimator, standard errors, test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import pandas as pd

from measure.errors import OptionError
from measure.estimators import ESTIMATORS, FOR_ORDERED, Estimator
from measure.estimators import estimator as find_estimator
from measure.specification.defaults import DEFAULTS, Defaults

ROBUST = ("robust.sem", "robust.huber.white")
SCALED = ("satorra.bentler", "mean.var.adjusted", "scaled.shifted", "yuan.bentler.mplus")
_BY_RESAMPLING = "comes from measure.bootstrap(fit, data, n=1000, seed=...), which refits the model"


@dataclass(frozen=True)
class Options:
    """What the caller asked for, apart from model and data; the names are those of `cfa`.

    An `estimator` of None is "ML", or "WLSMV" with ordered items; `has_ordered` tells whether there
    are such, and `has_levels` whether the model has two levels, once it is known.
    """

    estimator: str | None = None
    missing: str = "listwise"
    ordered: Sequence[str] | bool = ()
    group: str | None = None
    group_equal: Sequence[str] = ()
    group_partial: Sequence[str] = ()
    cluster: str | None = None
    std_lv: bool = False
    orthogonal: bool = False
    auto_fix_first: bool = True
    effect_coding: bool = False
    meanstructure: bool | None = None
    fixed_x: bool | None = None
    parameterization: str = "delta"
    likelihood: str = "normal"
    information: str | None = None
    se: str | None = None
    test: str | None = None
    auxiliary: Sequence[str] = ()
    rotation: str | None = None
    rotation_args: Mapping[str, Any] | None = None
    seed: int | None = None
    has_ordered: bool = False
    has_levels: bool = False

    def completed(self, *, ordered: bool, levels: bool = False) -> "Options":
        """Choose the estimator where none was asked for."""
        default = "WLSMV" if ordered else "ML"
        estimator = self.estimator or default
        return replace(self, estimator=estimator, has_ordered=ordered, has_levels=levels)

    @property
    def row(self) -> Estimator:
        """The estimator that was asked for."""
        return find_estimator(self.estimator or "ML")

    def checked(self) -> "Options":
        """Refuse by name what does not exist or is not available in this version."""
        row = self.row
        for name in ("group_equal", "group_partial", "auxiliary"):
            if isinstance(getattr(self, name), str):
                raise OptionError(
                    f'{name} is a list of names, as {name}=["{getattr(self, name)}"].'
                )
        for name, available in _CHOICES.items():
            value = getattr(self, name)
            if value in available:
                continue
            if value in _ELSEWHERE:
                raise OptionError(f'{name}="{value}" {_ELSEWHERE[value]}.')
            words = ", ".join(f'"{word}"' for word in available if word is not None)
            raise OptionError(f'{name}="{value}" is not known; available: {words}.')
        if self.has_levels:
            self._require_for_levels(row)
        if self.has_ordered:
            self._require_for_ordered(row)
        elif "thresholds" in self.group_equal:
            raise OptionError('group_equal "thresholds" needs ordered items; there are none.')
        elif self.missing == "pairwise":
            raise OptionError(
                'missing="pairwise" is for ordered items; for continuous ones choose "listwise" or '
                '"fiml".'
            )
        if (self.group_equal or self.group_partial) and self.group is None:
            raise OptionError(
                "group_equal and group_partial need `group`, the column of the groups."
            )
        if self.auxiliary and self.missing == "listwise":
            raise OptionError(
                'auxiliary variables inform about missing answers; they need missing="fiml".'
            )
        return self

    def _require_for_ordered(self, row: Estimator) -> None:
        """Refuse what is defined for continuous items only."""
        if row.discrepancy not in FOR_ORDERED:
            names = ", ".join(e.name for e in ESTIMATORS.values() if e.discrepancy in FOR_ORDERED)
            raise OptionError(
                f'estimator "{row.name}" is not available for ordered items; choose one of {names}.'
            )
        if self.missing == "fiml":
            raise OptionError(
                'missing="fiml" is not available for ordered items; "pairwise" uses all answers to '
                "each pair of items, and takes them to be missing completely at random."
            )
        if self.auxiliary:
            raise OptionError("auxiliary variables are not available with ordered items.")
        if self.information == "first.order":
            raise OptionError(
                'information="first.order" is not available for ordered items; choose "expected" '
                '(as lavaan) or "observed".'
            )
        if self.meanstructure is False:
            raise OptionError("ordered items need thresholds; leave meanstructure out.")

    def _require_for_levels(self, row: Estimator) -> None:
        """Refuse what is not defined for two levels."""
        if self.cluster is None:
            raise OptionError(
                "the model text has `level:` blocks, which need clusters: name their column by "
                "`cluster`, or remove the blocks to fit a one-level model."
            )
        if self.has_ordered:
            self._require_for_ordered_levels(row)
        elif row.discrepancy != "ML" or row.se == "robust.sem":
            raise OptionError(
                f'estimator "{row.name}" is not available for two-level models; choose "ML", "MLR" '
                'or "MLF".'
            )
        elif self.se == "robust.sem" or self.test in SCALED[:3]:
            raise OptionError(
                f'se="{self.se}" and test="{self.test}" are not defined for two-level models; '
                'estimator "MLR" gives robust standard errors and a scaled test.'
            )
        if self.missing == "fiml" and self.information == "expected":
            raise OptionError(
                'information="expected" is not worked out for rows in clusters that lack answers; '
                'choose "observed", which the default is.'
            )
        if self.likelihood == "wishart":
            raise OptionError('likelihood="wishart" is for models of one level.')

    def _require_for_ordered_levels(self, row: Estimator) -> None:
        """Refuse what thresholds and covariances of two levels are not fitted by."""
        if row.discrepancy != "DWLS":
            names = ", ".join(e.name for e in ESTIMATORS.values() if e.discrepancy == "DWLS")
            raise OptionError(
                f'estimator "{row.name}" is not available for two-level models of ordered items; '
                f"choose one of {names}."
            )
        if self.information == "expected":
            raise OptionError(
                "the covariances of thresholds and correlations at two levels rest on observed "
                'second derivatives; information="expected" is not available for them.'
            )
        if self.se == "standard":
            raise OptionError(
                'se="standard" takes the moments of ordered items for uncorrelated, and does not '
                'hold at two levels; choose "robust.sem".'
            )

    def defaults(self, function: str) -> Defaults:
        """Combine what the function adds to the text with what the caller asked for."""
        base = DEFAULTS[function]
        needs_means = self.missing == "fiml" or self.cluster is not None
        means = base.meanstructure or needs_means
        likelihood = self.row.discrepancy == "ML"
        if self.meanstructure is False and needs_means:
            raise OptionError("missing answers and clusters need means; leave meanstructure out.")
        return replace(
            base,
            std_lv=self.std_lv,
            orthogonal=self.orthogonal,
            effect_coding=self.effect_coding,
            auto_fix_first=base.auto_fix_first and self.auto_fix_first,
            # Least squares weighs all moments together, those of predictors too (as lavaan does).
            fixed_x=base.fixed_x and likelihood if self.fixed_x is None else self.fixed_x,
            meanstructure=means if self.meanstructure is None else self.meanstructure,
        )

    def method(self) -> "Method":
        """Expand the estimator's name, as lavaan does, to what is computed."""
        row = self.row
        se, test = self.se or row.se, self.test or row.test
        information = self.information or row.information
        fiml = self.missing == "fiml"
        # Of a two-level model the clusters are a part, so that nothing has to allow for them.
        # Ordered items are fitted through moments, whose covariance comes from the clusters.
        clustered = self.cluster is not None and (self.has_ordered or not self.has_levels)
        if self.has_levels and information == "expected":
            information = self.information or "observed"
        if fiml:
            self._require_likelihood_of_rows(row)
            information = self.information or (
                "observed" if information == "expected" else information
            )
        if (
            clustered
            and row.discrepancy == "ML"
            and self.se in (None, "standard")
            and se == "standard"
        ):
            se, information = "robust.huber.white", self.information or "observed"
            test = self.test or "yuan.bentler.mplus"
        elif clustered and se == "standard":
            se, test = "robust.sem", self.test or "satorra.bentler"
        if se == "robust":
            huber = fiml or (self.has_levels and not self.has_ordered)
            se = "robust.huber.white" if huber else "robust.sem"
        if "huber" in se and row.discrepancy != "ML":
            raise OptionError(f'se="{se}" needs a likelihood; with {row.name} choose "robust.sem".')
        if test == "yuan.bentler.mplus" and row.discrepancy != "ML":
            raise OptionError(f'test="{test}" needs a likelihood; choose "satorra.bentler".')
        if fiml and (se == "robust.sem" or test in SCALED[:3]):
            raise OptionError(
                f'with missing="fiml", se="{se}" and test="{test}" are not defined; estimator '
                '"MLR" gives robust standard errors and a scaled test.'
            )
        wishart = self.likelihood == "wishart"
        if wishart and (fiml or row.discrepancy != "ML" or se in ROBUST or test in SCALED):
            raise OptionError(
                'likelihood="wishart" goes with estimator "ML" for complete data, standard errors '
                "and the standard test only."
            )
        less_one = wishart or row.discrepancy != "ML"
        if self.has_ordered:
            # Asked of thresholds and correlations; the parameters follow from these.
            observed = self.has_levels or information == "observed"
            return Method(row, se, test, "expected", fiml, less_one, observed)
        return Method(row, se, test, information, fiml, less_one)

    def _require_likelihood_of_rows(self, row: Estimator) -> None:
        if row.discrepancy != "ML" or row.se == "robust.sem":
            raise OptionError(
                f'estimator "{row.name}" needs complete answers; with missing="fiml" choose '
                '"ML" or "MLR".'
            )


@dataclass(frozen=True)
class Method:
    """What is computed: the estimator's row, and after all defaults se, test and information.

    `less_one` tells that covariances are divided by n - 1 and chi-squares count N - G.
    `observed_moments` tells that the asymptotic covariance of thresholds and correlations rests on
    second derivatives, and not, as lavaan's, on products of scores, which are as good only where
    latent responses are normal.
    """

    estimator: Estimator
    se: str
    test: str
    information: str
    fiml: bool
    less_one: bool
    observed_moments: bool = False

    @property
    def moment_information(self) -> str:
        """Information about thresholds and correlations."""
        return "observed" if self.observed_moments else "first.order"


_CHOICES: dict[str, tuple[str | None, ...]] = {
    "missing": ("listwise", "fiml", "pairwise"),
    "likelihood": ("normal", "wishart"),
    "information": (None, "expected", "observed", "first.order"),
    "se": (None, "standard", "robust", *ROBUST, "none"),
    "test": (None, "standard", *SCALED, "none"),
    "parameterization": ("delta", "theta"),
}
_ELSEWHERE = {
    "ml": 'is written "fiml" here',
    "bootstrap": _BY_RESAMPLING,
    "bollen.stine": _BY_RESAMPLING,
}


def option_table() -> pd.DataFrame:
    """Show what each function adds to a model text, and what each estimator's name stands for.

    Returns
    -------
    DataFrame
        Two kinds of rows, `kind` "function" and "estimator": one row an option, columns `name
        option value`, lavaan's words.

    Examples
    --------
    >>> table = option_table().set_index(["kind", "name", "option"])["value"]
    >>> table["estimator", "MLR", "test"]
    'yuan.bentler.mplus'
    """
    rows: list[tuple[str, str, str, object]] = [
        ("function", name, field.name.replace("_", "."), getattr(defaults, field.name))
        for name, defaults in DEFAULTS.items()
        for field in fields(Defaults)
    ]
    for name in DEFAULTS:
        for ordered, option in ((False, "estimator"), (True, "estimator, ordered items")):
            rows.append(("function", name, option, Options().completed(ordered=ordered).estimator))
    for name in ESTIMATORS:
        method = Options(estimator=name).method()
        rows += [
            ("estimator", name, "discrepancy", method.estimator.discrepancy),
            ("estimator", name, "se", method.se),
            ("estimator", name, "test", method.test),
            ("estimator", name, "information", method.information),
            ("estimator", name, "divisor", "n - 1" if method.less_one else "n"),
        ]
    return pd.DataFrame(rows, columns=["kind", "name", "option", "value"])
