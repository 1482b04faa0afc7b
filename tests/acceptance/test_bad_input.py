"""Everything that can be wrong around the command: one clear message with place and cure, and the exit code."""

from __future__ import annotations

import ssl
import subprocess
import sys
import time

import pytest
import trustme

from connector.testing.server import Reply
from tests.acceptance.conftest import CONFIGS, ServerThread

SHOP = """clients:
  shop:
    connector: opencart
    base_url: ${SHOP_URL}
    key: ${SHOP_KEY}
    dialect: 3.0
    timeout: {connect: 1s, total: 2s}
    max_response: 1MB
"""

QUOTE = """incoming:
  cart:
    subscriber: {client: shop, before: [{entity: cart.add, data: {product_id: 40}}], entity: cart.products}
    transform:
"""


@pytest.fixture
def call(shop_command):
    """`connector call shop cart.products` with a client of short patience."""
    shop_command.write("shop.yaml", SHOP)
    shop_command.environment["CONNECTOR_CONFIG"] = "shop.yaml"
    return lambda **environment: shop_command("call", "shop", "cart.products", **environment)


# --- the configuration, as files ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("clients: [\n", "shop.yaml:2:1: "),
        ("clients:\n  shop: {connector: opencart, base_url: 'http://a.test', kye: k}\n", "shop.yaml:2:58: "),
        (
            "clients:\n  shop: {connector: opencart, base_url: 'http://a.test', key: k, sessions: x}\n",
            "shop.yaml:2:76: ",
        ),
        ("clients:\n  shop: {connector: opencart, base_url: '${SHOP}', key: k}\n", "the variable SHOP is not set"),
        ("clients:\n  shop: {connector: opencart, base_url: 'http://a.test', key: k}\n\x07", "shop.yaml:3:1: "),
    ],
    ids=["wrong YAML", "wrong key", "wrong type", "unset variable", "control character"],
)
@pytest.mark.parametrize("arguments", [["validate"], ["run", "x"], ["echo"], ["check"], ["call", "shop", "x"]])
def test_a_bad_configuration_stops_every_command(command, assert_clear, text, message, arguments):
    """Whatever the command, the faults are told with their places, and exit code is 1."""
    config = command.write("shop.yaml", text)

    ran = command(*arguments, "--config", config)

    assert ran.code == 1
    assert message in ran.messages[0]
    assert ran.messages[-1] == "error: 1 fault in 1 file"
    assert_clear(ran)


def test_a_file_that_may_not_be_read(command, assert_clear):
    """A folder in place of a file's content, as any other unreadable file, is told by name."""
    (command.folder / "configs").mkdir()
    (command.folder / "configs" / "a.yaml").symlink_to("/nowhere/at/all.yaml")

    ran = command("validate")

    assert ran.code == 1
    assert ran.messages[0] == "configs/a.yaml: cannot be read: No such file or directory"
    assert_clear(ran)


def test_a_file_that_is_not_text(command, assert_clear):
    """Bytes that are no UTF-8 are told with their place."""
    (command.folder / "shop.yaml").write_bytes(b"clients:\n  shop: {key: \xe9}\n")

    ran = command("validate", "shop.yaml")

    assert ran.code == 1
    assert ran.messages[0] == ("shop.yaml:2:15: found the byte 0xE9, which is not UTF-8; save the file as UTF-8")
    assert_clear(ran)


def test_an_empty_folder(command, assert_clear):
    """A folder without YAML is told as such."""
    (command.folder / "configs").mkdir()

    ran = command("validate")

    assert ran.code == 1
    assert ran.messages[0] == "configs: this folder holds no *.yaml file; subfolders are not read"


def test_a_setting_that_cannot_be_used(call, assert_clear):
    """A CONNECTOR_ setting of the environment is checked as well: exit code 2."""
    ran = call(CONNECTOR_LOG_LEVEL="loud")

    assert ran.code == 2
    assert ran.messages[0].startswith('error: CONNECTOR_LOG_LEVEL: found text "loud"')
    assert_clear(ran)


def test_settings_beside_the_configuration(call, shop_command):
    """Settings may stand in the `.env` beside the configuration; the environment goes before it."""
    shop_command.write(".env", "CONNECTOR_LOG_LEVEL=loud\n")

    bad = call()
    good = call(CONNECTOR_LOG_LEVEL="error")

    assert (bad.code, good.code) == (2, 0)
    assert "CONNECTOR_LOG_LEVEL" in bad.stderr


def test_colours_when_asked_for(command):
    """Messages have colours where CONNECTOR_COLOR says always, and none in a pipe otherwise."""
    plain = command("run", "x")
    coloured = command("run", "x", CONNECTOR_COLOR="always")

    assert "\x1b[" not in plain.stderr
    assert coloured.stderr.startswith("\x1b[31m\x1b[1merror:\x1b[0m ")


