"""Effective settings and where they came from."""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from connector.config.check import check
from connector.config.document import read_document
from connector.config.options import ByteSize, Options, RatePerSecond, Seconds, Secret
from connector.config.origin import Setting, effective


class BackoffOptions(Options):
    """Two durations that may be written as one text."""

    first: Seconds = timedelta(seconds=1)
    longest: Seconds = timedelta(seconds=30)


def _split(value):
    if not isinstance(value, str):
        return value
    first, longest = value.split("..")
    return {"first": first, "longest": longest}


class ShopOptions(Options):
    """A bit of everything."""

    url: str
    key: Secret
    spare: Secret | None = None
    sessions: int = 4
    backoff: Annotated[BackoffOptions, BeforeValidator(_split)] = BackoffOptions()
    rate: RatePerSecond | None = None
    size: ByteSize = 10_000_000
    headers: dict[str, str] = Field(default_factory=dict)
    payload: Any = None
    when: bool = Field(False, alias="if")


def effective_of(tmp_path, monkeypatch, text):
    """Return the effective settings of a shop, by path, as value and origin."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.yaml").write_text(text)
    (tmp_path / ".env").write_text("SESSIONS=8\nSHOP_KEY_FILE=key\n")
    (tmp_path / "key").write_text("s3cret\n")
    environment = {"HOST": "x", "PAGE_TOKEN": "t0ken"}
    document = read_document("shop.yaml", environment=environment)
    options = check(ShopOptions, document.place("shop"))
    document.faults.raise_if_any()
    settings = effective(options, document.place("shop"))
    assert all(isinstance(setting, Setting) for setting in settings)
    return {setting.where: (setting.value, setting.origin) for setting in settings}


def test_every_value_is_listed_with_its_origin(tmp_path, monkeypatch):
    """Written values, variables of every kind and built-in defaults are told apart; secrets are masked."""
    settings = effective_of(
        tmp_path,
        monkeypatch,
        "shop:\n  url: http://${HOST}/${PATH_:api}\n  key: ${SHOP_KEY}\n  sessions: ${SESSIONS}\n"
        "  backoff: {first: 90s}\n  if: true\n",
    )

    assert settings == {
        "shop.url": ("http://x/api", "environment HOST, default in shop.yaml:2:8"),
        "shop.key": ("***", "file key (SHOP_KEY_FILE)"),
        "shop.spare": (None, "built-in default"),
        "shop.sessions": (8, ".env SESSIONS"),
        "shop.backoff.first": ("1m30s", "shop.yaml:5:20"),
        "shop.backoff.longest": ("30s", "built-in default"),
        "shop.rate": (None, "built-in default"),
        "shop.size": ("10MB", "built-in default"),
        "shop.headers": ({}, "built-in default"),
        "shop.payload": (None, "built-in default"),
        "shop.if": (True, "shop.yaml:6:7"),
    }


def test_parts_of_one_text_came_from_where_the_text_came_from(tmp_path, monkeypatch):
    """Values that a validator makes of one text have its origin."""
    settings = effective_of(tmp_path, monkeypatch, "shop:\n  url: x\n  key: y\n  backoff: 2s..5m\n  rate: 100/h\n")

    assert settings["shop.backoff.first"] == ("2s", "shop.yaml:4:12")
    assert settings["shop.backoff.longest"] == ("5m", "shop.yaml:4:12")
    assert settings["shop.rate"] == ("100/h", "shop.yaml:5:9")


def test_secrets_in_untyped_parts_are_masked(tmp_path, monkeypatch):
    """Values from secret variables, and under a secret's name, are masked; templates are not secrets."""
    settings = effective_of(
        tmp_path,
        monkeypatch,
        "shop:\n  url: x\n  key: y\n  headers: {Authorization: Bearer abc, X-A: b}\n"
        "  payload: {password: abc, token: '{{ record.token }}', list: [1, 'a ${PAGE_TOKEN}']}\n",
    )

    assert settings["shop.headers.Authorization"][0] == "***"
    assert settings["shop.headers.X-A"][0] == "b"
    assert settings["shop.payload.password"][0] == "***"
    assert settings["shop.payload.token"][0] == "{{ record.token }}"
    assert settings["shop.payload.list[0]"][0] == 1
    assert settings["shop.payload.list[1]"] == ("***", "environment PAGE_TOKEN")
