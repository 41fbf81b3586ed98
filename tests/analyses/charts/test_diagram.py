import warnings
from dataclasses import replace
from functools import cache
from itertools import combinations
from xml.etree import ElementTree

import pytest

import measure
from analyses import confirmatory, figures
from analyses.charts import diagram, plotting
from analyses.charts.layout import Path, roles
from analyses.charts.marks import lay_out
from analyses.charts.routing import Layout
from analyses.modelling.structure import structure
from analyses.section import Hidden, Message, Text
from analyses.wording import words
from measure.errors import MeasureWarning, OptionError
from tests.analyses.demonstrations import NAMES, fits, instrument, survey
from tests.reference_cases import data

SVG = "{http://www.w3.org/2000/svg}"
HS = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9\n"
DEMOCRACY = """
    ind60 =~ x1 + x2 + x3
    dem60 =~ y1 + y2 + y3 + y4
    dem65 =~ y5 + y6 + y7 + y8
    dem60 ~ ind60
    dem65 ~ ind60 + dem60
    y1 ~~ y5
    y2 ~~ y4 + y6
    y3 ~~ y7
    y4 ~~ y8
    y6 ~~ y8
"""
BFI = "\n".join(f"{f} =~ " + " + ".join(f"{f}{k}" for k in range(1, 6)) for f in "ACENO")
MODELS = {
    "three_by_three": (HS, "hs39.csv", {}),
    "five_by_five_with_negatives": (BFI, "bfi.csv", {}),
    "second_order": (HS + "g =~ visual + textual + speed", "hs39.csv", {}),
    "bifactor": (
        HS + "general =~ " + " + ".join(f"x{k}" for k in range(1, 10)),
        "hs39.csv",
        {"std_lv": True, "orthogonal": True},
    ),
    "latent_mediation": (HS + "speed ~ textual + visual\ntextual ~ visual", "hs39.csv", {}),
    "observed_mediation": ("x9 ~ b*x7 + x1\nx7 ~ a*x1\nab := a*b", "hs39.csv", {}),
    "democracy": (DEMOCRACY, "political_democracy.csv", {}),
    "predictors": ("visual =~ x1 + x2 + x3\nvisual ~ x7 + x8 + ageyr", "hs39.csv", {}),
    "cross_loadings": (HS + "visual =~ x7 + x9", "hs39.csv", {}),
}


@cache
def fitted(name: str) -> measure.Fit:
    text, source, options = MODELS[name]
    function = measure.sem if " ~ " in text else measure.cfa
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MeasureWarning)
        return function(text, data(source), **options)


def drawn(fit: measure.Fit) -> diagram.Drawing:
    (drawing,) = diagram.drawings(fit, Message("diagram.fit"))
    return drawing


def laid_out(name: str, language: str = "en") -> Layout:
    drawing = drawn(fitted(name))
    return lay_out(drawing.figure, drawing.table, words(language))


def nothing_overlaps(layout: Layout) -> None:
    for one, other in combinations(layout.nodes.values(), 2):
        assert not one.box.meets(other.box), (one.name, other.name)
    for routed in layout.paths:
        for node in layout.nodes.values():
            assert not routed.label_box.meets(node.box), (routed.path, node.name)
            if node.name not in (routed.path.start, routed.path.end):
                assert node.box.count(routed.curve.points) == 0, (routed.path, node.name)
    for one, other in combinations(layout.paths, 2):
        assert not one.label_box.meets(other.label_box), (one.path, other.path)
    boxes = [node.box for node in layout.nodes.values()]
    boxes += [routed.label_box for routed in layout.paths]
    assert all(box.left >= 0 and box.top >= 0 for box in boxes)
    assert all(box.right <= layout.width and box.bottom <= layout.height for box in boxes)


@pytest.mark.parametrize("language", ["da", "en"])
@pytest.mark.parametrize("name", [name for name in MODELS if name != "cross_loadings"])
def test_nothing_overlaps(name: str, language: str) -> None:
    nothing_overlaps(laid_out(name, language))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_overlaps_in_the_models_of_the_instruments(name: str) -> None:
    for entry in fits(name).values():
        # Of exploratory blocks every item goes with every factor: reports table them.
        if entry.usable is None or structure(entry.model).blocks:
            continue
        drawing = drawn(entry.usable)
        layout = lay_out(drawing.figure, drawing.table, words("da"))
        boxes = [routed.label_box for routed in layout.paths]
        assert not any(one.meets(other) for one, other in combinations(boxes, 2)), entry.model.id


