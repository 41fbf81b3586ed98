from dataclasses import replace
from xml.etree import ElementTree

import altair as alt
import pytest
from jsonschema.exceptions import ValidationError

from analyses import figures
from analyses.charts import answer_figures, plotting
from analyses.evidence import column, columns
from analyses.section import Figure, Hidden, Message, Provenance, Table
from analyses.wording import words
from tests.analyses.reports import ANSWERS, FIGURES, MEANS, REPORT

SVG = "{http://www.w3.org/2000/svg}"


def _table(figure: Figure):
    section = next(section for section in REPORT.sections if figure in section.figures)
    return section.table(figure.table)


def _texts(picture: str) -> list[str]:
    nodes = ElementTree.fromstring(picture).iter(f"{SVG}text")
    return [line for node in nodes for line in node.itertext()]


def _drawn(figure: Figure, language: str = "da") -> str:
    return figures.svg(figure, _table(figure), words(language))


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.form)
@pytest.mark.parametrize("language", ["da", "en"])
def test_every_form_is_drawn_with_title_origin_and_description(figure, language):
    said = words(language)
    picture = _drawn(figure, language)
    root = ElementTree.fromstring(picture)
    assert root.get("role") == "img"
    assert root.get("aria-label") == said.say(figure.alt)
    assert said.say(figure.title) in _texts(picture)
    n_obs = said.write(_table(figure).provenance.n_obs)
    assert any(f"n = {n_obs}" in text for text in _texts(picture))


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.form)
def test_every_form_is_valid_vega_lite(figure):
    said = words("da")
    drawn = figures.chart(figure, _table(figure), said)
    assert alt.TopLevelLayerSpec.from_dict(drawn, validate=True).to_dict() == drawn
    with pytest.raises(ValidationError, match="wide"):
        alt.TopLevelLayerSpec.from_dict(drawn | {"width": "wide"}, validate=True)


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.form)
def test_a_picture_asks_for_nothing_from_elsewhere(figure):
    root = ElementTree.fromstring(_drawn(figure))
    for node in root.iter():
        assert node.tag not in {f"{SVG}image", f"{SVG}script", f"{SVG}use"}
        assert not any(name.endswith("href") for name in node.attrib)


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.form)
def test_ids_are_the_figures_own(figure):
    root = ElementTree.fromstring(_drawn(figure))
    ids = [node.get("id") for node in root.iter() if node.get("id")]
    assert all(name.startswith(figure.id) for name in ids)


def test_hidden_cells_are_not_drawn_but_named():
    picture = _drawn(FIGURES[2])
    assert "skjult" in _texts(picture)
    circles = [part for part in picture.split("<path") if "L1.0,0" in part]
    assert circles == []


@pytest.mark.parametrize("language", ["da", "en"])
def test_a_mean_whose_interval_is_hidden_is_drawn_without_and_says_so(language):
    said = words(language)
    drawn = figures.chart(FIGURES[2], MEANS, said)
    told = " ".join(drawn["title"]["subtitle"])
    assert said.say(Message("face.figure.no_interval", {"n": 1})) in told
    values = [
        [value.get("x") for value in layer.get("data", {}).get("values", []) if "lower" in value]
        for layer in drawn["layer"]
    ]
    assert [len(own) for own in values if own] == [2, 3]
    assert 2.75 in values[-2] + values[-1]
    whole = replace(MEANS, rows=MEANS.rows[:2])
    title = figures.chart(FIGURES[2], whole, said)["title"]
    assert len(title["subtitle"]) < len(drawn["title"]["subtitle"])


def test_nothing_of_a_hidden_value_is_in_the_specification():
    rows = (("A", 40, 3.1, 2.9, 3.3, 0.5), ("B", Hidden(), Hidden(), Hidden(), Hidden(), None))
    table = replace(MEANS, rows=rows)
    layers = figures.chart(FIGURES[2], table, words("da"))
    datasets = layers.get("datasets", {})
    values = [
        value
        for layer in layers["layer"]
        for value in layer.get("data", {}).get("values", [])
        if value.get("y") == "B"
    ]
    assert datasets == {}
    assert values == [{"y": "B", "word": "skjult"}]


def test_the_value_axis_ends_where_the_figure_says():
    texts = _texts(_drawn(FIGURES[2]))
    assert "1,0" in texts
    assert "5,0" in texts
    assert "0,0" not in texts


def test_numbers_are_written_in_the_language():
    assert "40,0\N{NO-BREAK SPACE}%" in _texts(_drawn(FIGURES[1], "da"))
    assert "40.0%" in _texts(_drawn(FIGURES[1], "en"))


def test_the_rule_is_drawn_and_told():
    assert "Stiplet linje: reglen i skemaet (3,00)" in _texts(_drawn(FIGURES[2]))
    without = replace(FIGURES[2], rule=None)
    picture = figures.svg(without, MEANS, words("da"))
    assert not any("Stiplet" in text for text in _texts(picture))


def test_long_labels_are_broken_and_not_cut():
    joined = " ".join(_texts(_drawn(FIGURES[2])))
    assert "Et kompagni med et meget langt navn på mere end en linje" in joined
    assert "…" not in joined


def _contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("colour", [plotting.INK, plotting.MUTED, *plotting.SERIES])
def test_text_and_series_stand_out_from_the_page(colour):
    assert _contrast(colour, "#ffffff") >= 4.5


