"""Category correlations against lavaan, psych and polycor, and what the user sees of them."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal, norm

import measure
from measure.errors import DataError, MeasureWarning, OptionError
from tests.measure.ledger import GAMMA, LAVCOR, POLYCOR, PSYCH_CATEGORIES, unaccounted
from tests.reference_cases import case, data, matrix

# lavaan stopped at its starting values there; see the README of the reference cases.
NOT_CONVERGED = {("A2", "age"), ("A3", "age")}


def found(reference, **options):
    asked = reference["options"]
    frame = data(reference["data"])[asked["variables"]]
    frame = frame.iloc[: asked.get("rows", len(frame))]
    ordered = asked.get("ordered", True)
    return measure.polychoric(frame, ordered, missing=asked["missing"], **options)


@pytest.mark.parametrize("name", LAVCOR)
def test_agrees_with_lavaan(name):
    reference = case(name)
    results = reference["results"]
    ours = found(reference)
    assert ours.n_obs == reference["nobs"]
    for label, value in results["thresholds"].items():
        assert ours.thresholds[label] == pytest.approx(value, abs=1e-12)
    expected = matrix(results["correlations"])
    for i, first in enumerate(expected):
        for second in list(expected)[:i]:
            if (second, first) not in NOT_CONVERGED:
                # lavaan's own search leaves errors of 1e-8 to 1e-7.
                value = expected.loc[first, second]
                assert ours.correlations.loc[first, second] == pytest.approx(value, abs=2e-7)
    covariance = ours.covariance
    for row in results["with_se"]:
        if (row["lhs"], row["rhs"]) not in NOT_CONVERGED:
            label = row["lhs"] + row["op"] + row["rhs"]
            se = np.sqrt(covariance.loc[label, label])
            assert se == pytest.approx(row["se"], rel=1e-6), label
    assert not unaccounted(results, {"correlations", "thresholds", "with_se"})


def test_where_lavaan_did_not_converge_our_likelihood_is_higher():
    reference = case("polyserial_bfi_mixed_lavcor")
    theirs = matrix(reference["results"]["correlations"])
    ours = found(reference).correlations
    frame = data("bfi.csv")[reference["options"]["variables"]].dropna()
    z = ((frame["age"] - frame["age"].mean()) / frame["age"].std(ddof=0)).to_numpy()

    def loglik(item, rho):
        codes = frame[item].astype(int).to_numpy() - 1
        shares = np.cumsum(np.bincount(codes)) / len(codes)
        limits = np.concatenate([[-np.inf], norm.ppf(shares)])
        root = np.sqrt(1 - rho**2)
        upper, lower = (limits[codes + 1] - rho * z) / root, (limits[codes] - rho * z) / root
        return np.log(norm.cdf(upper) - norm.cdf(lower)).sum()

    for item, other in NOT_CONVERGED:
        best = ours.loc[item, other]
        assert loglik(item, best) > loglik(item, theirs.loc[item, other]) + 1e-3
        for step in (-1e-4, 1e-4):
            assert loglik(item, best) > loglik(item, best + step)


@pytest.mark.parametrize("name", GAMMA)
def test_the_whole_asymptotic_covariance_agrees_with_lavaan(name):
    reference = case(name)
    results, n = reference["results"], reference["nobs"]
    ours = found(reference)
    gamma = matrix(results["gamma"])
    # lavaan's means count with a minus, and its pairs stand the other way round.
    sign = np.array([-1.0 if label.endswith("~1") else 1.0 for label in gamma])
    labels = [
        label if label in ours.covariance.index else "~~".join(reversed(label.split("~~")))
        for label in gamma
    ]
    mine = ours.covariance.loc[labels, labels].to_numpy() * (n - 1)
    expected = gamma.to_numpy() * np.outer(sign, sign)
    scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    np.testing.assert_allclose(mine / scale, expected / scale, atol=2e-7)
    covariances = matrix(results["covariances"])
    ordered = [name for name in covariances if name in reference["options"]["ordered"]]
    np.testing.assert_allclose(
        ours.correlations.loc[ordered, ordered], covariances.loc[ordered, ordered], atol=2e-7
    )
    for label, value in results["thresholds"].items():
        if "|" in label:
            assert ours.thresholds[label] == pytest.approx(value, abs=1e-12)
    assert not unaccounted(results, {"covariances", "thresholds", "gamma"})


@pytest.mark.parametrize("name", PSYCH_CATEGORIES)
def test_agrees_with_psych(name):
    reference = case(name)
    results = reference["results"]
    names = reference["options"]["variables"]
    missing = reference["options"].get("missing", "listwise")
    frame = data(reference["data"])[names]
    ours = measure.polychoric(frame, missing=missing)
    expected = matrix(results["correlations"])
    for i, first in enumerate(names):
        for second in names[:i]:
            # psych takes the thresholds of a pair from the rows that have both; its search stops
            # at 1e-4.
            pair = measure.polychoric(frame[[first, second]]).correlations.iloc[0, 1]
            assert pair == pytest.approx(expected.loc[first, second], abs=2e-4)
    if "thresholds" in results:
        theirs = list(results["thresholds"].values())
    else:
        theirs = matrix(results["thresholds_matrix"]).to_numpy().ravel()
    np.testing.assert_allclose(ours.thresholds, theirs, atol=1e-10)
    assert not unaccounted(results, {"correlations", "thresholds", "thresholds_matrix"})


@pytest.mark.parametrize("name", POLYCOR)
def test_agrees_with_polycor(name):
    reference = case(name)
    for pair in reference["results"]["pairs"]:
        ours = measure.polychoric(data(reference["data"])[[pair["x"], pair["y"]]])
        # optimise() in R stops at 1e-4.
        assert ours.correlations.iloc[0, 1] == pytest.approx(pair["two_step"]["rho"], abs=1e-4)
        assert ours.n_obs == pair["n"]
        assert not unaccounted(pair, {"x", "y", "n", "two_step"})
        assert not unaccounted(pair["two_step"], {"rho"})


@pytest.fixture(scope="module")
def bfi():
    return data("bfi.csv")


def test_the_tables_of_a_result(bfi):
    ours = measure.polychoric(bfi[["A1", "A2", "gender", "age"]], ["A1", "A2", "gender"])
    names = ["A1", "A2", "gender", "age"]
    assert list(ours.correlations.index) == list(ours.correlations.columns) == names
    assert list(ours.thresholds.index)[-1] == "gender|t1"
    assert ours.n_dropped == len(bfi) - ours.n_obs
    pairs = ours.pairs
    assert list(pairs["kind"]) == [
        *("polychoric", "polychoric", "polyserial"),
        *("polychoric", "polyserial", "polyserial"),
    ]
    assert (pairs["n"] == ours.n_obs).all()
    assert pairs["se"].tolist() == [
        ours.se.loc[lhs, rhs] for lhs, rhs in zip(pairs["lhs"], pairs["rhs"], strict=True)
    ]
    assert ((pairs["ci.lower"] < pairs["est"]) & (pairs["est"] < pairs["ci.upper"])).all()
    assert pairs["empty"].isna().tolist() == [kind == "polyserial" for kind in pairs["kind"]]
    assert ours.thresholds_se["A1|t1"] ** 2 == ours.covariance.loc["A1|t1", "A1|t1"]
    assert "polychoric" in repr(ours) or "Category correlations" in repr(ours)
    assert "gender|t1" in repr(ours)
    assert "gender|t1" in ours._repr_html_()


def test_the_kind_of_two_binary_items_is_tetrachoric():
    ours = measure.polychoric(data("hs39_binary.csv")[["b1", "b2"]])
    assert ours.pairs["kind"].tolist() == ["tetrachoric"]


def test_all_continuous_gives_pearson(bfi):
    frame = bfi[["A1", "A2", "age"]].dropna()
    ours = measure.polychoric(frame, ordered=False, information="observed")
    np.testing.assert_allclose(ours.correlations, frame.corr(), atol=1e-12)
    assert ours.thresholds.empty
    assert ours.pairs["kind"].eq("Pearson").all()
    # The asymptotic covariance is then the distribution-free one of any continuous data.
    z = frame.to_numpy() - frame.to_numpy().mean(axis=0)
    expected = (z[:, 0] * z[:, 1]).var() / (len(z) - 1)
    assert ours.covariance.loc["A1~~A2", "A1~~A2"] == pytest.approx(expected)


def test_groups_are_analysed_separately(bfi):
    frame = bfi[["A1", "A2", "A3", "gender"]]
    both = measure.polychoric(frame, group="gender", missing="pairwise")
    assert both.correlations.index.names == [None, None]
    for label in (1, 2):
        own = frame.loc[frame["gender"] == label, ["A1", "A2", "A3"]]
        alone = measure.polychoric(own, missing="pairwise")
        np.testing.assert_allclose(both.correlations.loc[label], alone.correlations, atol=1e-12)
        np.testing.assert_allclose(both.se.loc[label], alone.se, atol=1e-12)
        np.testing.assert_allclose(both.thresholds[label], alone.thresholds, atol=1e-12)
        np.testing.assert_allclose(both.thresholds_se[label], alone.thresholds_se, atol=1e-12)
        np.testing.assert_allclose(both.covariance.loc[label, label], alone.covariance, atol=1e-14)
        table = both.pairs[both.pairs["group"] == label].drop(columns="group")
        pd.testing.assert_frame_equal(
            table.reset_index(drop=True), alone.pairs, check_exact=False, rtol=1e-9
        )
    assert not both.covariance.loc[1, 2].to_numpy().any()


def test_pairwise_uses_every_answer(bfi):
    frame = bfi[["C1", "C2", "C3"]]
    ours = measure.polychoric(frame, missing="pairwise")
    counts = [len(frame[[a, b]].dropna()) for a, b in (("C1", "C2"), ("C1", "C3"), ("C2", "C3"))]
    assert ours.pairs["n"].tolist() == counts
    shares = (frame["C1"].dropna() <= 1).mean()
    assert ours.thresholds["C1|t1"] == pytest.approx(norm.ppf(shares))
    assert ours.n_obs == len(frame.dropna(how="all"))


def table_frame(counts):
    """Answers of two items that have these counts."""
    rows, columns = np.nonzero(np.ones_like(counts))
    repeated = np.repeat(np.column_stack([rows, columns]), np.ravel(counts), axis=0)
    return pd.DataFrame(repeated + 1, columns=["x", "y"])


def test_an_empty_cell_of_a_binary_table_is_filled_and_announced():
    frame = table_frame(np.array([[20, 0], [10, 20]]))
    filled = measure.polychoric(frame)
    # The margins are kept, so that the table is reproduced exactly with 0.5 in the empty cell.
    law = norm.ppf([20 / 50, 30 / 50])
    np.testing.assert_allclose(filled.thresholds, law, atol=1e-12)
    rho = filled.correlations.loc["x", "y"]
    corner = multivariate_normal([0, 0], [[1, rho], [rho, 1]]).cdf(law)
    assert corner == pytest.approx(19.5 / 50, abs=1e-8)
    assert any("0.5 was added" in note and '"x" and "y"' in note for note in filled.notes)
    with pytest.warns(MeasureWarning, match='"x" and "y" determine each other'):
        bare = measure.polychoric(frame, empty_cells="none")
    assert bare.correlations.loc["x", "y"] == pytest.approx(0.999)
    assert not any("0.5 was added" in note for note in bare.notes)


def test_larger_tables_are_filled_on_request_only():
    frame = table_frame(np.array([[20, 9, 0], [5, 20, 6], [2, 8, 30]]))
    plain = measure.polychoric(frame)
    filled = measure.polychoric(frame, empty_cells="all")
    assert plain.pairs["empty"].tolist() == [1]
    assert not any("0.5" in note for note in plain.notes)
    assert any("0.5 was added" in note for note in filled.notes)
    assert filled.correlations.loc["x", "y"] < plain.correlations.loc["x", "y"]
    pd.testing.assert_series_equal(filled.thresholds, plain.thresholds)


def test_perfect_association_is_named_and_bounded():
    frame = pd.DataFrame({"a": [1, 2, 3] * 20, "b": [3, 2, 1] * 20, "c": [1, 1, 2, 3] * 15})
    with pytest.warns(MeasureWarning, match='"a" and "b" determine each other'):
        ours = measure.polychoric(frame)
    assert ours.correlations.loc["a", "b"] == pytest.approx(-0.999)
    assert np.isnan(ours.se.loc["a", "b"])
    assert np.isfinite(ours.se.loc["a", "c"])
    assert any("-0.999" in note for note in ours.notes)


def test_perfect_polyserial_association_is_named():
    frame = pd.DataFrame({"a": np.repeat([1, 2, 3], 20), "y": norm.ppf((np.arange(60) + 0.5) / 60)})
    with pytest.warns(MeasureWarning, match='"a" and "y" determine each other'):
        ours = measure.polychoric(frame, ["a"])
    assert np.isnan(ours.se.loc["a", "y"])


def improper():
    """Pairwise answers whose correlations contradict each other."""
    rng = np.random.default_rng(4)
    blocks = []
    for first, second, sign in ((0, 1, 1), (1, 2, 1), (0, 2, -1)):
        latent = rng.multivariate_normal([0, 0], [[1, 0.9 * sign], [0.9 * sign, 1]], 200)
        block = np.full((200, 3), np.nan)
        block[:, [first, second]] = np.digitize(latent, [-0.5, 0.5]) + 1
        blocks.append(block)
    return pd.DataFrame(np.vstack(blocks), columns=["a", "b", "c"])


def test_an_improper_matrix_is_left_and_announced_or_smoothed_and_announced():
    with pytest.warns(MeasureWarning, match="not positive definite"):
        left = measure.polychoric(improper(), missing="pairwise")
    assert np.linalg.eigvalsh(left.correlations)[0] < 0
    assert any("left as it is" in note for note in left.notes)
    smooth = measure.polychoric(improper(), missing="pairwise", smooth="eigenvalues")
    assert np.linalg.eigvalsh(smooth.correlations)[0] > 0
    np.testing.assert_allclose(np.diag(smooth.correlations), 1.0)
    assert any("smoothed" in note for note in smooth.notes)
    pd.testing.assert_frame_equal(smooth.se, left.se)


def test_few_clusters_are_a_note_and_one_is_refused():
    frame = five().drop(columns="site").assign(team=np.arange(100) % 20)
    assert any("20 clusters" in note for note in measure.polychoric(frame, cluster="team").notes)
    with pytest.raises(DataError, match="belong to one cluster"):
        measure.polychoric(frame.assign(team=1), cluster="team")


def test_a_proper_matrix_is_not_smoothed(bfi):
    frame = bfi[["A1", "A2", "A3"]]
    plain = measure.polychoric(frame)
    smooth = measure.polychoric(frame, smooth="eigenvalues")
    pd.testing.assert_frame_equal(plain.correlations, smooth.correlations)
    assert not any("smoothed" in note for note in smooth.notes)


def test_sparse_tables_are_a_finding_that_names_the_items(bfi):
    few = measure.polychoric(bfi[["A1", "A2", "A3"]].dropna().iloc[:60])
    note = next(note for note in few.notes if "fewer than 5" in note)
    assert '"A1" (2)' in note
    assert (few.pairs["thin"] > 0.5).all()
    many = measure.polychoric(bfi[["A1", "A2", "A3"]])
    assert not any("fewer than 5" in note for note in many.notes)


def test_where_latent_responses_are_not_normal_the_standard_errors_are_called_in_question():
    lead = data("lq2002.csv")[["LEAD01", "LEAD02", "LEAD03", "LEAD09"]]
    first = measure.polychoric(lead)
    assert any("contradict normal latent responses" in note for note in first.notes)
    robust = measure.polychoric(lead, information="observed")
    assert not any("contradict normal" in note for note in robust.notes)
    pd.testing.assert_frame_equal(first.correlations, robust.correlations)
    # Bootstrap of 1,500 samples (seed 1): .0183 .0200 .0211 .0216 .0244 .0180.
    places = np.triu_indices(4, 1)
    bootstrap = [0.0183, 0.0200, 0.0211, 0.0216, 0.0244, 0.0180]
    np.testing.assert_allclose(robust.se.to_numpy()[places], bootstrap, rtol=0.05)
    assert (first.se.to_numpy()[places] < 0.9 * np.array(bootstrap)).all()


def test_ordered_categories_of_pandas_are_taken_by_their_order(bfi):
    words = ["never", "rarely", "sometimes", "often", "mostly", "always"]
    frame = bfi[["A1", "A2", "A3"]]
    named = frame.apply(
        lambda item: pd.Categorical.from_codes(
            item.fillna(0).astype(int) - 1, categories=words, ordered=True
        )
    )
    plain, worded = measure.polychoric(frame), measure.polychoric(named)
    pd.testing.assert_frame_equal(plain.correlations, worded.correlations)
    numbered = frame.assign(A1=frame["A1"].astype("category"))
    pd.testing.assert_frame_equal(plain.se, measure.polychoric(numbered).se)
    with pytest.raises(DataError, match='"A1" has categories without an order'):
        measure.polychoric(named.assign(A1=named["A1"].cat.as_unordered()))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"missing": "fiml"}, "unknown missing 'fiml'"),
        ({"empty_cells": "0.5"}, "unknown empty_cells"),
        ({"smooth": "ridge"}, "unknown smooth"),
        ({"information": "expected"}, "unknown information"),
    ],
)
def test_unknown_options_are_refused(bfi, options, words):
    with pytest.raises(OptionError, match=words):
        measure.polychoric(bfi[["A1", "A2"]], **options)


def five(n=100, seed=1):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.integers(1, 6, (n, 3)), columns=["q1", "q2", "q3"]).astype(float)
    return frame.assign(site=np.where(np.arange(n) % 2, "a", "b"))


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        (lambda d: d.assign(q2=3.0), {}, '"q2" has the same answer \\(3\\) everywhere'),
        (
            lambda d: d.assign(q2=d["q2"].where(d["site"] == "a", 2.0)),
            {"group": "site"},
            '"q2" has the same answer \\(2\\) everywhere in group "b"',
        ),
        (
            lambda d: d.assign(q2=d["q2"].where(d["site"] == "a", d["q2"].clip(upper=4))),
            {"group": "site"},
            'category 5 of ordered item "q2" is used in group "a" but not in group "b"',
        ),
        (
            lambda d: d.assign(q3=d["q3"] + 0.5 * (d.index % 7 == 0)),
            {},
            'ordered item "q3" holds [0-9.]+ in [0-9]+ rows?. Ordered answers are whole numbers',
        ),
        (
            lambda d: d.assign(q3=d["q3"] + 0.5 * (d["site"] == "a")),
            {"group": "site"},
            'ordered item "q3" holds [0-9.]+ in [0-9]+ rows in group "a"',
        ),
        (
            lambda d: d.assign(q1=np.arange(len(d)) % 13),
            {},
            '"q1" has 13 categories; at most 12 .* treat it as continuous',
        ),
        (
            lambda d: d.assign(q1=d["q1"].where(d["q2"].eq(1), 2.0)).assign(
                q2=d["q2"].where(d["q2"].ne(1), np.nan)
            ),
            {},
            'ordered item "q1" has only the answer 2 in the rows that are used',
        ),
        (lambda d: d.head(3), {}, "3 rows have an answer to all 3 variables"),
        (
            lambda d: d.assign(q1=d["q1"].where(d.index < 50), q2=d["q2"].where(d.index >= 50)),
            {"missing": "pairwise"},
            '"q1" and "q2" are answered together in 0 rows',
        ),
        (lambda d: d[["q1", "site"]], {}, "correlations need at least 2"),
        (lambda d: d, {"ordered": ["q9"]}, '`ordered` names "q9"'),
        (lambda d: d.assign(q1=d["q1"].map(str)), {}, '"q1" holds text'),
        (lambda d: d.to_numpy(), {}, "must be a pandas DataFrame"),
    ],
)
def test_what_cannot_be_analysed_is_named(change, options, words):
    frame = change(five())
    if isinstance(frame, pd.DataFrame) and "group" not in options:
        frame = frame.drop(columns="site")
    with pytest.raises(DataError, match=words):
        measure.polychoric(frame, **options)
