"""Who answered without reading? Indices of careless answers, with cut-offs that are error rates.

The indices that the library insufficient-effort has are taken from it (imported as `ier`). Three
things it does are gone round. Its cut-offs are percentiles of the sample, which flag as many people
in a perfect sample as in a careless one: ours come from drawn attentive answers (`flagging`). Its
Mahalanobis distance takes complete rows only: ours is over the items that a person answers
(`person_profile`). Its Guttman errors are normed for complete rows only: the raw errors, which it
counts over answered pairs, are divided here by the most there can be of steps that are not nested.
Its default even-odd correlation is within scales, where attentive people have none: the classic
one, across the halves of scales, is asked for by name.
"""

from dataclasses import replace

import ier
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from measure.attention.answer_sheet import Asked, Rows, Sheet
from measure.attention.attentive import Attentive, attentive
from measure.attention.careless_result import (
    FEWEST_ANSWERS,
    FEWEST_OPPOSITE,
    FEWEST_SCALES,
    CarelessAnswers,
    Judged,
    tabled,
)
from measure.attention.compared import Compared, Index, Yardstick, halved, spread_of
from measure.attention.flagging import KINDS_NEEDED, Extremes, calibrate
from measure.errors import DataError, OptionError

Array = NDArray[np.float64]

BAND = 0.85
"""People are compared with drawn ones who answer about as many items, give or take a seventh."""

DRAWS, FEWEST_DRAWS = 12_000, 1000
"""Drawn answers in all, and at least in each band: with so many a cut-off that 1 in 50 are beyond
is known within half a point in the thinnest band, and the whole rule within 0.3."""

FLAT_EVERY = 4
"""One flat profile is drawn for so many others: the limit for them need not be as exact."""

DONORS = 100
"""People of each band, at most, whose gaps and order the drawn answers get."""

PASSES = 2
"""The attentive are estimated from all, and again without those flagged the first time."""

FALSE_ALARMS, FALSE_ALARMS_FLAT = 0.02, 0.05


def careless_answers(
    data: pd.DataFrame,
    asked: Asked,
    *,
    version: pd.Series | None = None,
    seconds: pd.Series | None = None,
    false_alarms: float = FALSE_ALARMS,
    seed: int = 1,
) -> CarelessAnswers:
    """Compute indices of careless answers, and flag who shows at least two kinds of evidence.

    Parameters
    ----------
    data
        (n_obs, n_items): the items as answered, not turned, without instructed ones; NaN where
        missing, by design or not.
    asked
        How they were asked.
    version
        Which of `asked.orders` each respondent had.
    seconds
        What each respondent took for all answers.
    false_alarms
        Share of attentive people that may be flagged.
    seed
        Of the drawn answers.

    Returns
    -------
    CarelessAnswers
        Longstring, average string and intra-individual variability are of the answers as given,
        the others of reversed items turned. Each kind of evidence has cut-offs that the same share
        `alpha` of attentive people is beyond, among those who answer about as many items. `alpha`
        is the largest for which at most `false_alarms` of them, and at most 5 % of those with flat
        profiles, show two kinds. The attentive are drawn from the polychoric correlations and the
        answer shares of the sample itself; where pairs of items have few rows in common, from one
        factor a scale. What is careless in the sample makes the cut-offs a little wide, so the
        model is estimated once more without those flagged.

    Raises
    ------
    DataError
        A column is not numeric, or an answer lies outside its categories.
    OptionError
        `false_alarms` is not between 0 and 0.5, or `asked` names an item that is not there.

    References
    ----------
    Meade & Craig (2012) and Curran (2016) on the indices; Dunn et al. (2018) on variability;
    Emons (2008) on polytomous Guttman errors; Lumsden (1977) on a person's slope. Niessen, Meijer &
    Tendeiro (2016) on cut-offs from drawn answers.
    """
    if not 0 < false_alarms < 0.5:
        raise OptionError(f"false_alarms is {false_alarms:g}; it is a share between 0 and 0.5.")
    sheet = Sheet.of(data, asked, version)
    rows = sheet.rows
    enough = np.isfinite(rows.answers).sum(axis=1) >= FEWEST_ANSWERS
    rng = np.random.default_rng(seed)
    judged = Judged(
        sheet=sheet,
        enough=enough,
        indices=INDICES,
        source="none",
        reason="",
        values={},
        lacks=dict.fromkeys(INDICES, "model"),
        centres={},
        calibration=None,
    )
    keep = enough.copy()
    for _ in range(PASSES):
        try:
            model = attentive(sheet.frame(keep), list(sheet.scales.values()))
        except DataError as error:
            # The second pass may lack the rows that the first had; the first then stands.
            judged = replace(judged, reason="" if judged.values else str(error))
            break
        judged = _compared(judged, model, (false_alarms, FALSE_ALARMS_FLAT), rng)
        if judged.calibration is None:
            break
        flagged = judged.calibration.by_kind.sum(axis=1) >= KINDS_NEEDED
        keep = enough.copy()
        keep[np.flatnonzero(enough)[flagged]] = False
    return tabled(judged, data.index, seconds, seed)


