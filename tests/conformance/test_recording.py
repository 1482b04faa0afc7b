"""Transcripts: which generation one is of, and how it falls into scenarios."""

import json

import pytest

from tests.conformance.recording import detect_generation, load_scenarios


def make_row(route, **more):
    """Return an exchange of one route."""
    query = {"route": route, **more.pop("query", {})}
    request = {"method": "POST", "path": "/index.php", "query": query, "form": {}}
    return {"scenario": "one", "step": 1, "request": request, "response": {"status": 200, "headers": {}}, **more}


@pytest.mark.parametrize(
    ("name", "rows", "generation"),
    [
        ("transcripts-3.0.5.1.json", [], "3.0"),
        ("transcripts-4.1.0.4.json", [], "4.1"),
        ("more-2.3.0.2-part2.json", [], "2.3"),
        ("random-1001.json", [make_row("api/cart/add", query={"api_token": "{TOKEN}"})], "3.0"),
        ("random-1.json", [make_row("api/login"), make_row("api/cart/add", query={"token": "{TOKEN}"})], "2.3"),
        ("x.json", [make_row("api/sale/cart.add", query={"api_token": "{TOKEN}"})], "4.0"),
        ("x.json", [make_row("api/order", query={"call": "cart", "signature": "s"})], "4.1"),
    ],
)
def test_generation(name, rows, generation):
    """The file's name decides, and without a version in it the look of the calls."""
    assert detect_generation(name, rows) == generation


def test_folder_with_other_files(tmp_path):
    """Files that are no transcripts are passed over, and notes may be one text or a list."""
    (tmp_path / "a.json").write_text(
        json.dumps([make_row("api/login", before="x"), make_row("api/login", before=["y"])])
    )
    (tmp_path / "b.json").write_text("{}")

    (scenario,) = load_scenarios(tmp_path)

    assert [exchange.before for exchange in scenario.exchanges] == [("x",), ("y",)]
