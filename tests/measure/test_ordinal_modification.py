"""Score tests of models for ordered items against lavaan's, and their robust versions."""

import numpy as np
import pandas as pd
import pytest

import measure
from measure.distributions import chisq_sf
from measure.errors import OptionError
from tests.measure.after_fits import by_name, found
from tests.measure.ordinal_misfit_fits import MISFIT, fitted, results
from tests.measure.reference_fits import refit
from tests.reference_cases import case, data

VALUES = ("mi", "epc", "sepc.lv", "sepc.all", "sepc.nox")
MARKER = "cfa_bfi_2f_wlsmv_marker"
TIED = [name for name in MISFIT if "equality_tests" in results(name)]
N = ["N1", "N2", "N3", "N4", "N5"]
# lavaan's search ends at gradients of 1e-4 under some parameterizations.
SEARCH = 2e-4


def follows(fit, row):
    """Scaling factors under theta follow from the variances; lavaan tests them nonetheless."""
    return row["op"] == "~*~" and fit.options.parameterization == "theta"


@pytest.mark.parametrize("name", MISFIT)
def test_all_indices_agree_with_lavaan(name):
    """lavaan weighs the score by N - G and the information by N; here both are by N - G."""
    fit = fitted(name)
    ours = by_name(measure.modification_indices(fit), fit, VALUES)
    ratio = fit.moments.scale / fit.n_obs
    theirs = [row for row in results(name)["modification_indices"] if not follows(fit, row)]
    for row in theirs:
        own = found(ours, row)
        for column in VALUES:
            if row["op"] == "~*~" and column in ("sepc.all", "sepc.nox"):
                # lavaan gives 1, the standardised factor itself and not its change.
                assert abs(row[column]) == 1
                continue
            where = (row["lhs"], row["op"], row["rhs"], column)
            assert own[column] * ratio == pytest.approx(row[column], rel=SEARCH, abs=1e-4), where
    listed = {frozenset((row["lhs"], row["rhs"])) for row in theirs}
    unlisted = {key[:3] for key in ours if frozenset((key[0], key[2])) not in listed}
    # lavaan has no residual covariances of outcomes that are no items, and counts one path of a
    # factor of factors, hardly identified, as not identified.
    assert all((op == "~~" and rhs == "o7") or lhs == "g" for lhs, op, rhs in unlisted)


def test_the_ten_largest_agree_with_lavaan():
    fit = refit(case(MARKER), case(MARKER))
    table = measure.modification_indices(fit).head(10)
    theirs = pd.DataFrame(case(MARKER)["modification_indices"])
    assert (table[["lhs", "op", "rhs"]].to_numpy() == theirs[["lhs", "op", "rhs"]]).all(axis=None)
    ratio = fit.moments.scale / fit.n_obs
    for column in ("mi", "epc", "sepc.lv", "sepc.all"):
        np.testing.assert_allclose(table[column] * ratio, theirs[column], rtol=1e-4)


@pytest.mark.parametrize("name", MISFIT)
def test_the_naive_power_is_lavaans(name):
    """What lavaan prints follows from index and change; ours is that of the robust index."""
    fit = fitted(name)
    table = measure.modification_indices(fit, delta=0.3, metric="raw")
    naive = table.assign(ncp=table["mi"] / table["epc"] ** 2 * 0.3**2)
    ours = by_name(naive, fit, ("ncp", "mi", "epc"))
    for row in (row for row in results(name)["power"] if not follows(fit, row)):
        ncp = found(ours, row)["ncp"] / fit.moments.scale * fit.n_obs
        assert ncp == pytest.approx(row["ncp"], rel=2 * SEARCH)
    if "mi.robust" in table:
        np.testing.assert_allclose(table["mi.robust"], (table["epc"] / table["se"]) ** 2)
    np.testing.assert_allclose(table["ncp"], (0.3 / table["se"]) ** 2)
    assert set(table["decision"]) <= {"(nm)", "(i)", "**(m)**", "*epc:m*", "epc:nm"}


