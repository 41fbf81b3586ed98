"""The R code of a fit: its text, and that lavaan gives the same chi-square from it."""

import shutil
import subprocess

import pandas as pd
import pytest

import measure
from measure.errors import OptionError
from tests.measure.reference_fits import continuous, ordinal, places, reference, refit
from tests.reference_cases import ROOT, case, data

THREE = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
ITEMS = [f"x{k}" for k in range(1, 10)]
# A warning about estimates says nothing about the code.
pytestmark = [
    pytest.mark.filterwarnings("ignore::measure.errors.ImproperSolutionWarning"),
    pytest.mark.filterwarnings("ignore::measure.errors.ListwiseWarning"),
]


def has_lavaan():
    if shutil.which("Rscript") is None:
        return False
    asked = ["Rscript", "-e", "quit(status = !requireNamespace('lavaan', quietly = TRUE))"]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0


needs_lavaan = pytest.mark.skipif(not has_lavaan(), reason="R with lavaan is not installed")


@pytest.fixture(scope="module")
def hs39():
    return data("hs39.csv")


def call(code):
    """Lines of the call itself."""
    lines = code.splitlines()
    start = next(k for k, line in enumerate(lines) if line.startswith("fit <- "))
    return [line.strip().rstrip(",") for line in lines[start : lines.index(")")]]


def test_the_whole_text_of_a_plain_fit(hs39):
    wanted = f"""library(lavaan)

model <- '
{THREE}
'

fit <- cfa(
  model,
  data = data
)
summary(fit, fit.measures = TRUE, standardized = TRUE)
"""
    assert measure.cfa(THREE, hs39).to_lavaan() == wanted


@pytest.mark.parametrize(
    ("function", "options", "wanted"),
    [
        ("sem", {"estimator": "MLR"}, ['estimator = "MLR"']),
        ("cfa", {"std_lv": True, "meanstructure": True}, ["std.lv = TRUE", "meanstructure = TRUE"]),
        ("cfa", {"missing": "fiml"}, ['missing = "fiml"']),
        ("cfa", {"likelihood": "wishart"}, ['likelihood = "wishart"']),
        ("cfa", {"effect_coding": True}, ["effect.coding = TRUE"]),
        ("cfa", {"orthogonal": True, "fixed_x": False}, ["orthogonal = TRUE", "fixed.x = FALSE"]),
        (
            "cfa",
            {"se": "robust.sem", "test": "satorra.bentler", "information": "observed"},
            ['information = "observed"', 'se = "robust.sem"', 'test = "satorra.bentler"'],
        ),
        (
            "cfa",
            {
                "group": "school",
                "group_equal": ["loadings", "intercepts"],
                "group_partial": ["x3 ~1"],
            },
            [
                'group = "school"',
                'group.label = c("Pasteur", "Grant-White")',
                'group.equal = c("loadings", "intercepts")',
                'group.partial = "x3 ~1"',
            ],
        ),
        ("cfa", {"group": "sex"}, ['group = "sex"', 'group.label = c("1", "2")']),
        ("cfa", {"cluster": "agemo"}, ['cluster = "agemo"']),
    ],
)
@pytest.mark.filterwarnings("ignore::measure.errors.MeasureWarning")
def test_options_are_written_in_lavaans_words(hs39, function, options, wanted):
    code = getattr(measure, function)(THREE, hs39, **options).to_lavaan()
    assert call(code) == [f"fit <- {function}(", "model", "data = data", *wanted]


def test_clusters_take_rows_without_one_out(hs39):
    code = measure.cfa(THREE, hs39, cluster="agemo", estimator="MLR").to_lavaan()
    assert 'data <- data[!is.na(data[["agemo"]]), ]' in code.splitlines()


def test_a_full_text_is_fitted_by_lavaan_itself(hs39):
    text = "f =~ 1*x1 + x2 + x3\nf ~~ f\nx1 ~~ x1\nx2 ~~ x2\nx3 ~~ x3"
    assert call(measure.fit(text, hs39).to_lavaan())[0] == "fit <- lavaan("
    free = measure.cfa("f =~ NA*x1 + x2 + x3\nf ~~ 1*f", hs39, auto_fix_first=False)
    assert "auto.fix.first = FALSE" in call(free.to_lavaan())


