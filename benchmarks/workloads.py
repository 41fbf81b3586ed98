"""What is timed: ours and, under the same name, what each peer offers for the same question.

The clock of a workload stops when the results that a user reads have been read. Each run gets a
fresh copy of its data, and nothing is cached between runs.
"""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import pandas as pd

import measure
from benchmarks import twolevel

DATA = Path(__file__).parents[1] / "tests" / "reference" / "data"
THREE = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
FIVE = "\n".join(f"{f} =~ " + " + ".join(f"{f}{k}" for k in range(1, 6)) for f in "ACENO")
# 24 items: without the last of openness.
LADDER = FIVE.removesuffix(" + O5")
REPLICATES = 1000
# Respondents among whom groups are permuted.
PERMUTED = 1800
SCALAR = ("loadings", "intercepts")
LEADERSHIP = [f"LEAD{k:02d}" for k in range(1, 12)]

Workload = Callable[[], object]


def _frames() -> dict[str, pd.DataFrame]:
    bfi = pd.read_csv(DATA / "bfi.csv")
    return {
        "hs39": pd.read_csv(DATA / "hs39.csv"),
        "bfi": bfi,
        "items": bfi.iloc[:, :25].dropna().reset_index(drop=True),
        "permuted": bfi.iloc[:, [*range(24), 25]].dropna().iloc[:PERMUTED],
        "lq": pd.read_csv(DATA / "lq2002.csv"),
    }


def _read(fit: measure.Fit) -> tuple[pd.DataFrame, pd.Series]:
    return fit.parameters, fit.fit_measures


