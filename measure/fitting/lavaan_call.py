"""The R code that fits the same model by lavaan, for whoever wants to see it done elsewhere."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from measure.errors import OptionError
from measure.specification.lavaan_rotation import rotation_options
from measure.specification.options import Options
from measure.specification.syntax import parse
from measure.specification.table import Parameter

if TYPE_CHECKING:
    from measure.fitting.fitted import Fit

# Options by our name and by lavaan's, in the order in which they are written.
_NAMES = {
    "estimator": "estimator",
    "likelihood": "likelihood",
    "information": "information",
    "se": "se",
    "test": "test",
    "std_lv": "std.lv",
    "orthogonal": "orthogonal",
    "auto_fix_first": "auto.fix.first",
    "effect_coding": "effect.coding",
    "meanstructure": "meanstructure",
    "parameterization": "parameterization",
}


def lavaan_code(fit: "Fit") -> str:
    """Write the R code that reproduces a fit by lavaan.

    Only options that differ from lavaan's defaults are written, under lavaan's names. The code
    expects a data frame `data`, or for a fit to moments `sample_cov` (and `sample_mean`), with
    several groups as lists in the order of the groups.

    - Auxiliary variables, for which lavaan has no option, are written out as saturated correlates
      (Graham 2003): lines of the model text. lavaan's incremental indices then count them as part
      of the model; chi-square and estimates are the same.
    - lavaan takes `missing = "fiml"` to leave out rows that lack a fixed predictor, which this
      package keeps; where there are any, "fiml.x" is written.
    - lavaan keeps rows whose cluster is missing; the code takes them out first.
    - With ordered items lavaan takes the moments of predictors as given, where this package takes
      predictors for random: `conditional.x = FALSE` is written.
    - While rotating exploratory blocks lavaan 0.6-14 standardises items by the variances of
      uncorrelated factors when it works out standard errors; `rotation.se = "delta"` does not.
    - Of two-level models lavaan weighs the likelihoods of groups by their shares once more, so that
      estimates differ where groups of different sizes share parameters; its robust standard errors
      leave out what parameters do to means within clusters of variables at both levels.
    - Where a cluster has rows in several groups, lavaan takes these for different clusters; its
      robust standard errors and scaled tests then differ from those of this package.

    Parameters
    ----------
    fit
        A fitted model.

    Returns
    -------
    str
        R code, which leaves the result in `fit` and prints it.

    Raises
    ------
    OptionError
        Where lavaan would fit another model from the same text: `group:` blocks that stand in
        another order than the groups of the data, which lavaan matches by their order and not by
        their names. Where lavaan has no such model: ordered items with clusters, or with observed
        information.

    Examples
    --------
    `print(fit.to_lavaan())` begins with `library(lavaan)`.
    """
    _require_blocks_in_order(fit)
    if fit.moments.ordinal is not None and fit.options.cluster is not None:
        raise OptionError(
            "lavaan takes no notice of clusters with ordered items, so there is no code that gives "
            "this fit. Fit it without `cluster` to compare the estimates."
        )
    if fit.moments.nested is not None:
        _require_lavaan_has_levels(fit)
    if fit.method.observed_moments:
        raise OptionError(
            "lavaan rests the covariance of thresholds and correlations on products of scores, so "
            'that there is no code that gives this fit. Fit it without information="observed".'
        )
    lines = ["library(lavaan)", ""]
    if fit.options.cluster is not None:
        column = _string(fit.options.cluster)
        lines += [f"data <- data[!is.na(data[[{column}]]), ]", ""]
    lines += [f"model <- {_text(_model_text(fit))}", "", f"fit <- {fit.function}("]
    arguments = ["model", *_source(fit), *_options(fit)]
    lines += [f"  {argument}," for argument in arguments[:-1]]
    lines += [f"  {arguments[-1]}", ")", "summary(fit, fit.measures = TRUE, standardized = TRUE)"]
    return "\n".join(lines) + "\n"


def _require_lavaan_has_levels(fit: "Fit") -> None:
    """Refuse two-level models that lavaan 0.6-14 fits as others, or not at all."""
    written_out = any(s.block.group for s in parse(fit.text).statements)
    tied = set(fit.options.group_equal) & {"intercepts", "means"}
    problem = ""
    if fit.n_groups > 1 and not written_out:
        problem = "needs a two-level model of several groups to be written out in `group:` blocks"
    elif tied:
        problem = f"does not equate {', '.join(sorted(tied))} of two-level models across groups"
    elif fit.estimator == "MLF":
        problem = 'takes "MLF" of a two-level model for "ML"; information="first.order" is the same'
    if problem:
        raise OptionError(f"lavaan {problem}, so that there is no code that gives this fit.")


def _require_blocks_in_order(fit: "Fit") -> None:
    named = list(dict.fromkeys(s.block.group for s in parse(fit.text).statements if s.block.group))
    labels = [str(label) for label in fit.moments.groups]
    numbers = [str(k) for k in range(1, len(labels) + 1)]
    if named and named not in (labels, numbers):
        raise OptionError(
            f"the `group:` blocks stand in the order {', '.join(named)}, the groups of the data in "
            f"the order {', '.join(labels)}. lavaan matches them by order and would fit another "
            "model: write the blocks in the order of the groups."
        )


def _model_text(fit: "Fit") -> str:
    """The text of the user, and the lines of the auxiliary variables."""
    lines = [fit.text.strip("\n")]
    auxiliary = set(fit.options.auxiliary)
    if auxiliary:
        if any(statement.block.group for statement in parse(fit.text).statements):
            raise OptionError(
                "auxiliary variables cannot be written for lavaan beside `group:` blocks. Write "
                "the model without blocks, with c() for what differs between groups."
            )
        lines += ["", "# auxiliary variables as saturated correlates; lavaan has no option for it"]
        lines += [_name(row) for row in _written_out(fit)]
    return "\n".join(lines)


def _written_out(fit: "Fit") -> Iterator[Parameter]:
    """Rows that lavaan would not add by itself once there are auxiliary variables."""
    table = fit.model.table
    added = set(table.auxiliary)
    given = set(table.exogenous)
    for row in table.parameters:
        sides = {row.lhs, row.rhs} - {""}
        if row.group == 1 and row.op in ("~~", "~1") and (sides & added or sides <= given):
            yield row


def _source(fit: "Fit") -> Iterator[str]:
    """The data, or the moments in their place."""
    if fit.moments.rows is not None:
        yield "data = data"
        return
    yield "sample.cov = sample_cov"
    if fit.moments.sample[0].mu is not None:
        yield "sample.mean = sample_mean"
    yield f"sample.nobs = {_vector([str(n) for n in fit.moments.n_obs])}"


def _options(fit: "Fit") -> Iterator[str]:
    options = fit.options
    default = Options().completed(ordered=options.has_ordered)
    for name, theirs in _NAMES.items():
        value = getattr(options, name)
        if value != getattr(default, name):
            yield f"{theirs} = {_value(value)}"
    # With auxiliary variables the engine models the predictors too.
    fixed_x = False if options.auxiliary else options.fixed_x
    if fixed_x is not None:
        yield f"fixed.x = {_value(fixed_x)}"
    if fit.moments.ordinal is not None:
        yield f"ordered = {_strings(list(fit.moments.ordinal.ordered))}"
        if fit.model.table.exogenous:
            yield "conditional.x = FALSE"
    if options.missing == "pairwise":
        yield 'missing = "pairwise"'
    if options.missing == "fiml":
        yield f'missing = "{"fiml.x" if _lacks_predictors(fit) else "fiml"}"'
    if options.group is not None:
        yield f"group = {_string(options.group)}"
        yield f"group.label = {_strings([str(label) for label in fit.moments.groups])}"
    if options.group_equal:
        yield f"group.equal = {_strings(list(options.group_equal))}"
    partial = [*options.group_partial]
    if options.group_equal and options.auxiliary:
        auxiliary = set(options.auxiliary)
        rows = (row for row in fit.model.table.parameters if row.group == 1)
        partial += [_name(row) for row in rows if {row.lhs, row.rhs} & auxiliary]
    if partial:
        yield f"group.partial = {_strings(partial)}"
    if options.cluster is not None:
        yield f"cluster = {_string(options.cluster)}"
    if fit.exploration is not None:
        yield from rotation_options(fit.exploration.plan)
    elif fit.model.table.exploratory:
        yield 'rotation = "none"'


def _name(row: Parameter) -> str:
    return f"{row.lhs} ~ 1" if row.op == "~1" else f"{row}"


def _lacks_predictors(fit: "Fit") -> bool:
    """Whether a row lacks a predictor whose moments are taken from the sample."""
    given = [k for k, name in enumerate(fit.moments.names) if name in fit.model.table.fixed_x]
    rows = fit.moments.rows or ()
    return any(bool(np.isnan(part[:, given]).any()) for part in rows)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return _string(str(value))


def _string(text: str) -> str:
    """A string of R in double quotes."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _strings(texts: list[str]) -> str:
    return _vector([_string(text) for text in texts])


def _vector(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"c({', '.join(items)})"


def _text(text: str) -> str:
    """Several lines as one string of R, raw where it holds quotes or backslashes (R 4.0)."""
    if "'" not in text and "\\" not in text:
        return f"'\n{text}\n'"
    dashes = "-"
    while f'){dashes}"' in text:
        dashes += "-"
    return f'r"{dashes}(\n{text}\n){dashes}"'
