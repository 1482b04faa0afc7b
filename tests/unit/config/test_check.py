"""Options checked at a place: the exact fault, at the exact spot, for everything a person can get wrong."""

from datetime import timedelta
from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import (
    PydanticKnownError,
    _pydantic_core,  # the one place that lists every error with an example
)

from connector.config.check import ACCEPTED, FOREIGN, TOLD_APART, accepted_text, check
from connector.config.document import read_mapping, read_text
from connector.config.options import ByteSize, Name, Options, RatePerSecond, Seconds, Secret, not_accepted, unfit
from connector.config.place import Place
from connector.config.shape import list_keys


def _refuse_ftp(url):
    if url.startswith("ftp"):
        raise ValueError("ftp is not spoken here")
    return url


def _show_secret(key):
    raise ValueError(f"the key {key} is too well known")


class TimeoutOptions(Options):
    """Nested options with limits."""

    connect: Seconds = Field(timedelta(seconds=10), description="Connect.")
    total: Seconds = Field(timedelta(seconds=60), description="Total.", gt=timedelta(0), le=timedelta(minutes=5))

    @model_validator(mode="after")
    def _order(self):
        if self.connect > self.total:
            raise ValueError("connect is longer than total")
        return self


class CountOptions(Options):
    """One alternative of pagination."""

    page: str = Field(description="Name of the field.")


class ClientOptions(Options):
    """A client like the real ones."""

    connector: Literal["opencart", "http"] = Field(description="The connector package.")
    base_url: Annotated[str, AfterValidator(_refuse_ftp)] = Field(description="Where the shop is.")
    key: Secret = Field(description="Key of the API user.")
    username: str = Field("Default", min_length=3, max_length=8)
    dialect: Literal["auto", "2.3", "3.0"] = "auto"
    log_requests: bool = False
    timeout: TimeoutOptions = TimeoutOptions()
    sessions: int = Field(4, ge=1, le=64)
    rate_limit: RatePerSecond | None = None
    max_response: ByteSize = Field(100, le=1000)
    tags: list[str] = Field(default_factory=list)
    limits: dict[str, int] = Field(default_factory=dict)
    pagination: Literal["none"] | CountOptions = "none"
    size: int | Literal["auto"] = "auto"
    famous: Annotated[str, BeforeValidator(_show_secret)] = ""
    famous_secret: Annotated[Secret | None, BeforeValidator(_show_secret)] = None
    when: str | None = Field(None, alias="if")
    before: list[CountOptions] = Field(default_factory=list)

    @model_validator(mode="after")
    def _known_user(self):
        if self.username == "nobody":
            raise unfit("nobody is no user", "username", hint="leave it out")
        if self.username == "someone":
            raise not_accepted("a user", "username")
        return self


class RootOptions(Options):
    """Named clients."""

    clients: dict[Name, ClientOptions] = Field(default_factory=dict)


SHOP = "clients:\n  shop:\n    connector: opencart\n    base_url: http://x\n    key: ${SHOP_KEY}\n"
ENVIRONMENT = {"SHOP_KEY": "s3cretkey", "NUMBER": "5", "WORD": "many", "PASSWORD": "hunter2"}


def check_text(text):
    """Return the checked root, and the faults as people read them."""
    document = read_text(text, file="a.yaml", environment=ENVIRONMENT)
    root = check(RootOptions, document.place())
    return root, [str(fault) for fault in document.faults]


DURATION = "accepted is a duration such as 500ms, 10s or 1h30m"


