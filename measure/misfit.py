"""Where a model misses the data: residuals of means and covariances."""

import pandas as pd

from measure.errors import OptionError
from measure.fitted import Fit
from measure.indices import residual_moments

_LATER = ("standardized",)
KINDS = ("raw", "cor.bentler", "cor.bollen")


def residuals(fit: Fit, *, kind: str = "cor.bentler") -> pd.DataFrame:
    """Sample less implied covariances, items by items.

    Parameters
    ----------
    fit
        A fitted model.
    kind
        `cor.bentler` (default), `cor.bollen` or `raw`; see `indices.residual_moments`.

    Returns
    -------
    DataFrame
        Items × items, with the residuals of the means as a last row `~1` where the model has a
        mean structure.

    Raises
    ------
    OptionError
        For another `kind`.
    """
    if kind in _LATER:
        raise OptionError(
            f'residuals of kind "{kind}" are not available in this version; choose one of '
            f"{', '.join(KINDS)}."
        )
    if kind not in KINDS:
        raise OptionError(f'kind "{kind}" is not known; choose one of {", ".join(KINDS)}.')
    cov, mean = residual_moments(fit.moments.sample[0], fit.implied_moments[0], kind)
    table = pd.DataFrame(cov, index=fit.moments.names, columns=fit.moments.names)
    if mean is not None:
        table.loc["~1"] = mean
    return table


def implied(fit: Fit) -> pd.DataFrame:
    """Give the covariances that a model implies, with its means as a last row `~1`.

    Parameters
    ----------
    fit
        A fitted model.

    Returns
    -------
    DataFrame
        Items × items; the row `~1` is there where the model has a mean structure.
    """
    moments = fit.implied_moments[0]
    table = pd.DataFrame(moments.sigma, index=fit.moments.names, columns=fit.moments.names)
    if moments.mu is not None:
        table.loc["~1"] = moments.mu
    return table
