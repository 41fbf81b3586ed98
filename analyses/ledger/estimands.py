"""What estimates each kind of expectation: a table of functions, one row an estimand.

An estimand that is not estimated yet has the row `awaiting`; its reason is the catalogue's row
`hypotheses.awaits.<estimand>`.
"""

from collections.abc import Mapping

from analyses.ledger import level_estimators
from analyses.ledger.estimators import (
    Estimator,
    awaiting,
    correlation,
    difference,
    distinct,
    equivalence,
    gain,
    moderation,
    pairing,
    partial,
)
from instruments.schema import Estimand

ESTIMATORS: Mapping[Estimand, Estimator] = {
    "correlation": correlation,
    "partial": partial,
    "distinct": distinct,
    "pairing": pairing,
    "difference": difference,
    "equivalence": equivalence,
    "between": level_estimators.between,
    "levels": level_estimators.levels,
    "moderation": moderation,
    "cross_lagged": awaiting,
    "referents": level_estimators.referents,
    "self_other": level_estimators.self_other,
    "gain": gain,
}
"""What estimates each estimand; a row is filled in by putting a function in its place."""
