"""One wave of a survey: what sections use that take every row for a person of their own."""

from dataclasses import replace

from analyses.intake.survey import Survey, check_answers
from analyses.section import Message, Value
from instruments.schema import Instrument


def one_wave(instrument: Instrument, survey: Survey, wave: str | None = None) -> Survey:
    """Give the survey of one wave, with a note that says which.

    Parameters
    ----------
    instrument, survey
        What was asked, and the answers of all waves.
    wave
        Name of the wave; by default the first.

    Returns
    -------
    Survey
        The same survey where it has no more than one wave, or has been cut to one already.

    Raises
    ------
    SurveyError
        Where there is no such wave.
    AnswerError
        Where nothing can be computed from the answers of that wave.
    """
    if wave is None and (len(survey.waves) < 2 or survey.wave is not None):
        return survey
    chosen = survey.at(survey.waves[0] if wave is None else wave)
    if len(survey.waves) == 1:
        return chosen
    check_answers(instrument, chosen.form, chosen.data[list(chosen.asked)], chosen.asked)
    counts = survey.data[str(survey.wave_column)].value_counts()
    values: dict[str, Value] = {
        "wave": str(chosen.wave),
        "all": len(survey.waves),
        "counts": tuple(
            Message("waves.count", {"wave": one, "n": int(counts[one])}) for one in survey.waves
        ),
    }
    note = Message("waves.first" if wave is None else "waves.chosen", values)
    return replace(chosen, notes=(note, *chosen.notes))
