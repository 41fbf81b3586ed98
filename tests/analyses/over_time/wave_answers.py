"""Simulated answers to the short form at several waves, each sheet with a known level."""

import numpy as np
import pandas as pd

from tests.analyses.demonstrations import with_model

# Two of the four functions, so that the models stay small.
FACTORS = {
    "bro": ("I_bro6", "I_bro2", "I_bro1"),
    "kom": ("I_kom3", "I_kom1", "I_kom4"),
}
OTHERS = ("I_kor5", "I_kop4", "I_kor2", "I_kop2", "I_kor3", "I_kop1")
TEXT = "\n".join(f"{name} =~ {' + '.join(items)}" for name, items in FACTORS.items())
KKS = with_model("coupling", "M2", syntax=TEXT)
CUTS = (-1.6, -0.7, 0.3, 1.2)


def answered(levels: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Answers (codes) of one sheet a row, whose factors lie at `levels` in standard deviations.

    Loadings are .75; the factors correlate .6 within sheets of one level.
    """
    n = len(levels)
    common = np.sqrt(0.6) * rng.standard_normal(n)
    found = {}
    for items in (*FACTORS.values(), OTHERS):
        factor = levels + common + np.sqrt(0.4) * rng.standard_normal(n)
        for item in items:
            response = 0.75 * factor + np.sqrt(1 - 0.75**2) * rng.standard_normal(n)
            found[item] = np.digitize(response, CUTS) + 1
    return pd.DataFrame(found)
