"""What Sphinx makes of these pages: `make docs` builds them, and refuses what is broken.

Nothing is fetched, neither to build the pages nor to read them: formulas are MathML, fonts are
those of the reader's system, and `offline` reads the finished pages to see that it stays so.
"""

import sys
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_ext")]

import measure  # noqa: E402  (found by the line above)

project = "Kobling"
author = "Kobling"
language = "en"
exclude_patterns = ["_ext", "_templates"]
templates_path = ["_templates"]

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "mathml",
    "offline",
    "outside",
    "page_language",
    "worked_examples",
]

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
math_number_all = False

# Docstrings name code in single backticks.
default_role = "code"
autosummary_generate = True
# Not every file system tells `Fit` from `fit`.
autosummary_filename_map = {
    f"measure.{name}": f"measure.{name}-class" for name in measure.__all__ if name[0].isupper()
}
autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
python_maximum_signature_line_length = 70
add_module_names = False
toc_object_entries = False

html_theme = "pydata_sphinx_theme"
html_title = "Kobling"
html_static_path = ["_static"]
html_css_files = ["kobling.css"]
html_show_sourcelink = False
html_show_sphinx = False
html_copy_source = False
html_theme_options = {
    "navbar_align": "left",
    "header_links_before_dropdown": 8,
    "navbar_end": ["theme-switcher"],
    # Not beside agreement and calibration, whose wide tables need the room.
    "secondary_sidebar_items": {
        pages: ["page-toc"]
        for pages in ("*", "tutorials/*", "sections/*", "howto/*", "reference/**", "project/*")
    },
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_prev_next": True,
    "collapse_navigation": True,
    "navigation_depth": 2,
    "show_toc_level": 2,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}

MADE_BY_USERS = {
    "Asked",
    "Careless",
    "Claim",
    "ClusterReliability",
    "Clusters",
    "Estimated",
    "Execution",
    "Fits",
    "Forms",
    "GainDifference",
    "Holes",
    "InvarianceStep",
    "LatentDifference",
    "Omitted",
    "OmegaAbove",
    "Stability",
    "Study",
    "Wedge",
    "WedgeEffect",
}
"""All other classes are results, which functions make."""


def without_arguments(app: Sphinx, what: str, name: str, *_: object) -> tuple[str, None] | None:
    """Leave out the arguments by which a result is made."""
    if what == "class" and name.rpartition(".")[2] not in MADE_BY_USERS:
        return "", None
    return None


def setup(app: Sphinx) -> None:
    """Tell Sphinx of the above."""
    app.connect("autodoc-process-signature", without_arguments)