def test_moments_have_places_of_their_own(hs39):
    cov, mean = hs39[ITEMS].cov(), hs39[ITEMS].mean()
    fit = measure.cfa(THREE, sample_cov=cov, sample_nobs=301)
    assert call(fit.to_lavaan())[2:] == ["sample.cov = sample_cov", "sample.nobs = 301"]
    both = {"a": cov, "b": cov}
    groups = measure.cfa(
        THREE, sample_cov=both, sample_mean={"a": mean, "b": mean}, sample_nobs={"a": 301, "b": 200}
    )
    assert call(groups.to_lavaan())[2:] == [
        "sample.cov = sample_cov",
        "sample.mean = sample_mean",
        "sample.nobs = c(301, 200)",
    ]


def test_quotes_in_the_text_stay_whole(hs39):
    text = 'f =~ x1 + x2 + equal("f=~x2")*x3 # the pupils\' items )-"\nf ~~ f'
    code = measure.cfa(text, hs39).to_lavaan()
    assert f'model <- r"--(\n{text}\n)--"' in code


def test_auxiliary_variables_are_written_out():
    frame = data("hs39_mcar.csv")
    fit = measure.cfa("f =~ x1 + x2 + x3", frame, missing="fiml", auxiliary=["ageyr", "x9"])
    code = fit.to_lavaan()
    for line in ("ageyr ~~ x1", "ageyr ~~ ageyr", "x9 ~~ ageyr", "x9 ~ 1", "x9 ~~ x3"):
        assert line in code.splitlines()
    assert "# auxiliary variables as saturated correlates; lavaan has no option for it" in code
    assert "fixed.x = FALSE" in call(code)


def test_blocks_in_another_order_than_the_groups_are_refused(hs39):
    block = "group: {}\nf =~ x1 + {}*x2 + x3\n"
    turned = block.format("Grant-White", "0.5") + block.format("Pasteur", "NA")
    with pytest.raises(OptionError, match="matches them by order"):
        measure.cfa(turned, hs39, group="school").to_lavaan()
    straight = block.format("Pasteur", "NA") + block.format("Grant-White", "0.5")
    assert "group: Pasteur" in measure.cfa(straight, hs39, group="school").to_lavaan()


def test_auxiliary_variables_beside_blocks_are_refused():
    frame = data("hs39_mcar.csv")
    block = "group: {}\nf =~ x1 + x2 + x3\n"
    text = block.format("Pasteur") + block.format("Grant-White")
    fit = measure.cfa(text, frame, group="school", missing="fiml", auxiliary=["x9"])
    with pytest.raises(OptionError, match="without blocks"):
        fit.to_lavaan()


