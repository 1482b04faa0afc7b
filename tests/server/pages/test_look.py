"""What every page looks like: colours that can be told apart, files that are there, nothing that the policy forbids."""

from __future__ import annotations

import hashlib
import re
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

from connector.redaction import Redactor
from connector.server.pages.render import NAVIGATION, environment, show_duration, spread_json, static_files, static_url

if TYPE_CHECKING:
    from tests.server.pages.house import House

FOLDER = files("connector.server.pages")
STYLES = (FOLDER / "static" / "app.css").read_text() + (FOLDER / "static" / "pages.css").read_text()
TEMPLATES = {name: environment().loader.get_source(environment(), name)[0] for name in environment().list_templates()}
COLOURS = dict(re.findall(r"--([\w-]+): light-dark\((#\w+, #\w+)\);", STYLES))

TEXTS = [
    *(
        (ink, ground)
        for ink in ("ink", "muted", "accent", "ok", "bad", "warn", "doubt", "busy", "idle")
        for ground in ("paper", "surface", "sunken", "hover")
    ),
    *((name, f"{name}-soft") for name in ("ok", "bad", "warn", "doubt", "busy", "idle")),
    *(("ink", f"{name}-soft") for name in ("ok", "bad", "warn", "doubt", "busy", "idle", "accent")),
    *(("muted", f"{name}-soft") for name in ("bad", "warn", "doubt", "accent")),
    *(("accent", f"{name}-soft") for name in ("bad", "warn", "doubt", "accent")),
    ("accent-strong", "accent-soft"),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("on-bad", "bad"),
    ("paper", "ink"),
]
"""Texts and what they stand on."""

EDGES = [("edge", "paper"), ("edge", "surface"), ("edge", "sunken"), ("accent", "paper"), ("accent", "surface")]
"""What shows where a field is, or what has the focus."""


def luminance(colour: str) -> float:
    """Return how light a colour is, as WCAG 2.2 reckons."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str, theme: int) -> float:
    """Return the contrast of two colours by name, in the light (0) or the dark theme (1)."""
    values = sorted(luminance(COLOURS[name].split(", ")[theme]) for name in (one, other))
    return (values[1] + 0.05) / (values[0] + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), TEXTS, ids=str)
def test_text_can_be_read(ink: str, ground: str, theme: int) -> None:
    """Text has the contrast of WCAG AA on whatever it stands on."""
    assert contrast(ink, ground, theme) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("line", "ground"), EDGES, ids=str)
def test_fields_and_focus_can_be_seen(line: str, ground: str, theme: int) -> None:
    """The edge of a field, and the mark of the focus, have the contrast of WCAG AA."""
    assert contrast(line, ground, theme) >= 3


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["jk", "js", "jn", "jw"])
def test_json_can_be_read(name: str, theme: int) -> None:
    """The colours of JSON can be read on the ground of code, and on lines that changed."""
    pair = re.search(rf"^\.{name} {{ color: light-dark\((#\w+), (#\w+)\)", STYLES, re.MULTILINE)
    assert pair is not None

    for ground in ("sunken", "ok-soft", "bad-soft"):
        values = sorted([luminance(pair[theme + 1]), luminance(COLOURS[ground].split(", ")[theme])])
        assert (values[1] + 0.05) / (values[0] + 0.05) >= 4.5


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_templates_hold_nothing_that_the_policy_forbids(name: str) -> None:
    """No script, style or handler stands in a page: the browser would refuse it."""
    source = TEMPLATES[name]

    assert not re.search(r"\sstyle\s*=", source)
    assert not re.search(r"\son[a-z]{3,}=\"", source)
    assert not re.search(r"<style|<script(?! src=)|javascript:|hx-on|hx-vals=.js|\|\s*safe\b", source)


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_forms_that_change_something_bring_their_proof(name: str) -> None:
    """Every form with POST has the field by which our own pages are known."""
    forms = re.findall(r"<form[^>]*method=\"post\".*?</form>", TEMPLATES[name], re.DOTALL)

    assert all(re.search(r"csrf", form) for form in forms)


def test_every_icon_is_there() -> None:
    """Each class of an icon cuts out its shape of the picture."""
    picture = static_files()["icons.svg"].content.decode()
    shapes = re.findall(r"<g id='([\w-]+)' transform='translate\((\d+)\)'", picture)
    classes = dict(re.findall(r"\.icon-([\w-]+)(?:, \.status-\w+)? { --n: (\d+); }", STYLES))
    used = {found for source in TEMPLATES.values() for found in re.findall(r"icon icon-([\w-]+)(?=[\" ])", source)}

    assert {name: str(int(place) // 16) for name, place in shapes} == classes
    assert used | {icon for _, _, icon in NAVIGATION} <= set(classes)
    assert f"width='{16 * len(shapes)}'" in picture
    assert f"* 100% / {len(shapes) - 1})" in STYLES


def test_vendored_files_are_what_they_are_said_to_be() -> None:
    """Htmx is the file whose sum stands in VENDORED.md."""
    content = (FOLDER / "static" / "htmx.min.js").read_bytes()

    assert hashlib.sha256(content).hexdigest() in (FOLDER / "static" / "VENDORED.md").read_text()


async def test_files_are_kept_for_good_under_their_own_address(house: House) -> None:
    """A file may be kept as long as its address names its content; it is sent small to whom takes that."""
    address = static_url("app.css")

    kept = await house.browser.get(address, headers={"accept-encoding": "gzip"})
    old = await house.browser.get("/static/000000000000/app.css", headers={"accept-encoding": "identity"})
    none = await house.browser.get("/static/000000000000/..%2Frender.py")

    assert "immutable" in kept.headers["cache-control"]
    assert kept.headers["content-encoding"] == "gzip"
    assert kept.text == old.text
    assert old.headers["cache-control"] == "no-cache"
    assert none.status_code in {400, 404}


def test_json_is_shown_as_it_was_sent() -> None:
    """Order and digits stay; what is no JSON is shown as text; markup is text."""
    redactor = Redactor()

    assert re.sub("<[^>]+>", "", spread_json('{"b":1.50,"a":[{},[]],"c":"<b>"}', redactor)) == (
        '{\n  "b": 1.50,\n  "a": [\n    {},\n    []\n  ],\n  "c": "&lt;b&gt;"\n}'
    )
    assert spread_json("a<b", redactor) == "a&lt;b"
    assert spread_json("[1, 2", redactor) == "[1, 2"


@pytest.mark.parametrize(
    ("length_ms", "told"),
    [(0, "0 ms"), (999, "999 ms"), (4_250, "4.2 s"), (59_000, "59 s"), (185_000, "3 min 5 s"), (7_200_000, "2 h")],
)
def test_lengths_of_time(length_ms: int, told: str) -> None:
    """A length of time is told in one or two units."""
    assert show_duration(length_ms) == told
