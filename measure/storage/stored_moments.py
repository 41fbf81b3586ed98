"""Sample moments of stored answers, as those of rows in memory."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from measure.errors import DataError, OptionError
from measure.model import Implied
from measure.moments import Moments
from measure.moments.complete import require_positive_definite
from measure.moments.ordinal.gather import from_codes
from measure.specification.options import Method, Options
from measure.storage.places import Indices, Numbering
from measure.storage.stored_answers import StoredAnswers
from measure.storage.stored_codes import Asked, coded_answers

Array = NDArray[np.float64]


def moments_of(
    answers: StoredAnswers,
    asked: Asked,
    options: Options,
    method: Method,
    ordered: tuple[str, ...],
) -> Moments:
    """Gather the moments of stored answers; they keep no rows.

    Raises
    ------
    OptionError
        What is asked for needs the rows: answers missing at random, or clusters of continuous
        answers.
    DataError
        The answers cannot be analysed.
    """
    if ordered:
        found = coded_answers(answers, asked, ordered)
        return from_codes(found, information=method.moment_information, keep_rows=False)
    if method.fiml:
        raise OptionError(
            'missing="fiml" needs the rows; stored answers that are continuous are analysed with '
            'missing="listwise". Read the columns into memory.'
        )
    if options.cluster is not None:
        raise OptionError(
            "errors that allow for clusters need the rows; of stored answers they are there for "
            "ordered items only. Read the columns into memory, or leave `cluster` out."
        )
    return _complete(answers, asked, less_one=method.less_one)


def _complete(answers: StoredAnswers, asked: Asked, *, less_one: bool) -> Moments:
    parts = [Spread(len(asked.names)) for _ in asked.groups]
    for values, of_group in grouped(answers, asked.names, asked.group):
        whole = ~np.isnan(values).any(axis=1)
        for k, part in enumerate(parts):
            part.add(values[whole & (of_group == k)])
    sample = []
    for k, part in enumerate(parts):
        where = f' of group "{asked.groups[k]}"' if len(parts) > 1 else ""
        if part.n <= len(asked.names):
            raise DataError(
                f"{part.n} rows{where} have an answer to all {len(asked.names)} variables of the "
                f"model; a covariance matrix needs at least {len(asked.names) + 1}. Use fewer "
                "items, or gather more answers."
            )
        cov = part.products / (part.n - less_one)
        require_positive_definite(cov, asked.names, f"the items{where}")
        sample.append(Implied(part.mean, cov))
    n_obs = tuple(part.n for part in parts)
    return Moments(
        names=asked.names,
        groups=asked.groups,
        n_obs=n_obs,
        sample=tuple(sample),
        counts=tuple(n - less_one for n in n_obs),
        n_dropped=answers.n_rows - sum(n_obs),
    )


def grouped(
    answers: StoredAnswers, names: tuple[str, ...], group: str | None
) -> Iterator[tuple[Array, Indices]]:
    """Give rows as numbers, and the number of the group of each, -1 for none."""
    numbering = Numbering()
    others = None if group is None else answers.batches([group])
    for values in answers.numbers(names):
        if others is None:
            yield values, np.zeros(len(values), dtype=np.intp)
        else:
            yield values, numbering.of(next(others)[str(group)])


@dataclass
class Spread:
    """Means and products of deviations from them, of rows that come a batch at a time.

    Batches are put together by the update of Chan, Golub & LeVeque (1983, eq. 2.1), so that nothing
    is lost to cancellation however large the means are.
    """

    n_items: int
    n: int = 0
    mean: Array = field(init=False)
    products: Array = field(init=False)

    def __post_init__(self) -> None:
        self.mean = np.zeros(self.n_items)
        self.products = np.zeros((self.n_items, self.n_items))

    def add(self, rows: Array) -> None:
        """Add complete rows, (n, p)."""
        if not len(rows):
            return
        mean = rows.mean(axis=0)
        centred = rows - mean
        gap = mean - self.mean
        total = self.n + len(rows)
        self.products += centred.T @ centred
        self.products += np.outer(gap, gap) * (self.n * len(rows) / total)
        self.mean += gap * (len(rows) / total)
        self.n = total
