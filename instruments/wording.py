"""The rules that statements are written by, and the checker that says where one is broken."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, NamedTuple

from pydantic import Field

from instruments.texts import Frozen, Identifier, Melted, Number, Part, Text, Texts, fold

if TYPE_CHECKING:
    from instruments.schema import Instrument, Item, Referent

WordsByLanguage = Annotated[Mapping[Identifier, tuple[Text, ...]], Frozen, Melted]

WORD = re.compile(r"[\w'’-]+")
SENTENCE_END = re.compile(r"[.!?:]+(?=\s|$)")
LONG = 6
"""A word of more letters than this is long (Björnsson 1968)."""

INFLECTED = {"en": ("s", "es")}
"""Endings that a verb may take when the subject moves from "I" to somebody else."""

BANDS = ("low", "middle", "high")


class WordingRules(Part):
    """What a statement must keep to.

    Parameters
    ----------
    longest
        The most words of a statement, those of the referent phrase not counted.
    lix_language, lix_scale, lix_form
        The language whose readability (LIX) is judged, and the highest LIX of the statements of
        one scale and of one form, each read as one text.
    plain_subject
        The word that stands for the referent phrase when readability is judged.
    banned
        Words that no statement holds; "implementer*" bans all words that begin so.
    unnamed
        Letters that occur in no statement, even within a word: the name of the construct.
    """

    longest: Annotated[int, Field(strict=True, ge=1)]
    lix_language: Identifier
    lix_scale: Number
    lix_form: Number
    plain_subject: Texts
    banned: WordsByLanguage
    unnamed: WordsByLanguage


class WordingProblem(NamedTuple):
    """A broken rule: its name in `RULES`, the item, scale, function or form, and what is wrong."""

    rule: str
    place: str
    text: str


def words(text: str) -> list[str]:
    """Give the words of a text, without punctuation."""
    return WORD.findall(text)


def lix(texts: Sequence[str]) -> float:
    """Readability of texts read as one: words per sentence plus the percentage of long words.

    A long word has more than six letters; a sentence ends with a point, colon, question or
    exclamation mark. Björnsson, C.-H. (1968). Läsbarhet. Liber.
    """
    found = [word for text in texts for word in words(text)]
    sentences = sum(max(1, len(SENTENCE_END.findall(text))) for text in texts)
    return len(found) / sentences + 100 * sum(len(word) > LONG for word in found) / len(found)


def check_wording(instrument: "Instrument") -> tuple[WordingProblem, ...]:
    """Find every statement, scale and form that breaks the instrument's rules of wording.

    Parameters
    ----------
    instrument
        With `wording` rules; its variants are judged as well.

    Returns
    -------
    tuple
        Empty where every rule is kept.

    Raises
    ------
    LookupError
        Where the instrument has no rules of wording.
    """
    if instrument.wording is None:
        raise LookupError(f'the instrument "{instrument.id}" has no rules of wording')
    return tuple(
        WordingProblem(name, *found)
        for name, rule in RULES.items()
        for found in rule(instrument, instrument.wording)
    )


Found = Iterator[tuple[str, str]]


def _statements(instrument: "Instrument") -> Iterator[tuple["Item", str, str]]:
    """Give every wording in every language; a leader's own wording is one more statement."""
    for item in instrument.all_items:
        for texts in (item.text, item.self_text):
            for language, text in texts.items():
                yield item, language, text


def _length(instrument: "Instrument", rules: WordingRules) -> Found:
    for item, language, text in _statements(instrument):
        counted = len(words(text))
        if (split := _split(item, language, text, instrument)) is not None:
            # The verb and what follows it; the rest is the referent phrase.
            counted = len(words(f"{split.verb} {split.rest}"))
        if counted > rules.longest:
            yield item.id, f"{counted} words ({language}); at most {rules.longest}: {text}"


def _one_sentence(instrument: "Instrument", _: WordingRules) -> Found:
    for item, language, text in _statements(instrument):
        if not text.endswith(".") or len(SENTENCE_END.findall(text)) != 1:
            yield item.id, f"is not one sentence that ends with a point ({language}): {text}"


def _banned(instrument: "Instrument", rules: WordingRules) -> Found:
    for item, language, text in _statements(instrument):
        for ban in rules.banned[language]:
            for word in words(text.casefold()):
                if word == ban or (ban.endswith("*") and word.startswith(ban[:-1])):
                    yield item.id, f'holds "{word}" ({language}): {text}'


def _unnamed(instrument: "Instrument", rules: WordingRules) -> Found:
    for item, language, text in _statements(instrument):
        for letters in rules.unnamed[language]:
            if letters in text.casefold():
                yield item.id, f'names the construct, "{letters}" ({language}): {text}'