def response_styles(data: pd.DataFrame, asked: Asked) -> pd.DataFrame:
    """How each respondent uses the answer categories, whatever the items are about.

    Parameters
    ----------
    data, asked
        As for `careless_answers`.

    Returns
    -------
    DataFrame
        A row a respondent, indexed as the data, over the items with the most frequent number of
        categories, as answered: `agreement`, the mean answer as a share of the way from the lowest
        to the highest; `acquiescence`, the mean of that of reversed items and that of the other
        items of the same scales, .5 for who takes the content into account (Paulhus 1991); shares
        `extreme` of answers in the lowest or highest category and `midpoint` in the middle one. NaN
        with fewer than 8 answers; `acquiescence` where no scale has items of both keyings, and
        `midpoint` where the number of categories is even, are NaN for all.

    Raises
    ------
    DataError, OptionError
        As `careless_answers`.
    """
    sheet = Sheet.of(data, asked, None)
    names = ("agreement", "acquiescence", "extreme", "midpoint")
    styles = pd.DataFrame(np.nan, index=data.index, columns=list(names))
    given = sheet.given(sheet.rows)
    enough = np.isfinite(given).sum(axis=1) >= FEWEST_ANSWERS
    if not enough.any():
        return styles
    given, top = given[enough], sheet.top
    styles.loc[enough, "agreement"] = ier.acquiescence(given, scale_min=0, scale_max=top)
    styles.loc[enough, "extreme"] = ier.u3_poly(given, scale_min=0, scale_max=top)
    if top % 2 == 0:
        styles.loc[enough, "midpoint"] = ier.midpoint_responding(given, scale_min=0, scale_max=top)
    sign = sheet.sign[sheet.common]
    both = [items for items in halved(sheet) if len(set(sign[items])) == 2]
    if both:
        members = np.unique(np.concatenate(both))
        ways = [
            ier.acquiescence(given[:, members[sign[members] == way]], scale_min=0, scale_max=top)
            for way in (1, -1)
        ]
        styles.loc[enough, "acquiescence"] = (ways[0] + ways[1]) / 2
    return styles


def _lacks_common(sheet: Sheet, _: Yardstick) -> str:
    return "common" if len(sheet.common) < FEWEST_ANSWERS else ""


def _lacks_scales(sheet: Sheet, yardstick: Yardstick) -> str:
    few = len(halved(sheet)) < FEWEST_SCALES
    return _lacks_common(sheet, yardstick) or ("scales" if few else "")


def _lacks_opposite(sheet: Sheet, yardstick: Yardstick) -> str:
    counts = [int((yardstick.direction == way).sum()) for way in (1, -1)]
    return "opposite" if min(counts) < FEWEST_OPPOSITE else ""


def _lacks_nothing(_sheet: Sheet, _: Yardstick) -> str:
    return ""


def _longstring(own: Compared) -> Array:
    return np.asarray(ier.longstring_scores(own.in_order))


def _average_string(own: Compared) -> Array:
    return np.asarray(ier.longstring_scores(own.in_order, avg=True))


def _variability(own: Compared) -> Array:
    return np.asarray(ier.irv(own.given))


def _acquiescence(own: Compared) -> Array:
    """Mean agreement with statements of both directions, each direction counting half."""
    ways = [
        ier.acquiescence(
            own.given[:, own.yardstick.direction == way], scale_min=0, scale_max=own.sheet.top
        )
        for way in (1, -1)
    ]
    return np.asarray((ways[0] + ways[1]) / 2)


def _even_odd(own: Compared) -> Array:
    """Correlation, across scales, of the means of their odd and even items.

    NaN for flat profiles too: where all scales are about equal there is nothing to agree on, and
    attentive people would seem inconsistent.
    """
    scales = halved(own.sheet)
    columns = [item for items in scales for item in items]
    scores = ier.evenodd(own.turned[:, columns], [len(items) for items in scales], method="halves")
    flat = spread_of(own.sheet, own.turned) < own.yardstick.spread
    return np.where(flat, np.nan, scores)


def _distance(own: Compared) -> Array:
    """Mahalanobis distance as a normal deviate, whatever number of items is answered.

    The squared distance is about chi-square with a degree of freedom an answer; its cube root is
    about normal (Wilson & Hilferty 1931).
    """
    df = np.isfinite(own.rows.answers).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = 2 / (9 * df)
        return np.asarray((np.cbrt(own.squared_distance / df) - (1 - variance)) / np.sqrt(variance))