def test_a_crossing_loading_leaves_every_number_readable() -> None:
    boxes = [routed.label_box for routed in laid_out("cross_loadings").paths]
    assert not any(one.meets(other) for one, other in combinations(boxes, 2))


def test_items_stand_in_one_column_beside_their_factors() -> None:
    layout = laid_out("three_by_three")
    assert len({layout.nodes[f"x{k}"].x for k in range(1, 10)}) == 1
    assert [layout.nodes[f"x{k}"].y for k in range(1, 10)] == sorted(
        layout.nodes[f"x{k}"].y for k in range(1, 10)
    )
    assert layout.nodes["textual"].y == pytest.approx(layout.nodes["x5"].y)
    assert layout.nodes["textual"].x < layout.nodes["x5"].x
    assert {node.name for node in layout.nodes.values() if node.latent} == {
        "visual",
        "textual",
        "speed",
    }


def test_layers_follow_the_structural_part() -> None:
    democracy = laid_out("democracy").nodes
    assert democracy["ind60"].x < democracy["dem60"].x < democracy["dem65"].x
    second = laid_out("second_order").nodes
    assert second["g"].x < second["visual"].x < second["x1"].x
    mediation = laid_out("observed_mediation").nodes
    assert mediation["x1"].x < mediation["x7"].x < mediation["x9"].x


def test_a_general_factor_stands_across_from_the_specific_ones() -> None:
    nodes = laid_out("bifactor").nodes
    assert nodes["visual"].x < nodes["x1"].x < nodes["general"].x


def test_an_item_stands_beside_the_factor_that_it_says_most_about() -> None:
    paths = [
        Path("loading", "a", "x1", "", 0.7),
        Path("loading", "a", "x2", "", -0.2),
        Path("loading", "b", "x2", "", -0.6),
        Path("loading", "b", "x3", "", 0.5),
    ]
    assert roles(paths).beside == {"x1": "a", "x2": "b", "x3": "b"}


def test_variables_that_lead_to_each_other_stand_in_one_column() -> None:
    both = [Path("regression", "a", "b", ""), Path("regression", "b", "a", "")]
    assert set(roles(both).columns.values()) == {0}


def test_only_covariances_have_two_heads() -> None:
    for routed in laid_out("democracy").paths:
        assert routed.double == (routed.path.kind == "covariance")


@pytest.mark.parametrize("name", MODELS)
def test_the_table_holds_the_standardised_solution(name: str) -> None:
    fit = fitted(name)
    table = drawn(fit).table
    solution = measure.standardized(fit)
    free = fit.parameters["free"].to_numpy()
    expected = {
        (row["rhs"], row["lhs"]) if row["op"] == "~" else (row["lhs"], row["rhs"]): row
        for (_, row), is_free in zip(solution.iterrows(), free, strict=True)
        if is_free and row["op"] in diagram.KINDS and row["lhs"] != row["rhs"]
    }
    found = {(row[0], row[2]): row for row in table.rows}
    assert set(expected) <= set(found)
    for pair, row in expected.items():
        start, _, end, estimate, lower, upper, fixed = found[pair]
        assert (start, end) == pair
        assert estimate == pytest.approx(row["est.std"])
        assert (lower, upper) == pytest.approx((row["ci.lower"], row["ci.upper"]))
        assert fixed == Message("diagram.free")


def test_fixed_paths_are_dashed_and_those_at_zero_left_out() -> None:
    fixed = [routed.path for routed in laid_out("three_by_three").paths if routed.path.fixed]
    assert [(path.start, path.end) for path in fixed] == [
        ("visual", "x1"),
        ("textual", "x4"),
        ("speed", "x7"),
    ]
    kinds = {routed.path.kind for routed in laid_out("bifactor").paths}
    assert kinds == {"loading"}
    picture = diagram.path_diagram(fitted("three_by_three"))
    assert picture.count('stroke-dasharray="5,4"') == 3


def test_moments_of_the_sample_have_no_interval_and_are_not_fixed() -> None:
    table = drawn(fitted("predictors")).table
    given = next(row for row in table.rows if row[0] == "x7" and row[2] == "x8")
    assert given[4:6] == (None, None)
    assert given[-1] == Message("diagram.free")


