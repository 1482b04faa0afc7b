"""Try-out, clients, schedules, log and audit."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import pytest

from connector.server.pages.clients import Examinations
from connector.server.pages.schedules import describe_spec
from connector.store.rows import AuditEntry
from tests.server.pages.desk import Desk, open_desk, read_words

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx

PART = {"HX-Request": "true", "HX-Target": "try-result"}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A service on a practice shop."""
    async with open_desk(tmp_path) as opened:
        yield opened


def read_try(page: httpx.Response) -> dict[str, str]:
    """Return what stands in the two texts of the try-out."""
    found = re.findall(r'<textarea id="try-(\w+)"[^>]*>\n?(.*?)</textarea>', page.text, re.DOTALL)
    return {name: html.unescape(text) for name, text in found}


# --- the try-out ------------------------------------------------------------------------------------------------------


async def test_the_example_of_the_try_out_works(desk: Desk) -> None:
    """What is shown where nothing was asked for comes out without an error."""
    words = read_words(await desk.post("/try", read_try(await desk.get("/try"))))

    assert "What comes out" in words
    assert '"25.00"' in words
    assert "Step failed" not in words


async def test_an_error_is_told_with_its_line_and_marked(desk: Desk) -> None:
    """Line, column, message and cure are told, and the number of the line is marked beside the text."""
    form = {"steps": "- set: {a: 1}\n- sett: {b: 2}", "record": "{}"}

    answer = await desk.post("/try", form, **PART)

    words = read_words(answer)
    assert "<html" not in answer.text
    assert "Steps, line 2, column 3" in words
    assert 'did you mean "set"?' in words
    assert '<li class="is-meant">2</li>' in answer.text


async def test_a_step_that_fails_leaves_the_others_to_be_seen(desk: Desk) -> None:
    """The steps in front of it show what they made, those behind it that they were not reached."""
    steps = '- set: {a: 1}\n- set: {b: "{{ record.nothing }}"}\n- remove: a'

    words = read_words(await desk.post("/try", {"steps": steps, "record": "{}"}))

    assert "record.nothing is missing" in words
    assert "1 set + new: a" in words
    assert "3 remove not reached" in words


async def test_a_route_fills_the_try_out_with_its_steps(desk: Desk) -> None:
    """All steps on the way are there, those of the incoming first."""
    answer = await desk.get("/try?route=orders")

    words = read_words(answer)
    assert "# of the incoming: incoming.new-orders.transform - remove: - internal" in words
    assert words.index("of the route") < words.index("of the outgoing")


async def test_a_task_fills_the_try_out_with_its_record(desk: Desk) -> None:
    """The record is the one that was kept, and secrets in it are masked."""
    record = {"reference": "WEB-1", "note": "hello", "api_key": "a-secret-of-somebody"}
    (task,) = (await desk.stage.context.acceptor.accept([record], route="orders")).ids

    page = await desk.get(f"/try?task={task}")
    answer = await desk.post("/try", read_try(page))

    words = read_words(answer)
    assert '"note": "hello"' in read_words(page)
    assert "a-secret-of-somebody" not in page.text
    assert "stands for secrets" in read_words(page)
    assert '"WEB-1-hello"' in words


