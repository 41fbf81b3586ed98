"""What an instrument file may say: items, response scales, scales, models, hypotheses, rules.

Every part is frozen and refuses unknown fields. `instruments.checks` holds the checks that look
across parts; `instruments.answers` reads answers by the response scales given here.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self

import pandas as pd
from pydantic import Field, model_validator

from instruments import answers, checks
from instruments.rules import Rules
from instruments.texts import (
    Code,
    Flag,
    Frozen,
    FrozenMapping,
    Identifier,
    Melted,
    Number,
    Part,
    Text,
    Texts,
)

Labels = Annotated[Mapping[int, Text], Frozen, Melted]
LabelsByLanguage = Annotated[Mapping[Identifier, Labels], Frozen, Melted]
ValueLabels = Annotated[Mapping[Text, Texts], Frozen, Melted]

NO_TEXTS: FrozenMapping[str, str] = FrozenMapping({})


class MissingCode(Part):
    """An answer that says why there is no answer, such as "don't know": counted, then missing."""

    code: Code
    name: Identifier
    labels: Texts


class ResponseScale(Part):
    """How an item is answered.

    Parameters
    ----------
    lowest, highest
        The codes at the ends; both None where `continuous`.
    labels
        The words of each code in each language, for all codes; empty where the source gives none.
    missing
        Codes outside the scale that stand for a missing answer of a known kind.
    continuous
        A test score without categories: any finite number.
    stem
        The question above the items.
    """

    id: Identifier
    lowest: Code | None = None
    highest: Code | None = None
    labels: LabelsByLanguage = FrozenMapping({})
    missing: tuple[MissingCode, ...] = ()
    continuous: Flag = False
    stem: Texts = NO_TEXTS

    @property
    def codes(self) -> tuple[int, ...]:
        """The answer codes from lowest to highest; empty where continuous."""
        return () if self.limits is None else tuple(range(self.limits[0], self.limits[1] + 1))

    @property
    def limits(self) -> tuple[int, int] | None:
        """Lowest and highest code together; None where continuous."""
        if self.lowest is None or self.highest is None:
            return None
        return self.lowest, self.highest

    @model_validator(mode="after")
    def _range_and_labels_agree(self) -> Self:
        checks.check_response_scale(self)
        return self


class Item(Part):
    """One question or statement.

    Parameters
    ----------
    text
        The wording in each language, or a mere label of the item where `wording` is "label"
        because the source gives no wording.
    concept
        The construct that it is meant to measure, as a phrase (`construct` is taken by pydantic).
    function, level, referent
        Codes of the construct map (`bro`, `I`, `self`), where the instrument has them.
    keying
        −1 for an item whose high answer means little of the construct.
    response
        Id of its response scale.
    element
        The qualification element it covers.
    band
        Where on the way from low to high of its function a yes to it places a person; for a
        reversed item, a yes to its opposite.
    source, version, status
        The phrase it is written from, the version of its wording, how far it has been tested.
    """

    id: Identifier
    text: Texts
    wording: Literal["given", "label"]
    concept: Text
    function: Identifier | None = None
    level: Identifier | None = None
    referent: Identifier | None = None
    keying: Literal[1, -1] = 1
    response: Identifier
    element: Text | None = None
    band: Literal["low", "middle", "high"] | None = None
    source: Text
    version: Text
    status: Text


class Scale(Part):
    """Items that are scored together; `index` scales are sums that no factor model is fitted to."""

    id: Identifier
    label: Texts
    description: Texts
    items: tuple[Identifier, ...] = Field(min_length=1)
    kind: Literal["reflective", "index"] = "reflective"
    level: Identifier | None = None


class Form(Part):
    """A declared selection of items; a survey must hold all items of at least one form."""

    id: Identifier
    label: Texts
    items: tuple[Identifier, ...] = Field(min_length=1)


ColumnRole = Literal["cluster", "group", "organisation", "role", "respondent", "wave", "background"]


class BackgroundColumn(Part):
    """A column of the survey that is no item.

    Parameters
    ----------
    role
        `cluster` is the column that levels are judged by (ICC, agreement); scale means are tabled
        for every `cluster`, `organisation`, `group` and `role` column.
    values
        Known values and their words in each language; empty where any value may occur.
    required
        Whether a survey without the column is refused.
    """

    name: Identifier
    role: ColumnRole
    label: Texts
    values: ValueLabels = FrozenMapping({})
    required: Flag = False


class Factor(Part):
    """The words for a latent variable of the models that is not a scale."""

    id: Identifier
    label: Texts


class ModelOptions(Part):
    """How a model is fitted, under the names of `measure.cfa`."""

    orthogonal: Flag = False
    std_lv: Flag = False


class MeasurementModel(Part):
    """One of the rival models.

    Parameters
    ----------
    syntax
        lavaan text over item ids.
    meaning
        What it would mean if this model were the best.
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
    reference: Flag = False
    boundary_of: Identifier | None = None
    nested_in: Identifier | None = None
    equivalent_to: Identifier | None = None
    options: ModelOptions = ModelOptions()


class Expectation(Part):
    """The band that one number of a hypothesis is expected in.

    Parameters
    ----------
    target
        With what: a scale, a kind of column, or a pair of groups.
    lower, upper
        The expected band; None where that side is open.
    below
        The absolute value that it must stay under to count as another construct.
    """

    target: Identifier
    lower: Number | None = None
    upper: Number | None = None
    below: Number | None = None


class Hypothesis(Part):
    """A statement made before the data.

    `awaits` says in each language what the instrument still lacks for testing it; it is empty
    where the statement can be tested.
    """

    id: Identifier
    text: Texts
    kind: Literal["correlation", "partial", "pattern", "difference", "equivalence", "change"]
    expectations: tuple[Expectation, ...] = ()
    claim: Text
    awaits: Texts = NO_TEXTS


