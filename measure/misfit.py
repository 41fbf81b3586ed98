"""Where a model misses the data: residuals of means and covariances."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.errors import OptionError
from measure.indices import root_mean_square
from measure.model import Implied

if TYPE_CHECKING:
    from measure.fitted import Fit

Array = NDArray[np.float64]
Cells = tuple[NDArray[np.signedinteger], NDArray[np.signedinteger]]

_LATER = ("standardized",)
KINDS = ("raw", "cor.bentler", "cor.bollen")


def residual_moments(sample: Implied, implied: Implied, kind: str) -> tuple[Array, Array | None]:
    """Sample less implied covariances (p, p) and means (p,), in the metric of `kind`.

    Parameters
    ----------
    sample, implied
        Moments of one group.
    kind
        `raw`; `cor.bentler` divides covariances and means by the sample standard deviations
        (Bentler 1995); `cor.bollen` subtracts implied from sample correlations (Bollen 1989,
        p. 258), so that its diagonal is 0, with the means as in `cor.bentler` (as in lavaan).
    """
    s, sigma = sample.sigma, implied.sigma
    sd = np.ones(len(s)) if kind == "raw" else np.sqrt(np.diag(s))
    sd_implied = np.sqrt(np.diag(sigma)) if kind == "cor.bollen" else sd
    mean = None
    if sample.mu is not None and implied.mu is not None:
        mean = (sample.mu - implied.mu) / sd
    return s / np.outer(sd, sd) - sigma / np.outer(sd_implied, sd_implied), mean


def residuals(fit: "Fit", *, kind: str = "cor.bentler") -> pd.DataFrame:
    """Sample less implied covariances, items by items.

    Parameters
    ----------
    fit
        A fitted model.
    kind
        `cor.bentler` (default), `cor.bollen` or `raw`; see `residual_moments`.

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


def implied(fit: "Fit") -> pd.DataFrame:
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


def root_mean_squares(sample: Implied, implied: Implied, *, means: bool) -> dict[str, float]:
    """RMR, SRMR and CRMR of one group under lavaan's names.

    `srmr` is Bentler's (1995): covariance residuals over sample standard deviations, diagonal
    included, and the means where there is a mean structure. `crmr` is Bollen's, of correlations
    without the diagonal. `srmr_mplus` standardises each side by itself but keeps the diagonal as
    relative residual variance. The variants `_nomean` leave the means out.
    """
    p = len(sample.sigma)
    lower = np.tril_indices(p)
    strict = np.tril_indices(p, -1)
    raw, raw_mean = residual_moments(sample, implied, "raw")
    bentler, bentler_mean = residual_moments(sample, implied, "cor.bentler")
    bollen, _ = residual_moments(sample, implied, "cor.bollen")
    mplus = bollen + np.diag(1 - np.diag(implied.sigma) / np.diag(sample.sigma))
    mplus_mean = None
    if sample.mu is not None and implied.mu is not None:
        sd, sd_implied = np.sqrt(np.diag(sample.sigma)), np.sqrt(np.diag(implied.sigma))
        mplus_mean = sample.mu / sd - implied.mu / sd_implied

    def size(residual: Array, cells: Cells, mean: Array | None) -> float:
        parts = residual[cells]
        return root_mean_square(parts if mean is None or not means else np.append(parts, mean))

    return {
        "rmr": size(raw, lower, raw_mean),
        "rmr_nomean": size(raw, lower, None),
        "srmr": size(bentler, lower, bentler_mean),
        "srmr_bentler": size(bentler, lower, bentler_mean),
        "srmr_bentler_nomean": size(bentler, lower, None),
        "crmr": size(bollen, strict, bentler_mean),
        "crmr_nomean": size(bollen, strict, None),
        "srmr_mplus": size(mplus, lower, mplus_mean),
        "srmr_mplus_nomean": size(mplus, lower, None),
    }
