import numpy as np
import pandas as pd
import pytest

from measure.errors import DataError, OptionError
from measure.exploration.adequacy import bartlett_sphericity, sampling_adequacy
from tests.measure.ledger import ADEQUACY, unaccounted
from tests.reference_cases import case, data, matrix


def adequacy_of(reference):
    table, options = data(reference["data"]), reference["options"]
    if options["input"] == "raw":
        kind = options.get("correlation", "pearson")
        return sampling_adequacy(table[options["variables"]], correlation=kind)
    return sampling_adequacy(table, n_obs=options["sample_nobs"])


@pytest.mark.parametrize("name", ADEQUACY)
def test_reference(name):
    reference = case(name)
    expected = reference["results"]
    found = adequacy_of(reference)
    # lavCor's search for a correlation ends within about 1e-6.
    close = 1e-7 if found.correlation == "pearson" else 1e-5
    assert found.n_obs == reference["nobs"]
    assert found.kmo == pytest.approx(expected["kmo_overall"], abs=close)
    assert found.kmo_items.to_dict() == pytest.approx(expected["kmo_items"], abs=close)
    if found.correlation == "pearson":
        assert found.bartlett_chisq == pytest.approx(expected["bartlett_chisq"], rel=1e-7)
        assert found.pvalue == pytest.approx(expected["bartlett_pvalue"], abs=1e-7)
    else:
        assert np.isnan([found.bartlett_chisq, found.pvalue]).all()
        assert "Bartlett's test of sphericity is left out" in found.notes[-1]
    assert found.df == expected["bartlett_df"]
    assert found.smc.to_dict() == pytest.approx(expected["smc"], abs=close)
    anti_image = matrix(expected["anti_image"])
    assert list(found.anti_image.columns) == list(anti_image.columns)
    np.testing.assert_allclose(found.anti_image, anti_image, atol=close)
    assert found.determinant == pytest.approx(expected["determinant"], rel=100 * close)
    compared = {
        "kmo_overall",
        "kmo_items",
        "bartlett_chisq",
        "bartlett_df",
        "bartlett_pvalue",
        "smc",
        "anti_image",
        "determinant",
    }
    assert not unaccounted(expected, compared)


def test_raw_data_and_their_matrix_give_the_same():
    raw = data("hs39.csv")[[f"x{i}" for i in range(1, 10)]]
    from_raw, from_matrix = sampling_adequacy(raw), sampling_adequacy(raw.corr(), n_obs=301)
    assert from_raw.kmo == pytest.approx(from_matrix.kmo, abs=1e-12)
    assert from_raw.bartlett_chisq == pytest.approx(from_matrix.bartlett_chisq, abs=1e-9)


def test_many_items_neither_warn_nor_underflow():
    # 60 items: the determinant is about 1e-30, where factor_analyzer turns to a pseudo-inverse.
    rng = np.random.default_rng(1)
    common = rng.normal(size=(400, 1))
    R = np.corrcoef(common + 0.7 * rng.normal(size=(400, 60)), rowvar=False)
    found = sampling_adequacy(pd.DataFrame(R, columns=[f"q{i}" for i in range(60)]), n_obs=400)
    inverse = np.linalg.inv(R)
    partial = inverse / np.sqrt(np.outer(np.diag(inverse), np.diag(inverse)))
    off = ~np.eye(60, dtype=bool)
    expected = (R[off] ** 2).sum() / ((R[off] ** 2).sum() + (partial[off] ** 2).sum())
    assert found.kmo == pytest.approx(expected, abs=1e-10)
    assert np.isfinite(bartlett_sphericity(R, 400)[0])


def test_incomplete_rows_are_counted():
    raw = data("bfi.csv")[["A1", "A2", "A3"]]
    found = sampling_adequacy(raw)
    assert found.n_obs + found.n_dropped == len(raw)
    assert found.n_obs == len(raw.dropna())


def test_display():
    text = repr(sampling_adequacy(data("hs39.csv")[["x1", "x2", "x3"]]))
    assert "KMO" in text
    assert "x3" in text
    assert "<table" in sampling_adequacy(data("hs39.csv")[["x1", "x2", "x3"]])._repr_html_()


def test_errors():
    raw = data("hs39.csv")[["x1", "x2", "x3"]]
    with pytest.raises(OptionError, match="Give n_obs"):
        sampling_adequacy(raw.corr())
    with pytest.raises(DataError, match="should be a correlation matrix"):
        sampling_adequacy(raw, n_obs=301)
    with pytest.raises(DataError, match='"x1" and "copy" correlate perfectly'):
        sampling_adequacy(raw.assign(copy=raw["x1"]))
    with pytest.raises(DataError, match="1 item given, at least 2"):
        sampling_adequacy(raw[["x1"]])