@pytest.mark.parametrize("count", range(1, 8))
def test_written_shares_stand_out_from_their_fill(count):
    for fill, ink in plotting.shades(count):
        assert _contrast(fill, ink) >= 4.5


@pytest.mark.parametrize("count", range(2, 8))
def test_the_fills_around_the_middle_are_alike_on_both_sides(count):
    fills = answer_figures.diverging_shades(count)
    assert len(set(fills)) == count
    for fill, ink in fills:
        assert _contrast(fill, ink) >= 4.5
    # The farther from the middle, the darker, on both sides.
    depths = [_contrast(fill, "#ffffff") for fill, _ in fills]
    half = count // 2
    assert depths[:half] == sorted(depths[:half], reverse=True)
    assert depths[-half:] == sorted(depths[-half:])


def _parts_of(figure: Figure, item: str):
    chart = figures.chart(figure, ANSWERS, words("da"))
    held = [chart, *chart["layer"]]
    rows = [row for part in held for row in part.get("data", {}).get("values", [])]
    unique = {row["part"]: row for row in rows if row.get("y") == item and "part" in row}
    return list(unique.values()), chart


def test_answers_are_laid_around_the_middle_of_the_scale():
    figure = next(figure for figure in FIGURES if figure.form == "diverging")
    parts, chart = _parts_of(figure, "LEAD01")
    # 5, 10, 25, 40 and 20 %: the middle one lies on both sides of zero.
    assert [part["x"] for part in parts] == pytest.approx([-0.275, -0.225, -0.125, 0.125, 0.525])
    assert chart["layer"][0]["encoding"]["x"]["scale"]["domain"] == [-0.8, 0.8]
    even = replace(figure, channels={"y": "item", "parts": "c1 c2"})
    assert [part["x"] for part in _parts_of(even, "LEAD01")[0]] == pytest.approx([-0.05, 0.0])


def test_a_wright_map_has_the_steps_beside_the_people_and_hides_the_hidden():
    figure = next(figure for figure in FIGURES if figure.form == "wright")
    texts = _texts(_drawn(figure))
    assert {"LEAD01", "LEAD02", "2 3 4", "4 5", "skjult"} <= set(texts)
    assert "55,0\N{NO-BREAK SPACE}%" in texts


@pytest.mark.parametrize("value", [-1.0, -0.7, -0.5, -0.2, 0.0, 0.2, 0.5, 0.7, 1.0, None])
def test_written_values_stand_out_in_a_heat_map(value):
    shade = figures._shade(value, 1.0)
    assert _contrast(shade["fill"], shade["ink"]) >= 4.5


def test_series_differ_by_more_than_colour():
    assert len(set(plotting.SHAPES)) == len(plotting.SERIES)
    assert len({tuple(dash) for dash in plotting.DASHES}) == len(plotting.SERIES)


def test_a_group_channel_gives_each_group_its_shape():
    table = replace(
        MEANS,
        columns=(replace(MEANS.columns[0], name="when"), *MEANS.columns),
        rows=(("før", "A", 20, 3.0, 2.8, 3.2, 0.1), ("efter", "A", 20, 3.4, 3.2, 3.6, 0.1)),
    )
    figure = replace(FIGURES[2], channels={**FIGURES[2].channels, "group": "when"})
    texts = _texts(figures.svg(figure, table, words("da")))
    assert texts.count("A") == 1
    assert {"før", "efter"} <= set(texts)


def test_expected_bands_lie_behind_the_intervals():
    table = Table(
        "expected",
        Message("hypotheses.table.correlations", {"total": "g"}),
        (
            column("expectation", "message"),
            *columns(
                "number", 2, "band.lower", "band.upper", "correlation", "ci.lower", "ci.upper"
            ),
        ),
        (
            ("closed", 0.2, 0.5, 0.3, 0.1, 0.4),
            ("open", 0.3, None, 0.6, 0.4, 0.8),
            ("none", None, None, 0.0, -0.1, 0.1),
        ),
        Provenance("WLSMV", 100, ""),
    )
    figure = Figure(
        "expected",
        Message("hypotheses.figure.correlations"),
        Message("hypotheses.figure.correlations.alt"),
        "expected",
        "intervals",
        {
            "y": "expectation",
            "x": "correlation",
            "lower": "ci.lower",
            "upper": "ci.upper",
            "band_lower": "band.lower",
            "band_upper": "band.upper",
        },
        domain=(-1.0, 1.0),
    )
    layers = figures.chart(figure, table, words("da"))["layer"]
    kinds = [layer["mark"]["type"] for layer in layers]
    assert kinds == ["bar", "tick", "rule", "point"]
    band, stroke = (layers[k]["data"]["values"] for k in (0, 1))
    assert band == [{"y": "closed", "from": 0.2, "to": 0.5}]
    assert stroke == [{"y": "open", "from": 0.3}]
    assert figures.svg(figure, table, words("da")).count("<path") >= 5
    plain = replace(figure, channels={k: v for k, v in figure.channels.items() if k[0] != "b"})
    kinds = [layer["mark"]["type"] for layer in figures.chart(plain, table, words("da"))["layer"]]
    assert kinds == ["rule", "point"]