def _guttman(own: Compared) -> Array:
    """Guttman errors as a share of passed times failed steps."""
    top = own.sheet.top
    errors = ier.gpoly(own.turned, scale_min=0, scale_max=top, normalize=False)
    passed = np.nansum(own.turned, axis=1)
    failed = np.isfinite(own.turned).sum(axis=1) * top - passed
    most = passed * failed
    shares = np.full(len(errors), np.nan)
    return np.asarray(np.divide(errors, most, out=shares, where=most > 0))


def _slope(own: Compared) -> Array:
    return own.common_profile.slope


INDICES: dict[str, Index] = {
    "longstring": Index("monotony", "high", _lacks_common, _longstring),
    "average_string": Index("monotony", "high", _lacks_common, _average_string),
    "variability": Index("monotony", "low", _lacks_common, _variability),
    "acquiescence": Index("opposites", "both", _lacks_opposite, _acquiescence),
    "even_odd": Index("consistency", "low", _lacks_scales, _even_odd),
    "mahalanobis": Index("distance", "high", _lacks_nothing, _distance),
    "guttman_errors": Index("person_fit", "high", _lacks_common, _guttman),
    "person_slope": Index("profile", "low", _lacks_common, _slope),
}
"""The indices. Those of one kind tell much the same, and count once."""


def _compared(
    judged: Judged, model: Attentive, rates: tuple[float, float], rng: np.random.Generator
) -> Judged:
    """Compute the indices that can be, and set their cut-offs by drawn attentive answers."""
    sheet, enough = judged.sheet, judged.enough
    yardstick = Yardstick.of(sheet, model, rng)
    lacks = {name: index.lacks(sheet, yardstick) for name, index in INDICES.items()}
    used = [name for name, code in lacks.items() if not code]
    own = Rows(sheet.rows.answers[enough], sheet.rows.order[enough])

    def computed(rows: Rows) -> dict[str, Array]:
        beside = Compared(sheet, yardstick, rows)
        return {name: INDICES[name].compute(beside) for name in used}

    values = computed(own)
    kinds = list(dict.fromkeys(INDICES[name].kind for name in used))
    if len(kinds) < KINDS_NEEDED:
        reason = "only one kind of evidence can be computed, and nobody is flagged by one"
        return replace(judged, source=model.source, reason=reason, values=values, lacks=lacks)
    strata = _strata(own.answers)
    chosen = _chosen(strata, rng)
    drawn = computed(_like(own, chosen, model.draw(len(chosen), rng)))
    some = chosen[::FLAT_EVERY]
    flat = computed(_like(own, some, model.draw_flat(len(some), rng)))
    centres = {name: float(np.nanmedian(found)) for name, found in drawn.items()}

    def extremes(found: dict[str, Array], stratum: NDArray[np.intp]) -> Extremes:
        columns = [_extreme(name, found[name], centres[name]) for name in used]
        return Extremes(np.column_stack(columns), stratum)

    calibration = calibrate(
        extremes(values, strata),
        extremes(drawn, strata[chosen]),
        extremes(flat, strata[some]),
        [[at for at, name in enumerate(used) if INDICES[name].kind == kind] for kind in kinds],
        rates,
    )
    return replace(
        judged,
        source=model.source,
        values=values,
        lacks=lacks,
        centres=centres,
        calibration=calibration,
    )


def _strata(answers: Array) -> NDArray[np.intp]:
    """Give bands of people who answer about as many items, numbered from 0 (the most)."""
    n_answered = np.isfinite(answers).sum(axis=1)
    band = np.floor(np.log(n_answered / n_answered.max()) / np.log(BAND) + 1e-9).astype(np.intp)
    return np.unique(band, return_inverse=True)[1].reshape(-1)


def _chosen(strata: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.intp]:
    """Draw whose gaps and order the drawn answers get: as many of each band."""
    bands = int(strata.max()) + 1
    n_draws = max(FEWEST_DRAWS, DRAWS // bands)
    chosen = []
    for band in range(bands):
        donors = rng.permutation(np.flatnonzero(strata == band))[:DONORS]
        chosen.append(rng.choice(donors, n_draws))
    return np.concatenate(chosen)


def _like(rows: Rows, chosen: NDArray[np.intp], drawn: Array) -> Rows:
    """Give drawn answers the gaps and the order of people in the sample."""
    gaps = np.isnan(rows.answers[chosen])
    return Rows(np.where(gaps, np.nan, drawn), rows.order[chosen])


def _extreme(name: str, values: Array, centre: float) -> Array:
    tail = INDICES[name].tail
    if tail == "both":
        return np.abs(values - centre)
    return values if tail == "high" else -values