# --- records and templates ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("{set: {x: '{{ record.nope }}'}}", "incoming.cart.transform[0].set.x: "),
        (
            "{copy: {x: $.nope.deeper}}",
            '$.nope.deeper is missing: there is no "nope" (there are: cart_id, product_id, ',
        ),
        ("{cast: {totals: integer}}", "incoming.cart.transform[0].cast.totals: "),
        ("{set: {x: '{{ 1 / 0 }}'}}", "incoming.cart.transform[0].set.x: "),
    ],
    ids=["template error", "missing path", "wrong type", "computation"],
)
def test_a_record_that_cannot_be_shaped(shop_command, assert_clear, step, told):
    """A step that fails is told with its place: exit code 3."""
    shop_command.write("shop.yaml", SHOP + QUOTE + f"      - {step}\n")

    ran = shop_command("run", "cart", "--config", "shop.yaml")

    assert ran.code == 3
    assert ran.messages[0].startswith("failed: index 0, at incoming.cart.transform[0].")
    assert told in ran.messages[0]
    assert_clear(ran)


def test_records_that_are_not_there(shop_command, assert_clear):
    """A path to records that the answer has not is an error of the run: exit code 1."""
    text = QUOTE.replace("entity: cart.products", 'entity: cart.products, records: "$.items[*]"').removesuffix(
        "    transform:\n"
    )
    shop_command.write("shop.yaml", SHOP + text)

    ran = shop_command("run", "cart", "--config", "shop.yaml")

    assert ran.code == 1
    assert "incoming.cart.subscriber.records" in ran.stderr
    assert "products, vouchers, totals" in ran.stderr
    assert_clear(ran)


# --- the remote system -------------------------------------------------------------------------------------------


def test_refused_connection(call, assert_clear):
    """Nobody listens: host and port, and exit code 1."""
    ran = call(SHOP_URL="http://127.0.0.1:9/")

    assert ran.code == 1
    assert ran.stdout.startswith("unreachable (")
    assert "127.0.0.1:9 refused the connection" in ran.stderr
    assert "cure: check host and port of base_url" in ran.stderr
    assert_clear(ran)


def test_unknown_host(call, assert_clear):
    """A host that DNS does not know."""
    ran = call(SHOP_URL="http://shop.invalid/")

    assert ran.code == 1
    assert "no host is called shop.invalid" in ran.stderr
    assert_clear(ran)


def test_time_out(call, shop, assert_clear):
    """A read that takes too long ends after `timeout.total`; it cannot have committed anything: exit code 1."""
    shop.control("faults", route="cart/products", delay_s=10)

    ran = call()

    assert ran.code == 1
    assert ran.stdout.startswith("unknown (")
    assert "no answer within 2 s" in ran.stderr
    assert "timeout.total" in ran.stderr
    assert_clear(ran)


def test_time_out_of_the_log_in(call, shop, assert_clear):
    """A log-in without an answer leaves nothing unknown: exit code 1."""
    shop.control("faults", route="login", delay_s=10)

    ran = call()

    assert ran.code == 1
    assert "the log-in failed: no answer within 2 s" in ran.stderr
    assert_clear(ran)


def test_certificate_that_is_not_trusted(call, tmp_path, assert_clear):
    """A certificate of an unknown authority is refused; with its authority in `ca_file` it is not."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with ServerThread(lambda _request: Reply(json=[]), tls=context) as server:
        ran = call(SHOP_URL=server.url)

    assert ran.code == 1
    assert "shows a certificate that is not trusted" in ran.stderr
    assert "verification stays on" in ran.stderr
    assert_clear(ran)


def test_certificate_of_an_authority_that_is_named(shop_command, tmp_path):
    """`ca_file` makes a private authority trusted; what then fails is the log-in."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    shop_command.write("shop.yaml", SHOP + f"    ca_file: {tmp_path / 'ca.pem'}\n")

    with ServerThread(lambda _request: Reply(json=[]), tls=context) as server:
        ran = shop_command("check", "--config", "shop.yaml", SHOP_URL=server.url)

    assert ran.code == 1
    assert ": denied" in ran.stdout
    assert len(server.requests) == 1


def test_authority_that_cannot_be_read(shop_command, assert_clear):
    """A `ca_file` that is not there is told when the client is opened."""
    shop_command.write("shop.yaml", SHOP + "    ca_file: nowhere.pem\n")

    ran = shop_command("call", "shop", "cart.products", "--config", "shop.yaml", SHOP_URL="https://127.0.0.1:9/")

    assert ran.code == 1
    assert "ca_file" in ran.stderr
    assert "nowhere.pem" in ran.stderr
    assert_clear(ran)


def test_tls_spoken_to_a_plain_server(call, shop, assert_clear):
    """`https://` to a server without TLS."""
    ran = call(SHOP_URL=shop.base_url.replace("http://", "https://"))

    assert ran.code == 1
    assert "TLS" in ran.stderr
    assert_clear(ran)


