"""Spans: nothing where nobody asks, and what is told where somebody does."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from connector import trace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan


@pytest.fixture
def spans() -> Iterator[Any]:
    """Everything that ends meanwhile, in memory."""
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    exporter = memory.InMemorySpanExporter()
    started = trace.start({}, version="1.2.3", exporter=exporter)
    assert started.is_on, started.reason
    yield exporter.get_finished_spans
    trace.stop()


def names(found: tuple[ReadableSpan, ...]) -> list[str]:
    """Return the names of spans, in the order in which they ended."""
    return [span.name for span in found]


@pytest.mark.parametrize(
    ("environment", "is_asked"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "shop"}, False),  # says how, not whether
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, False),
        ({"OTEL_SDK_DISABLED": "TRUE", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, False),
    ],
)
def test_variables_ask(environment: dict[str, str], is_asked: bool) -> None:
    """Traces are sent where a variable says where to, and none says that they are not wanted."""
    assert trace.is_asked_for(environment) is is_asked


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER names zipkin, accepted are otlp, console and none"),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "OTEL_EXPORTER_OTLP_PROTOCOL is grpc, accepted is http/protobuf",
        ),
    ],
)
def test_what_cannot_be_sent_is_told(environment: dict[str, str], said: str) -> None:
    """What the variables ask for and is not spoken here has a reason and a cure, and no trace is sent."""
    started = trace.start(environment)

    assert (started.is_on, started.reason) == (False, said)
    assert started.cure
    assert not trace.is_on()


def test_extra_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, what asks for traces is told how to install it."""
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)

    started = trace.start({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"})

    assert not started.is_on
    assert "opentelemetry" in started.reason
    assert "in the folder of the sources: python -m pip install '.[otel]'" in (started.cure or "")


def test_nothing_is_imported_where_nobody_asks() -> None:
    """A process that nobody asks for traces imports nothing of OpenTelemetry, whatever else its variables say."""
    code = (
        "import sys; from connector import trace\n"
        "assert not trace.start().is_on\n"
        "with trace.span('deliver orders') as span: span.put({'a': 1}); span.name('b'); span.fail('c')\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]\n"
    )
    environment = {name: text for name, text in os.environ.items() if not name.startswith("OTEL_")}

    ran = subprocess.run(
        [sys.executable, "-c", code], env={**environment, "OTEL_SERVICE_NAME": "shop"}, check=False, timeout=60
    )

    assert ran.returncode == 0


def test_spans_stand_in_each_other(spans: Any) -> None:
    """A span that begins while another goes on is below it."""
    with trace.span("deliver orders", {"connector.task.id": 7}, kind="consumer") as outer:
        assert outer.is_recorded
        with trace.span("POST order.place", kind="client") as inner:
            inner.put({"http.response.status_code": 200})

    below, above = spans()
    assert names((below, above)) == ["POST order.place", "deliver orders"]
    assert below.parent.span_id == above.context.span_id
    assert (above.attributes["connector.task.id"], below.attributes["http.response.status_code"]) == (7, 200)
    assert (above.kind.name, below.kind.name) == ("CONSUMER", "CLIENT")


def test_span_of_a_caller_is_the_parent(spans: Any) -> None:
    """A request that brings a traceparent is below the caller's span, and its log lines have the same trace."""
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    with trace.span("POST", kind="server", headers={"traceparent": parent}):
        event = trace.add_ids(None, "info", {"event": "http_request"})

    (span,) = spans()
    assert format(span.parent.span_id, "016x") == "b7ad6b7169203331"
    assert event["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert event["span_id"] == format(span.context.span_id, "016x")


@pytest.mark.parametrize("header", ["", "nonsense", "00-" + "0" * 32 + "-" + "0" * 16 + "-01"])
def test_traceparent_that_is_none_is_passed_over(spans: Any, header: str) -> None:
    """What is no traceparent begins a trace of its own."""
    with trace.span("POST", kind="server", headers={"traceparent": header}):
        pass

    (span,) = spans()
    assert span.parent is None


def test_error_is_named_and_not_quoted(spans: Any) -> None:
    """An error that ends a span is told by its class: its words may quote a value."""
    with pytest.raises(ValueError, match="s3cr3t"), trace.span("deliver orders"):
        raise ValueError("s3cr3t")

    (span,) = spans()
    assert span.status.status_code.name == "ERROR"
    assert span.attributes["error.type"] == "ValueError"
    assert "s3cr3t" not in span.to_json()


def test_service_is_named(spans: Any) -> None:
    """Where the variables are silent, the service is called connector, and says its version."""
    with trace.span("fetch orders"):
        pass

    (span,) = spans()
    assert span.resource.attributes["service.name"] == "connector"
    assert span.resource.attributes["service.version"] == "1.2.3"


def test_lines_outside_of_traces_are_left_alone(spans: Any) -> None:
    """A log line that belongs to no span gets no ids."""
    assert trace.add_ids(None, "info", {"event": "retry"}) == {"event": "retry"}
    assert spans() == ()


def test_what_opentelemetry_says_is_passed_on() -> None:
    """What OpenTelemetry logs of itself comes to whoever wants to know."""
    logging = pytest.importorskip("logging")
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    heard: list[str] = []
    trace.start({}, exporter=memory.InMemorySpanExporter(), on_trouble=heard.append)

    logging.getLogger("opentelemetry.exporter").warning("the receiver is %s", "gone")

    trace.stop()
    assert heard == ["the receiver is gone"]
