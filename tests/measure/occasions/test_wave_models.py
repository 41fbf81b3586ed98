"""The text of a model of several waves: the models of semTools, and what is refused."""

import numpy as np
import pytest

import measure
from measure.errors import ModelError, OptionError
from measure.occasions.occasions import Layout
from measure.occasions.wave_fits import Fitting, design
from measure.occasions.wave_models import wave_model
from tests.reference_cases import case, data

MODEL = "f =~ y1 + y2 + y3"
WAVES = {wave: f"{{item}}t{wave}" for wave in (1, 2, 3)}
COLUMNS = [{f"y{k}": f"y{k}t{wave}" for k in (1, 2, 3)} for wave in (1, 2, 3)]

# tests/reference/generate/43_longitudinal_ordered.R: npar, df, chisq, chisq.scaled, and the
# difference to the step before (satorra.2000).
ORDERED = {
    "configural": (48, 15, 6.853733, 13.798252, None),
    "thresholds": (42, 21, 8.105887, 17.517363, 3.116965),
    "metric": (38, 25, 8.803042, 18.298947, 1.111732),
    "scalar": (34, 29, 15.729684, 29.152800, 9.865079),
    "strict": (28, 35, 22.248262, 37.806185, 8.291541),
}


@pytest.fixture(scope="module")
def exlong():
    return data("exlong.csv")


@pytest.fixture(scope="module")
def cut(exlong):
    items = [name for name in exlong.columns if name.startswith("y")]
    codes = np.digitize(exlong[items], [-0.2, 0.6, 1.6], right=True) + 1
    return exlong.assign(**{name: codes[:, k] for k, name in enumerate(items)})


@pytest.mark.parametrize("parameterization", ["theta", "delta"])
def test_ordered_steps_are_those_of_semtools(cut, parameterization):
    own = design(
        MODEL,
        cut,
        Layout(waves=WAVES),
        Fitting(ordered=True, parameterization=parameterization),
    )
    before = None
    steps = [step for step in ORDERED if step in own.steps]
    assert ("strict" in steps) == (parameterization == "theta")
    for step in steps:
        npar, df, chisq, scaled, difference = ORDERED[step]
        fit = own.fit(step)
        found = fit.fit_measures
        assert (found["npar"], found["df"]) == (npar, df)
        # The optimiser of lavaan stops early: 1e-5.
        assert found["chisq"] == pytest.approx(chisq, abs=1e-5)
        assert found["chisq.scaled"] == pytest.approx(scaled, abs=1e-5)
        if before is not None:
            test = measure.compare(fit, before)["chisq_diff"].iloc[0]
            assert test == pytest.approx(difference, abs=1e-5)
        if step == "scalar":
            means = fit.parameters.query("op == '~1' and free").set_index("lhs")
            assert means.loc[["f.w2", "f.w3"], "est"].tolist() == pytest.approx(
                [0.479392, 1.127507], abs=2e-6
            )
            assert means.loc[["f.w2", "f.w3"], "se"].tolist() == pytest.approx(
                [0.083849, 0.132042], abs=2e-6
            )
        before = fit


def test_the_reference_case_has_the_same_parameters(exlong):
    steps = {step["step"]: step for step in case("inv_exlong_longitudinal_ml")["steps"]}
    fit = measure.fit(wave_model(MODEL, COLUMNS, step="scalar"), exlong)
    mine = fit.parameters.query("op == '~1' and lhs == 'f.w3'").iloc[0]
    theirs = next(
        row for row in steps["scalar"]["parameters"] if (row["lhs"], row["op"]) == ("f_t3", "~1")
    )
    assert mine["est"] == pytest.approx(theirs["est"], abs=1e-6)
    assert mine["se"] == pytest.approx(theirs["se"], abs=1e-6)


def test_parameters_that_differ_take_away_as_many_degrees_of_freedom(cut):
    own = design(MODEL, cut, Layout(waves=WAVES), Fitting(ordered=True))
    whole = own.fit("scalar").df
    for partial in (["y2 ~1"], ["f =~ y3"], ["y1 | t2"], ["y1 | t2", "y2 ~ 1"]):
        assert own.fit("scalar", partial=partial).df == whole - 2 * len(partial)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("f =~ y1 + y2\ng =~ f + y3", "factors of factors"),
        ("f =~ y1 + a*y2 + y3", "fixed or labelled"),
        ("f =~ y1 + y2 + y3\ny1 ~ y2", "loadings .* alone"),
        ("f =~ y1 + y2 + y3\nf ~~ y2", "loadings .* alone"),
        ("f =~ y1 + y2 + y3\na == b", "constraints"),
        ("y1 ~~ y2", "measures nothing"),
        ("f =~ y1 + y2 + y3\ny1 ~~ z", "z: not an item"),
    ],
)
def test_what_is_more_than_a_measurement_model_is_refused(model, message):
    with pytest.raises(ModelError, match=message):
        wave_model(model, COLUMNS)


def test_steps_without_meaning_are_refused():
    binary = dict.fromkeys(("y1", "y2", "y3"), 1)
    with pytest.raises(OptionError, match="can only be tested together"):
        wave_model(MODEL, COLUMNS, step="metric", thresholds=binary)
    with pytest.raises(OptionError, match='Choose parameterization="theta"'):
        wave_model(MODEL, COLUMNS, step="strict", thresholds={"y1": 3})
    with pytest.raises(OptionError, match="the ladder has configural, metric"):
        wave_model(MODEL, COLUMNS, step="thresholds")
    with pytest.raises(OptionError, match="names no parameter of the model"):
        wave_model(MODEL, COLUMNS, step="scalar", partial=["y1t1 ~1"])
    with pytest.raises(OptionError, match='no anchor left: "y1" has 3 thresholds'):
        wave_model(
            MODEL,
            COLUMNS,
            step="scalar",
            thresholds=dict.fromkeys(("y1", "y2", "y3"), 3),
            partial=["y1 | t1", "y1 | t2"],
        )


def test_items_with_two_categories_go_from_configural_to_scalar(exlong):
    items = [name for name in exlong.columns if name.startswith("y")]
    binary = exlong.assign(**{name: (exlong[name] > 0.5).astype(int) for name in items})
    own = design(MODEL, binary, Layout(waves=WAVES), Fitting(ordered=True))
    assert own.steps == ("configural", "scalar")
    assert [own.fit(step).df for step in own.steps] == [15, 17]
