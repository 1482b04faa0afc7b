"""What a command imports before it does anything: start-up has a budget (ADR 10), and imports are what it is spent on.

Time is measured by `benchmarks/startup.py`; what can be told without a clock is told here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = """
clients:
  shop: {connector: opencart, base_url: "http://shop.test/", key: a-key, log_requests: true}
  erp: {connector: http, base_url: "http://erp.test/", auth: {bearer: a-token}}
incoming:
  orders:
    subscriber:
      client: erp
      route: orders
      pagination: {page: {in: json, name: $.page, size: 50}, total: $.total}
      records: $.orders[*]
    transform:
      - filter: "{{ record.total | decimal > 0 }}"
      - set: {email: "{{ record.email | lower }}"}
routes:
  place:
    incoming: orders
    outgoing:
      publisher: {client: shop, entity: coupon.apply, data: {coupon: "{{ record.code }}"}}
    key: "{{ record.reference }}"
"""
"""A configuration in which everything has to be read: both clients, pages, steps, templates, a route."""

NETWORK = {"aiohttp", "anyio", "asyncio", "certifi", "h11", "http", "httpcore", "httpx", "ssl"}
RUN_TIME = {
    "concurrent",
    "dotenv",
    "jsonpath_ng",
    "logging",
    "multiprocessing",
    "pydantic_settings",
    "rich",
    "structlog",
}
CHECKING = {"annotated_types", "jinja2", "orjson", "pydantic", "pydantic_core", "ruamel", "typing_extensions"}
OF_OTHER_COMMANDS = {
    "connector.app.runtime",
    "connector.call.run",
    "connector.catalog.listing",
    "connector.client.client",
    "connector.client.http",
    "connector.client.opencart",
    "connector.composite",
    "connector.config.describe",
    "connector.config.settings",
    "connector.log",
    "connector.route.run",
    "connector.sandbox",
    "connector.testing",
}


@pytest.fixture
def list_imported(command):
    """Return what says which modules a command imports, and which packages they are in."""

    def list_them(*arguments: str | Path) -> set[str]:
        ran = command(*arguments, PYTHONPROFILEIMPORTTIME="1")
        assert ran.code == 0, ran.stderr
        modules = [line.rpartition("|")[2].strip() for line in ran.stderr.splitlines()]
        return {".".join(names[:depth]) for names in (name.split(".") for name in modules) for depth in (1, 2, 3)}

    return list_them


def test_help_takes_the_standard_library_and_click(list_imported):
    """`--help` needs neither what checks a configuration, nor what opens a connection."""
    imported = list_imported("--help")

    assert "click" in imported
    assert not imported & (NETWORK | RUN_TIME | CHECKING | OF_OTHER_COMMANDS)


def test_validate_opens_nothing(command, list_imported):
    """`validate` imports what reads and compiles a configuration, and nothing that would run it."""
    config = command.write("whole.yaml", WHOLE)

    imported = list_imported("validate", config)

    assert imported >= CHECKING
    assert not imported & (NETWORK | RUN_TIME | OF_OTHER_COMMANDS)


def test_listing_tasks_reads_the_settings_and_the_store(command, list_imported):
    """`tasks list` has a budget of its own: it takes the settings and the store, and nothing that would run a route."""
    command("db", "upgrade")

    imported = list_imported("tasks", "list")

    assert imported >= {"connector.config.settings", "connector.store.store", "sqlalchemy"}
    assert not imported & {"aiohttp", "alembic", "httpx", "jinja2", "procrastinate", "psycopg", "rich", "structlog"}
    assert not imported & {"connector.app", "connector.route", "connector.task", "connector.client.client"}


def test_a_slip_of_the_pen_costs_those_who_make_one(command, list_imported):
    """What explains a fault is imported for a fault."""
    config = command.write("whole.yaml", WHOLE)

    imported = list_imported("validate", config)

    assert not imported & {"connector.transform.explanation", "difflib", "traceback"}


def test_a_state_and_a_schedule_cost_those_who_have_one(command, list_imported):
    """Cursors, walks and cron are imported for the incomings that are written with them."""
    theirs = {"connector.subscriber.cursor", "connector.subscriber.schedule", "connector.subscriber.walk", "cronsim"}
    state = '    state: {cursor: $.at}\n    schedule: {cron: "0 6 * * *"}\n'
    plain = command.write("plain.yaml", WHOLE)
    stateful = command.write("stateful.yaml", WHOLE.replace("    transform:\n", f"{state}    transform:\n", 1))

    assert not list_imported("validate", plain) & theirs
    assert list_imported("validate", stateful) >= theirs


def test_no_plugin_sees_the_options(command, tmp_path):
    """A plugin of pydantic that happens to be installed is not shown what is validated: secrets are among it."""
    installed = tmp_path / "installed" / "nosy-1.0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: nosy\nVersion: 1.0\n", encoding="utf-8")
    (installed / "entry_points.txt").write_text("[pydantic]\nnosy = nosy:plugin\n", encoding="utf-8")
    (installed.parent / "nosy.py").write_text("raise SystemExit('the plugin was loaded')\n", encoding="utf-8")
    config = command.write("whole.yaml", WHOLE)

    ran = command("validate", config, PYTHONPATH=str(installed.parent))

    assert (ran.code, ran.stderr) == (0, "")
