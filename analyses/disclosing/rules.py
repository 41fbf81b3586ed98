"""What may not be shown for its own sake, whatever is shown beside it."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from analyses.disclosing.groups import (
    THRESHOLD,
    First,
    Groups,
    Labels,
    Place,
    is_small,
    whole_number,
)
from analyses.disclosing.means import mean_of
from analyses.section import Report, Table

DISTRIBUTION = 8
"""The smallest number of respondents whose answers are shown category by category."""

DISPERSION = 8
"""The smallest number of respondents whose standard deviation and interval are shown: of fewer
people they would say, with the mean, what nearly all of them answered."""

LEADERS, RATERS = 3, 10
"""What is said of leaders is said of no fewer, and rests on no fewer who rated them."""

SMALL_GROUP = 20
"""In groups smaller than this, what all but one answered, and the sum of all answers, would tell
much of one person."""

SUMS = 2
"""So many sums of whole-number answers fit every published mean of a small group, at least."""

NOTHING = 1e-9
"""A share that is no larger is none."""

ROOM = 0.5
"""So many points of the answer scale stay open of everybody's own mean."""

COARSEST = 1
"""Decimals of a mean at the least; where even these give its sum away it is hidden."""


@dataclass(frozen=True)
class Found:
    """Rows that may not be shown for their own sake, by reason.

    Attributes
    ----------
    spread, leaders, fine, alike, changed
        Rows whose numbers are hidden: distributions of few, of few leaders, means that give their
        sums away, groups that answered alike, and groups that changed by few people since.
    dispersion
        Rows whose standard deviations and intervals are hidden: those of few, and those that an
        earlier publication of the same wave hides.
    withheld, withdrawn
        Rows whose numbers, and those whose counts an earlier publication of the same wave hides.
    told_counts, told_numbers
        Rows whose counts, and those whose numbers such a publication shows.
    """

    spread: frozenset[Place] = frozenset()
    leaders: frozenset[Place] = frozenset()
    fine: frozenset[Place] = frozenset()
    alike: frozenset[Place] = frozenset()
    changed: frozenset[Place] = frozenset()
    dispersion: frozenset[Place] = frozenset()
    withheld: frozenset[Place] = frozenset()
    withdrawn: frozenset[Place] = frozenset()
    told_counts: frozenset[Place] = frozenset()
    told_numbers: frozenset[Place] = frozenset()

    @property
    def first(self) -> First:
        """What is hidden in any case, and what is known in any case."""
        numbers = self.spread | self.leaders | self.fine | self.alike | self.changed | self.withheld
        return First(
            self.withdrawn,
            numbers,
            dispersion=self.dispersion,
            told_counts=self.told_counts - self.withdrawn,
            told_numbers=self.told_numbers - numbers,
        )


def judge(groups: Mapping[int, Groups], earlier: Iterable[Report]) -> Found:
    """Find the rows that may not be shown for their own sake.

    Parameters
    ----------
    groups
        The tables of groups, by their place among all tables.
    earlier
        What has been published of the same wave before.
    """
    rows = [Place(table, row) for table, own in groups.items() for row in range(len(own.counts))]

    def where(rule: Callable[[Groups, int], bool]) -> frozenset[Place]:
        return frozenset(place for place in rows if rule(groups[place.table], place.row))

    before = [_Before(report) for report in earlier]
    return Found(
        spread=where(_few_for_distribution),
        leaders=where(_few_leaders),
        fine=where(_gives_sum_away),
        alike=where(lambda own, row: alike(own.table, row, own.counts[row])),
        changed=where(lambda own, row: any(one.changed(own, row) for one in before)),
        dispersion=where(
            lambda own, row: (
                _few_for_dispersion(own, row)
                or any(one.hides_dispersion(own, row) for one in before)
            )
        ),
        withheld=where(lambda own, row: any(one.hides_numbers(own, row) for one in before)),
        withdrawn=where(lambda own, row: any(one.hides_count(own, row) for one in before)),
        told_counts=where(lambda own, row: any(one.tells_count(own, row) for one in before)),
        told_numbers=where(lambda own, row: any(one.tells_numbers(own, row) for one in before)),
    )


def _few_for_distribution(own: Groups, row: int) -> bool:
    n = own.counts[row]
    return own.table.distribution and n is not None and 0 < n < DISTRIBUTION


def _few_for_dispersion(own: Groups, row: int) -> bool:
    n = own.counts[row]
    return bool(own.table.dispersion) and n is not None and 0 < n < DISPERSION


