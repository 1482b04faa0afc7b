"""Stopping: what is in hand is finished, nothing half-done goes unreported."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from tests.acceptance.conftest import CONFIGS, SAMPLES, TIMEOUT_S

ORDER = SAMPLES.joinpath("orders.jsonl").read_text().splitlines()[0]


@pytest.fixture
def start(shop_command):
    """Start a command with the example configuration."""
    shop_command.environment["CONNECTOR_CONFIG"] = str(CONFIGS)
    return shop_command.start


def wait_until(holds):
    """Return when something holds, or fail after ten seconds."""
    for _ in range(200):
        if holds():
            return
        time.sleep(0.05)
    pytest.fail("it never came to that")


def wait_for_call(shop, route):
    """Return when the shop is working on a route, that is: when the call before it was answered."""
    before = {"order/add": "payment/method", "order/delete": "login", "cart/products": "login"}[route]
    wait_until(lambda: any(call["route"] == f"api/{before}" for call in shop.control("calls")["calls"]))
    time.sleep(0.3)


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_push_finishes_what_is_in_hand(start, shop, signum, code):
    """A signal lets the order on its way come to its end, reads no further, and the counts are shown."""
    shop.control("faults", route="order/add", delay_s=1.5)
    with start("push", "place-orders") as process:
        process.stdin.write(ORDER + "\n")
        process.stdin.flush()
        wait_for_call(shop, "order/add")
        process.send_signal(signum)
        process.wait(timeout=20)
        stdout, stderr = process.stdout.read(), process.stderr.read()

    assert process.returncode == code
    assert "stopping after the records in hand; once more breaks it off" in stderr
    assert stdout.splitlines()[1] == "  finished  1"
    assert len(shop.orders) == 1


def test_push_stops_while_it_waits_for_lines(start, shop):
    """A signal ends a push to which nobody sends anything more."""
    with start("push", "place-orders") as process:
        process.stdin.write(ORDER + "\n")
        process.stdin.flush()
        wait_until(lambda: shop.orders)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=5)
        stdout = process.stdout.read()

    assert process.returncode == 130
    assert stdout.startswith("place-orders: 1 record in ")


def test_second_signal_breaks_off_and_reports(start, shop):
    """A second signal breaks off; the order on its way is told as unknown."""
    shop.control("faults", route="order/add", delay_s=20)
    with start("push", "place-orders") as process:
        process.stdin.write(ORDER + "\n")
        process.stdin.flush()
        wait_for_call(shop, "order/add")
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=5)
        stdout, stderr = process.stdout.read(), process.stderr.read()

    assert process.returncode == 130
    assert 'unknown: line 1, task 1, key "WEB-1001", at order_add: interrupted after it was sent' in stderr
    assert stdout.splitlines()[1] == "  unknown  1"


def test_call_that_commits_is_told_when_broken_off(start, shop):
    """A call that was broken off and may have been carried out says so."""
    shop.control("faults", route="order/delete", delay_s=20)
    with start("call", "shop", "order.delete", "order_id=1") as process:
        wait_for_call(shop, "order/delete")
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=5)
        stderr = process.stderr.read()

    assert process.returncode == 130
    assert "order.delete may have been carried out" in stderr


def test_call_finishes_after_one_signal(start, shop):
    """One signal lets a call have its answer, which is shown; the exit code is that of the signal."""
    shop.control("faults", route="cart/products", delay_s=1.5)
    with start("call", "shop", "cart.products") as process:
        wait_for_call(shop, "cart/products")
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=10)
        stdout = process.stdout.read()

    assert process.returncode == 143
    assert stdout.startswith("ok (cart.products, HTTP 200, ")


def test_a_reader_that_leaves(shop_command):
    """Output that nobody reads any more ends the command quietly."""
    command = shop_command.start("catalog", "--output", "json")
    command.stdout.close()
    command.wait(timeout=10)
    stderr = command.stderr.read()
    command.stderr.close()
    command.stdin.close()

    assert command.returncode == 141
    assert stderr == ""


def test_records_that_nobody_reads(shop_command):
    """An incoming whose reader left ends quietly as well, and says how far it came."""
    process = shop_command.start("run", "shipping-quotes", "--config", str(CONFIGS))
    process.stdout.close()
    process.wait(timeout=20)
    stderr = process.stderr.read()
    process.stderr.close()
    process.stdin.close()

    assert process.returncode == 141
    assert "Traceback" not in stderr


def test_interrupted_while_modules_are_read(command):
    """Ctrl-C ahead of the command itself ends in one line and the code of the signal, not in a traceback."""
    loading = (
        "import builtins, os, signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell ignores it for what it starts with &
        "real = builtins.__import__\n"
        "def slow(name, *rest):\n"
        "    if name == 'click':\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "    return real(name, *rest)\n"
        "builtins.__import__ = slow\n"
        "from connector.cli.start import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", loading],
        cwd=command.folder,
        env=command.environment,
        capture_output=True,
        timeout=TIMEOUT_S,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")