def _distinct(instrument: "Instrument", _: WordingRules) -> Found:
    for language in instrument.languages:
        same: dict[str, list[str]] = {}
        for item in instrument.all_items:
            same.setdefault(fold(item.text[language]), []).append(item.id)
        for text, items in same.items():
            if len(items) > 1:
                yield ", ".join(items), f"have the same wording ({language}): {text}"


def _readability(instrument: "Instrument", rules: WordingRules) -> Found:
    scales = [(f"scale {scale.id}", scale.items, rules.lix_scale) for scale in instrument.scales]
    forms = [(f"form {form.id}", form.items, rules.lix_form) for form in instrument.forms]
    for place, items, most in (*scales, *forms):
        found = lix([_plain(instrument.item(item), instrument, rules) for item in items])
        if found > most:
            yield place, f"LIX {found:.1f}; at most {most:g}"


def _reversed(instrument: "Instrument", _: WordingRules) -> Found:
    own = [item for item in instrument.items if item.function and not item.shifted_from]
    for function in dict.fromkeys(item.function for item in own):
        turned = [item.id for item in own if item.function == function and item.keying == -1]
        if len(turned) != 1:
            shown = ", ".join(turned) or "none"
            yield f"function {function}", f"exactly one statement is reversed; here {shown}"
    for item in instrument.all_items:
        if item.shifted_from is not None and item.keying == -1:
            yield item.id, "a statement with a shifted referent is never reversed"


def _bands(instrument: "Instrument", _: WordingRules) -> Found:
    own = [item for item in instrument.items if item.function and not item.shifted_from]
    for function in dict.fromkeys(item.function for item in own):
        bands = {item.band for item in own if item.function == function}
        lacking = [band for band in BANDS if band not in bands]
        if lacking:
            yield f"function {function}", f"no statement in the band {', '.join(lacking)}"


def _subject(instrument: "Instrument", _: WordingRules) -> Found:
    """Hold every statement to the subject of its referent."""
    for item, language, text in _statements(instrument):
        template = _template(item, language, text, instrument)
        if template and _split(item, language, text, instrument) is None:
            yield item.id, f'does not begin as "{template}" ({language}): {text}'


def _same_verb(instrument: "Instrument", _: WordingRules) -> Found:
    """Hold the statements of a shifted referent to the content and verb of the original."""
    for item, language, text in _statements(instrument):
        if item.shifted_from is None:
            continue
        original = instrument.item(item.shifted_from)
        first = _split(original, language, original.text[language], instrument)
        second = _split(item, language, text, instrument)
        if first is None or second is None:
            yield item.id, f"cannot be compared with {original.id} ({language}): {text}"
            continue
        verbs = {first.verb, *(first.verb + ending for ending in INFLECTED.get(language, ()))}
        if second.verb not in verbs:
            said = f'has the verb "{second.verb}", {original.id} "{first.verb}" ({language})'
            yield item.id, said
        if second.rest != first.rest:
            yield item.id, f"says something else than {original.id} ({language}): {text}"


RULES: Mapping[str, Callable[["Instrument", WordingRules], Found]] = {
    "length": _length,
    "one sentence": _one_sentence,
    "banned words": _banned,
    "unnamed construct": _unnamed,
    "distinct": _distinct,
    "readability": _readability,
    "reversed": _reversed,
    "bands": _bands,
    "subject": _subject,
    "same verb": _same_verb,
}
"""Every rule by its name: instrument and numbers → place and sentence of each breach."""


class Split(NamedTuple):
    """A statement without its referent phrase: the verb, and what follows."""

    verb: str
    rest: str


def _template(item: "Item", language: str, text: str, instrument: "Instrument") -> str | None:
    """Give how the statement should begin, or None where its referent leaves that free."""
    referents: dict[str, Referent] = {part.id: part for part in instrument.referents}
    referent = referents.get(item.referent or "")
    if referent is None:
        return None
    own = text == item.self_text.get(language)
    return (referent.self_phrase if own else referent.phrase).get(language)


def _split(item: "Item", language: str, text: str, instrument: "Instrument") -> Split | None:
    template = _template(item, language, text, instrument)
    if template is None:
        return None
    pattern = re.escape(template).replace(re.escape("{verb}"), r"(?P<verb>\S+)")
    found = re.match(rf"{pattern} (?P<rest>.+)", text)
    return None if found is None else Split(found["verb"], found["rest"])


def _plain(item: "Item", instrument: "Instrument", rules: WordingRules) -> str:
    """Give a statement with its referent phrase replaced by the plain subject."""
    language = rules.lix_language
    text = item.text[language]
    split = _split(item, language, text, instrument)
    if split is None:
        return text
    return f"{rules.plain_subject[language]} {split.verb} {split.rest}"