async def test_a_variable_is_no_way_to_a_secret(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """`${NAME}` in what is tried is text."""
    monkeypatch.setenv("SHOP_KEY", "a-key-nobody-may-see")

    answer = await desk.post("/try", {"steps": '- set: {a: "${SHOP_KEY}"}', "record": "{}"})

    assert "a-key-nobody-may-see" not in answer.text
    assert "no variable is put in" in read_words(answer)


async def test_who_may_only_read_may_try(desk: Desk) -> None:
    """Nothing is sent and nothing is kept, so a reader may."""
    token = await desk.stage.add_token("read")

    answer = await desk.post("/try", {"steps": "- set: {a: 1}", "record": "{}"}, token=token)

    assert answer.status_code == 200
    assert "What comes out" in read_words(answer)


# --- clients ----------------------------------------------------------------------------------------------------------


async def test_a_client_is_shown_without_its_key(desk: Desk) -> None:
    """Address, user and who uses it are told, the key is masked."""
    answer = await desk.get("/clients")

    words = read_words(answer)
    assert desk.shop.base_url in words
    assert "Key ***" in words
    assert "Routes to it orders" in words
    assert desk.shop.key not in answer.text


async def test_a_check_tells_what_a_log_in_came_to(desk: Desk) -> None:
    """It is written down, and shown at the client."""
    answer = await desk.post("/clients/shop/check", {})
    words = read_words(await desk.get("/clients"))

    assert (answer.status_code, answer.headers["location"]) == (303, "/clients#client-shop")
    assert "Check well logged in" in words
    assert await desk.stage.audited() == [("local", "clients.check", "shop")]


async def test_the_doctor_tells_cause_and_cure(tmp_path: Path) -> None:
    """A client that cannot be reached is found out about."""

    def break_it(config: dict[str, dict[str, dict[str, object]]]) -> None:
        config["clients"]["shop"]["base_url"] = "http://127.0.0.1:9/"

    async with open_desk(tmp_path, break_it) as desk:
        await desk.post("/clients/shop/doctor", {})
        words = read_words(await desk.get("/clients"))

    assert "Doctor trouble 1 problem" in words
    assert "What to do: check host and port of base_url" in words


def test_a_client_is_looked_at_by_one_at_a_time_and_not_too_often() -> None:
    """Clicking on and on does not lock anybody out of the shop."""
    now_s = [100.0]
    examinations = Examinations(lambda: now_s[0])

    first = examinations.find_obstacle("shop", "check", 3)
    beside = examinations.find_obstacle("shop", "doctor", 3)
    examinations.finish("shop", None)
    too_soon = examinations.find_obstacle("shop", "check", 3)
    now_s[0] += 3
    later = examinations.find_obstacle("shop", "check", 3)

    assert (first, later) == ("", "")
    assert "already" in beside
    assert "ask again in 3 s" in too_soon


async def test_a_reader_may_not_check(desk: Desk) -> None:
    """A log-in at the shop is something that is done."""
    token = await desk.stage.add_token("read")

    answer = await desk.post("/clients/shop/check", {}, token=token)

    assert answer.status_code == 403
    assert "/clients/shop/check" not in (await desk.get("/clients", token=token)).text


# --- schedules --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "zone", "told"),
    [
        ("*/15 * * * *", "Europe/London", "Every 15th minute of every hour, by the clocks of Europe/London"),
        ("30 2 * * *", "UTC", "At 02:30 every day, UTC"),
        ("every 6h", None, "Every 6 hours"),
        ("every 1m30s", None, "Every 1 minute 30 seconds"),
    ],
)
def test_a_schedule_is_told_in_words(spec: str, zone: str | None, told: str) -> None:
    """Nobody has to read cron."""
    assert describe_spec(spec, zone) == told


async def test_an_incoming_is_asked_for(desk: Desk) -> None:
    """Who asked, and when, is shown until a worker takes it; it is written down."""
    answer = await desk.post("/schedules/new-orders/run", {})
    words = read_words(await desk.get("/schedules"))

    assert (answer.status_code, answer.headers["location"]) == (303, "/schedules")
    assert "asked for" in words
    assert "by local" in words
    assert await desk.stage.audited() == [("local", "incomings.run", "new-orders")]


async def test_an_incoming_that_is_not_there_is_told(desk: Desk) -> None:
    """Asking for it leads back with the reason, and writes nothing down."""
    answer = await desk.post("/schedules/nope/run", {})

    assert answer.status_code == 303
    assert await desk.stage.audited() == []


async def test_a_configuration_without_incomings_says_how_to_write_one(tmp_path: Path) -> None:
    """The empty page has the YAML of a schedule."""

    def leave_out(config: dict[str, dict[str, dict[str, object]]]) -> None:
        config["incoming"].clear()
        del config["routes"]["orders"]["incoming"]

    async with open_desk(tmp_path, leave_out) as desk:
        words = read_words(await desk.get("/schedules"))

    assert "Nothing is fetched by itself" in words
    assert "schedule: {cron:" in words