def _correlations(data: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    found = measure.polychoric(data)
    return found.correlations, found.thresholds


def _ladder(data: pd.DataFrame, **options: object) -> tuple[pd.DataFrame, list[object]]:
    found = measure.measurement_invariance(LADDER, data, group="gender", **options)  # type: ignore[arg-type]
    return found.table, [_read(fit) for fit in found.fits.values()]


def _permuted(data: pd.DataFrame, **options: object) -> pd.DataFrame:
    return measure.permute_invariance(
        LADDER,
        data,
        group="gender",
        step="metric",
        n=REPLICATES,
        seed=1,
        workers=2,
        **options,  # type: ignore[arg-type]
    ).table


def ours() -> Mapping[str, Workload]:
    """Workloads of this package by name."""
    frame = _frames()
    items, lq = frame["items"], frame["lq"]
    # Drawn once, where it is asked for.
    large = cache(twolevel.simulated)
    return {
        "hs39_ml": lambda: _read(measure.cfa(THREE, frame["hs39"].copy())),
        "bfi_ml": lambda: _read(measure.cfa(FIVE, frame["bfi"].copy(), std_lv=True)),
        "hs39_mlr": lambda: _read(measure.cfa(THREE, frame["hs39"].copy(), estimator="MLR")),
        "hs39_mlmv": lambda: _read(measure.cfa(THREE, frame["hs39"].copy(), estimator="MLMV")),
        "hs39_scalar": lambda: _read(
            measure.cfa(THREE, frame["hs39"].copy(), group="school", group_equal=SCALAR)
        ),
        "bfi_fiml_mlr": lambda: _read(
            measure.cfa(FIVE, frame["bfi"].copy(), std_lv=True, estimator="MLR", missing="fiml")
        ),
        "bfi_wlsmv": lambda: _read(
            measure.cfa(FIVE, frame["bfi"].copy(), std_lv=True, ordered=True)
        ),
        "ladder": lambda: _ladder(frame["bfi"].copy()),
        "ladder_ordinal": lambda: _ladder(
            frame["bfi"].copy(), ordered=True, parameterization="theta"
        ),
        "permute": lambda: _permuted(frame["permuted"].copy()),
        "permute_ordinal": lambda: _permuted(
            frame["permuted"].copy(), ordered=True, parameterization="theta"
        ),
        "hs39_bootstrap": lambda: (
            measure.bootstrap(
                measure.cfa(THREE, frame["hs39"]), frame["hs39"], n=REPLICATES, seed=1
            ).parameters
        ),
        "polychoric": lambda: _correlations(items.copy()),
        "polychoric_gamma": lambda: measure.polychoric(items.copy()).covariance,
        "alpha": lambda: measure.cronbach_alpha(items.iloc[:, :5].copy()),
        # One factor, fitted again to 1,000 samples.
        "omega_bootstrap": lambda: measure.omega_total(
            items.iloc[:, :5].copy(), interval="bca", n_samples=REPLICATES, seed=1
        ),
        "omega_hierarchical": lambda: measure.omega_hierarchical(
            items.iloc[:, :15].copy(), n_factors=3
        ),
        "split_half": lambda: measure.split_half(items.iloc[:, :10].copy()),
        "kmo": lambda: measure.sampling_adequacy(items.copy()),
        "efa": lambda: (
            measure.efa(items.copy(), 5, rotation="oblimin", n_starts=100, seed=1).loadings
        ),
        "parallel": lambda: measure.factor_retention(items.copy(), n_draws=100, seed=1),
        "parallel_polychoric": lambda: measure.factor_retention(
            items.copy(), correlation="polychoric", n_draws=100, seed=1
        ),
        "parallel_1000": lambda: measure.factor_retention(items.copy(), n_draws=1000, seed=1),
        "retention_all": lambda: measure.factor_retention(
            items.copy(), criteria="all", max_factors=8, n_draws=500, seed=1
        ),
        "twolevel_lq2002": lambda: twolevel.fit(twolevel.CLIMATE, lq.copy(), "COMPID"),
        "twolevel_large": lambda: twolevel.fit(twolevel.model(), large(), "cluster"),
        "icc": lambda: measure.icc(lq.copy(), LEADERSHIP, cluster="COMPID"),
        "agreement": lambda: measure.agreement(
            lq.copy(), LEADERSHIP, cluster="COMPID", scale=(1, 5)
        ),
    }


def semopy() -> Mapping[str, Workload]:
    """Workloads of semopy: fit, standardised estimates and fit statistics."""
    import semopy as peer

    frame = _frames()

    def run(text: str, data: pd.DataFrame) -> object:
        model = peer.Model(text)
        model.fit(data)
        return model.inspect(std_est=True), peer.calc_stats(model)

    # semopy takes rows with gaps into its estimation; it is given the complete ones.
    return {
        "hs39_ml": lambda: run(THREE, frame["hs39"].copy()),
        "bfi_ml": lambda: run(FIVE, frame["items"].copy()),
    }


def pingouin() -> Mapping[str, Workload]:
    """Workloads of pingouin."""
    import pingouin as peer

    items = _frames()["items"]
    return {"alpha": lambda: peer.cronbach_alpha(items.iloc[:, :5].copy())}


def factor_analyzer() -> Mapping[str, Workload]:
    """Workloads of factor_analyzer. Its `fit` fails with current scikit-learn, so no `efa`."""
    from factor_analyzer.factor_analyzer import calculate_bartlett_sphericity, calculate_kmo

    items = _frames()["items"]

    def adequacy() -> object:
        data = items.copy()
        return calculate_kmo(data), calculate_bartlett_sphericity(data)

    return {"kmo": adequacy}


# Limits in seconds of workloads that no peer is compared in.
LIMITS = {
    "parallel_1000": 0.5,
    "retention_all": 5.0,
    "permute": 60.0,
    "permute_ordinal": 300.0,
    "twolevel_large": 5.0,
}
# Workloads that are told by the draw: ours of the workload, and the matrices that the peer
# estimates in it. psych needs seconds for one, and estimates that of the data too.
DRAWS = {"parallel_polychoric": (100, 4)}
PEERS = {"semopy": semopy, "pingouin": pingouin, "factor_analyzer": factor_analyzer}
R_PEERS = {
    "lavaan": (
        "hs39_ml",
        "bfi_ml",
        "hs39_mlr",
        "hs39_mlmv",
        "hs39_scalar",
        "bfi_fiml_mlr",
        "bfi_wlsmv",
        "ladder",
        "ladder_ordinal",
        "hs39_bootstrap",
        "twolevel_lq2002",
        "polychoric",
        "polychoric_gamma",
    ),
    "psych": (
        "polychoric",
        "alpha",
        "omega_bootstrap",
        "omega_hierarchical",
        "split_half",
        "kmo",
        "efa",
        "parallel",
        "parallel_polychoric",
    ),
    "multilevel": ("icc", "agreement"),
}