def in_lavaan(jobs, folder):
    """Run fits (file of data, fit) by their R code, in one process; chi-square and df of each."""
    script = ["options(digits = 12)"]
    for path, fit in jobs:
        if fit.moments.rows is None:
            script += [
                f'sample_cov <- as.matrix(read.csv("{path}"))',
                "rownames(sample_cov) <- colnames(sample_cov)",
            ]
        else:
            script.append(f'data <- read.csv("{path}", na.strings = "")')
        code = fit.to_lavaan().splitlines()
        assert code[-1].startswith("summary(fit")
        script += code[:-1]
        script.append('cat("RESULT", fitMeasures(fit, c("chisq", "df")), "\\n")')
    file = folder / "fits.R"
    file.write_text("\n".join(script), encoding="utf-8")
    done = subprocess.run(
        ["Rscript", "--vanilla", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("RESULT")]
    return [tuple(map(float, line)) for line in lines]


def compare_all(jobs, folder):
    found = in_lavaan(jobs, folder)
    assert len(found) == len(jobs)
    for (path, fit), (chisq, df) in zip(jobs, found, strict=True):
        where = (path, fit.text, fit.options)
        # A saturated model leaves rounding of both.
        assert fit.test.chisq == pytest.approx(chisq, rel=1e-5, abs=1e-9), where
        assert fit.df == df, where


def reference_jobs(keep, kind_of=continuous):
    jobs = []
    for name, step in places(kind_of):
        if keep(name):
            fit = refit(reference(name, step), case(name))
            jobs.append((ROOT / "data" / case(name)["data"], fit))
    return jobs


@needs_lavaan
def test_lavaan_gives_the_same_from_the_code(tmp_path):
    quick = ("growth", "thurstone", "polidem", "exlong", "hs39_3f", "hs39_con", "hs39_school")
    jobs = reference_jobs(lambda name: any(word in name for word in quick))
    assert len(jobs) > 25
    compare_all(jobs, tmp_path)


@needs_lavaan
@pytest.mark.slow
def test_lavaan_gives_the_same_for_every_reference_case(tmp_path):
    jobs = reference_jobs(lambda name: True)
    assert len(jobs) == 97
    compare_all(jobs, tmp_path)


@needs_lavaan
def test_lavaan_gives_the_same_for_ordered_items(tmp_path):
    quick = ("1f_wls", "theta_residuals", "x_random", "mixed_theta", "blocks", "partial")
    quick += ("satorra", "groups_pairwise", "paths_chain", "groups_scales", "thresholds_text")
    jobs = reference_jobs(lambda name: any(word in name for word in quick), ordinal)
    assert len(jobs) == 13
    compare_all(jobs, tmp_path)


@needs_lavaan
@pytest.mark.slow
def test_lavaan_gives_the_same_for_every_case_of_ordered_items(tmp_path):
    jobs = reference_jobs(lambda name: True, ordinal)
    assert len(jobs) == 74
    compare_all(jobs, tmp_path)


def test_ordered_items_are_named(hs39):
    frame = data("hs39_ordered4.csv")
    text = "f =~ o4 + o5 + o6 + o7"
    fit = measure.cfa(text, frame, ordered=True, group="school", parameterization="theta")
    assert call(fit.to_lavaan())[2:] == [
        "data = data",
        'parameterization = "theta"',
        'ordered = c("o4", "o5", "o6", "o7")',
        'group = "school"',
        'group.label = c("Pasteur", "Grant-White")',
    ]
    fit = measure.cfa(text, frame, ordered=["o4"], estimator="ULSMV", missing="pairwise")
    assert call(fit.to_lavaan())[2:] == [
        "data = data",
        'estimator = "ULSMV"',
        'ordered = "o4"',
        'missing = "pairwise"',
    ]


def test_clusters_of_ordered_items_are_not_lavaans():
    frame = data("hs39_ordered4.csv")
    frame["team"] = frame["id"] % 100
    fit = measure.cfa("f =~ o4 + o5 + o6 + o7", frame, ordered=True, cluster="team")
    with pytest.raises(OptionError, match="takes no notice of clusters"):
        fit.to_lavaan()


@needs_lavaan
def test_lavaan_gives_the_same_where_it_differs_by_itself(hs39, tmp_path):
    holes, gaps = tmp_path / "holes.csv", tmp_path / "gaps.csv"
    incomplete = data("hs39_mcar.csv").dropna(subset=ITEMS, how="all")
    incomplete.to_csv(holes, index=False)
    clustered = hs39.assign(team=pd.Series(range(301)) // 7)
    clustered.loc[:4, "team"] = None
    clustered.loc[10:12, "school"] = None
    clustered.to_csv(gaps, index=False)
    fiml = {"missing": "fiml", "auxiliary": ["ageyr", "x9"]}
    six = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6"
    groups = {"group": "school", "group_equal": ["loadings", "intercepts", "residuals"]}
    bounds = "visual =~ x1 + lower(0.6)*x2 + x3; x1 ~~ upper(0.4)*x1 ! bounds"
    tied = 'visual =~ x1 + x2 + equal("visual=~x2")*x3\ntextual =~ x4 + x5 + x6'
    jobs = [
        # predictors with missing answers
        (
            holes,
            measure.sem("visual =~ x1 + x2 + x3\nvisual ~ x4 + x7", incomplete, missing="fiml"),
        ),
        (holes, measure.cfa(six, incomplete, **fiml)),
        (holes, measure.cfa(six, incomplete, **fiml, **groups)),
        (holes, measure.sem("visual =~ x1 + x2 + x3\nvisual ~ x4 + x7", incomplete, **fiml)),
        # rows without cluster or group
        (gaps, measure.cfa(six, clustered, cluster="team", estimator="MLR")),
        (gaps, measure.cfa(six, clustered, group="school", group_equal=["loadings"])),
        (gaps, measure.cfa(bounds + "\ntextual =~ x4 + x5 + x6", hs39)),
        (gaps, measure.cfa(tied, hs39)),
    ]
    compare_all(jobs, tmp_path)