class Demonstration(Part):
    """Data that come with the instrument; `file` is relative to the instrument's folder."""

    file: Text
    simulated: Flag
    description: Texts
    provenance: Text
    licence: Text


class Decoded(NamedTuple):
    """Answers as codes.

    Attributes
    ----------
    codes
        (n_obs, n_items) float: the codes as answered (not reverse-keyed), NaN where missing.
    missing
        (n_items, kinds) int: how many answers are missing, by missing code and `blank`.
    """

    codes: pd.DataFrame
    missing: pd.DataFrame


class Instrument(Part):
    """A questionnaire or test: what was asked, and what is claimed about it.

    Parameters
    ----------
    origin
        The file that it was read from.
    languages
        The languages that every text is given in, the first being the language of development.
    status
        How far the instrument has been tested, in words.
    factors
        The words for latent variables that are no scale.
    """

    origin: Path = Field(exclude=True, repr=False)
    id: Identifier
    version: Text
    title: Texts
    description: Texts
    languages: tuple[Identifier, ...] = Field(min_length=1)
    status: Texts
    citation: Text
    responses: tuple[ResponseScale, ...] = Field(min_length=1)
    items: tuple[Item, ...] = Field(min_length=1)
    scales: tuple[Scale, ...] = Field(min_length=1)
    forms: tuple[Form, ...] = Field(min_length=1)
    columns: tuple[BackgroundColumn, ...] = ()
    factors: tuple[Factor, ...] = ()
    models: tuple[MeasurementModel, ...] = Field(min_length=1)
    hypotheses: tuple[Hypothesis, ...] = ()
    rules: Rules
    demonstration: Demonstration | None = None

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        checks.check_instrument(self)
        return self

    @property
    def item_ids(self) -> tuple[str, ...]:
        """The ids of all items, in the order of the file."""
        return tuple(item.id for item in self.items)

    @property
    def reflective_scales(self) -> tuple[Scale, ...]:
        """The scales that reliability and factor models make sense for."""
        return tuple(scale for scale in self.scales if scale.kind == "reflective")

    @property
    def reference_model(self) -> MeasurementModel:
        """The model that the rivals are compared with."""
        return next(model for model in self.models if model.reference)

    def item(self, item_id: str) -> Item:
        """Give one item by its id (KeyError where there is none)."""
        return {item.id: item for item in self.items}[item_id]

    def scale(self, scale_id: str) -> Scale:
        """Give one scale by its id (KeyError where there is none)."""
        return {scale.id: scale for scale in self.scales}[scale_id]

    def form(self, form_id: str) -> Form:
        """Give one form by its id (KeyError where there is none)."""
        return {form.id: form for form in self.forms}[form_id]

    def model(self, model_id: str) -> MeasurementModel:
        """Give one measurement model by its id (KeyError where there is none)."""
        return {model.id: model for model in self.models}[model_id]

    def response(self, item_id: str) -> ResponseScale:
        """Give the response scale of an item, by the item's id (KeyError where there is none)."""
        return {scale.id: scale for scale in self.responses}[self.item(item_id).response]

    def factor_label(self, factor_id: str) -> Mapping[str, str]:
        """Give the words for a latent variable of the models, which may share a scale's id."""
        labels = {scale.id: scale.label for scale in self.scales}
        labels |= {factor.id: factor.label for factor in self.factors}
        return labels[factor_id]

    def column_for(self, role: ColumnRole) -> str | None:
        """Give the name of the first column declared with a role, or None."""
        return next((column.name for column in self.columns if column.role == role), None)

    def demonstration_path(self) -> Path:
        """Give where the demonstration data lie (LookupError where the instrument has none)."""
        if self.demonstration is None:
            raise LookupError(f'the instrument "{self.id}" has no demonstration data')
        return self.origin.parent / self.demonstration.file

    def decode(self, data: pd.DataFrame) -> Decoded:
        """Read answers given as codes or as label text in any language.

        Parameters
        ----------
        data
            (n_obs, columns); the columns that are items are read, others are left out. Numbers,
            numeric strings with point or comma, and labels in any language and case are read;
            empty cells, blanks, "NA" and "." are blank answers.

        Returns
        -------
        Decoded
            `codes` with the index of `data` and the items in the instrument's order, `missing`
            with one row an item.

        Raises
        ------
        AnswerError
            Where a value is outside the response scale or a text is no label; it names the item,
            the value, how many rows, and the first row (the heading of the file being row 1).
        """
        codes, missing = answers.decode(data, self._response_by_item())
        return Decoded(codes, missing)

    def score(self, data: pd.DataFrame) -> pd.DataFrame:
        """Give checked answers with reversed items turned, within the item's own response scale.

        Parameters
        ----------
        data
            As for `decode`; its `codes` may also be given.

        Returns
        -------
        DataFrame
            (n_obs, n_items) float: a reversed item is lowest + highest − answer; NaN is missing.

        Raises
        ------
        AnswerError
            As for `decode`.
        """
        reversed_ids = tuple(item.id for item in self.items if item.keying == -1)
        responses = self._response_by_item()
        codes, _ = answers.decode(data, responses)
        return answers.reverse(codes, {name: responses[name] for name in reversed_ids})

    def codebook(self) -> pd.DataFrame:
        """Give one row an item: text in each language, keying, scales and response codes."""
        return answers.codebook(self)

    def _response_by_item(self) -> dict[str, ResponseScale]:
        scales = {scale.id: scale for scale in self.responses}
        return {item.id: scales[item.response] for item in self.items}
