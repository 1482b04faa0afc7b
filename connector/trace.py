"""Traces by OpenTelemetry, where the standard `OTEL_*` variables ask for them: who asked whom, and how long it took.

    with trace.span("deliver orders", {"connector.route": "orders"}) as span:
        ...
        span.put({"connector.verdict": "ok"})

Nothing of OpenTelemetry is imported unless a variable says where traces go; until `start` has found that one does, a
span is one shared value that does nothing. Like logging, tracing is the process's own affair: the command line starts
it, and a library user's tracer provider is left alone.

What a span says is what a log line may say: no record, no key, no credential, no query of an address. An error is named
by its class, since its words quote values.

Sources: OpenTelemetry's environment variable specification and its semantic conventions for HTTP spans.
"""

from __future__ import annotations

import atexit
import importlib
import logging
import os
import sys
import threading
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, Self

from connector.errors import tell_extra
from connector.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping
    from types import TracebackType

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Tracer

Kind = Literal["internal", "server", "client", "consumer"]

_ASKING: Final = ("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""Variables that ask for traces; others, such as `OTEL_SERVICE_NAME`, only say how."""

_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_PROTOCOL: Final = "http/protobuf"
_EXPORTERS: Final = ("otlp", "console")
_FLUSH_S: Final = 3.0
"""How long the end of a process waits for the last spans to be taken: a receiver that is gone keeps nobody."""


class Span(Protocol):
    """Something that takes time, told while it goes on. It is entered once."""

    @property
    def is_recorded(self) -> bool:
        """Whether anybody will see it: what is costly to find out is found out only then."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None: ...

    def put(self, facts: Mapping[str, str | int | float | bool]) -> None:
        """Add facts, under names of OpenTelemetry's conventions or such as `connector.route`."""
        ...

    def name(self, name: str) -> None:
        """Give it another name: a request's route is known late."""
        ...

    def fail(self, kind: str) -> None:
        """Have it count as an error of a kind of which there are few, such as a verdict or a class's name."""
        ...


class _Nothing:
    """A span nobody sees."""

    __slots__ = ()

    is_recorded: Final = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def put(self, facts: Mapping[str, Any]) -> None:
        """Do nothing, as all of these."""

    def name(self, name: str) -> None:
        """Do nothing."""

    def fail(self, kind: str) -> None:
        """Do nothing."""


_NOTHING: Final = _Nothing()


@dataclass(frozen=True, slots=True)
class Tracing:
    """What came of looking at the variables.

    Attributes:
        is_on: Whether traces are sent.
        reason: Why they are not although variables ask for them; empty otherwise.
        cure: What to do about that, or None.
    """

    is_on: bool
    reason: str = ""
    cure: str | None = None


class _Otel:
    """OpenTelemetry, imported."""

    def __init__(self, provider: TracerProvider) -> None:
        self.provider = provider
        self.tracer: Tracer = provider.get_tracer("connector")
        self.api = importlib.import_module("opentelemetry.trace")
        self.context = importlib.import_module("opentelemetry.context")
        self.propagate = importlib.import_module("opentelemetry.propagate")
        self.kinds: Final = {
            "internal": self.api.SpanKind.INTERNAL,
            "server": self.api.SpanKind.SERVER,
            "client": self.api.SpanKind.CLIENT,
            "consumer": self.api.SpanKind.CONSUMER,
        }


_state: list[_Otel] = []
"""OpenTelemetry while traces are sent, else nothing."""


class _Recorded:
    """A span that somebody will see."""

    __slots__ = ("_facts", "_kind", "_name", "_otel", "_parent", "_span", "_token")

    is_recorded: Final = True

    def __init__(
        self, otel: _Otel, name: str, kind: Kind, facts: Mapping[str, Any], headers: Mapping[str, str] | None
    ) -> None:
        self._otel = otel
        self._name = name
        self._kind = kind
        self._facts = facts
        self._parent: Context | None = None if headers is None else otel.propagate.extract(headers)
        self._span: Any = None
        self._token: Any = None

    def __enter__(self) -> Self:
        otel = self._otel
        self._span = otel.tracer.start_span(
            self._name, context=self._parent, kind=otel.kinds[self._kind], attributes=dict(self._facts)
        )
        self._token = otel.context.attach(otel.api.set_span_in_context(self._span, self._parent))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        if kind is not None:
            self.fail(kind.__name__)
        self._otel.context.detach(self._token)
        self._span.end()

    def put(self, facts: Mapping[str, Any]) -> None:
        """Add facts."""
        self._span.set_attributes(dict(facts))

    def name(self, name: str) -> None:
        """Give it another name."""
        self._span.update_name(name)

    def fail(self, kind: str) -> None:
        """Have it count as an error."""
        self._span.set_attribute("error.type", kind)
        self._span.set_status(self._otel.api.StatusCode.ERROR)


def span(
    name: str,
    facts: Mapping[str, str | int | float | bool] | None = None,
    *,
    kind: Kind = "internal",
    headers: Mapping[str, str] | None = None,
) -> Span:
    """Return a span to be entered: below the one that goes on, or below a caller's.

    Args:
        name: One of few, such as `deliver orders`; never with an id in it.
        facts: Told from the beginning, so that a sampler sees them.
        kind: Which side of a call this is.
        headers: Of a request that came in, in lower case; where they name a span of the caller's (`traceparent`), it is
            the parent.
    """
    if not _state:
        return _NOTHING
    return _Recorded(_state[0], name, kind, facts or {}, headers)


def is_on() -> bool:
    """Whether traces are sent."""
    return bool(_state)


def add_ids(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add the ids of the trace and the span that go on to a log line; a processor of structlog."""
    if _state:
        context = _state[0].api.get_current_span().get_span_context()
        if context.is_valid:
            event["trace_id"] = format(context.trace_id, "032x")
            event["span_id"] = format(context.span_id, "016x")
    return event


def start(
    environment: Mapping[str, str] | None = None,
    *,
    version: str = "",
    on_trouble: Callable[[str], None] | None = None,
    exporter: SpanExporter | None = None,
) -> Tracing:
    """Send traces from now on, where the variables ask for it. What is sent already goes on as it is.

    `OTEL_EXPORTER_OTLP_ENDPOINT` (or `…_TRACES_ENDPOINT`, or `OTEL_TRACES_EXPORTER`) asks; `OTEL_SDK_DISABLED=true` and
    `OTEL_TRACES_EXPORTER=none` say no. Sampler, headers, time-outs, batches, limits and resource have variables of
    their own, which OpenTelemetry itself reads.

    Args:
        environment: Where variables are looked up; the process's own where left out. OpenTelemetry reads the process's.
        version: Of this program.
        on_trouble: Called with what OpenTelemetry says of itself, such as that a receiver is gone; in any thread.
        exporter: Takes the spans, at once, whatever the variables say: for tests.
    """
    variables = os.environ if environment is None else environment
    if _state:
        return Tracing(is_on=True)
    if exporter is None:
        if not is_asked_for(variables):
            return Tracing(is_on=False)
        refusal = _refuse(variables)
        if refusal is not None:
            return refusal
    try:
        provider = _make_provider(variables, version, exporter)
        otel = _Otel(provider)
    except ModuleNotFoundError as error:
        return Tracing(
            is_on=False, reason=f"{error.name} is not installed", cure=f"{tell_extra('otel')}; or unset OTEL_*"
        )
    except Exception as error:  # noqa: BLE001 - whatever a variable of its own makes it raise: work goes on without traces
        return Tracing(is_on=False, reason=f"{type(error).__name__}: {error}", cure="correct the OTEL_* variables")
    if on_trouble is not None:
        _listen(on_trouble)
    _state.append(otel)
    atexit.register(stop)
    return Tracing(is_on=True)


def stop(timeout_s: float = _FLUSH_S) -> None:
    """Hand over what is left, for as long as that may take, and send no traces any more. Safe to call twice."""
    while _state:
        provider = _state.pop().provider
        # In a thread of its own: how long it takes depends on the receiver, whatever time-out it is given.
        ending = threading.Thread(target=provider.shutdown, daemon=True)
        ending.start()
        ending.join(timeout_s)
    atexit.unregister(stop)


def is_asked_for(environment: Mapping[str, str]) -> bool:
    """Whether variables say that traces are wanted."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    exporter = environment.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    return exporter != "none" and any(environment.get(name, "").strip() for name in _ASKING)


def _refuse(environment: Mapping[str, str]) -> Tracing | None:
    """Return why traces cannot be sent as the variables have it, or None."""
    unknown = [name for name in _list_exporters(environment) if name not in _EXPORTERS]
    if unknown:
        return Tracing(
            is_on=False,
            reason=f"OTEL_TRACES_EXPORTER names {unknown[0]}, accepted are otlp, console and none",
            cure="send them by OTLP to a collector, which passes them on in any other form",
        )
    protocol = next((found for name in _PROTOCOLS if (found := environment.get(name, "").strip())), _PROTOCOL)
    if protocol != _PROTOCOL and "otlp" in _list_exporters(environment):
        return Tracing(
            is_on=False,
            reason=f"OTEL_EXPORTER_OTLP_PROTOCOL is {protocol}, accepted is {_PROTOCOL}",
            cure="name the receiver's port for OTLP over HTTP, 4318 in most, and unset the protocol",
        )
    return None


def _list_exporters(environment: Mapping[str, str]) -> list[str]:
    named = environment.get("OTEL_TRACES_EXPORTER", "").lower().split(",")
    return [name.strip() for name in named if name.strip()] or ["otlp"]


def _make_provider(environment: Mapping[str, str], version: str, exporter: SpanExporter | None) -> TracerProvider:
    """Return what makes spans and hands them over.

    Raises:
        ModuleNotFoundError: The extra is not installed.
    """
    sdk = importlib.import_module("opentelemetry.sdk.trace")
    export = importlib.import_module("opentelemetry.sdk.trace.export")
    resources = importlib.import_module("opentelemetry.sdk.resources")
    own = {"service.version": version, "service.instance.id": f"{os.uname().nodename}-{os.getpid()}"}
    if "service.name=" not in environment.get("OTEL_RESOURCE_ATTRIBUTES", ""):
        own["service.name"] = environment.get("OTEL_SERVICE_NAME", "").strip() or "connector"
    provider: TracerProvider = sdk.TracerProvider(resource=resources.Resource.create(own), shutdown_on_exit=False)
    if exporter is not None:
        provider.add_span_processor(export.SimpleSpanProcessor(exporter))
        return provider
    for name in _list_exporters(environment):
        if name == "console":
            provider.add_span_processor(export.BatchSpanProcessor(export.ConsoleSpanExporter(out=sys.stderr)))
        else:
            http = importlib.import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
            provider.add_span_processor(export.BatchSpanProcessor(http.OTLPSpanExporter()))
    return provider


class _Listener(logging.Handler):
    """Passes on what a library says by the standard library's logging."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        self._tell(record.getMessage())


def _listen(tell: Callable[[str], None]) -> None:
    library = logging.getLogger("opentelemetry")
    library.handlers = [handler for handler in library.handlers if not isinstance(handler, _Listener)]
    library.addHandler(_Listener(tell))
    library.propagate = False
