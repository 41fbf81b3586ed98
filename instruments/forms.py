"""What an instrument file may say of its forms, and of the columns beside the items."""

from collections.abc import Mapping
from operator import and_
from typing import Annotated, Literal

import pandas as pd
from pydantic import Field

from instruments.texts import (
    NO_TEXTS,
    Flag,
    Frozen,
    FrozenMapping,
    Identifier,
    Melted,
    Part,
    Text,
    Texts,
)

ValueLabels = Annotated[Mapping[Text, Texts], Frozen, Melted]
NamedTexts = Annotated[Mapping[Identifier, Texts], Frozen, Melted]

Count = Annotated[int, Field(strict=True, ge=1)]


class Block(Part):
    """Items that are asked together, in the order asked.

    Parameters
    ----------
    intro
        The words above the block in the questionnaire.
    """

    id: Identifier
    label: Texts
    intro: Texts = NO_TEXTS
    items: tuple[Identifier, ...] = Field(min_length=1)


class Form(Part):
    """A declared selection of items; a survey must hold all items of at least one form.

    Parameters
    ----------
    items
        In the order asked. A file may name `blocks` instead; the loader then lists their items.
    blocks
        The blocks that the form consists of, in the order asked; empty where it lists items.
    headings, intros
        The heading and the words above the items of a block where they differ from the block's
        own, for a form that asks only some items of it: block → text.
    provisional
        True where the choice of items awaits data.
    note
        What a user of the form should know.
    """

    id: Identifier
    label: Texts
    items: tuple[Identifier, ...] = Field(min_length=1)
    blocks: tuple[Identifier, ...] = ()
    headings: NamedTexts = FrozenMapping({})
    intros: NamedTexts = FrozenMapping({})
    provisional: Flag = False
    note: Texts = NO_TEXTS


class RotatedVersion(Part):
    """One version of a rotated form: the blocks that its respondents get, in the order asked."""

    id: Identifier
    blocks: tuple[Identifier, ...] = Field(min_length=1)


class Rotation(Part):
    """A planned-missing design: everybody answers the core, and some of the other blocks.

    Parameters
    ----------
    form
        The form that is rotated; respondents are spread evenly over the versions.
    core
        The blocks that stand in every version.
    shown_in, together_in
        In how many versions each other block stands, and each pair of them; the loader checks it.
    """

    form: Identifier
    core: tuple[Identifier, ...] = Field(min_length=1)
    shown_in: Count
    together_in: Count
    versions: tuple[RotatedVersion, ...] = Field(min_length=1)

    @property
    def rotated(self) -> tuple[str, ...]:
        """The blocks outside the core, in the order in which the versions first name them."""
        named = (block for version in self.versions for block in version.blocks)
        return tuple(block for block in dict.fromkeys(named) if block not in self.core)

    def coverage(self) -> pd.DataFrame:
        """Give the share of respondents who answer each pair of blocks (the diagonal: each block).

        Returns
        -------
        DataFrame
            (n_blocks, n_blocks) proportions, the core first, for equally frequent versions.
        """
        blocks = [*self.core, *self.rotated]
        shown = {block: [block in version.blocks for version in self.versions] for block in blocks}
        shares = [
            [sum(map(and_, shown[row], shown[column])) / len(self.versions) for column in blocks]
            for row in blocks
        ]
        return pd.DataFrame(shares, index=pd.Index(blocks), columns=pd.Index(blocks))


class Fielding(Part):
    """What a respondent is told.

    Parameters
    ----------
    title
        The heading of the questionnaire, in words that respondents use.
    introduction
        Its purpose, that answering is voluntary, and how the answers are used; paragraphs are
        parted by an empty line. It promises nothing that whoever runs the survey has to decide.
    thanks
        The last words.
    """

    title: Texts
    introduction: Texts
    thanks: Texts = NO_TEXTS


ColumnRole = Literal[
    "cluster",
    "group",
    "organisation",
    "role",
    "cohort",
    "respondent",
    "wave",
    "start",
    "seconds",
    "background",
]


class BackgroundColumn(Part):
    """A column of the survey that is no item.

    Parameters
    ----------
    role
        `cluster` is the column that levels are judged by (ICC, agreement); scale means are tabled
        for every `cluster`, `organisation`, `group` and `role` column. `cohort` says with whom a
        respondent went through something, such as a year of an education. `start` is the wave
        from which on something has been done where the respondent is; empty, or another declared
        value, where it has not begun. `seconds` is the time that a respondent took for the whole
        questionnaire.
    question
        What the respondent is asked; empty where whoever runs the survey fills the column in.
    values
        Known values and their words in each language; empty where any value may occur.
    required
        Whether a survey without the column is refused.
    """

    name: Identifier
    role: ColumnRole
    label: Texts
    question: Texts = NO_TEXTS
    values: ValueLabels = FrozenMapping({})
    required: Flag = False
