"""What earlier publications tell of the counts: how many of each group have stayed, at most.

Who has answered before and now is of the same groups in both, adds up as the groups do, and is no
more than either counts. Whoever knows how many there are of them altogether can reckon from the
counts of one publication to those of the other, so that each may give away what the other hides.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from analyses.disclosing.before import Given, Published, Sum, published
from analyses.disclosing.groups import EVERYBODY, Labels
from analyses.disclosing.sums import Sums
from measure.protection.bounds import Bounds
from measure.protection.cells import Cells, Relation, Within, whole_numbers


@dataclass(eq=False)
class Linked:
    """Cells that earlier publications add to those of now: all are hidden.

    Attributes
    ----------
    cells
        Their places; those before them are of now.
    lower, upper, span
        (cells,) between which they are known to lie, and how far their bounds have to lie apart.
    relations
        What adds up.
    twins
        The cells of now that count the same group, or groups parted in the same way, of each cell
        that an earlier report hides and that has to stay open.
    """

    cells: list[int] = field(default_factory=list)
    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    span: list[float] = field(default_factory=list)
    relations: list[Relation] = field(default_factory=list)
    twins: dict[int, tuple[int, ...]] = field(default_factory=dict)

    def cell(self, sums: Sums, value: float, lower: float, upper: float, span: float = 0.0) -> int:
        """Add a cell."""
        self.cells.append(sums.cell(None, max(round(value), 0), value))
        self.lower.append(lower)
        self.upper.append(max(upper, value))
        self.span.append(span)
        return self.cells[-1]


def link(sums: Sums, given: Given, span: float) -> Linked:
    """Add what earlier publications tell of the counts.

    Parameters
    ----------
    sums
        The counts of now, to which cells are added.
    given
        What has been published before, and how groups lie in each other.
    span
        How far the bounds of a hidden count have to lie apart.

    Returns
    -------
    Linked
        Nothing of reports of which it is not known how many of their people are among those of now,
        and of those that do not fit: from what cannot be true nothing follows.
    """
    found = Linked()
    now = {
        labels: (cell, sums.people[cell])
        for (name, labels), cell in sums.named.items()
        if name == EVERYBODY
    }
    own = _exact(sums, given.n_obs)
    for one in given.earlier:
        before = published(one.report, given.breakdowns)
        stayed = one.stayed
        if stayed is None and one.same_wave:
            stayed = min(before.n_obs, given.n_obs)
        if stayed is not None and before.counts:
            _Link(before, now, (*before.sums, *own), stayed, given.n_obs).add(sums, found, span)
    return found


def _exact(sums: Sums, n_obs: int) -> tuple[Sum, ...]:
    """Give the sums of groups of everybody of now that lack nobody."""
    names = {cell: labels for (name, labels), cell in sums.named.items() if name == EVERYBODY}
    found: list[Sum] = []
    for cells, signs in sums.relations:
        if not all(cell in names for cell in cells):
            continue
        parts = tuple(names[cell] for cell, sign in zip(cells, signs, strict=True) if sign > 0)
        wholes = [names[cell] for cell, sign in zip(cells, signs, strict=True) if sign < 0]
        if wholes:
            found.append((parts, wholes[0]))
        elif sum(sums.people[cell] for cell in cells) == n_obs:
            found.append((parts, frozenset()))
    return tuple(found)


@dataclass(frozen=True, eq=False)
class _Link:
    """One report, the groups of now (their cells, and how many they count), and who has stayed."""

    before: Published
    now: Mapping[Labels, tuple[int, int]]
    sums: Sequence[Sum]
    stayed: int
    n_obs: int

    def add(self, sums: Sums, found: Linked, span: float) -> None:
        """Add cells of what the report hides, and of who has stayed, left and come."""
        values = self._values()
        if values is None:
            return
        counted, stays = values
        twins = {labels: self._twins(labels) for labels in counted}
        # Where groups are not parted so now, nothing is told of them.
        open_ = {labels for labels in self._open(counted, span) if twins[labels]}
        n1 = {
            labels: found.cell(
                sums, value, 1.0, float(self.before.n_obs), span if labels in open_ else 0.0
            )
            for labels, value in counted.items()
        }
        found.twins |= {n1[labels]: twins[labels] for labels in open_}
        s = {
            labels: found.cell(sums, value, 0.0, float(self.stayed))
            for labels, value in stays.items()
        }
        for labels, stay in s.items():
            if labels in self.before.counts:
                n = self.before.counts[labels]
                value = counted[labels] if n is None else float(n)
                left = found.cell(sums, value - stays[labels], 0.0, float(self.before.n_obs))
                found.relations.append(
                    Relation((stay, left), (1.0, 1.0))
                    if n is not None
                    else Relation((n1[labels], stay, left), (1.0, -1.0, -1.0))
                )
            if labels in self.now:
                cell, people = self.now[labels]
                came = found.cell(sums, people - stays[labels], 0.0, float(self.n_obs))
                found.relations.append(Relation((stay, came, cell), (1.0, 1.0, -1.0)))
        known = [self.before.relation(one, n1) for one in self.before.sums]
        known += [self.before.relation(one, s) for one in self._shared(s)]
        found.relations += [one for one in known if one is not None]

    def _twins(self, labels: Labels) -> tuple[int, ...]:
        """Give the cell of now that counts the same group; if nobody is in it, those beside it."""
        if labels in self.now:
            return (self.now[labels][0],)
        heads = _headings(labels)
        return tuple(cell for one, (cell, _) in self.now.items() if _headings(one) == heads)

    def _shared(self, stays: Mapping[Labels, object]) -> Iterator[Sum]:
        """Give the sums by which those who stayed add up."""
        for parts, whole in self.sums:
            if not whole or whole in stays:
                yield tuple(labels for labels in parts if labels in stays), whole

    def _staying(self) -> list[Labels]:
        """Give the groups of which anybody may have stayed: of those that are in both."""
        heads = [{_headings(labels) for labels in side} for side in (self.before.counts, self.now)]
        both = {*self.before.counts, *self.now}
        return [
            labels
            for labels in sorted(both, key=sorted)
            if (labels in self.before.counts or _headings(labels) not in heads[0])
            and (labels in self.now or _headings(labels) not in heads[1])
        ]

    def _values(self) -> tuple[dict[Labels, float], dict[Labels, float]] | None:
        """Give counts that the report may hide, and how many may have stayed of each group.

        Whatever fits is as good as the truth, which is not known any more: bounds do not depend on
        where they are looked for from. None where nothing fits.
        """
        hidden, staying = self.before.hidden, self._staying()
        n1 = {labels: place for place, labels in enumerate(hidden)}
        s = {labels: len(hidden) + place for place, labels in enumerate(staying)}
        equal = [(self.before.relation(one, n1), self._known(one)) for one in self.before.sums]
        equal += [
            (self.before.relation(one, s), 0.0 if one[1] else float(self.stayed))
            for one in self._shared(s)
        ]
        rows = [Within(one, right, right) for one, right in equal if one is not None]
        upper = np.full(len(hidden) + len(staying), float(self.before.n_obs))
        for labels, place in s.items():
            if labels in self.now:
                upper[place] = min(upper[place], self.now[labels][1])
            n = self.before.counts.get(labels, self.before.n_obs)
            if n is None:
                rows.append(Within(Relation((n1[labels], place), (1.0, -1.0)), 0.0, np.inf))
            else:
                upper[place] = min(upper[place], n)
        lower = np.r_[np.ones(len(hidden)), np.zeros(len(staying))]
        solved = whole_numbers(rows, lower, upper)
        if solved is None:
            return None
        counted = {labels: float(solved[place]) for labels, place in n1.items()}
        return counted, {labels: float(solved[place]) for labels, place in s.items()}

    def _known(self, one: Sum) -> float:
        """Give what the hidden ones of a sum add up to."""
        parts, whole = one
        total = self.before.counts[whole] if whole else self.before.n_obs
        return float((total or 0) - sum(self.before.counts[labels] or 0 for labels in parts))

    def _open(self, counted: Mapping[Labels, float], span: float) -> frozenset[Labels]:
        """Give the groups that the report by itself leaves open."""
        names = list(counted)
        place = {labels: cell for cell, labels in enumerate(names)}
        every, none = np.ones(len(names), dtype=bool), np.zeros(len(names), dtype=bool)
        known = [self.before.relation(one, place) for one in self.before.sums]
        cells = Cells(
            values=np.array([counted[labels] for labels in names]),
            lower=np.ones(len(names)),
            upper=np.full(len(names), float(self.before.n_obs)),
            span=np.full(len(names), span),
            weights=np.zeros(len(names)),
            hidden=every,
            shown=none,
            whole=every,
            relations=tuple(one for one in known if one is not None),
        )
        tight = {cell for cell, _, _ in Bounds(cells, every, none).violated()}
        return frozenset(labels for labels, cell in place.items() if cell not in tight)


def _headings(labels: Labels) -> frozenset[str]:
    return frozenset(head for head, _ in labels)
