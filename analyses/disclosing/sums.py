"""What is known to add up to what, in all tables that are published together."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from analyses.disclosing.breakdowns import Breakdowns
from analyses.disclosing.groups import Groups, Labels, Place, Universe
from measure.protection.cells import Numbers, Relation

ROUGHLY = 1e-6
"""Sums of means times counts that differ by no more are the same."""

JITTER = 0.5
"""So much more, at most, a cell weighs by what is drawn from the answers. Without it, whoever knows
the rule would know which of several equal cells was hidden to protect another."""

Named = tuple[Universe, Labels]


def secret(groups: Mapping[int, Groups]) -> str:
    """Draw something from all numbers, unrounded, that only who has the answers can draw."""
    rows = sorted(repr(row) for own in groups.values() for row in own.table.rows)
    return hashlib.blake2b("\n".join(rows).encode(), digest_size=16).hexdigest()


@dataclass(eq=False)
class Sums:
    """Cells, and which of them add up to which.

    Attributes
    ----------
    key
        What nobody else has, and equal cells are told apart by.
    people, values
        Of each cell: how many it counts, and what adds up: they themselves, or their answers.
    lacking
        Of each cell, whether it is in no table and only takes up what is not known.
    places
        Of each cell, the rows that it stands in.
    named
        The place of each group's cell.
    cell_of
        The place of each row's cell.
    relations
        Sums that are known.
    """

    key: str = ""
    people: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    lacking: list[bool] = field(default_factory=list)
    places: list[list[Place]] = field(default_factory=list)
    named: dict[Named, int] = field(default_factory=dict)
    cell_of: dict[Place, int] = field(default_factory=dict)
    relations: list[Relation] = field(default_factory=list)

    @property
    def universes(self) -> list[Universe]:
        """Name the people of each cell; what is lacking of a group is of the group's."""
        found: list[Universe] = [()] * len(self.values)
        for (name, _), cell in self.named.items():
            found[cell] = name
        for one in self.relations:
            for cell in one.cells:
                found[cell] = found[cell] or found[one.cells[0]]
        return found

    def cell(self, name: Named | None, people: int, value: float) -> int:
        """Give the place of a group's cell, a new one where there is none of the name."""
        if name is not None and name in self.named:
            return self.named[name]
        self.people.append(people)
        self.values.append(value)
        self.lacking.append(name is None)
        self.places.append([])
        if name is not None:
            self.named[name] = len(self.values) - 1
        return len(self.values) - 1

    def row(self, place: Place, name: Named, people: int, value: float) -> int:
        """Give the place of a row's cell; rows of one table never share one."""
        cell = self.named.get(name)
        taken = cell is not None and any(one.table == place.table for one in self.places[cell])
        if taken or not name[1]:
            name = (name[0], name[1] | {("", str(tuple(place)))})
        cell = self.cell(name, people, value)
        self.places[cell].append(place)
        self.cell_of[place] = cell
        return cell

    def total(self, parts: Sequence[int]) -> None:
        """Let the sum of some cells be known."""
        self.relations.append(Relation(tuple(parts), (1.0,) * len(parts)))

    def part(self, parts: Sequence[int], whole: int) -> bool:
        """Let some cells add up to another; what they lack of it is a cell of its own.

        Returns
        -------
        bool
            Whether they can: False where they count more, or as many with other answers.
        """
        people = self.people[whole] - sum(self.people[one] for one in parts)
        value = self.values[whole] - sum(self.values[one] for one in parts)
        if people < 0 or (people == 0 and abs(value) > ROUGHLY * max(self.people[whole], 1)):
            return False
        cells, signs = [*parts, whole], [1.0] * len(parts) + [-1.0]
        if people:
            cells.append(self.cell(None, people, value))
            signs.append(1.0)
        self.relations.append(Relation(tuple(cells), tuple(signs)))
        return True

    def relate(self, groups: Mapping[int, Groups], known: Breakdowns) -> None:
        """Add all sums that are known: by each column of words, and of groups in larger groups."""
        universes = {cell: name for (name, _), cell in self.named.items()}
        settled = self._nest(known)
        seen: set[frozenset[int]] = set()
        for table, own in groups.items():
            for family in own.families:
                rows = (Place(table, row) for row in family.rows)
                parts = [self.cell_of[place] for place in rows if place in self.cell_of]
                if not parts or frozenset(parts) in seen or settled.issuperset(parts):
                    continue
                seen.add(frozenset(parts))
                whole = self.named.get((universes[parts[0]], family.whole))
                if family.whole and whole is not None and self.part(parts, whole):
                    continue
                # Whoever knows the sum of one cell knows the cell from elsewhere.
                if len(parts) > 1:
                    self.total(parts)

    def _nest(self, known: Breakdowns) -> frozenset[int]:
        """Let groups that lie in larger ones add up to these.

        Returns
        -------
        frozenset
            Cells whose sum is known by the sum of the larger groups.
        """
        by_heading: dict[tuple[Universe, str], dict[str, int]] = {}
        for (name, labels), cell in self.named.items():
            if len(labels) == 1:
                ((head, said),) = labels
                by_heading.setdefault((name, head), {})[said] = cell
        settled: set[int] = set()
        counted = {
            place: sum(self.people[cell] for cell in cells.values())
            for place, cells in by_heading.items()
        }
        names = {name for name, _ in by_heading}
        for (inner, outer), lies_in in known.nested.items():
            between = [
                head
                for head, larger in known.nested
                if larger == outer and (inner, head) in known.nested
            ]
            for name in names:
                cells, larger = by_heading.get((name, inner)), by_heading.get((name, outer))
                if cells is None or larger is None:
                    continue
                # What follows from sums in between needs not be said again.
                everybody = counted[name, outer]
                if counted[name, inner] == everybody and any(
                    counted.get((name, head)) == everybody for head in between
                ):
                    continue
                parts: dict[int, list[int]] = {}
                for said, cell in cells.items():
                    if (whole := larger.get(lies_in.get(said, ""))) is not None:
                        parts.setdefault(whole, []).append(cell)
                added = [self.part(own, whole) for whole, own in parts.items()]
                smaller = sum(self.people[one] for own in parts.values() for one in own)
                if all(added) and smaller == everybody == counted[name, inner]:
                    settled |= set(cells.values())
        return frozenset(settled)

    def weights(self) -> Numbers:
        """Weigh cells: by the rows they stand in, and a large group more than a small one."""
        found = np.zeros(len(self.values))
        for name, cell in self.named.items():
            size = len(self.places[cell]) * math.log2(1 + self.people[cell])
            found[cell] = size * (1 + JITTER * drawn(self.key, name))
        return found


def drawn(key: str, name: Named) -> float:
    """Draw a number from 0 to 1 for a group, the same for the same key."""
    said = f"{key} {name[0]} {sorted(name[1])}"
    digest = hashlib.blake2b(said.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
