"""The rooms of the house: imports point down only, and the lowest is light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent
STANDARD = set(sys.stdlib_module_names)
ALLOWED = {
    "measure": {"numpy", "scipy", "pandas", "lazy_loader", "measure"},
    "instruments": {"pydantic", "pandas", "instruments"},
    "analyses": {
        "analyses",
        "instruments",
        "measure",
        "numpy",
        "pandas",
        "altair",
        "docx",
        "jinja2",
        "markupsafe",
        "openpyxl",
        "pyarrow",
        "pyreadstat",
        "rich",
        "typer",
        "typst",
        "vl_convert",
        "xlsxwriter",
    },
}
# The field's own libraries, each used in one file that the others call.
LIBRARIES = {
    "measure/exploration/adequacy.py": {"factor_analyzer"},
    "measure/levels/classical.py": {"pingouin"},
    "measure/evaluation/semopy_opinion.py": {"semopy"},
    "measure/replication/checkpoints.py": {"joblib"},
    "measure/replication/dask_cluster.py": {"distributed", "threadpoolctl"},
    "measure/replication/workers.py": {"threadpoolctl"},
    "measure/storage/stored_answers.py": {"pyarrow"},
    "measure/threads.py": {"threadpoolctl"},
    "measure/questions/irt.py": {"mirt"},
    "measure/attention/careless.py": {"ier"},
}
# The pages are Streamlit's, and what serves them Starlette's; nothing else knows either.
SHOWING, SHOWS = "analyses/showing/", {"streamlit", "starlette"}
HEAVY = {
    "altair",
    "factor_analyzer",
    "jinja2",
    "matplotlib",
    "openpyxl",
    "pingouin",
    "plotly",
    "pyarrow",
    "pydantic",
    "rich",
    "seaborn",
    "semopy",
    "sklearn",
    "statsmodels",
    "streamlit",
    "typer",
    "typst",
    "vl_convert",
    "xlsxwriter",
}


def _imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            found.add((node.module or "").split(".")[0])
    return found - STANDARD


def _files() -> list[Path]:
    return sorted(path for room in ALLOWED for path in (HOUSE / room).rglob("*.py"))


@pytest.mark.parametrize("path", _files(), ids=lambda path: str(path.relative_to(HOUSE)))
def test_a_file_imports_only_what_its_room_may(path):
    place = path.relative_to(HOUSE).as_posix()
    allowed = ALLOWED[place.split("/")[0]] | LIBRARIES.get(place, set())
    if place.startswith(SHOWING):
        allowed |= SHOWS
    assert _imported(path) <= allowed


def test_the_dashboard_shows_and_does_not_compute():
    assert _imported(HOUSE / "dashboard.py") == {"analyses"}
    for path in (HOUSE / SHOWING).glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        measuring = {name for name in modules if name and name.startswith("measure")}
        assert measuring <= {"measure.errors"}, path.name
        assert not _imported(path) & {"numpy", "scipy", "pandas"}, path.name


def test_only_the_faces_know_formats():
    faces = {f"analyses/{name}.py" for name in ("figures", "output", "cli", "script")}
    rooms = (
        *(f"analyses/{name}/" for name in ("charts", "commands", "export", "fielding")),
        SHOWING,
    )
    for path in sorted((HOUSE / "analyses").rglob("*.py")):
        place = path.relative_to(HOUSE).as_posix()
        if place in faces or place.startswith(rooms):
            continue
        drawing = {"altair", "docx", "jinja2", "typst", "vl_convert", "xlsxwriter", "rich", "typer"}
        assert not _imported(path) & drawing, place


def _loaded(module: str, then: str = "pass") -> set[str]:
    code = f"import sys, {module}; {then}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=HOUSE, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_importing_measure_loads_no_plotting_web_or_report_library():
    # pandas itself loads pyarrow where it is installed, with or without us.
    every_name = "[getattr(measure, name) for name in measure.__all__]"
    assert _loaded("measure", every_name) & HEAVY <= _loaded("pandas") & HEAVY


def test_importing_measure_loads_nothing_until_it_is_used():
    assert not _loaded("measure") & {"pandas", "numpy", "scipy"}


def test_help_and_refusals_load_no_drawing_or_statistics_library():
    light = {"altair", "factor_analyzer", "pingouin", "sklearn", "streamlit", "typst", "vl_convert"}
    assert not _loaded("analyses.cli") & light
