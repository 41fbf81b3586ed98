"""What is expected before any data: hypotheses, the number each rests on, and its band."""

from typing import Literal, Self

from pydantic import model_validator

from instruments.texts import NO_TEXTS, Identifier, Number, Part, Text, Texts

Estimand = Literal[
    "correlation",
    "partial",
    "distinct",
    "pairing",
    "difference",
    "equivalence",
    "between",
    "levels",
    "moderation",
    "cross_lagged",
    "referents",
    "self_other",
    "gain",
]
"""What number an expectation is about. `of` and `target` are latent variables where their items are
reflective, and observed where `target` is an index or a single column of the user's own:

- `correlation`: their correlation;
- `partial`: the same with the column `given` held constant;
- `distinct`: the correlation of two constructs that are meant to be two (`below`);
- `pairing`: how much higher `of` correlates with `target` than each of its sister factors does;
- `difference`: how much higher those with the value `group` of the column `target` are than those
  with the value `against`, in standard deviations within the groups;
- `equivalence`: the differences between all values of the column `target`;
- `between`: the correlation between clusters at `level`;
- `levels`: how much stronger the correlation is with what is asked about `level` than with `of`;
- `moderation`: how much `target` adds to a gain;
- `cross_lagged`: how much better `of` predicts later `target` than the reverse;
- `referents`: the same function across referents less different functions of one referent;
- `self_other`: how much higher those whom items are about rate themselves than others do;
- `gain`: how much more those with the value `group` of the column `target` change between the
  first and the last wave than those with the value `against`, in standard deviations of the first.
"""

GROUPED: frozenset[str] = frozenset({"difference", "equivalence", "gain"})
"""Estimands whose target is a background column."""

FREE: frozenset[str] = frozenset({"referents", "self_other"})
"""Estimands about the design of instrument or survey; their target is a name and nothing more."""


class Total(Part):
    """The latent variable that hypotheses are about unless they say otherwise.

    Parameters
    ----------
    model
        Id of the model that has it.
    factor
        Its name in that model; its indicators are the factors that it stands above.
    """

    model: Identifier
    factor: Identifier


class External(Part):
    """A construct that other instruments measure, read from columns of the user's own."""

    id: Identifier
    label: Texts


class Expectation(Part):
    """One number of a hypothesis, and the band that it is expected in.

    Parameters
    ----------
    estimand
        What number.
    of
        A factor or scale; by default the instrument's total.
    target
        With what: a scale, an external measure, or a background column.
    given
        The background column that is held constant.
    group, against
        Two values of the column `target`: how much higher the first is than the second.
    level
        Where, if not among respondents: a level of the instrument.
    lower, upper
        The expected band; None where that side is open, and both None where the number is shown
        and not judged.
    below
        The absolute value that it must stay under to count as another construct.
    """

    estimand: Estimand = "correlation"
    of: Identifier | None = None
    target: Identifier
    given: Identifier | None = None
    group: Text | None = None
    against: Text | None = None
    level: Identifier | None = None
    lower: Number | None = None
    upper: Number | None = None
    below: Number | None = None

    @property
    def judged(self) -> bool:
        """Whether there is a band, so that the number is more than shown."""
        return any(limit is not None for limit in (self.lower, self.upper, self.below))

    @model_validator(mode="after")
    def _fields_fit_the_estimand(self) -> Self:
        wanted = {"given": self.estimand == "partial"}
        of_groups = self.estimand in ("difference", "gain")
        wanted |= dict.fromkeys(("group", "against"), of_groups)
        for name, needed in wanted.items():
            if (getattr(self, name) is not None) != needed:
                verb = "needs" if needed else "has no"
                raise ValueError(f'estimand "{self.estimand}" {verb} {name}')
        if self.estimand in ("distinct", "pairing") and self.of is None:
            raise ValueError(f'estimand "{self.estimand}" needs of: what the target is set beside')
        if self.estimand == "equivalence" and None in (self.lower, self.upper):
            raise ValueError("an equivalence needs both ends of its band (lower, upper)")
        if self.lower is not None and self.upper is not None and self.lower >= self.upper:
            raise ValueError(f"lower ({self.lower}) must be below upper ({self.upper})")
        if self.below is not None and self.below <= 0:
            raise ValueError(f"below ({self.below}) is an absolute value above 0")
        return self


class Hypothesis(Part):
    """A statement made before the data.

    Parameters
    ----------
    text
        The statement.
    claim
        Where the expectation comes from in the account of the concept.
    expectations
        The numbers that it stands or falls by.
    awaits
        In each language, what a survey must hold for testing it, said where it does not.
    """

    id: Identifier
    text: Texts
    claim: Text
    expectations: tuple[Expectation, ...] = ()
    awaits: Texts = NO_TEXTS
