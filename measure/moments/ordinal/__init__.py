"""Moments of ordered answers, beside continuous ones: thresholds and category correlations.

`codes` numbers the answers, `two_step` estimates the statistics of a group, `influence` says how
each row moves them, and `gather` puts the groups together. `measure.specification.responses.Layout`
has the order of the statistics.
"""

from measure.moments.ordinal.gather import (
    estimates,
    from_rows,
    gamma_of,
    influences_at,
    influences_of,
    place_of,
    root_of,
    variances_of,
)

__all__ = [
    "estimates",
    "from_rows",
    "gamma_of",
    "influences_at",
    "influences_of",
    "place_of",
    "root_of",
    "variances_of",
]
