"""How a body becomes records."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import IntakeError
from connector.webhook.body import MOST_MEMBERS, MOST_RECORDS, Reader, unpack
from tests.webhook.stage import NOW_MS, call, compile_it, find_faults


def read(sent: bytes | str, content_type: str = "", /, **written: Any) -> list[Any]:
    """Return the records of a body."""
    sent = sent.encode() if isinstance(sent, str) else sent
    return compile_it(**written).read(call(Content_Type=content_type), sent, now_ms=NOW_MS).records


BODIES: dict[str, tuple[Any, ...]] = {
    "an object is a record": ('{"id": 1}', "application/json", {}, [{"id": 1}]),
    "a list is its elements": ('[{"id": 1}, {"id": 2}]', "application/json", {}, [{"id": 1}, {"id": 2}]),
    "an empty list is no record": ("[]", "application/json", {}, []),
    "JSON of a kind": ('{"id": 1}', "application/vnd.shop+json; charset=utf-8", {}, [{"id": 1}]),
    "JSON that is called nothing": ('{"id": 1}', "", {}, [{"id": 1}]),
    "JSON that is called text": ('{"id": 1}', "text/plain", {}, [{"id": 1}]),
    "records by a path": ('{"orders": [{"id": 1}]}', "", {"records": "$.orders[*]"}, [{"id": 1}]),
    "a path to the list itself": ('{"orders": [{"id": 1}]}', "", {"records": "orders"}, [{"id": 1}]),
    "a path to one record": ('{"order": {"id": 1}}', "", {"records": "$.order"}, [{"id": 1}]),
    "an empty list at the path": ('{"orders": []}', "", {"records": "$.orders[*]"}, []),
    "every digit of a long number": ('{"id": 36893488147419103232}', "", {}, [{"id": 36893488147419103232}]),
    "a mark at the beginning": (b'\xef\xbb\xbf{"id": 1}', "application/json", {}, [{"id": 1}]),
    "UTF-16 by its mark": ('{"id": "ä"}'.encode("utf-16"), "application/json", {}, [{"id": "ä"}]),
    "UTF-16 as it says": ('{"id": "ä"}'.encode("utf-16-le"), "application/json; charset=UTF-16LE", {}, [{"id": "ä"}]),
    "Latin-1 as it says": (
        '{"id": "ä"}'.encode("latin-1"),
        'application/json; charset="ISO-8859-1"',
        {},
        [{"id": "ä"}],
    ),
    "a form": (
        "a=1&b=x+y%26&a=2&c=",
        "application/x-www-form-urlencoded",
        {},
        [{"a": ["1", "2"], "b": "x y&", "c": ""}],
    ),
    "JSON lines": ('{"id": 1}\r\n\n{"id": 2}', "application/x-ndjson", {}, [{"id": 1}, {"id": 2}]),
    "a path in each line": (
        '{"r": {"id": 1}}\n{"r": {"id": 2}}\n',
        "application/jsonl",
        {"records": "$.r"},
        [{"id": 1}, {"id": 2}],
    ),
    "CSV with names": (
        'sku,note\nA1,"two\nlines"\n\nA2,\n',
        "text/csv",
        {},
        [{"sku": "A1", "note": "two\nlines"}, {"sku": "A2", "note": ""}],
    ),
    "CSV without": (
        "A1;2\n",
        "text/csv",
        {"csv": {"delimiter": ";", "columns": ["sku", "n"]}},
        [{"sku": "A1", "n": "2"}],
    ),
    "CSV with other names": (
        "x,y\nA1,2\n",
        "",
        {"body": "csv", "csv": {"header": True, "columns": ["sku", "n"]}},
        [{"sku": "A1", "n": "2"}],
    ),
    "CSV with a mark": (b"\xef\xbb\xbfsku\r\nA1\r\n", "text/csv", {}, [{"sku": "A1"}]),
    "what the webhook says it is": ("a=1", "application/json", {"body": "form"}, [{"a": "1"}]),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_is_read_as_what_it_is(name: str) -> None:
    """By what it says it is, or the webhook says."""
    body, content_type, written, records = BODIES[name]

    assert read(body, content_type, **written) == records


REFUSED: dict[str, tuple[Any, ...]] = {
    "nothing": ("", "application/json", {}, 400, "is empty"),
    "blanks": (" \r\n", "text/csv", {}, 400, "is empty"),
    "no JSON": ('{"id": 1,}', "application/json", {}, 400, "no JSON"),
    "not a number": ('{"id": NaN}', "application/json", {}, 400, "no JSON"),
    "a lone text": ('"hello"', "application/json", {}, 400, "a record is a JSON object, and it is text"),
    "a list of numbers": ('[{"id": 1}, 2]', "", {}, 400, "record 2 is"),
    "nothing at the path": ('{"zen": "calm"}', "", {"records": "$.orders[*]"}, 400, "orders"),
    "a line that is none": ('{"id": 1}\n{"id"', "application/x-ndjson", {}, 400, "line 2 is no JSON"),
    "a row too short": ("a,b\n1\n", "text/csv", {}, 400, "line 2 has 1 cells, and there are 2 columns"),
    "a column without a name": ("a,\n1,2\n", "text/csv", {}, 400, "column 2 of the first line has no name"),
    "a name twice": ("a,a\n1,2\n", "text/csv", {}, 400, "two columns are called 'a'"),
    "an open quotation mark": ('a\n"1', "text/csv", {}, 400, "no CSV"),
    "no UTF-8": (b'{"id": "\xff"}', "", {}, 400, "0xFF at 9 is not UTF-8"),
    "no such characters": ("{}", "application/json; charset=nonsense", {}, 415, "no character set"),
    "what is no character set": ("{}", "application/json; charset=zip", {}, 415, "no character set"),
    "one that takes for ever": ("{}", "application/json; charset=idna", {}, 415, "no character set"),
    "a kind nobody reads": ("<a/>", "application/xml", {}, 415, "application/xml"),
    "too deep": ("[" * 5000 + "]" * 5000, "application/json", {}, 400, "no JSON"),
    "too deep with long numbers": ("[" * 1000 + "1" * 30 + "]" * 1000, "", {}, 400, "no JSON"),
    "a form of bad bytes": ("a=%FF", "application/x-www-form-urlencoded", {}, 400, "not UTF-8"),
    "too many records": (json.dumps([{}] * (MOST_RECORDS + 1)), "", {}, 413, "more than"),
    "too many fields": ("&".join(["a=1"] * 10_001), "application/x-www-form-urlencoded", {}, 413, "more than"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_body_that_cannot_be_read_is_refused_whole(name: str) -> None:
    """With a status that says whose fault it is, and a reason that the sender can act on."""
    body, content_type, written, status, message = REFUSED[name]

    with pytest.raises(IntakeError) as refused:
        read(body, content_type, **written)

    assert refused.value.status == status
    assert message in refused.value.message


def test_a_body_of_very_many_members_is_refused() -> None:
    """Each costs a decoder, and even those that hold nothing would keep the process from everybody else."""
    empty = gzip.compress(b"", mtime=0)

    most = unpack(empty * MOST_MEMBERS, "gzip", max_bytes=10)
    with pytest.raises(IntakeError, match="1,000 pieces") as caught:
        unpack(empty * 500_000, "gzip", max_bytes=10)

    assert most == b""
    assert caught.value.status == 413


def test_a_member_reaches_over_pieces() -> None:
    """A large one is fed bit by bit, and what follows it is not lost."""
    large = random.Random(1).randbytes(200_000)

    unpacked = unpack(gzip.compress(large, mtime=0) + gzip.compress(b"end", mtime=0), "gzip", max_bytes=200_003)

    assert unpacked == large + b"end"


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate", "identity", ""])
def test_a_body_is_unpacked(coding: str) -> None:
    """As its header says."""
    packed = {
        "gzip": gzip.compress(b"{}", mtime=0),
        "x-gzip": gzip.compress(b"{}", mtime=0),
        "deflate": zlib.compress(b"{}"),
    }

    assert unpack(packed.get(coding, b"{}"), coding, max_bytes=10) == b"{}"


def test_deflate_without_its_frame_is_read_too() -> None:
    """As some send it."""
    packing = zlib.compressobj(wbits=-15)
    packed = packing.compress(b"{}") + packing.flush()

    assert unpack(packed, "deflate", max_bytes=10) == b"{}"


def test_several_members_are_one_body() -> None:
    """As gzip allows."""
    assert (
        unpack(gzip.compress(b"ab", mtime=0) + gzip.compress(b"cd", mtime=0) + b"\0\0", "gzip", max_bytes=10) == b"abcd"
    )


@pytest.mark.parametrize("members", [1, 50])
def test_a_bomb_goes_off_nowhere(members: int) -> None:
    """No more is unpacked than may be, in one member or in many."""
    bomb = gzip.compress(bytes(10_000_000 // members), mtime=0) * members

    with pytest.raises(IntakeError) as refused:
        unpack(bomb, "gzip", max_bytes=100_000)

    assert refused.value.status == 413


@pytest.mark.parametrize(
    ("body", "coding", "status"),
    [
        (b"{}", "gzip", 400),
        (gzip.compress(b"{}", mtime=0)[:-4], "gzip", 400),
        (b"{}", "br", 415),
        (b"{}", "gzip, gzip", 415),
    ],
)
def test_what_is_packed_otherwise_is_refused(body: bytes, coding: str, status: int) -> None:
    """Broken off, packed by something else, or twice."""
    with pytest.raises(IntakeError) as refused:
        unpack(body, coding, max_bytes=1000)

    assert refused.value.status == status


@given(st.binary(max_size=200), st.sampled_from(["", "gzip", "deflate", "br"]))
def test_unpacking_gives_bytes_or_a_reason(body: bytes, coding: str) -> None:
    """And never more than may be."""
    try:
        assert len(unpack(body, coding, max_bytes=100)) <= max(100, len(body))
    except IntakeError as refused:
        assert refused.status in {400, 413, 415}  # noqa: PT017


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=12,
)


@given(st.lists(st.dictionaries(st.text(), JSON_VALUES, max_size=4), max_size=6))
def test_records_come_out_as_they_were_sent(records: list[Any]) -> None:
    """As a list and as lines, whatever they hold."""
    as_list = json.dumps(records).encode()
    as_lines = b"\n".join(json.dumps(record).encode() for record in records)

    assert read(as_list, "application/json") == records
    if records:
        assert read(as_lines, "application/x-ndjson") == records


@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_characters="\x00", codec="utf-8"), min_size=1), min_size=2, max_size=2),
        min_size=1,
        max_size=5,
    )
)
def test_rows_come_out_as_they_were_sent(rows: list[list[str]]) -> None:
    """Whatever their cells hold, since a writer of CSV puts quotation marks around it."""
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)

    assert [list(record.values()) for record in read(text.getvalue(), body="csv", csv={"columns": ["a", "b"]})] == rows


KINDS = (
    "",
    "application/json",
    "application/x-www-form-urlencoded",
    "application/x-ndjson",
    "text/csv",
    "text/csv; charset=utf-16",
    "application/json; charset=shift_jis",
    "application/json; charset=;;=",
    "multipart/form-data; boundary=x",
)
SEEDS = (
    b'{"orders": [{"id": 1, "name": "caf\xc3\xa9", "lines": [{"sku": "A1"}]}]}',
    b'{"id": 1}\n{"id": 2}\n',
    b"a=1&b=%20x&a=3&c[]=4",
    b'sku,quantity\nA1,2\n"A,2",3\n',
    b'\xef\xbb\xbf[{"id": 12345678901234567890123}]',
    '{"id": "ä"}'.encode("utf-16"),
)


def mutate(chance: random.Random) -> bytes:
    """Return a body that was hurt somewhere."""
    body = bytearray(chance.choice(SEEDS))
    for _ in range(chance.randrange(6)):
        place = chance.randrange(len(body) + 1)
        match chance.randrange(5):
            case 0:
                body[place:place] = bytes([chance.randrange(256)])
            case 1:
                del body[place : place + chance.randrange(1, 8)]
            case 2:
                body[place:place] = chance.choice((b"{", b"[", b'"', b"\\u0000", b"\\ud800", b"\0", b"1e400", b"%zz"))
            case 3:
                body = body + bytearray(chance.choice(SEEDS))
            case _:
                body[place : place + 1] = bytes([chance.randrange(256)])
    return bytes(body)


def test_10_000_bodies_give_records_or_a_reason() -> None:
    """Nothing else is ever raised, and every record is an object."""
    chance = random.Random(5)
    readers = [compile_it(body=body) for body in ("auto", "json", "form", "jsonl", "csv")]
    readers += [
        compile_it(records="$.orders[*]"),
        compile_it(records="$..sku"),
        compile_it(delivery_id={"path": "$.id"}),
    ]
    read_count = 0

    for _ in range(10_000):
        headers = call(
            Content_Type=chance.choice(KINDS), Content_Encoding=chance.choice(("", "", "", "gzip", "deflate"))
        )
        body = mutate(chance)
        if headers.headers["content-encoding"] == "gzip" and chance.random() < 0.8:
            body = gzip.compress(body, 1, mtime=0)
        try:
            delivered = chance.choice(readers).read(headers, body, now_ms=NOW_MS)
        except IntakeError as refused:
            assert refused.status in {400, 413, 415}  # noqa: PT017
        else:
            read_count += 1
            assert all(isinstance(record, dict) for record in delivered.records)

    assert read_count > 1_000


def test_a_lenient_reader_takes_what_curl_sends() -> None:
    """JSON that is called a form, and JSON lines that are called nothing."""
    reader = Reader(is_lenient=True)

    assert reader.read(b'{"id": 1}', "application/x-www-form-urlencoded")[0] == [{"id": 1}]
    assert reader.read(b'{"id": 1}\n{"id": 2}\n', "")[0] == [{"id": 1}, {"id": 2}]
    with pytest.raises(IntakeError):
        reader.read(b'{"id": 1}\n{"id": 2}\n', "application/json")


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"path": "orders"}, "webhook.path: found what is no such path"),
        ({"path": "/a//b"}, "webhook.path: found what is no such path"),
        ({"path": "/a/../b"}, "webhook.path: found what is no such path"),
        ({"body": "csv", "delivery_id": {"path": "$.id"}}, "webhook.delivery_id.path: a body of csv"),
        ({"body": "json", "csv": {"delimiter": ";"}}, "webhook.csv: csv goes with body"),
        ({"delivery_id": {"header": "X Y"}}, "webhook.delivery_id.header: found a name"),
        ({"allow": []}, "webhook.allow: found an empty list"),
        ({"allow": ["10.0.0.1/8"]}, "webhook.allow[0]: found an address of that network"),
        ({"allow": ["here"]}, "webhook.allow[0]: found neither"),
    ],
)
def test_what_cannot_be_meant_is_a_fault(written: dict[str, Any], message: str) -> None:
    """With its place."""
    assert any(fault.startswith(message) for fault in find_faults(**written))