@pytest.mark.parametrize(
    ("line", "at", "message"),
    [
        ("username: true", "6:15: username", 'found true, accepted is text; for the word, write it in quotes: "true"'),
        ("username:", "6:5: username", "found nothing, accepted is text"),
        ("username: [a]", "6:15: username", "found a list of 1 entry, accepted is text"),
        ("username: ab", "6:15: username", 'found text "ab", accepted is text of at least 3 characters'),
        ("username: abcdefghi", "6:15: username", 'found text "abcdefghi", accepted is text of at most 8 characters'),
        ("username: nobody", "6:15: username", "nobody is no user; leave it out"),
        ("username: someone", "6:15: username", 'found text "someone", accepted is a user'),
        (
            "dialect: 2.4",
            "6:14: dialect",
            'found the number 2.4, accepted is one of auto, 2.3, 3.0; did you mean "2.3"?',
        ),
        ("dialect: ato", "6:14: dialect", 'found text "ato", accepted is one of auto, 2.3, 3.0; did you mean "auto"?'),
        ("dialect: {}", "6:14: dialect", "found an empty mapping, accepted is one of auto, 2.3, 3.0"),
        (
            "log_requests: yes",
            "6:19: log_requests",
            'found text "yes", accepted is true or false; did you mean true?',
        ),
        (
            "log_requests: 0",
            "6:19: log_requests",
            "found the number 0, accepted is true or false; did you mean false?",
        ),
        ("timeout: 5", "6:14: timeout", "found the number 5, accepted is a mapping with keys such as connect, total"),
        ("timeout: {total: 10}", "6:22: timeout.total", f'found the number 10, {DURATION}; did you mean "10s"?'),
        ("timeout: {total: soon}", "6:22: timeout.total", f'found text "soon", {DURATION}'),
        ("timeout: {total: 10m}", "6:22: timeout.total", 'found text "10m", accepted is 5m or less'),
        ("timeout: {total: 0s}", "6:22: timeout.total", 'found text "0s", accepted is more than 0s'),
        ("timeout: {total: 1s}", "6:5: timeout", "connect is longer than total"),
        (
            "timeout: {totl: 5s}",
            "6:15: timeout.totl",
            'unknown key, accepted are connect, total; did you mean "total"?',
        ),
        ("max_response: 2KB", "6:19: max_response", 'found text "2KB", accepted is 1KB or less'),
        ("sessions: true", "6:15: sessions", "found true, accepted is a whole number"),
        ("sessions: 0", "6:15: sessions", "found the number 0, accepted is 1 or more"),
        ("sessions: 65", "6:15: sessions", "found the number 65, accepted is 64 or less"),
        ("sessions: 1.5", "6:15: sessions", "found the number 1.5, accepted is a whole number"),
        ("sessions: ${WORD}", "6:15: sessions", 'found text "many", accepted is a whole number'),
        (
            "rate_limit: 20",
            "6:17: rate_limit",
            'found the number 20, accepted is a rate such as 20/s, 600/min or 100/h; did you mean "20/s"?',
        ),
        ("tags: x", "6:11: tags", 'found text "x", accepted is a list'),
        (
            "tags: [a, true]",
            "6:15: tags[1]",
            'found true, accepted is text; for the word, write it in quotes: "true"',
        ),
        ("limits: {a: 1, b: true}", "6:23: limits.b", "found true, accepted is a whole number"),
        ("limits: [1]", "6:13: limits", "found a list of 1 entry, accepted is a mapping"),
        (
            "pagination: all",
            "6:17: pagination",
            'found text "all", accepted is none, or a mapping with keys such as page',
        ),
        (
            "pagination: nome",
            "6:17: pagination",
            'found text "nome", accepted is none, or a mapping with keys such as page; did you mean "none"?',
        ),
        ("pagination: {pge: x}", "6:18: pagination.pge", 'unknown key, accepted are page; did you mean "page"?'),
        ("pagination: {page: [1]}", "6:24: pagination.page", "found a list of 1 entry, accepted is text"),
        ("size: many", "6:11: size", 'found text "many", accepted is a whole number, or auto'),
        ("if: [x]", "6:9: if", "found a list of 1 entry, accepted is text"),
        ("famous: x", "6:13: famous", "the key x is too well known"),
        ("famous: ${PASSWORD}", "6:13: famous", "the key *** is too well known"),
        ("famous_secret: hunter3", "6:20: famous_secret", "the key *** is too well known"),
        (
            "username: ab${PASSWORD}",
            "6:15: username",
            "found text of 9 characters, accepted is text of at most 8 characters",
        ),
        (
            "before:\n      - page: x\n      - pages: y",
            "8:9: before[1].pages",
            'unknown key, accepted are page; did you mean "page"?',
        ),
        (
            "before:\n      - page: x\n      - {}",
            "8:9: before[1]",
            'the key "page" is required, but missing; page: Name of the field',
        ),
    ],
)
def test_wrong_value_is_one_fault_at_its_spot(line, at, message):
    """What was found, what is accepted and what may have been meant, at the value or key concerned."""
    root, faults = check_text(f"{SHOP}    {line}\n")

    position, where = at.split(" ")
    assert faults == [f"a.yaml:{position} clients.shop.{where}: {message}"]
    assert root is None


def test_unknown_key_names_the_accepted_ones():
    """All accepted keys are listed, as they are written in YAML."""
    _, faults = check_text(f"{SHOP}    base-url: x\n")

    keys = ", ".join(list_keys(ClientOptions))
    cure = 'did you mean "base_url"?'
    assert faults == [f"a.yaml:6:5: clients.shop.base-url: unknown key, accepted are {keys}; {cure}"]
    assert ", if, " in keys


@pytest.mark.parametrize(
    "line",
    [
        "sessions: ${NUMBER}",
        "pagination: none",
        "pagination: {page: p}",
        "size: 5",
        "size: auto",
        "if: x",
        "dialect: 3.0",
    ],
)
def test_right_value_is_no_fault(line):
    """What is accepted is taken without a word."""
    root, faults = check_text(f"{SHOP}    {line}\n")

    assert faults == []
    assert root.clients["shop"].connector == "opencart"


