"""What an instrument file may claim before any data: models, claims of the concept, proposals."""

from typing import Literal

from pydantic import Field

from instruments.texts import NO_TEXTS, Flag, Identifier, Part, Text, Texts


class Factor(Part):
    """The words for a latent variable of the models that is not a scale."""

    id: Identifier
    label: Texts


class ModelOptions(Part):
    """How a model is fitted, under the names of `measure.cfa`.

    Parameters
    ----------
    rotation
        Of the exploratory blocks in the text, by its name in `measure.rotating.rotation.ROTATIONS`.
    target_of
        Id of the model that a target rotation turns to: the loadings that it has are free in the
        target, all others are 0 (a partially specified target, Browne 2001).
    cluster
        The column whose values are the units of the higher level of a two-level text; by default
        the instrument's cluster column.
    """

    orthogonal: Flag = False
    std_lv: Flag = False
    rotation: Identifier | None = None
    target_of: Identifier | None = None
    cluster: Identifier | None = None


ModelUse = Literal["rival", "levels", "structural"]
"""The question that a model is for: `rival` which structure the items have, set beside the
reference model; `levels` what is of the respondent, and what of that which is asked about (other
referents, clusters); `structural` how constructs go together."""


class MeasurementModel(Part):
    """One of the models that are stated before any data.

    Parameters
    ----------
    syntax
        lavaan text over item ids; a `structural` model may also name scales of kind `index`, which
        stand for their observed scores.
    meaning
        What it would mean if this model were the best.
    use
        The question that it is for.
    awaits
        In each language, what estimating it still awaits; empty where it is estimated. A model
        that awaits something is listed with its reason and never fitted.
    reference
        True for exactly one model: the one that the rivals are compared with.
    boundary_of
        Id of the model that this one is a case of with factor correlations of 1. The difference
        is then judged by the interval of the correlation, not by a chi-square table.
    nested_in
        Id of the model that this one restricts in the interior of its parameter space, so that a
        chi-square difference test holds.
    equivalent_to
        Id of a model with the same fit to any data, so that no data can decide between them.
    """

    id: Identifier
    label: Texts
    syntax: Text
    meaning: Texts
    use: ModelUse = "rival"
    awaits: Texts = NO_TEXTS
    reference: Flag = False
    boundary_of: Identifier | None = None
    nested_in: Identifier | None = None
    equivalent_to: Identifier | None = None
    options: ModelOptions = ModelOptions()


Design = Literal["effort", "stepped_wedge", "interruption", "retrospective", "cohorts"]
"""How answers can show what something has done:

- `effort`: those who took part and those they are compared with, before and after;
- `stepped_wedge`: units that all begin in the end, in turns;
- `interruption`: a series of waves before and after something began everywhere;
- `retrospective`: what people say afterwards about where they stood, beside what they said then;
- `cohorts`: those who went through something before and after it was changed.
"""


class Proposal(Part):
    """Something that the account of the concept proposes to do.

    Parameters
    ----------
    text
        In each language, what is proposed.
    designs
        The designs that can show what comes of it.
    """

    id: Identifier
    text: Texts
    designs: tuple[Design, ...] = Field(min_length=1)


class Claim(Part):
    """A statement that the account of the concept makes, and what of it the answers can test.

    Parameters
    ----------
    tested_by
        Ids of the hypotheses and models that test it; empty where nothing does.
    untested
        In each language, what of it these answers cannot show; where nothing tests the claim,
        why not.
    """

    id: Identifier
    text: Texts
    tested_by: tuple[Identifier, ...] = ()
    untested: Texts = NO_TEXTS
