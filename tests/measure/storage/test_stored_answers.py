"""Answers read a batch at a time give what they give in memory."""

import errno
import os

import numpy as np
import pandas as pd
import pytest

import measure
from measure.errors import DataError, MeasureError, OptionError

pytestmark = pytest.mark.filterwarnings("ignore::measure.errors.ListwiseWarning")

MODEL = "f =~ x1 + x2 + x3 + x4\ng =~ x5 + x6 + x7 + x8\nf ~~ g"
ITEMS = [f"x{k}" for k in range(1, 9)]
N = 1000


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    """Draw answers in five categories, with groups, clusters and holes."""
    rng = np.random.default_rng(3)
    cluster = rng.integers(60, size=N)
    shared = rng.normal(size=60)[cluster] * 0.4
    factors = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], size=N) + shared[:, None]
    latent = np.repeat(factors, 4, axis=1) * 0.7 + rng.normal(size=(N, 8)) * 0.7
    data = pd.DataFrame(np.digitize(latent, [-1.2, -0.4, 0.4, 1.2]) + 1.0, columns=ITEMS)
    data = data.mask(rng.random(data.shape) < 0.03)
    data["site"] = np.where(cluster < 25, "north", "south")
    data["unit"] = [f"u{k}" for k in cluster]
    data.loc[rng.random(N) < 0.01, "unit"] = None
    data.loc[rng.random(N) < 0.01, "site"] = None
    return data


@pytest.fixture(scope="module")
def kept(answers, tmp_path_factory) -> measure.StoredAnswers:
    """Keep them in a folder of two files, read in batches that end within both."""
    folder = tmp_path_factory.mktemp("answers")
    answers.iloc[:600].to_parquet(folder / "part-0.parquet")
    answers.iloc[600:].to_parquet(folder / "part-1.parquet")
    return measure.stored(folder, batch_rows=170)


ORDERED = [
    {},
    {"missing": "pairwise"},
    {"group": "site", "group_equal": ["loadings", "thresholds"]},
    {"cluster": "unit"},
    {"group": "site", "cluster": "unit", "missing": "pairwise"},
    {"information": "observed"},
]


@pytest.mark.parametrize("options", ORDERED)
def test_a_model_of_ordered_items_is_the_same(answers, kept, options):
    one = measure.cfa(MODEL, answers, ordered=True, **options)
    other = measure.cfa(MODEL, kept, ordered=True, **options)
    pd.testing.assert_frame_equal(one.parameters, other.parameters, check_exact=True)
    pd.testing.assert_series_equal(one.fit_measures, other.fit_measures, check_exact=True)
    assert (one.n_obs, one.n_dropped, one.n_clusters) == (
        other.n_obs,
        other.n_dropped,
        other.n_clusters,
    )
    assert one.notes == other.notes


@pytest.mark.parametrize("options", [{}, {"group": "site"}, {"cluster": "unit"}])
def test_category_correlations_are_the_same(answers, kept, options):
    columns = ITEMS + list(options.values())
    own = measure.stored(kept.path, batch_rows=333)
    one = measure.polychoric(answers[columns], **options)
    with pytest.raises(DataError, match="not numeric"):
        measure.polychoric(own, **options)
    slim = kept.path.parent / f"slim{len(columns)}.parquet"
    answers[columns].to_parquet(slim)
    other = measure.polychoric(measure.stored(slim, batch_rows=333), **options)
    pd.testing.assert_frame_equal(one.correlations, other.correlations, check_exact=True)
    pd.testing.assert_series_equal(one.thresholds, other.thresholds, check_exact=True)
    pd.testing.assert_frame_equal(one.se, other.se, check_exact=True)


@pytest.mark.parametrize("options", [{}, {"estimator": "ULS"}, {"group": "site"}])
def test_a_model_of_continuous_items_is_the_same(answers, kept, options):
    one = measure.cfa(MODEL, answers, **options)
    other = measure.cfa(MODEL, kept, **options)
    # Sums over batches are rounded in another order.
    pd.testing.assert_frame_equal(one.parameters, other.parameters, rtol=1e-6, atol=1e-8)
    pd.testing.assert_series_equal(one.fit_measures, other.fit_measures, rtol=1e-8)
    assert one.n_dropped == other.n_dropped


def test_intraclass_correlations_are_the_same(answers, kept):
    one = measure.icc(answers, ITEMS, cluster="unit")
    other = measure.icc(kept, ITEMS, cluster="unit")
    pd.testing.assert_frame_equal(one, other, rtol=1e-10)


def test_intraclass_correlations_of_answers_far_from_zero(answers, tmp_path):
    shifted = answers[ITEMS] + 1e6
    shifted["unit"] = answers["unit"]
    shifted.to_parquet(tmp_path / "far.parquet")
    far = measure.icc(measure.stored(tmp_path / "far.parquet"), ITEMS, cluster="unit")
    near = measure.icc(answers, ITEMS, cluster="unit")
    np.testing.assert_allclose(far["icc1"], near["icc1"], rtol=1e-9)