def test_missing_key_points_at_the_mapping_that_lacks_it():
    """The parent's key is pointed at, and the missing key is explained."""
    _, faults = check_text("clients:\n  shop:\n    key: x\n    connector: http\n")

    assert faults == [
        'a.yaml:2:3: clients.shop: the key "base_url" is required, but missing; base_url: Where the shop is'
    ]


def test_misspelt_required_key_is_one_fault():
    """A key that is a slip of a missing one is told once."""
    _, faults = check_text("clients:\n  shop:\n    key: x\n    connector: http\n    bse_url: y\n")

    assert len(faults) == 1
    assert faults[0].startswith("a.yaml:5:5: clients.shop.bse_url: unknown key")


def test_every_fault_of_every_client_is_told():
    """One fault does not hide another."""
    _, faults = check_text(
        "clients:\n  one: 5\n  'my shop': {key: a, base_url: ftp://x, connector: htp}\n  two:\nclient: {}\n"
    )

    mapping = "accepted is a mapping with keys such as connector, base_url, key, username"
    name = "accepted is a name of letters, digits, - and _ (at most 64)"
    choice = 'accepted is one of opencart, http; did you mean "http"?'
    assert faults == [
        f"a.yaml:2:8: clients.one: found the number 5, {mapping}",
        f'a.yaml:3:3: clients["my shop"]: found the key "my shop", {name}',
        'a.yaml:3:33: clients["my shop"].base_url: ftp is not spoken here',
        f'a.yaml:3:53: clients["my shop"].connector: found text "htp", {choice}',
        f"a.yaml:4:3: clients.two: found nothing, {mapping}",
        'a.yaml:5:1: client: unknown key, accepted are clients; did you mean "clients"?',
    ]


@pytest.mark.parametrize("line", ["sessions: ${NONE}", "sessions: *a", "timeout: !x 5", "timeout: {{ x }}"])
def test_fault_found_while_reading_has_no_second_fault(line):
    """A value that could not be read is not judged again."""
    root, faults = check_text(f"{SHOP}    {line}\n")

    assert root is None or line == "timeout: {{ x }}"
    assert len(faults) == 1


def test_value_of_a_secret_is_never_shown():
    """A secret that is wrong is told by its kind and size."""
    _, faults = check_text(SHOP.replace("${SHOP_KEY}", "[s3cret]"))
    document = read_text("password: ${PASSWORD}\n", file="a.yaml", environment=ENVIRONMENT)
    check(RootOptions, document.place("password"))

    assert faults == ["a.yaml:5:10: clients.shop.key: found a list of 1 entry, accepted is a secret text"]
    assert [str(fault) for fault in document.faults] == [
        "a.yaml:1:11: password: found text of 7 characters, accepted is a mapping with keys such as clients"
    ]


def test_place_where_nothing_is_written_is_a_fault():
    """Checking what is not there says so, at the nearest ancestor."""
    document = read_text("clients: {}\n", file="a.yaml")

    assert check(ClientOptions, document.place("clients", "shop")) is None
    assert [str(fault) for fault in document.faults] == ["a.yaml:1:1: clients.shop: required, but missing"]


def test_value_from_python_is_checked_alike():
    """A mapping made in Python has faults with a path and no line."""
    document = read_mapping({"clients": {"shop": {"connector": "http"}}}, where="load()", environment={})

    check(RootOptions, document.place())

    assert [str(fault) for fault in document.faults] == [
        'load(): clients.shop: the key "base_url" is required, but missing; base_url: Where the shop is',
        'load(): clients.shop: the key "key" is required, but missing; key: Key of the API user',
    ]


def test_every_error_of_pydantic_has_its_words():
    """Every error type that pydantic knows is in exactly one table, and no row is dead."""
    known = {error["type"] for error in _pydantic_core.list_all_errors()}

    assert known == set(ACCEPTED) | TOLD_APART | FOREIGN
    assert len(known) == len(ACCEPTED) + len(TOLD_APART) + len(FOREIGN)


@pytest.mark.parametrize("error", _pydantic_core.list_all_errors(), ids=lambda error: error["type"])
def test_words_of_an_error_can_be_filled_in(error):
    """What is accepted is told from what pydantic says about any error, in our words where there are some."""
    name, context = error["type"], error["example_context"] or {}

    text = accepted_text(name, {**context, "expected": "a", "expected_tags": "b"}, error["message_template_python"])

    assert text
    assert name not in ACCEPTED or ("Input" not in text and "{" not in text)


def test_foreign_error_is_told_in_the_words_of_pydantic():
    """An error without words of ours still gives a fault that can be understood."""

    class FlagOptions(Options):
        call: Any = None

        @model_validator(mode="before")
        @classmethod
        def _refuse(cls, value):
            raise PydanticKnownError("callable_type")

    place = Place.detached("x", {"call": 1})

    check(FlagOptions, place)

    assert [str(fault) for fault in place.faults] == [
        "<python>: x: found a mapping with the keys call, accepted is another value (Input should be callable)"
    ]
