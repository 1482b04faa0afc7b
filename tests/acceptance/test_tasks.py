"""`connector tasks`: what became of every record, and what a person does about it."""

from __future__ import annotations

import getpass

import pytest

from connector.desk.task import MEANINGS
from connector.store.rows import TaskFilter, TaskStatus
from connector.testing.server import Reply
from tests.acceptance.conftest import ServerThread
from tests.acceptance.kept import IDS, on_store, put_filled

CONFIG = """
clients:
  shop: {connector: http, base_url: "http://127.0.0.1:9/"}
routes:
  orders:
    key: "{{ record.reference }}"
    transform:
      - set: {comment: "Our reference: {{ record.reference }}"}
    outgoing: {publisher: {client: shop, route: orders}}
"""


@pytest.fixture
def tasks(command):
    """`connector tasks …`, with a task in every status."""
    put_filled(command)
    return lambda *arguments, **options: command("tasks", *arguments, **options)


@pytest.fixture
def statuses(command):
    """Return what says where the tasks stand."""
    return lambda: on_store(command, lambda store: store.tasks.statuses(list(IDS.values())))


def find(command, task):
    """Return a task as lists show it."""
    (row,) = on_store(command, lambda store: store.tasks.find(TaskFilter(ids=(task,))))
    return row


def test_list_shows_the_newest_first(tasks):
    """Each task is one line, with where it stands, when that was and why; their number goes to standard error."""
    ran = tasks("list")

    assert ran.code == 0
    head, *lines = ran.stdout.splitlines()
    assert head.split() == ["id", "route", "key", "status", "attempts", "updated", "reason"]
    assert [int(line.split()[0]) for line in lines] == [8, 7, 6, 5, 4, 3, 2, 1]
    assert lines[6].endswith("order_add: the shop refuses it: no such product")
    assert ran.messages == ["8 tasks"]


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        (["--status", "failed"], [2]),
        (["--status", "failed", "--status", "unknown"], [5, 2]),
        (["--route", "coupons"], [8]),
        (["--key", "E"], [6, 5]),
        (["--text", "NO SUCH"], [2]),
        (["--newer", "1h"], [8, 7, 6, 5, 4, 3, 2, 1]),
        (["--older", "1h"], []),
        (["2", "5", "99"], [5, 2]),
        (["--route", "orders", "--status", "new"], [7]),
    ],
)
def test_filters(tasks, arguments, ids):
    """Every filter leaves out what it does not mean; together they mean what all of them do."""
    ran = tasks("list", *arguments, "--output", "json")

    assert ran.code == 0
    assert [task["id"] for task in ran.json["tasks"]] == ids
    assert ran.json["count"] == len(ids)


def test_pages(tasks):
    """What does not fit is said to be there, with the command for the next page, which goes on where this one ended."""
    first = tasks("list", "--route", "orders", "--limit", "3")
    second = tasks("list", "--route", "orders", "--limit", "3", "--before", "5", "--output", "json")

    assert first.messages == ["3 of 7 tasks; older ones: connector tasks list --route orders --before 5"]
    assert [task["id"] for task in second.json["tasks"]] == [4, 3, 2]
    assert second.json["next_before"] == 2


def test_nothing_to_list(tasks):
    """No task is no failure, and no empty table."""
    ran = tasks("list", "--route", "orders", "--key", "nothing")

    assert (ran.code, ran.stdout, ran.messages) == (0, "", ["0 tasks"])


def test_a_route_that_nobody_knows(tasks):
    """A name that is most likely misspelt is told as such."""
    ran = tasks("list", "--route", "order")

    assert (ran.code, ran.stdout, ran.messages[0]) == (0, "", "0 tasks")
    assert 'did you mean "orders"?' in ran.messages[1]


