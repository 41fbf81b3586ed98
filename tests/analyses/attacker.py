"""Someone who wants to know what was hidden, with nothing but published reports and a solver.

Written from the reader's side, and sharing no code with disclosure control. The attacker has all
tables of one or several reports, knows which small group lies in which larger one, how many people
there are and what all of them answered together; that answers are whole numbers, how means were
rounded, and that a hidden count is at least one.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from analyses.section import Report, Table

Labels = frozenset[tuple[str, str]]
"""The headings of columns of words, and the words."""

WORDS = ("text", "message")
COUNT_SPAN = 5.0
MEAN_SPAN = 0.5
TOLERANCE = 1e-3


@dataclass(frozen=True)
class Bound:
    """What the attacker has found of one hidden number."""

    table: str
    row: int
    what: str
    low: float
    high: float

    @property
    def span(self) -> float:
        return self.high - self.low

    @property
    def unsafe(self) -> bool:
        needed = COUNT_SPAN if self.what == "count" else MEAN_SPAN
        return self.span < needed - TOLERANCE


@dataclass(frozen=True)
class Knowledge:
    """What the attacker knows from elsewhere.

    Attributes
    ----------
    nested
        Headings of a smaller and a larger group: the larger one's words by the smaller one's.
    sums
        The sum of all answers to a scale, by what the table's means are of and its table.
    """

    nested: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)
    sums: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Row:
    table: Table
    place: int
    labels: Labels
    others: Labels
    count: int | None
    mean: float | None
    digits: int
    n: int
    s: int | None


@dataclass(frozen=True)
class _Told:
    """The rows of one report, and how many people it is of."""

    rows: tuple[_Row, ...]
    n_obs: int

    def is_of_everybody(self, row: _Row) -> bool:
        return bool(row.labels) and not row.others and row.table.provenance.n_obs == self.n_obs


class Attack:
    """Everything known, as one linear program over counts and sums of answers."""

    def __init__(self, reports: Sequence[Report], known: Knowledge) -> None:
        self.known = known
        self.low: list[float] = []
        self.high: list[float] = []
        self.equal: list[tuple[dict[int, float], float]] = []
        self.least: list[tuple[dict[int, float], float]] = []
        self.rows: list[_Row] = []
        self.reports: list[_Told] = []
        for report in reports:
            first = len(self.rows)
            for section in report.sections:
                for table in section.tables:
                    if table.respondents is not None and table.provenance.n_obs is not None:
                        self._read(table, report.n_obs)
            self.reports.append(_Told(tuple(self.rows[first:]), report.n_obs))
            self._relate(self.rows[first:], report.n_obs)

    def _variable(self, low: float, high: float) -> int:
        self.low.append(low)
        self.high.append(high)
        return len(self.low) - 1

    def _read(self, table: Table, n_obs: int) -> None:
        names = [column.name for column in table.columns]
        for place, cells in enumerate(table.rows):
            words = {
                (repr(column.label), repr(cell)): column.name
                for column, cell in zip(table.columns, cells, strict=True)
                if column.kind in WORDS
            }
            parting = frozenset(
                label
                for label, name in words.items()
                if table.groups is None or name in table.groups
            )
            cell = cells[names.index(str(table.respondents))]
            count = int(cell) if isinstance(cell, int | float) else None
            n = self._variable(*((1.0, n_obs) if count is None else (count, count)))
            mean: float | None = None
            digits, s = 0, None
            if table.answers is not None and table.answers.limits is not None and count != 0:
                at = names.index(table.answers.mean)
                digits = table.columns[at].digits
                found = cells[at]
                mean = float(found) if isinstance(found, int | float) else None
                low, high = table.answers.limits
                if mean is None:
                    s = self._variable(0.0, n_obs * high)
                    self.least.append(({s: 1.0, n: -low}, 0.0))
                    self.least.append(({s: -1.0, n: high}, 0.0))
                elif count is not None:
                    s = self._variable(*_sums(mean, digits, count, table.answers.n_items))
            others = frozenset(words) - parting
            self.rows.append(_Row(table, place, parting, others, count, mean, digits, n, s))

    def _relate(self, rows: list[_Row], n_obs: int) -> None:
        for table in {id(row.table): row.table for row in rows}.values():
            own = [row for row in rows if row.table is table]
            parted = all(row.labels and not row.others for row in own)
            if not parted:
                continue
            self.equal.append(({row.n: 1.0 for row in own}, float(table.provenance.n_obs or 0)))
            of = _of(table)
            if (
                of is not None
                and of in self.known.sums
                and all(row.s is not None for row in own if row.count != 0)
            ):
                whole = self.known.sums[of]
                self.equal.append(({row.s: 1.0 for row in own if row.s is not None}, whole))
        everybody = {
            row.labels: row
            for row in rows
            if row.table.provenance.n_obs == n_obs and row.labels and not row.others
        }
        for row in rows:
            larger = everybody.get(row.labels)
            if larger is not None and larger is not row and row.labels and not row.others:
                self.least.append(({larger.n: 1.0, row.n: -1.0}, 0.0))
        self._margins(rows, n_obs)

    def _margins(self, rows: list[_Row], n_obs: int) -> None:
        """Let crossed and nested groups add up to the groups that they lie in."""
        by_people: dict[tuple[object, ...], list[_Row]] = {}
        for row in rows:
            if not row.labels or row.others:
                continue
            whole, of = row.table.provenance.n_obs, _of(row.table)
            by_people.setdefault((None if whole == n_obs else of, whole), []).append(row)
        for people in by_people.values():
            for larger in people:
                for table in {id(row.table): row.table for row in people}.values():
                    if table is larger.table:
                        continue
                    parts = [
                        row
                        for row in people
                        if row.table is table and self._lies_in(row.labels, larger.labels)
                    ]
                    if not parts:
                        continue
                    self.equal.append(({larger.n: -1.0} | {row.n: 1.0 for row in parts}, 0.0))
                    sums = [row.s for row in parts if row.s is not None]
                    if _of(table) != _of(larger.table):
                        continue
                    if larger.s is not None and len(sums) == sum(row.count != 0 for row in parts):
                        self.equal.append(({larger.s: -1.0} | dict.fromkeys(sums, 1.0), 0.0))

    def _lies_in(self, small: Labels, large: Labels) -> bool:
        if large < small:
            return True
        if len(small) != 1 or len(large) != 1:
            return False
        ((inner, word),), ((outer, other),) = small, large
        return self.known.nested.get((inner, outer), {}).get(word) == other

    def link(self, left: int, came: int) -> None:
        """Link two waves: so many of the first have left, so many have come since.

        Who has stayed is of the same groups in both waves, and those who stayed add up as all do.
        """
        first, second = self.reports
        before = self._stayed(first, first.n_obs - left)
        after = self._stayed(second, second.n_obs - came)
        for one, other in ((before, after), (after, before)):
            told = {_headings(labels) for labels in other}
            for labels, stayed in one.items():
                if labels in other:
                    self.equal.append(({stayed: 1.0, other[labels]: -1.0}, 0.0))
                elif _headings(labels) in told:
                    # A group of nobody is in no table.
                    self.high[stayed] = 0.0

    def _stayed(self, told: _Told, total: int) -> dict[Labels, int]:
        """Say of each group of everybody how many of it are in both waves, and of all together."""
        rows = [row for row in told.rows if told.is_of_everybody(row)]
        found: dict[Labels, int] = {}
        for row in rows:
            if row.labels not in found:
                found[row.labels] = self._variable(0.0, float(total))
            self.least.append(({row.n: 1.0, found[row.labels]: -1.0}, 0.0))
        for table in {id(row.table): row.table for row in rows}.values():
            own = {row.labels for row in rows if row.table is table}
            self.equal.append(({found[labels]: 1.0 for labels in own}, float(total)))
            for larger in found.keys() - own:
                parts = {found[small]: 1.0 for small in own if self._lies_in(small, larger)}
                if parts:
                    self.equal.append(({found[larger]: -1.0} | parts, 0.0))
        return found

    def same_answers(self) -> None:
        """Let reports be of the same answers: of the same group they all say the same."""
        found: dict[object, _Row] = {}
        for told in self.reports:
            for row in told.rows:
                people = "everybody" if told.is_of_everybody(row) else row.table.provenance.n_obs
                of = _of(row.table)
                group = people, of, row.labels, row.others
                one = found.setdefault(group, row)
                if one is row:
                    continue
                self.equal.append(({one.n: 1.0, row.n: -1.0}, 0.0))
                if one.s is not None and row.s is not None:
                    self.equal.append(({one.s: 1.0, row.s: -1.0}, 0.0))

    def bounds(self) -> list[Bound]:
        """Bound every hidden count and every hidden mean."""
        solver = _Solver(self)
        found = []
        for row in self.rows:
            if row.count is None:
                low, high = solver.range(row.n)
                low, high = math.ceil(low - TOLERANCE), math.floor(high + TOLERANCE)
                found.append(Bound(row.table.id, row.place, "count", low, high))
            if row.s is not None and row.mean is None:
                found.append(Bound(row.table.id, row.place, "mean", *solver.ratio(row.s, row.n)))
        return found


def _headings(labels: Labels) -> frozenset[str]:
    return frozenset(heading for heading, _ in labels)


def _of(table: Table) -> str | None:
    return None if table.answers is None else table.answers.of


def _sums(mean: float, digits: int, count: int, items: int) -> tuple[float, float]:
    """Bound the sum of the answers of a shown group; each answer is a whole number."""
    half = 0.5 * 10.0**-digits
    low = math.ceil((mean - half) * count * items - TOLERANCE) / items
    high = math.floor((mean + half) * count * items + TOLERANCE) / items
    return low, high


class _Solver:
    def __init__(self, attack: Attack) -> None:
        self.low, self.high = np.array(attack.low), np.array(attack.high)
        self.equal, self.right = _matrix(attack.equal, len(self.low))
        self.least, self.limit = _matrix(attack.least, len(self.low))

        self._counts = (
            LinearConstraint(self.equal, self.right, self.right),
            LinearConstraint(self.least, self.limit, np.inf),
        )
        whole = sparse.eye_array(len(self.low), format="csr")
        scaled = sparse.vstack(
            [
                sparse.hstack([whole, _column(-self.low)]),
                sparse.hstack([-whole, _column(self.high)]),
                sparse.hstack([self.least, _column(-self.limit)]),
            ]
        )
        equal = sparse.hstack([self.equal, _column(-self.right)]).tocsr()
        self._ratios = (
            LinearConstraint(equal, 0.0, 0.0),
            LinearConstraint(scaled.tocsr(), 0.0, np.inf),
        )

    def range(self, variable: int) -> tuple[float, float]:
        costs = np.zeros(len(self.low))
        costs[variable] = 1.0
        return self._ends(costs, Bounds(self.low, self.high), self._counts)

    def ratio(self, above: int, below: int) -> tuple[float, float]:
        """Bound one variable divided by another (Charnes & Cooper 1962)."""
        costs, one = np.zeros((2, len(self.low) + 1))
        costs[above], one[below] = 1.0, 1.0
        fixed = LinearConstraint(sparse.csr_array(one[np.newaxis, :]), 1.0, 1.0)
        return self._ends(costs, Bounds(0.0, np.inf), (*self._ratios, fixed))

    @staticmethod
    def _ends(
        costs: np.ndarray, bounds: Bounds, known: tuple[LinearConstraint, ...]
    ) -> tuple[float, float]:
        ends = []
        for sign in (1.0, -1.0):
            # Without whole-number variables, a linear program.
            solved = milp(sign * costs, bounds=bounds, constraints=known)
            assert solved.x is not None, solved.message
            ends.append(sign * solved.fun)
        return ends[0], ends[1]


def _column(numbers: np.ndarray) -> sparse.csr_array:
    return sparse.csr_array(numbers[:, np.newaxis])


def _matrix(
    rows: list[tuple[dict[int, float], float]], size: int
) -> tuple[sparse.csr_array, np.ndarray]:
    matrix = sparse.lil_array((max(len(rows), 1), size))
    for place, (signs, _) in enumerate(rows):
        for variable, sign in signs.items():
            matrix[place, variable] = sign
    return matrix.tocsr(), np.array([right for _, right in rows] or [0.0])
