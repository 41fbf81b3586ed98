"""The instrument as a whole: items, scales, forms, models, hypotheses and rules in one object.

`items`, `forms` and `claims` say what each part may hold; every part is frozen and refuses unknown
fields. `checks` and `design` hold the checks that look across parts; `answers` reads answers by the
response scales, and `codebook` tables what was asked.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Self

import pandas as pd
from pydantic import Field, model_validator

from instruments import answers, checks, codebook
from instruments.claims import (
    Claim,
    Design,
    Factor,
    MeasurementModel,
    ModelOptions,
    Proposal,
)
from instruments.dialogue import DialogueQuestion
from instruments.forms import (
    BackgroundColumn,
    Block,
    ColumnRole,
    Fielding,
    Form,
    RotatedVersion,
    Rotation,
)
from instruments.hypotheses import Estimand, Expectation, External, Hypothesis, Total
from instruments.items import (
    ConstructType,
    Function,
    Indicator,
    Item,
    Level,
    MissingCode,
    Referent,
    ResponseScale,
    Scale,
)
from instruments.rules import Rules
from instruments.texts import Code, Flag, Identifier, Part, Text, Texts
from instruments.wording import WordingRules

__all__ = [
    "BackgroundColumn",
    "Block",
    "Claim",
    "ColumnRole",
    "ConstructType",
    "Decoded",
    "Demonstration",
    "Design",
    "DialogueQuestion",
    "Estimand",
    "Expectation",
    "External",
    "Factor",
    "Fielding",
    "Form",
    "Function",
    "Hypothesis",
    "Indicator",
    "Instrument",
    "Item",
    "Level",
    "MeasurementModel",
    "MissingCode",
    "ModelOptions",
    "Proposal",
    "Referent",
    "ResponseScale",
    "RotatedVersion",
    "Rotation",
    "Scale",
    "Total",
]


class Demonstration(Part):
    """Data that come with the instrument; files are relative to the instrument's folder.

    Parameters
    ----------
    population, seed
        The population that they are drawn from and the seed, where they are simulated from one.
    """

    file: Text
    population: Text | None = None
    seed: Code | None = None
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
    functions, levels, referents
        The terms that items refer to; empty where the instrument has none.
    variants
        Further items that a form may name instead of others, listed apart and not counted.
    blocks, rotation
        Items asked together, and the planned-missing design that spreads them over respondents.
    fielding
        What a respondent is told besides the items; None where the instrument does not say.
    wording
        The rules that `instruments.check_wording` holds the statements to.
    total
        The latent variable that hypotheses are about; None where there is none.
    external
        Constructs that hypotheses name and other instruments measure.
    factors
        The words for latent variables that are no scale.
    claims
        What the account of the concept says about it, and what tests that.
    proposals
        What the account proposes to do, and which designs can show what comes of it.
    dialogue
        Questions to discuss, the most important first; the findings choose among them.
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
    functions: tuple[Function, ...] = ()
    levels: tuple[Level, ...] = ()
    referents: tuple[Referent, ...] = ()
    items: tuple[Item, ...] = Field(min_length=1)
    variants: tuple[Item, ...] = ()
    scales: tuple[Scale, ...] = Field(min_length=1)
    blocks: tuple[Block, ...] = ()
    forms: tuple[Form, ...] = Field(min_length=1)
    rotation: Rotation | None = None
    fielding: Fielding | None = None
    wording: WordingRules | None = None
    columns: tuple[BackgroundColumn, ...] = ()
    factors: tuple[Factor, ...] = ()
    models: tuple[MeasurementModel, ...] = Field(min_length=1)
    total: Total | None = None
    external: tuple[External, ...] = ()
    hypotheses: tuple[Hypothesis, ...] = ()
    claims: tuple[Claim, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    dialogue: tuple[DialogueQuestion, ...] = ()
    rules: Rules
    demonstration: Demonstration | None = None

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        checks.check_instrument(self)
        return self

    @property
    def item_ids(self) -> tuple[str, ...]:
        """The ids of the items, variants not counted, in the order of the files."""
        return tuple(item.id for item in self.items)

    @property
    def all_items(self) -> tuple[Item, ...]:
        """The items and then the variants: everything that a form may name."""
        return (*self.items, *self.variants)

    @property
    def all_item_ids(self) -> tuple[str, ...]:
        """The ids of `all_items`."""
        return tuple(item.id for item in self.all_items)

    @property
    def check_ids(self) -> tuple[str, ...]:
        """The ids of the items that only show whether the items were read; never scored."""
        return tuple(item.id for item in self.all_items if item.indicator == "check")

    @property
    def reflective_scales(self) -> tuple[Scale, ...]:
        """The scales that reliability and factor models make sense for."""
        return tuple(scale for scale in self.scales if scale.kind == "reflective")

    @property
    def rivals(self) -> tuple[MeasurementModel, ...]:
        """The models that are fitted beside each other, the reference model among them."""
        return tuple(model for model in self.models if model.use == "rival" and not model.awaits)

    @property
    def awaited_models(self) -> tuple[MeasurementModel, ...]:
        """The models that are stated and not estimated yet, each with what it awaits."""
        return tuple(model for model in self.models if model.awaits)

    @property
    def reference_model(self) -> MeasurementModel:
        """The model that the rivals are compared with."""
        return next(model for model in self.models if model.reference)

    def item(self, item_id: str) -> Item:
        """Give one item or variant by its id (KeyError where there is none)."""
        return {item.id: item for item in self.all_items}[item_id]

    def scale(self, scale_id: str) -> Scale:
        """Give one scale by its id (KeyError where there is none)."""
        return {scale.id: scale for scale in self.scales}[scale_id]

    def form(self, form_id: str) -> Form:
        """Give one form by its id (KeyError where there is none)."""
        return {form.id: form for form in self.forms}[form_id]

    @property
    def form_ids(self) -> tuple[str, ...]:
        """The ids of the forms, and then of the versions of the rotated form."""
        versions = () if self.rotation is None else self.rotation.versions
        return (*(form.id for form in self.forms), *(version.id for version in versions))

    def form_of(self, form_id: str) -> Form:
        """Give the form that a form or version is (KeyError where there is none)."""
        if self.rotation is not None and form_id in {one.id for one in self.rotation.versions}:
            return self.form(self.rotation.form)
        return self.form(form_id)

    def form_items(self, form_id: str) -> tuple[str, ...]:
        """Give the items of a form or version in the order asked (KeyError where there is none)."""
        blocks = {block.id: block.items for block in self.blocks}
        for version in () if self.rotation is None else self.rotation.versions:
            if version.id == form_id:
                return tuple(item for block in version.blocks for item in blocks[block])
        return self.form(form_id).items

    def asked_of_all(self, form_id: str) -> tuple[str, ...]:
        """Give the items of a form that nobody misses by design (KeyError where there is none)."""
        form = self.form(form_id)
        if self.rotation is None or self.rotation.form != form_id:
            return form.items
        blocks = {block.id: block.items for block in self.blocks}
        return tuple(item for block in self.rotation.core for item in blocks[block])

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
        kinds = answers.missing_kinds(self.responses)
        return Decoded(codes, answers.count_missing(missing, kinds))

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
            Items that are checks of attention are left out.

        Raises
        ------
        AnswerError
            As for `decode`.
        """
        responses = self._response_by_item()
        checks = self.check_ids
        scored = {name: scale for name, scale in responses.items() if name not in checks}
        turned = {item.id: responses[item.id] for item in self.all_items if item.keying == -1}
        codes, _ = answers.decode(data, scored)
        return answers.reverse(codes, turned)

    def codebook(self) -> pd.DataFrame:
        """Give one row an item: text in each language, keying, scales and response codes.

        Variants come last and are marked in the column `variant`.
        """
        return codebook.codebook(self)

    def item_counts(self) -> pd.DataFrame:
        """Give one row a scale: how many items it has, how many of them reversed.

        Returns
        -------
        DataFrame
            Indexed by scale, in the order of the files, with `indicator`, `level`, `items`,
            `reversed` and `variants`; the row "none" has the items of no scale. The columns add up
            to the instrument's items and variants where no item is in two scales.
        """
        return codebook.item_counts(self)

    def _response_by_item(self) -> dict[str, ResponseScale]:
        scales = {scale.id: scale for scale in self.responses}
        return {item.id: scales[item.response] for item in self.all_items}