def test_descriptives_are_the_same_and_those_of_pandas_and_scipy(answers, kept):
    from scipy import stats

    found = measure.descriptives(kept, ITEMS)
    pd.testing.assert_frame_equal(found, measure.descriptives(answers, ITEMS), rtol=1e-10)
    x1 = answers["x1"].dropna()
    expected = [
        *(len(x1), answers["x1"].isna().sum(), x1.mean(), x1.std()),
        *(stats.skew(x1), stats.kurtosis(x1), x1.min(), x1.max()),
    ]
    np.testing.assert_allclose(found.loc["x1"].to_numpy(dtype=float), expected, rtol=1e-10)


def test_descriptives_of_what_has_no_spread():
    data = pd.DataFrame({"one": [3.0, np.nan], "same": [2.0, 2.0], "none": [np.nan, np.nan]})
    found = measure.descriptives(data)
    assert found["n"].tolist() == [1, 2, 0]
    assert found.loc["same", "sd"] == 0
    assert np.isnan(found.loc["one", "sd"])
    assert found["skewness"].isna().all()
    assert found.loc["none"].isna().sum() == 6


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda s: measure.cfa(MODEL, s, missing="fiml"), OptionError, 'missing="fiml" needs'),
        (lambda s: measure.cfa(MODEL, s, cluster="unit"), OptionError, "ordered items only"),
        (lambda s: measure.cfa(MODEL, s, estimator="MLR"), OptionError, "need the answers"),
        (lambda s: measure.cfa(MODEL, s, ordered=["x1"]), OptionError, "all variables of a model"),
        (lambda s: measure.cfa(MODEL.replace("x8", "x9"), s, ordered=True), DataError, '"x9"'),
        (lambda s: measure.cfa(MODEL, s, ordered=True, group="no"), DataError, 'column "no"'),
        (lambda s: measure.icc(s, ["site"], cluster="unit"), DataError, "not numeric"),
        (lambda s: measure.icc(s, ["x1"], cluster="x1"), DataError, "both an item and"),
        (
            lambda s: measure.icc(s, ["x1"], cluster="unit", within="site"),
            OptionError,
            "needs the rows",
        ),
        (
            lambda s: measure.cfa(
                "level: 1\nf =~ x1+x2+x3\nlevel: 2\nf =~ x1+x2+x3", s, cluster="unit"
            ),
            OptionError,
            "two-level model",
        ),
        (lambda s: measure.descriptives(s, []), DataError, "no items"),
    ],
)
def test_what_needs_the_rows_is_refused(kept, call, error, message):
    with pytest.raises(error, match=message):
        call(kept)


CALLS = {
    "standardized": measure.standardized,
    "r_squared": measure.r_squared,
    "residuals": measure.residuals,
    "implied": measure.implied,
    "srmr_test": measure.srmr_test,
    "modification_indices": measure.modification_indices,
    "equality_tests": measure.equality_tests,
    "bootstrap": lambda fit: measure.bootstrap(fit, seed=1, n=5),
    "composite_reliability": measure.composite_reliability,
    "maximal_reliability": measure.maximal_reliability,
    "fornell_larcker": measure.fornell_larcker,
    "bifactor_indices": measure.bifactor_indices,
    "model_card": lambda fit: vars(measure.model_card(fit)),
    "population": measure.population,
    "item_bias": measure.item_bias,
    "latent_means": measure.latent_means,
    "alignment": lambda fit: measure.alignment(fit, seed=1),
    "compare": lambda fit: measure.compare(fit, fit),
}
NEEDS_ROWS = ("bootstrap", "composite_reliability", "fornell_larcker")


@pytest.mark.filterwarnings("ignore::measure.errors.MeasureWarning")
@pytest.mark.parametrize("name", CALLS)
def test_what_follows_a_fit_is_the_same_or_refused(answers, kept, name):
    options = {"ordered": True, "group": "site", "group_equal": ["loadings"]}
    found = []
    for data in (answers, kept):
        try:
            found.append(CALLS[name](measure.cfa(MODEL, data, **options)))
        except MeasureError as error:
            found.append(error)
    one, other = found
    if name in NEEDS_ROWS:
        assert not isinstance(one, MeasureError)
        assert "rows" in str(other)
    elif isinstance(one, MeasureError):
        assert str(one) == str(other)
    elif isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    else:
        assert repr(one) == repr(other)


def test_a_file_that_is_not_there_or_is_no_parquet(tmp_path):
    with pytest.raises(DataError, match="there is no"):
        measure.stored(tmp_path / "none.parquet")
    (tmp_path / "text.parquet").write_text("not parquet")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        measure.stored(tmp_path / "text.parquet")
    with pytest.raises(OptionError, match="batch_rows"):
        measure.stored(tmp_path / "text.parquet", batch_rows=0)


def test_a_disk_without_room_is_told(kept, monkeypatch):
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(DataError, match=r"No space left on device\. Make room"):
        measure.cfa(MODEL, kept, ordered=True)