def test_show_tells_the_whole_story(command, tasks):
    """Where it stands, the record, what the steps make of it now, each attempt with its exchanges, and the answer."""
    command.write("shop.yaml", CONFIG)

    ran = tasks("show", "1", "--config", "shop.yaml")

    assert ran.code == 0
    lines = ran.stdout.splitlines()
    assert lines[:2] == ["task 1 of orders: finished", f"  {MEANINGS[TaskStatus.FINISHED]}"]
    for part in (
        '    "reference": "A",',
        '  orders: orders {"reference":"A","note":"note of A","comment":"Our reference: A"}',
        "order.add: ok (HTTP 200, 12 ms)  POST http://shop.test/index.php",
        '      sent    {"comment":"A"}',
        '    "order_id": 815',
    ):
        assert part in ran.stdout


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (TaskStatus.FAILED, "connector tasks retry 2 "),
        (TaskStatus.RETRY, "tried again in "),
        (TaskStatus.UNKNOWN, "connector tasks resolve 5 --look "),
        (TaskStatus.UNKNOWN, "noted: order_add (order.add) is about to leave"),
        (TaskStatus.WAITING, "behind task 5 of the same key"),
    ],
)
def test_show_says_what_to_do(tasks, status, told):
    """Where something is to be done about a task, the way on is told, with its number in it."""
    ran = tasks("show", str(IDS[status]))

    assert ran.code == 0
    assert told in ran.stdout


def test_show_without_its_configuration(command, tasks):
    """Where the steps are not known any more, that is told in their place, and everything else is shown."""
    command.write("shop.yaml", CONFIG.replace("orders:\n    key", "others:\n    key"))

    gone = tasks("show", "1", "--config", "shop.yaml")
    nothing = tasks("show", "1")

    assert "not known: the configuration has no route of this name any more" in gone.stdout
    assert "not known: no configuration was named" in nothing.stdout
    assert (gone.code, nothing.code) == (0, 0)


def test_show_as_json(command, tasks):
    """The same as JSON: times in UTC, records and exchanges as they are."""
    command.write("shop.yaml", CONFIG)

    shown = tasks("show", "1", "--config", "shop.yaml", "--output", "json").json

    assert shown["record"] == {"reference": "A", "note": "note of A"}
    assert shown["value"] == {"order_id": 815}
    assert shown["reshaped"]["previews"][0]["payload"]["comment"] == "Our reference: A"
    assert shown["attempts_made"][0]["exchanges"][0]["request"] == {"comment": "A"}
    assert shown["created_at"].endswith("Z")


def test_show_what_is_not_there(tasks, assert_clear):
    """A number that no task has is usage."""
    ran = tasks("show", "99")

    assert ran.code == 2
    assert ran.messages[0] == "error: there is no task 99"
    assert_clear(ran)


@pytest.mark.parametrize("status", [TaskStatus.FAILED, TaskStatus.SKIPPED, TaskStatus.RETRY])
def test_retry(tasks, statuses, status):
    """What failed, was left out or waits for its time has its turn again, and its tries begin anew."""
    ran = tasks("retry", str(IDS[status]))

    assert (ran.code, ran.stdout) == (0, "1 task will be tried again\n")
    assert statuses()[IDS[status]] is TaskStatus.NEW


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (TaskStatus.UNKNOWN, "nobody has seen what came of it; sending it again might do it twice"),
        (TaskStatus.FINISHED, "it was sent, and would be there twice"),
        (TaskStatus.WAITING, "it has its turn after the earlier ones of its key"),
        (TaskStatus.NEW, "it has its turn as it is"),
    ],
)
def test_retry_is_refused(tasks, statuses, assert_clear, status, reason):
    """What must not be sent twice, or has its turn anyway, is refused with the reason; the others are left as well."""
    task = IDS[status]

    ran = tasks("retry", str(IDS[TaskStatus.FAILED]), str(task))

    assert ran.code == 2
    assert ran.messages[0].startswith(f"error: task {task} is {status.value} and cannot be tried again: ")
    assert reason in ran.messages[0]
    assert statuses()[IDS[TaskStatus.FAILED]] is TaskStatus.FAILED
    assert_clear(ran)


def test_the_cure_for_an_unknown_outcome_is_named(tasks):
    """Who wants to send it again is led to where it can be settled."""
    ran = tasks("retry", "--status", "unknown")

    assert ran.code == 2
    assert ran.messages[1] == " cure: say what became of it, or have it looked for: connector tasks resolve"


def test_retry_by_filter_leaves_out_what_was_left_out_on_purpose(tasks, statuses):
    """Without a status it means what failed and what waits for its time; unknown ones are told of."""
    ran = tasks("retry", "--route", "orders")

    assert ran.code == 0
    assert ran.stdout == "2 tasks will be tried again\n"
    assert ran.messages[0].startswith("1 unknown task left alone: ")
    after = statuses()
    assert after[IDS[TaskStatus.SKIPPED]] is TaskStatus.SKIPPED
    assert {after[IDS[TaskStatus.FAILED]], after[IDS[TaskStatus.RETRY]]} == {TaskStatus.NEW}


