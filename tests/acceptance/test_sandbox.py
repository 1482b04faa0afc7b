"""`connector sandbox` and `connector demo`."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.acceptance.conftest import CONFIGS


def test_demo_places_an_order(command):
    """It shows what was sent, the order number, that a killed worker doubles nothing, and the YAML that did it."""
    ran = command("demo")

    assert ran.code == 0
    assert ran.stderr == ""
    for part in (
        '"Shipping - Returning available shipping methods"',
        'record: {"code":"flat.flat"',
        "sent: api/coupon",
        "answer: Success: Your coupon discount has been applied!",
        "sent: api/order/add",
        "order number: 1",
        "killed (SIGKILL), with ",
        "tasks: 8 finished; the shop has 8 of these orders",
        "every order was placed once",
        "entity: order.add",
        "Where to go next:",
    ):
        assert part in ran.stdout
    assert any(line.split() == ["Total", "$207.48"] for line in ran.stdout.splitlines())


def test_demo_as_json(command):
    """The same as one JSON object."""
    ran = command("demo", "--output", "json")

    assert ran.code == 0
    assert ran.json["order"]["order_id"] == 1
    assert ran.json["order"]["totals"][-1] == {"title": "Total", "text": "$207.48"}
    assert ran.json["quotes"][0]["code"] == "flat.flat"
    assert ran.json["killed_worker"]["statuses"] == {"finished": 8}
    assert list(ran.json["killed_worker"]["placed"].values()) == [1] * 8


def test_demo_leaves_nothing_behind(command, tmp_path):
    """Neither home nor folder hold a file afterwards."""
    command("demo")

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_yaml_of_the_demo_is_sound(command):
    """The YAML that the demo shows can be used as it is."""
    data = Path(sys.modules["connector"].__file__).parent / "cli" / "data" / "demo.yaml"

    ran = command("validate", data)

    assert ran.code == 0
    assert ran.stderr == ""


def test_sandbox_says_where_it_is(command):
    """The shop prints address, user, key, and how to stop it; SIGTERM ends it with 143."""
    with command.start("sandbox", "--port", "0") as process:
        told = [process.stdout.readline().strip() for _ in range(5)]
        hint = process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=10)

    assert told[0] == "practice shop: OpenCart 3.0"
    assert told[1].startswith("address   http://127.0.0.1:")
    assert told[2] == "username  Default"
    assert told[3].startswith("key       ")
    assert hint == "Ctrl-C stops it; its orders are gone then\n"
    assert process.returncode == 143


def test_sandbox_runs_the_examples_as_they_are(command):
    """What the sandbox prints by default is what `configs/` takes by default."""
    shown = command("echo", "clients.shop", "--config", CONFIGS, "--output", "json").json
    settings = {setting["where"]: setting for setting in shown}
    ran = command("sandbox", "--help")

    port = settings["clients.shop.base_url"]["value"].rpartition(":")[2].strip("/")
    assert f"default: {port}" in " ".join(ran.stdout.split())
    assert settings["clients.shop.key"]["origin"].startswith("default in ")


def test_port_that_is_taken(command, assert_clear):
    """A port that somebody has is told with the cure, and exit code 1."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        ran = command("sandbox", "--port", str(port))

    assert ran.code == 1
    assert ran.messages[0] == f"error: the practice shop cannot listen on 127.0.0.1:{port}: Address already in use"
    assert ran.messages[1] == " cure: choose another port with --port, or --port 0 for a free one"
    assert_clear(ran)


def test_unknown_dialect(command):
    """A generation that cannot be played is usage."""
    ran = command("sandbox", "--dialect", "9.9")

    assert ran.code == 2
    (message,) = ran.messages
    assert message.startswith('error: the practice shop plays no dialect "9.9", there are: 2.3, 3.0, 4.0')


def test_module_and_script_are_the_same(command):
    """`connector` and `python -m connector` are one program."""
    script = Path(sys.executable).parent / "connector"

    ran = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)

    assert ran.stdout == command("--version").stdout