@pytest.mark.parametrize("name", TIED)
def test_releasing_ties_agrees_with_lavaan(name):
    fit = fitted(name)
    ours, theirs = measure.equality_tests(fit), results(name)["equality_tests"]
    ratio = fit.moments.scale / fit.n_obs
    wanted = [row["chisq"] for row in theirs["table"]]
    np.testing.assert_allclose(ours.table["chisq"] * ratio, wanted, rtol=SEARCH, atol=1e-5)
    assert ours.total["chisq"] * ratio == pytest.approx(theirs["total"]["chisq"], rel=SEARCH)
    if "group" not in case(name)["options"]:
        assert ours.total["df"] == theirs["total"]["df"]
        # lavaan gives the changes of least squares with the wrong sign.
        changes = [-row["epc"] for row in theirs["changes"]]
        np.testing.assert_allclose(ours.changes["epc"] * ratio, changes, atol=1e-5)


def test_total_counts_what_the_data_determine():
    """lavaan counts 22 constraints; 8 of them identify the later group's means and scales."""
    for end in ("equal", "theta"):
        name = f"ordinal_misfit_hs39_school_{end}"
        total = measure.equality_tests(fitted(name)).total
        restricted, free = fitted(name), fitted("ordinal_misfit_hs39_school")
        assert total["df"] == restricted.df - free.df == 14
        assert results(name)["equality_tests"]["total"]["df"] == 22


def test_tests_of_ties_do_not_depend_on_the_parameterization():
    delta, theta = (
        measure.equality_tests(fitted(f"ordinal_misfit_hs39_school_{end}"))
        for end in ("equal", "theta")
    )
    for column in ("chisq", "chisq.robust"):
        np.testing.assert_allclose(delta.table[column], theta.table[column], rtol=1e-4, atol=1e-7)
        assert delta.total[column] == pytest.approx(theta.total[column], rel=1e-5)


@pytest.fixture(scope="module")
def bfi():
    return data("bfi.csv").dropna(subset=N)


def test_a_released_tie_changes_as_expected(bfi):
    text = "f =~ N1 + N2 + N3 + N4 + N5\nN1 | {}*t1\nN2 | {}*t1"
    tied = measure.cfa(text.format("a", "a"), bfi, ordered=N)
    free = measure.cfa(text.format("a", "b"), bfi, ordered=N)
    row = measure.equality_tests(tied).table.iloc[0]
    first, second = free.parameters.query("op == '|' and rhs == 't1'")["est"].iloc[:2]
    assert row["epc"] == pytest.approx(second - first, rel=0.02)
    assert np.sign(row["epc"]) == np.sign(second - first)
    drop = tied.test.chisq - free.test.chisq
    assert row["chisq"] == pytest.approx(drop, rel=1e-3)


def test_a_tie_to_a_number_has_the_index_of_a_fixed_parameter(bfi):
    text = "f =~ N1 + {}*N2 + N3 + N4 + N5{}"
    tied = measure.cfa(text.format("a", "\na == 0.9"), bfi, ordered=N)
    fixed = measure.cfa(text.format("0.9", ""), bfi, ordered=N)
    one = measure.equality_tests(tied)
    other = measure.modification_indices(fixed).query("op == '=~' and rhs == 'N2'").iloc[0]
    row = one.table.iloc[0]
    assert row["chisq"] == pytest.approx(other["mi"], rel=1e-6)
    assert row["chisq.robust"] == pytest.approx(other["mi.robust"], rel=1e-6)
    assert row["pvalue.robust"] == pytest.approx(chisq_sf(other["mi.robust"], 1))
    assert row["epc"] == pytest.approx(other["epc"], rel=1e-6)
    assert row["se"] == pytest.approx(other["se"], rel=1e-6)
    assert one.total["chisq.robust"] == pytest.approx(row["chisq.robust"], rel=1e-9)