@pytest.mark.parametrize("verb", [["retry"], ["skip", "--reason", "x"], ["resolve", "--as", "done"]])
def test_everything_at_once_is_asked_for(tasks, statuses, assert_clear, verb):
    """A change that would concern tasks of every route has to be meant so: `--all`."""
    before = statuses()

    ran = tasks(*verb)
    meant = tasks(*verb, "--all", "--dry-run", "--output", "json")

    assert ran.code == 2
    assert ran.messages[0] == "error: that would concern tasks of every route"
    assert "--all" in ran.messages[1]
    assert meant.json["changed"] > 0
    assert statuses() == before
    assert_clear(ran)


@pytest.mark.parametrize("arguments", [["--limit", "1"], ["--dry-run"]])
def test_a_change_that_is_bounded_or_tried_out(tasks, statuses, arguments):
    """`--limit` changes the oldest ones, `--dry-run` none at all, and both say how many."""
    ran = tasks("retry", "--route", "orders", *arguments, "--output", "json")

    changed = [task for task, status in statuses().items() if status is TaskStatus.NEW]
    assert ran.json["changed"] == (1 if "--limit" in arguments else 2)
    assert changed == ([2, 7] if "--limit" in arguments else [7])


@pytest.mark.parametrize("status", [TaskStatus.FAILED, TaskStatus.RETRY, TaskStatus.WAITING, TaskStatus.NEW])
def test_skip(command, tasks, status):
    """What has not been sent is left out, with who said so and why."""
    task = IDS[status]

    ran = tasks("skip", str(task), "--reason", "cancelled by the customer")

    assert (ran.code, ran.stdout) == (0, "1 task left out\n")
    row = find(command, task)
    assert row.status is TaskStatus.SKIPPED
    assert row.reason == f"left out by {getpass.getuser()}: cancelled by the customer"


@pytest.mark.parametrize("status", [TaskStatus.FINISHED, TaskStatus.UNKNOWN, TaskStatus.SKIPPED, TaskStatus.PROCESSING])
def test_skip_is_refused(tasks, status):
    """What was sent, or may have been, is not left out any more."""
    ran = tasks("skip", str(IDS[status]), "--reason", "x")

    assert ran.code == 2
    assert f"task {IDS[status]} is {status.value} and cannot be left out: " in ran.messages[0]


@pytest.mark.parametrize(
    ("outcome", "status"),
    [("done", TaskStatus.FINISHED), ("retry", TaskStatus.NEW), ("failed", TaskStatus.FAILED)],
)
def test_resolve(command, tasks, statuses, outcome, status):
    """A person says what became of it; where it is settled, the one behind it of the same key goes on."""
    ran = tasks("resolve", "5", "--as", outcome, "--reason", "order 815")

    assert (ran.code, ran.stdout) == (0, f"1 task resolved as {outcome}\n")
    assert find(command, 5).reason == f"resolved as {outcome} by {getpass.getuser()}: order 815"
    assert statuses()[5] is status
    assert statuses()[6] is (TaskStatus.WAITING if outcome == "retry" else TaskStatus.NEW)


def test_resolve_needs_an_unknown_outcome(tasks, assert_clear):
    """What is known is not said again."""
    ran = tasks("resolve", "2", "--as", "done")

    assert ran.code == 2
    assert ran.messages[0] == "error: task 2 is failed and cannot be resolved: its outcome is known"
    assert_clear(ran)


@pytest.mark.parametrize("arguments", [[], ["--as", "done", "--look"]])
def test_resolve_needs_an_answer_or_a_question(tasks, arguments):
    """Either a person says it or the remote system is asked."""
    ran = tasks("resolve", "5", *arguments)

    assert ran.code == 2
    assert ran.messages[1] == " cure: add --as done, --as retry, --as failed or --look"


def test_look_where_nobody_can_be_asked(command, tasks):
    """A remote system that cannot say leaves the task unknown: exit code 4."""
    command.write("shop.yaml", CONFIG)

    ran = tasks("resolve", "5", "--look", "--config", "shop.yaml")

    assert ran.code == 4
    assert ran.stdout.startswith("task 5: still unknown: nobody can be asked")