@pytest.mark.parametrize("language", ["da", "en"])
def test_the_picture_describes_itself(language: str) -> None:
    fit = fitted("democracy")
    root = ElementTree.fromstring(diagram.path_diagram(fit, language=language))
    said = words(language)
    alt = said.say(drawn(fit).figure.alt)
    assert root.get("role") == "img"
    assert root.get("aria-label") == alt
    assert root.findtext(f"{SVG}desc") == alt
    assert root.findtext(f"{SVG}title") == said.say(drawn(fit).figure.title)
    assert "ind60, dem60" in alt
    texts = [line for node in root.iter(f"{SVG}text") for line in node.itertext()]
    assert said.cell(0.92, "number", 2) in " ".join(texts)
    assert any("[" in text for text in texts)


def test_numbers_and_names_are_those_of_the_language() -> None:
    danish = diagram.path_diagram(fitted("three_by_three"), language="da")
    assert "0,77 [0,66; 0,88]" in danish
    assert "0.77 [0.66, 0.88]" in diagram.path_diagram(fitted("three_by_three"))
    with pytest.raises(OptionError, match="sv"):
        diagram.path_diagram(fitted("three_by_three"), language="sv")


def test_positive_and_negative_have_their_colours() -> None:
    picture = diagram.path_diagram(fitted("five_by_five_with_negatives"))
    assert plotting.hexadecimal(plotting.DARK) in picture
    assert plotting.hexadecimal(plotting.BROWN) in picture
    assert plotting.hexadecimal(plotting.BROWN) not in diagram.path_diagram(
        fitted("three_by_three")
    )


def test_residual_variances_are_written_on_request() -> None:
    fit = fitted("second_order")
    assert "residual" not in diagram.path_diagram(fit)
    picture = diagram.path_diagram(fit, residual_variances=True)
    own = measure.standardized(fit).query("op == '~~' and lhs == rhs and lhs != 'g'")
    assert len(own) == 12
    for value in own["est.std"]:
        assert f"residual {value:.2f}" in picture


def test_each_group_has_its_diagram() -> None:
    fit = measure.cfa(HS, data("hs39.csv"), group="school")
    first, other = diagram.drawings(fit, Message("diagram.fit"))
    assert (first.figure.id, other.figure.id) == ("paths_1", "paths_2")
    assert words("en").say(other.figure.title).endswith("in group Grant-White")
    assert first.table.rows != other.table.rows
    assert "Pasteur" in diagram.path_diagram(fit, group="Pasteur")
    with pytest.raises(OptionError, match="no group Paris; its groups: Pasteur, Grant-White"):
        diagram.path_diagram(fit, group="Paris")


def test_labels_replace_names_unless_two_are_the_same() -> None:
    fit = fitted("three_by_three")
    labels = {"visual": Text({"da": "Syn", "en": "Sight"})}
    (drawing,) = diagram.drawings(fit, Message("diagram.fit"), labels)
    assert "Sight" in figures.svg(drawing.figure, drawing.table, words("en"))
    same = {**labels, "speed": Text({"da": "Fart", "en": "Sight"})}
    (drawing,) = diagram.drawings(fit, Message("diagram.fit"), same)
    assert {row[0] for row in drawing.table.rows} == {"visual", "textual", "speed"}


def test_long_names_are_broken_and_markup_is_not_run() -> None:
    fit = fitted("three_by_three")
    name = "A factor with a very long name <script>"
    labels = {"visual": Text({"da": name, "en": name})}
    (drawing,) = diagram.drawings(fit, Message("diagram.fit"), labels)
    picture = figures.svg(drawing.figure, drawing.table, words("en"))
    assert "<script>" not in picture
    texts = [text for node in ElementTree.fromstring(picture).iter() for text in node.itertext()]
    assert "A factor with a" in texts
    nothing_overlaps(lay_out(drawing.figure, drawing.table, words("en")))


def test_hidden_values_stay_hidden() -> None:
    drawing = drawn(fitted("three_by_three"))
    rows = tuple((*row[:3], Hidden(), Hidden(), Hidden(), row[-1]) for row in drawing.table.rows)
    picture = figures.svg(drawing.figure, replace(drawing.table, rows=rows), words("en"))
    assert "0.77" not in picture
    assert picture.count(">hidden<") == 12


def test_the_structure_section_shows_the_reference_model() -> None:
    name = "mental_ability"
    section = confirmatory.run(instrument(name), survey(name), fits=fits(name))
    figure = next(figure for figure in section.figures if figure.form == "paths")
    picture = figures.svg(figure, section.table(figure.table), words("da"))
    for text in ("Rumopfattelse", "Sprog", "Hurtighed", "x9", "0,77 [0,63; 0,92]"):
        assert text in picture