def _few_leaders(own: Groups, row: int) -> bool:
    marked = own.table.leaders
    if marked is None:
        return False
    leaders = whole_number(own.table.column(marked.leaders)[row])
    if leaders is None or leaders < LEADERS:
        return True
    if marked.raters is None:
        return False
    raters = whole_number(own.table.column(marked.raters)[row])
    return raters is None or raters < RATERS


def _gives_sum_away(own: Groups, row: int) -> bool:
    answers, n = own.table.answers, own.counts[row]
    if answers is None or n is None or not 0 < n < SMALL_GROUP:
        return False
    return n * answers.n_items < SUMS * 10.0**COARSEST


def decimals(table: Table, shown: list[int], declared: int) -> int:
    """Give how many decimals the means of a table may have, by the counts of the shown rows.

    A mean of n people with answers to k items is a whole number divided by n times k. It is rounded
    so that at least `SUMS` such numbers fit.
    """
    if table.answers is None:
        return declared
    answers = min((n * table.answers.n_items for n in shown if 0 < n < SMALL_GROUP), default=None)
    digits = declared
    while answers is not None and digits > COARSEST and answers < SUMS * 10**digits:
        digits -= 1
    return digits


def alike(table: Table, row: int, n: int | None) -> bool:
    """Tell whether everybody in a row has answered the same, or in a small group all but one.

    A mean that rounds to an end of the answer scale counts as at the end. Where mean and standard
    deviation leave less than `ROOM` between the lowest and the highest mean that anybody in the row
    can have, all have answered as good as the same: nobody is further from the end of the scale
    than all together, nor from the mean than (n - 1) / sqrt(n) standard deviations (Samuelson 1968,
    JASA 63, 1522-1525).
    """
    if n is not None and n == 0:
        return False
    cells = dict(zip((column.name for column in table.columns), table.rows[row], strict=True))
    if table.answers is not None:
        mean, limits = mean_of(table, row), table.answers.limits
        people = 1 if n is None else n
        at_end = (
            mean is not None
            and limits is not None
            and any(abs(mean - end) < max(0.5 * 10.0**-COARSEST, ROOM / people) for end in limits)
        )
        spread = cells.get(table.answers.spread or "")
        if people == 1 or not isinstance(spread, int | float):
            return at_end
        return at_end or 2.0 * spread * (people - 1) / math.sqrt(people) < ROOM
    if not table.distribution:
        return False
    shares = [
        float(cell)
        for column, cell in zip(table.columns, table.rows[row], strict=True)
        if column.kind == "percent" and isinstance(cell, int | float)
    ]
    # A single share is not one of the answers to a question.
    rest = 1.0 - max(shares) if len(shares) > 1 else 1.0
    odd = 0.0 if n is None or n >= SMALL_GROUP else 1.0 / n
    return rest <= odd + NOTHING


class _Before:
    """What an earlier report says of the groups that tables now tell of again."""

    def __init__(self, report: Report) -> None:
        self._rows: dict[tuple[str, Labels], tuple[Groups, int]] = {}
        for section in report.sections:
            for table in section.tables:
                if table.respondents is None:
                    continue
                own = Groups(table)
                for row in range(len(table.rows)):
                    self._rows[table.id, own.labels(row) | own.others(row)] = own, row

    def _found(self, own: Groups, row: int) -> tuple[Groups, int] | None:
        return self._rows.get((own.table.id, own.labels(row) | own.others(row)))

    def hides_count(self, own: Groups, row: int) -> bool:
        there = self._found(own, row)
        return there is not None and there[0].hides_count(there[1])

    def hides_numbers(self, own: Groups, row: int) -> bool:
        there = self._found(own, row)
        return there is not None and there[0].hides_numbers(there[1])

    def hides_dispersion(self, own: Groups, row: int) -> bool:
        there = self._found(own, row)
        return there is not None and there[0].hides_dispersion(there[1])

    def _difference(self, own: Groups, row: int) -> int | None:
        """Give by how many people a group has grown or shrunk, where both counts are known."""
        there, now = self._found(own, row), own.counts[row]
        before = None if there is None else there[0].counts[there[1]]
        return None if before is None or now is None else abs(now - before)

    def changed(self, own: Groups, row: int) -> bool:
        return is_small(self._difference(own, row))

    def tells_count(self, own: Groups, row: int) -> bool:
        change = self._difference(own, row)
        return change is not None and change < THRESHOLD

    def tells_numbers(self, own: Groups, row: int) -> bool:
        return self._difference(own, row) == 0 and not self.hides_numbers(own, row)