def test_export(tasks):
    """Tasks as JSON lines, the oldest first, with their records and answers."""
    ran = tasks("export", "--status", "finished", "--status", "failed")

    assert ran.code == 0
    assert [(task["id"], task["record"]["reference"], task["value"]) for task in ran.lines] == [
        (1, "A", {"order_id": 815}),
        (2, "B", None),
    ]
    assert ran.messages == ["2 tasks exported"]


def test_prune_by_age_and_status(tasks, statuses):
    """What is settled and old enough goes; what is open stays, however old."""
    tried = tasks("prune", "--older", "0s", "--dry-run", "--output", "json")
    ran = tasks("prune", "--older", "0s", "--status", "finished", "--status", "skipped")

    assert tried.json == {
        "deleted": 3,
        "dry_run": True,
        "routes": {"orders": {"finished": 1, "failed": 1, "skipped": 1}},
    }
    assert ran.messages == ["2 tasks deleted"]
    assert set(statuses()) == set(IDS.values()) - {1, 3}


def test_prune_as_the_routes_say(command, tasks, statuses):
    """Without an age it is each route's own `retention` that counts."""
    command.write("shop.yaml", CONFIG.replace("key:", "retention: {finished: 1ms, failed: forever}\n    key:"))

    ran = tasks("prune", "--config", "shop.yaml", "--output", "json")

    assert ran.json["routes"] == {"orders": {"finished": 1}}
    assert statuses()[2] is TaskStatus.FAILED


def test_open_tasks_are_never_pruned(tasks):
    """A status that is open is usage."""
    ran = tasks("prune", "--status", "unknown", "--older", "0s")

    assert ran.code == 2
    assert "'unknown' is not one of 'finished', 'failed', 'skipped'" in ran.stderr


def test_an_age_that_is_none(tasks):
    """A filter that cannot be read is told with what is accepted."""
    ran = tasks("list", "--older", "yesterday")

    assert ran.code == 2
    assert "'yesterday' is not a duration such as 500ms, 10s or 1h30m" in ran.stderr


def test_a_store_that_is_not_there(command, assert_clear):
    """Where nothing was ever kept, that is told with what makes a store; none is made by looking."""
    ran = command("tasks", "list")

    assert ran.code == 1
    assert ran.messages[0].startswith("error: there is no store at ")
    assert not list(command.folder.parent.glob("kept/*"))
    assert_clear(ran)


@pytest.mark.parametrize("arguments", [["tasks", "lst"], ["tasks", "list", "--status", "done"], ["tasks"]])
def test_what_cannot_be_understood_is_usage(command, arguments):
    """A slip of the fingers is exit code 2, with what is there."""
    ran = command(*arguments)

    assert ran.code == 2
    assert ran.stderr


def test_help_is_quick(command):
    """The commands about tasks explain themselves without the database's library."""
    ran = command("tasks", "retry", "--help", PYTHONPROFILEIMPORTTIME="1")

    assert ran.code == 0
    assert "sqlalchemy" not in ran.stderr


HALF = """\
clients: {erp: {connector: http, base_url: "${ERP_URL}"}}
outgoing:
  order:
    publisher:
      client: erp
      before: [{route: orders, effect: commit, data: {ref: "{{ record.ref }}"}}]
      route: history
routes: {orders: {outgoing: order, key: "{{ record.ref }}"}}
"""


def test_what_was_carried_out_is_not_done_twice(command):
    """A task that failed halfway is tried again only where its number and --repeat-done say so."""
    refused = Reply(status=422, json={"error": "no such status"})

    def answer(request):
        return Reply(status=200, json={}) if request.path.endswith("/orders") else refused

    with ServerThread(answer) as server:
        command.write("erp.yaml", HALF)
        command.environment |= {"ERP_URL": server.url, "CONNECTOR_CONFIG": "erp.yaml"}
        command("push", "orders", stdin=b'{"ref": "A"}')
        named = command("tasks", "retry", "1")
        meant = command("tasks", "retry", "--status", "failed")
        everywhere = command("tasks", "retry", "--status", "failed", "--repeat-done")
        sent = len(server.requests)
        said = command("tasks", "retry", "1", "--repeat-done")
        command("run", "orders")

    assert named.code == everywhere.code == 2
    assert named.messages[0] == "error: task 1: orders would be done twice, it was carried out already"
    assert (meant.code, meant.stdout.strip()) == (0, "0 tasks will be tried again")
    assert meant.messages[0].startswith("1 half-done task left alone: look what the other side has")
    assert sent == 2
    assert (said.code, len(server.requests)) == (0, 4)