@pytest.mark.parametrize("parameterization", ["delta", "theta"])
def test_robust_index_is_the_squared_robust_z_of_a_nearly_right_model(bfi, parameterization):
    options = {"ordered": N, "parameterization": parameterization}
    full = measure.cfa("f =~ N1 + N2 + N3 + N4 + N5\nN1 ~~ N2", bfi, **options)
    free = full.parameters.query("lhs == 'N1' and op == '~~' and rhs == 'N2'").iloc[0]
    value = free["est"] - 1e-3
    fixed = measure.cfa(f"f =~ N1 + N2 + N3 + N4 + N5\nN1 ~~ {value}*N2", bfi, **options)
    table = measure.modification_indices(fixed)
    row = table.query("lhs == 'N1' and op == '~~' and rhs == 'N2'").iloc[0]
    # The curvature is the expected one, which leaves out that of the model itself.
    assert row["epc"] == pytest.approx(1e-3, rel=2e-2)
    assert row["se"] == pytest.approx(free["se"], rel=2e-2)
    assert row["mi.robust"] == pytest.approx((1e-3 / free["se"]) ** 2, rel=4e-2)
    assert row["mi"] != pytest.approx(row["mi.robust"], rel=2e-2)


def test_what_is_free_or_follows_is_no_candidate(bfi):
    text = "f =~ N1 + N2 + N3\nA2 ~ f\nN1 | 0.1*t2"
    for parameterization, other in (("delta", "~~"), ("theta", "~*~")):
        fit = measure.sem(
            text,
            bfi,
            ordered=N[:3],
            missing="pairwise",
            parameterization=parameterization,
        )
        table = measure.modification_indices(fit)
        scales = table[(table["lhs"] == table["rhs"]) & table["op"].isin(["~~", "~*~"])]
        assert not (scales["op"] == other).any()
        assert len(table.query("op == '|'")) == 1
        thresholds = table.query("op == '|'").iloc[0]
        assert (thresholds["lhs"], thresholds["rhs"]) == ("N1", "t2")


def test_fit_lists_what_the_text_leaves_out(bfi):
    text = "f =~ 1*N1 + N2 + N3\nf ~~ f\n" + "\n".join(f"{x} | t1+t2+t3+t4+t5" for x in N[:3])
    table = measure.modification_indices(measure.fit(text, bfi, ordered=N[:3]))
    assert not ((table["lhs"] == table["rhs"]) & table["lhs"].isin(N)).any()
    assert set(table["op"]) <= {"~~", "=~", "~1"}


@pytest.mark.parametrize("information", ["observed", "first.order"])
def test_other_information_is_refused(bfi, information):
    fit = measure.cfa("f =~ N1 + a*N2 + a*N3 + N4", bfi, ordered=N[:4])
    for function in (measure.modification_indices, measure.equality_tests):
        with pytest.raises(OptionError, match="no likelihood of rows"):
            function(fit, information=information)


@pytest.mark.slow
def test_robust_score_tests_keep_their_level():
    """500 samples in which a true tie of two loadings is tested at 5 %."""
    rng = np.random.default_rng(8)
    loadings = np.array([0.8, 0.7, 0.7, 0.6])
    naive, robust = 0, 0
    for _ in range(500):
        z = rng.standard_normal((500, 1)) * loadings
        z += rng.standard_normal((500, 4)) * np.sqrt(1 - loadings**2)
        codes = (z[:, :, None] > np.array([0.3, 0.9, 1.5])).sum(axis=2)
        frame = pd.DataFrame(codes, columns=["a", "b", "c", "d"])
        fit = measure.cfa("f =~ a + k*b + k*c + d", frame, ordered=True, std_lv=True)
        row = measure.equality_tests(fit).table.iloc[0]
        naive += row["pvalue"] < 0.05
        robust += row["pvalue.robust"] < 0.05
    # Three standard errors of a share of 5 % are 2.9 %.
    assert robust / 500 == pytest.approx(0.05, abs=0.029)
    assert abs(naive / 500 - 0.05) > abs(robust / 500 - 0.05)
