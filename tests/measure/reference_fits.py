"""Fit the models of the reference cases as their options say."""

import warnings

import measure
from measure.errors import ImproperSolutionWarning, ListwiseWarning
from tests.reference_cases import case, cases, data

OPTIONS = (
    *("estimator", "missing", "std_lv", "meanstructure", "orthogonal", "likelihood"),
    *("effect_coding", "se", "test", "group", "group_equal", "group_partial", "cluster"),
    *("information", "fixed_x", "ordered", "parameterization"),
)
ENTRY = {"lavaan": "fit"}


def continuous(kind):
    return [c["id"] for c in cases(kind) if not c["options"].get("ordered")]


def ordinal(kind):
    return [c["id"] for c in cases(kind) if c["options"].get("ordered")]


def places(kind_of):
    """Give (case, step) of every model; of a case of one model the step is None."""
    models = [(name, None) for name in kind_of("cfa")]
    return models + [(n, s["step"]) for n in kind_of("invariance") for s in case(n)["steps"]]


def reference(name, step=None):
    content = case(name)
    if step is None:
        return content
    return next(one for one in content["steps"] if one["step"] == step)


def refit(reference, common):
    """Fit the model of a case, or of one step of it, as its options say."""
    options = common["options"] | reference["options"]
    arguments = {name: options[name] for name in OPTIONS if name in options}
    frame = data(common["data"])
    if options["input"] != "raw":
        arguments |= {"sample_cov": frame, "sample_nobs": options["sample_nobs"]}
        frame = None
    function = ENTRY.get(options["function"], options["function"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ListwiseWarning)
        warnings.simplefilter("ignore", ImproperSolutionWarning)
        return getattr(measure, function)(reference["model"], frame, **arguments)
