"""Whose standard deviations and intervals are hidden beside those of small groups.

Squares of answers add up as answers do, so that whoever knows the standard deviations of a larger
group and of all parts but one knows the last one's too. A hidden one is therefore never the only
one in a sum; a row without numbers counts as one whose dispersion is hidden.
"""

from collections.abc import Mapping

import numpy as np

from analyses.disclosing.before import Given
from analyses.disclosing.groups import Groups, Place, universe
from analyses.disclosing.sums import Sums
from measure.protection.cells import Cells
from measure.protection.suppression import suppress


def hide(
    groups: Mapping[int, Groups], given: Given, few: frozenset[Place], numbers: frozenset[Place]
) -> frozenset[Place]:
    """Choose the rows whose standard deviations and intervals are hidden, though numbers are shown.

    Parameters
    ----------
    groups
        The tables of groups, by their place among all tables.
    given
        What is known besides.
    few
        Rows in which too few answered for them.
    numbers
        Rows without numbers.
    """
    if few <= numbers:
        return frozenset()
    sums = _squares(groups, given)
    hidden = np.array(sums.lacking, dtype=bool)
    for place, cell in sums.cell_of.items():
        hidden[cell] |= place in few or place in numbers
    people = np.array(sums.people, dtype=float)
    none = np.zeros(len(people), dtype=bool)
    cells = Cells(
        # How many they are stands for their squares: of these no more is asked than that they are
        # open, which they are as soon as another one of a sum is.
        values=people,
        lower=np.zeros(len(people)),
        upper=people + people.sum(),
        span=np.where(sums.lacking, 0.0, 1.0),
        weights=sums.weights(),
        hidden=hidden,
        shown=none,
        whole=none,
        relations=tuple(sums.relations),
    )
    found = suppress(cells, seed=0)
    assert not found.exposed.any(), "each sum has a second cell that can be hidden"
    return frozenset(
        place for place, cell in sums.cell_of.items() if found.hidden[cell] and place not in numbers
    )


def _squares(groups: Mapping[int, Groups], given: Given) -> Sums:
    """Find the groups of which a table tells how far their answers lie apart, and their sums."""
    sums = Sums(given.key)
    for table, own in groups.items():
        if not own.table.dispersion:
            continue
        for row, n in enumerate(own.counts):
            if n == 0:
                continue
            people = 1 if n is None else n
            name = universe(own, row, given.n_obs), own.labels(row)
            if name in sums.named and sums.people[sums.named[name]] != people:
                # Another table counts other people by the same words.
                name = (*name[0], table), name[1]
            sums.row(Place(table, row), name, people, float(people))
    sums.relate(groups, given.breakdowns)
    return sums
