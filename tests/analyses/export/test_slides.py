import struct
from xml.etree import ElementTree

import pytest

from analyses import labels
from analyses.export import pictures, slides
from analyses.wording import words
from tests.analyses.reports import MARKED, REPORT

SVG = "{http://www.w3.org/2000/svg}"
DANISH = words("da")


@pytest.fixture(scope="module")
def drawn():
    return pictures.draw(MARKED, DANISH)


def test_a_slide_is_16_by_9_described_and_marked(drawn):
    made = slides.compose(MARKED, DANISH, drawn)
    figures = {figure.id: figure for one in MARKED.sections for figure in one.figures}
    assert made
    assert set(made) <= set(figures)
    for name, slide in made.items():
        root = ElementTree.fromstring(slide)
        assert (root.get("width"), root.get("height")) == ("1600", "900")
        assert root.get("aria-label") == DANISH.say(figures[name].alt)
        told = [text.text for text in root.iter(f"{SVG}text")]
        assert " · ".join(labels.marks(MARKED, DANISH)) in told
    unmarked = slides.compose(REPORT, DANISH, drawn)
    assert not any("SIMULEREDE" in slide for slide in unmarked.values())


def test_a_figure_whose_type_would_be_small_is_no_slide(drawn):
    name = next(iter(drawn))
    width, height = pictures.size(drawn[name])
    tall = drawn[name].replace(f'height="{height:g}"', 'height="2000"', 1)
    assert pictures.size(tall) == (width, 2000)
    assert name not in slides.compose(MARKED, DANISH, {name: tall})
    assert name in slides.compose(MARKED, DANISH, {name: drawn[name]})


def test_pictures_are_as_large_as_their_slides(drawn, tmp_path):
    made = dict(list(slides.compose(MARKED, DANISH, drawn).items())[:2])
    slides.write(made, tmp_path / "slides")
    names = {path.name for path in (tmp_path / "slides").iterdir()}
    assert names == {f"{name}.{end}" for name in made for end in ("svg", "png")}
    for name in made:
        content = (tmp_path / "slides" / f"{name}.png").read_bytes()
        assert content[:8] == b"\x89PNG\r\n\x1a\n"
        assert struct.unpack(">II", content[16:24]) == (slides.WIDTH, slides.HEIGHT)


def test_one_slide_and_none_are_written_too(drawn, tmp_path):
    made = slides.compose(MARKED, DANISH, drawn)
    name = next(iter(made))
    slides.write({name: made[name]}, tmp_path / "one")
    assert len(list((tmp_path / "one").iterdir())) == 2
    slides.write({}, tmp_path / "none")
    assert list((tmp_path / "none").iterdir()) == []