@pytest.mark.parametrize(
    ("user", "told"),
    [
        ({"enabled": False}, "wrong username or key, or the API user is off"),
        ({"ips": []}, "127.0.0.1"),
        ({"ips": ["10.0.0.1"]}, "127.0.0.1"),
    ],
    ids=["API user off", "no address listed", "address not listed"],
)
def test_credential_that_is_refused(call, shop, assert_clear, user, told):
    """The most likely cause is named, with what to do: exit code 1."""
    shop.control("api-user", **user)

    ran = call()

    assert ran.code == 1
    assert ran.stdout.startswith("denied (")
    assert told in ran.stderr
    assert " cure: " in ran.stderr
    assert_clear(ran)


def test_wrong_key(call, assert_clear):
    """A wrong key is refused, and does not show."""
    ran = call(SHOP_KEY="not-the-key-of-this-shop")

    assert ran.code == 1
    assert ran.stdout.startswith("denied (")
    assert "not-the-key-of-this-shop" not in ran.stdout + ran.stderr
    assert_clear(ran)


@pytest.mark.parametrize(
    ("fault", "code", "verdict", "told"),
    [
        ({"html": True}, 1, "fault", "the answer is a web page instead of JSON"),
        ({"huge_body": 2_000_000}, 1, "unknown", "the answer is too large"),
        ({"truncate": 5}, 1, "unknown", "broke"),
        ({"drop_before_processing": True}, 1, "unknown", "broke"),
        ({"status": 503}, 1, "busy", "503"),
        ({"status": 500}, 1, "fault", "500"),
        ({"status": 404}, 1, "fault", "404"),
        (
            {"status": 301, "headers": {"Location": "https://other.test/index.php?route=api/cart/products"}},
            1,
            "fault",
            "change base_url to https://other.test/",
        ),
    ],
    ids=["HTML", "huge", "cut", "dropped", "503", "500", "404", "redirect"],
)
def test_answers_no_client_wants(call, shop, assert_clear, fault, code, verdict, told):
    """Each bad day of the shop is one message."""
    shop.control("faults", route="cart/products", **fault)

    ran = call()

    assert ran.stdout.splitlines()[0].startswith(f"{verdict} ("), ran.stdout
    assert ran.code == code
    assert told in ran.stderr
    assert_clear(ran)


def test_answer_that_is_not_utf8(call, shop):
    """An answer with a byte that is no UTF-8 gives a readable verdict, not a traceback."""
    shop.control("faults", route="cart/products", non_utf8=True)

    ran = call()

    assert ran.code in {0, 1}
    assert "Traceback" not in ran.stderr


def test_warnings_in_front_of_the_answer(call, shop):
    """PHP's notices are passed over, and reported."""
    shop.control("faults", route="cart/products", notice=True)

    ran = call()

    assert ran.code == 0
    assert ran.messages[0].startswith("notice: Warning: Undefined array key")
    assert [line["event"] for line in ran.logged] == ["remote_notice"]


def test_a_huge_answer_is_given_up_early(call, shop):
    """An answer far over `max_response` is not read to its end."""
    shop.control("faults", route="cart/products", huge_body=200_000_000)
    started_s = time.monotonic()

    ran = call()

    assert ran.code == 1
    assert time.monotonic() - started_s < 5


# --- what is asked of the examples -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["call", "shpo", "cart.products"], 'error: no client is called "shpo", there are: erp, shop'),
        (["call", "shop", "cart.product"], 'no entity "cart.product" in the catalog of opencart'),
        (["call", "shop", "coupon.apply", "coupon={{ 1 | uper }}"], 'there is no filter "uper"'),
        (["run", "shipping-quote"], 'no route and no incoming is called "shipping-quote"'),
        (["push", "try-coupon"], 'no route is called "try-coupon"'),
        (["check", "shpo"], 'error: no client is called "shpo", there are: erp, shop'),
    ],
)
def test_unknown_names(shop_command, assert_clear, arguments, told):
    """A name that is not there is exit code 2, with what may have been meant."""
    ran = shop_command(*arguments, "--config", CONFIGS)

    assert ran.code == 2
    assert told in ran.stderr
    assert "did you mean" in ran.stderr
    assert_clear(ran)


def test_streams_that_are_closed(shop_command, assert_clear):
    """A shell may close any of the three streams: no input is told, and output that nobody can see is no error."""
    connector = f"{sys.executable} -m connector"
    no_input = subprocess.run(
        f"{connector} push try-coupons --config {CONFIGS} <&-",
        shell=True,
        env=shop_command.environment,
        cwd=shop_command.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    no_output = subprocess.run(f"{connector} catalog >&- 2>&-", shell=True, env=shop_command.environment, check=False)

    assert no_input.returncode == 2
    assert no_input.stderr.startswith("error: standard input is closed\n")
    assert no_output.returncode == 0


def test_debug_shows_the_traceback(shop_command):
    """`--debug` adds where it happened, with secrets masked."""
    ran = shop_command("call", "shpo", "cart.products", "--config", CONFIGS, "--debug")

    assert ran.code == 2
    assert "Traceback (most recent call last)" in ran.stderr
    assert "UnknownNameError" in ran.stderr
