"""Traces of work: a fetch, its pages, attempts and exchanges; in memory, and over the wire to a receiver."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from connector import load, open_project, trace
from connector.store.store import open_store
from connector.testing.server import Received, Reply, ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNECTOR = str(Path(sys.executable).parent / "connector")


@pytest.fixture
def spans() -> Iterator[Any]:
    """Everything that ends meanwhile, in memory."""
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    exporter = memory.InMemorySpanExporter()
    trace.start({}, exporter=exporter)
    yield lambda: {span.name: span for span in exporter.get_finished_spans()}
    trace.stop()


async def test_fetch_is_a_trace(spans: Any, tmp_path: Path) -> None:
    """A fetch is a span with its exchanges and pages below it, and none of them holds a secret or a record."""
    async with ScriptedServer(lambda _request: Reply(json=[{"id": "s3cr3t-record"}])) as remote:
        project = load(
            {
                "clients": {
                    "erp": {
                        "connector": "http",
                        "base_url": f"{remote.url}s3cr3t-path/",
                        "auth": {"query": {"name": "token", "value": "s3cr3t-token"}},
                    }
                },
                "incoming": {"feed": {"subscriber": {"client": "erp", "route": "list"}}},
                "routes": {"out": {"incoming": "feed", "outgoing": {"publisher": {"client": "erp", "route": "take"}}}},
            }
        )
        async with open_store(tmp_path / "traces.db") as store, open_project(project) as runtime:
            runtime.redactor.add("s3cr3t-path")
            await runtime.ingest(store).fetch("feed")

    found = spans()
    fetch, page, exchange = found["fetch feed"], found["ingest page"], found["POST list"]
    assert {page.parent.span_id, exchange.parent.span_id} == {fetch.context.span_id}
    assert (fetch.attributes["connector.records"], page.attributes["connector.tasks"]) == (1, 1)
    assert exchange.attributes["http.request.method"] == "POST"
    assert exchange.attributes["http.response.status_code"] == 200
    assert exchange.attributes["server.address"] == "127.0.0.1"
    assert exchange.attributes["url.full"].endswith("/***/list")
    assert "s3cr3t" not in "".join(span.to_json() for span in found.values())


async def test_call_that_fails_is_an_error(spans: Any) -> None:
    """An exchange that is no success is an error, named by its verdict."""
    project = load({"clients": {"erp": {"connector": "http", "base_url": "http://127.0.0.1:9/"}},
                    "incoming": {"feed": {"subscriber": {"client": "erp", "route": "list"}}}})  # fmt: skip
    async with open_project(project) as runtime:
        with pytest.raises(Exception, match="refused"):
            async for _record in runtime.incoming("feed").records():
                pass

    exchange = spans()["POST list"]
    assert exchange.status.status_code.name == "ERROR"
    assert exchange.attributes["error.type"] == "unreachable"


async def test_traces_arrive_at_a_receiver(tmp_path: Path) -> None:
    """What the standard variables ask for arrives by OTLP over HTTP, from a command in a process of its own."""
    service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    async with (
        ScriptedServer(lambda _request: Reply(json={})) as remote,
        ScriptedServer(_take_traces) as receiver,
    ):
        (tmp_path / "c.yaml").write_text(
            f'clients: {{erp: {{connector: http, base_url: "{remote.url}"}}}}\n'
            "routes:\n  out: {key: '{{ record.id }}', outgoing: {publisher: {client: erp, route: take}}}\n"
        )
        ran = await asyncio.create_subprocess_exec(
            CONNECTOR, "push", "out", "--config", "c.yaml", "--log-format", "json",
            cwd=tmp_path,
            env={
                "PATH": os.environ.get("PATH", ""),
                "HOME": str(tmp_path),
                "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url.rstrip("/"),
                "OTEL_SERVICE_NAME": "orders-of-ann",
            },
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _shown, told = await ran.communicate(b'{"id": "s3cr3t-id"}\n')

    exported = [service.ExportTraceServiceRequest.FromString(request.body) for request in receiver.requests]
    resources = [resource for request in exported for resource in request.resource_spans]
    found = {span.name: span for resource in resources for scope in resource.scope_spans for span in scope.spans}
    assert ran.returncode == 0, told.decode()
    assert b'"traces_on"' in told
    assert {"deliver out", "POST take"} <= found.keys()
    assert found["POST take"].parent_span_id == found["deliver out"].span_id
    delivered = {entry.key: entry.value for entry in found["deliver out"].attributes}
    assert delivered["connector.verdict"].string_value == "ok"
    assert delivered["connector.task.status"].string_value == "finished"
    assert all(b"s3cr3t-id" not in request.body for request in receiver.requests)
    assert {entry.value.string_value for resource in resources for entry in resource.resource.attributes
            if entry.key == "service.name"} == {"orders-of-ann"}  # fmt: skip


async def test_receiver_that_is_gone_hurts_nothing(tmp_path: Path) -> None:
    """A command whose receiver of traces is gone does its work, ends, and says so."""
    pytest.importorskip("opentelemetry.sdk")
    async with ScriptedServer(lambda _request: Reply(json={})) as remote:
        (tmp_path / "c.yaml").write_text(
            f'clients: {{erp: {{connector: http, base_url: "{remote.url}"}}}}\n'
            "routes:\n  out: {outgoing: {publisher: {client: erp, route: take}}}\n"
        )
        ran = await asyncio.create_subprocess_exec(
            CONNECTOR, "push", "out", "--config", "c.yaml",
            cwd=tmp_path,
            env={"PATH": os.environ.get("PATH", ""), "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _shown, told = await ran.communicate(b'{"id": 1}\n')

    assert ran.returncode == 0, told.decode()
    assert len(remote.requests) == 1
    assert b"Traceback" not in told


def _take_traces(request: Received) -> Reply:
    """Answer as a receiver of OTLP does."""
    is_right = request.path == "/v1/traces" and request.headers["content-type"] == "application/x-protobuf"
    return Reply(200 if is_right else 404, body=b"", headers={"content-type": "application/x-protobuf"})
