"""Results in the store of the dashboard, as a finished validation leaves them there."""

import json

from analyses.export import pictures, results
from analyses.section import Report
from analyses.showing import stored
from analyses.wording import LANGUAGES, words
from instruments import Instrument


def stock(instrument: Instrument, report: Report) -> None:
    """Store results as those on an instrument's bundled answers, with their figures."""
    stored.folder().mkdir(parents=True, exist_ok=True)
    results.write(report, stored.place(instrument))
    drawn = {language: pictures.draw(report, words(language)) for language in LANGUAGES}
    stored.figures_place(instrument).write_text(json.dumps(drawn), encoding="utf-8")
