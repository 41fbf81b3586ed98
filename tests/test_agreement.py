"""The tables of `docs/agreement` are those that the code of today gives."""

import pandas as pd
import pytest

from tests import agreement

# One cheap case of nearly every kind; `make agreement` computes all of them.
CASES = (
    "agreement_cohesion",
    "cfa_hs39_3f",
    "cfa_hs39binary_wlsmv",
    "efa_thurstone_minres_oblimin",
    "graded_lsat7",
    "icc_lq2002_items",
    "inv_hs39_sex_mlr",
    "mixed_lq2002_lead_ml",
    "rel_hs39_alpha",
    "rel_hs39_semtools",
    "retention_reise",
    "tetrachoric_hs39binary_lavcor",
    "twolevel_demo_mlr",
)
# Differences below this are noise that another machine makes otherwise.
NOISE = 1e-9


@pytest.fixture(scope="module")
def tabled():
    return pd.read_csv(agreement.FOLDER / "cases.csv")


def test_the_table_has_every_case(tabled):
    cases = {name for _, _, names, _ in agreement.KINDS for name in names}
    assert set(tabled["case"]) == cases - {"twolevel_groups_tied"}
    assert (tabled["largest difference"] <= tabled["tolerance"]).all()
    assert (tabled["numbers"] > 0).all()


def test_the_summary_is_that_of_the_table(tabled):
    expected = agreement.shown(agreement.summary(tabled))
    found = pd.read_csv(agreement.FOLDER / "summary.csv", dtype={"largest difference": str})
    for column in ("what", "engine", "quantity", "cases", "numbers"):
        assert found[column].tolist() == expected[column].tolist()
    assert found["largest difference"].tolist() == expected["largest difference"].tolist()


@pytest.mark.filterwarnings("ignore::measure.errors.MeasureWarning")
def test_computed_anew_the_numbers_lie_as_near(tabled):
    found = agreement.table(lambda name: name in CASES)
    assert set(found["case"]) == set(CASES)
    keys = ["case", "quantity"]
    both = tabled[tabled["case"].isin(CASES)].merge(
        found, on=keys, suffixes=("", ".now"), validate="one_to_one"
    )
    assert len(both) == len(found)
    assert both["numbers"].tolist() == both["numbers.now"].tolist()
    then, now = both["largest difference"], both["largest difference.now"]
    assert (now <= both["tolerance"]).all()
    # As near as the table says, in order of magnitude.
    assert ((now <= 10 * then) | (now <= NOISE)).all()
    assert ((then <= 10 * now) | (then <= NOISE)).all()
