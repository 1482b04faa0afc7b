"""Traces of requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connector import trace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.server.observe.conftest import House

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def spans() -> Iterator[Any]:
    """Every span that ends meanwhile, in memory."""
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    exporter = memory.InMemorySpanExporter()
    trace.start({}, exporter=exporter)
    yield exporter.get_finished_spans
    trace.stop()


async def test_request_is_a_span_below_the_callers(house: House, spans: Any) -> None:
    """A request is one span, named by the template of its path, below the caller's, and without its query."""
    await house.ask("/things/hat?token=s3cr3t", headers={"traceparent": PARENT})

    (span,) = spans()
    assert (span.name, span.kind.name) == ("GET /things/{name}", "SERVER")
    assert format(span.parent.span_id, "016x") == "b7ad6b7169203331"
    assert span.attributes["http.route"] == "/things/{name}"
    assert span.attributes["http.response.status_code"] == 200
    assert "s3cr3t" not in span.to_json()


async def test_fault_is_an_error_of_its_span(house: House, spans: Any) -> None:
    """A request that this program could not answer is an error, and its words stand in no span."""
    await house.ask("/broken")

    (span,) = spans()
    assert (span.status.status_code.name, span.attributes["error.type"]) == ("ERROR", "500")
    assert "a part is missing" not in span.to_json()


async def test_what_strangers_ask_names_no_span(house: House, spans: Any) -> None:
    """What nothing of ours answers to is named by its method alone, so that nobody can make names."""
    await house.ask("/some/thing/4711")

    (span,) = spans()
    assert span.name == "GET"
    assert "4711" not in span.to_json()