# --- log and audit ----------------------------------------------------------------------------------------------------


def tell(desk: Desk, event: str, level: str = "info", **facts: object) -> None:
    """Write a line of the log."""
    desk.stage.context.ring(None, level, {"event": event, "level": level, **facts})


async def test_the_log_is_narrowed_down(desk: Desk) -> None:
    """By level, route, request and text."""
    tell(desk, "task_failed", "error", route="orders", request_id="abc", reason="no <b>stock</b>")
    tell(desk, "worker_started")

    every = read_words(await desk.get("/log"))
    errors = await desk.get("/log?level=error")
    other = read_words(await desk.get("/log?route=coupons"))
    one = read_words(await desk.get("/log?request_id=abc&text=STOCK"))

    assert "worker_started" in every
    assert "worker_started" not in read_words(errors)
    assert "no &lt;b&gt;stock" in errors.text
    assert "No line fits" in other
    assert "task_failed" in one


async def test_the_log_says_whose_it_is(desk: Desk) -> None:
    """With several processes each shows its own, and the page says so."""
    words = read_words(await desk.get("/log"))

    assert "this process" in words
    assert "each shows its own" in words


async def test_the_log_goes_on_to_older_lines(desk: Desk) -> None:
    """A page of lines leads to the next, and older ones are not asked for again by themselves."""
    for number in range(250):
        tell(desk, "line", number=number)

    first = await desk.get("/log")
    older = await desk.get("/log?before=51")

    assert "before=51" in first.text
    assert 'data-refresh="2"' in first.text
    assert "number= 49" in read_words(older)
    assert "data-refresh" not in older.text


async def test_the_audit_tells_who_did_what(desk: Desk) -> None:
    """The newest first, narrowed down to what it was done to; secrets by name are masked."""
    store = desk.stage.store
    await store.audit.add(
        AuditEntry(1_000, "ann", "user", "10.0.0.9", "tasks.retry", "orders", {"outcome": "done", "tasks": [1, 2]}),
        AuditEntry(2_000, "robot", "token", "10.0.0.8", "reload", "", {"outcome": "refused", "api_key": "hidden-one"}),
    )

    every = await desk.get("/audit")
    one = read_words(await desk.get("/audit?subject=orders"))

    words = read_words(every)
    assert words.index("robot") < words.index("tasks.retry")
    assert "refused" in words
    assert "hidden-one" not in every.text
    assert "tasks 1, 2" in one
    assert "robot" not in one


async def test_an_empty_audit_says_what_will_be_in_it(desk: Desk) -> None:
    """Before anybody has done anything, the page says what is written down."""
    assert "Nobody has done anything yet" in read_words(await desk.get("/audit"))


async def test_an_address_without_a_page_is_told_on_one(desk: Desk) -> None:
    """A mistyped address leads on, with the menu; a program is told in JSON."""
    browser = await desk.get("/taks", Accept="text/html")
    program = await desk.get("/taks", Accept="application/json")

    assert browser.status_code == program.status_code == 404
    assert "No such page" in read_words(browser)
    assert 'href="/tasks"' in browser.text
    assert program.json()["detail"] == "there is no /taks"


async def test_who_is_not_let_in_sees_a_page_in_the_look_of_the_rest(desk: Desk) -> None:
    """A refusal and a missing page load the style sheets by addresses that answer, and show nothing else."""
    await desk.stage.context.store.accounts.put_user("ann", password_hash="x", role="operate")
    desk.stage.context.doors.forget_people()

    missing = await desk.get("/taks", Accept="text/html")
    refused = await desk.post("/login", {}, Accept="text/html", Origin="https://elsewhere.example")

    for answer, status in ((missing, 404), (refused, 403)):
        sheets = re.findall(r'<link rel="stylesheet" href="([^"]+)">', answer.text)
        assert answer.status_code == status
        assert [(await desk.get(sheet)).headers["cache-control"] for sheet in sheets] == [
            "public, max-age=31536000, immutable"
        ] * 2
        assert "orders" not in answer.text
        assert "<nav" not in answer.text
        assert len(answer.content) < 1_500
