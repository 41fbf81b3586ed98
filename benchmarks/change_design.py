"""Simulated answers of two waves with a known change, for the study and the tests of change."""

import numpy as np
import pandas as pd

ITEMS = ("y1", "y2", "y3", "y4")
MODEL = "f =~ y1 + y2 + y3 + y4"
LOADINGS = np.array([0.8, 0.7, 0.9, 0.75])


def two_waves(
    seed: int,
    *,
    n_clusters: int = 40,
    size: int = 25,
    gains: tuple[float, float] = (0.1, 0.5),
    leave: float = 0.0,
    shifted: dict[str, float] | None = None,
    loading: dict[str, float] | None = None,
    categories: bool = False,
) -> pd.DataFrame:
    """Draw long data: `person wave place effort` and four items.

    Half of the clusters take part in an effort. The factor has variance 1 in the first wave (a
    tenth of it between clusters) and rises by `gains` in the comparison and the effort; `shifted`
    moves the intercept of an item at the second wave, `loading` changes its loading there.
    """
    rng = np.random.default_rng(seed)
    n = n_clusters * size
    place = np.repeat(np.arange(n_clusters), size)
    effort = (place % 2).astype(bool)
    between = np.sqrt(0.1) * rng.standard_normal(n_clusters)[place]
    first = between + np.sqrt(0.9) * rng.standard_normal(n)
    moved = np.where(effort, gains[1], gains[0])
    # A cluster's change has a part of its own, so that respondents are not independent.
    own = np.sqrt(0.02) * rng.standard_normal(n_clusters)[place]
    later = 0.7 * first + np.sqrt(0.49) * rng.standard_normal(n) + own + moved
    unique = rng.standard_normal((n, 4))
    frames = []
    for wave, standing in ((1, first), (2, later)):
        slopes, intercepts = LOADINGS.copy(), np.zeros(4)
        if wave == 2:
            for item, value in (shifted or {}).items():
                intercepts[ITEMS.index(item)] = value
            for item, value in (loading or {}).items():
                slopes[ITEMS.index(item)] = value
            unique = 0.4 * unique + np.sqrt(1 - 0.16) * rng.standard_normal((n, 4))
        answers = intercepts + standing[:, None] * slopes + 0.6 * unique
        if categories:
            answers = np.digitize(answers, [-1.1, -0.2, 0.7, 1.6]) + 1.0
        frame = pd.DataFrame(answers, columns=list(ITEMS))
        frame.insert(0, "person", np.arange(n))
        frame.insert(1, "wave", wave)
        frame.insert(2, "place", place)
        frame.insert(3, "effort", np.where(effort, "yes", "no"))
        frames.append(frame)
    if leave:
        # Those who stand high leave more often.
        chance = np.clip(leave * (1 + 0.8 * first), 0, 1)
        frames[1] = frames[1][rng.random(n) >= chance]
    return pd.concat(frames, ignore_index=True)
