"""JSON lines, out and in."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, date, datetime, time
from decimal import Decimal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.cli.lines import MAX_LINE_BYTES, RecordLines, encode_lines, read_chunks
from connector.desk.json_text import encode_json


async def read(chunks):
    """Return records with their line numbers, and the bad lines."""

    async def stream():
        for chunk in chunks:
            yield chunk

    bad = []
    lines = RecordLines(stream(), bad.append)
    records = [record async for batch in lines.batches() for record in batch]
    return [(lines.find_line(index), record) for index, record in enumerate(records)], bad


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("12.50"), '"12.50"'),
        (Decimal("1E+3"), '"1000"'),
        (Decimal("0.000001"), '"0.000001"'),
        (date(2026, 1, 31), '"2026-01-31"'),
        (datetime(2026, 1, 31, 12, 30, tzinfo=UTC), '"2026-01-31T12:30:00+00:00"'),
        (time(12, 30), '"12:30:00"'),
        (2**70, "1180591620717411303424"),
        ("\udc80", '"\\udc80"'),
        ("é", '"é"'),
    ],
)
def test_values(value, text):
    """Money keeps its digits, times are ISO 8601, and what orjson cannot say is said all the same."""
    assert encode_json(value).decode() == text


def test_decimals_as_they_travel_in_json():
    """A preview of a JSON payload has the number that is sent, with its digits."""
    value = {"total": Decimal("12.50"), "lines": [Decimal("1E+3")], "on": date(2026, 1, 31), "odd": Decimal("NaN")}

    text = encode_json(value, has_numbers=True).decode()

    assert text == '{"total":12.50,"lines":[1000],"on":"2026-01-31","odd":"NaN"}'


def test_lines_out():
    """One record a line; none for no record."""
    assert encode_lines([{"a": 1}, {"b": "x\ny"}]) == b'{"a":1}\n{"b":"x\\ny"}\n'
    assert encode_lines([]) == b""


async def test_long_numbers_keep_every_digit():
    """A number of more than 64 bits is not rounded on its way in."""
    records, bad = await read([b'{"n": 12345678901234567890123}\n'])

    assert records == [(1, {"n": 12345678901234567890123})]
    assert bad == []


async def test_lines_in():
    """Records come with the numbers of their lines; blank lines count and give nothing."""
    records, bad = await read([b'{"a": 1}\n\n  \r\n{"a": 2}\r\n{"a": 3}'])

    assert records == [(1, {"a": 1}), (4, {"a": 2}), (5, {"a": 3})]
    assert bad == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"nope", "not JSON: "),
        (b'{"a": 1', "not JSON: "),
        (b"[1]", "found a list, accepted is a JSON object"),
        (b'"text"', "found a text, "),
        (b"12", "found a number, "),
        (b"null", "found null, "),
        (b"true", "found true, "),
        (b'{"a": "\xff"}', "the byte 0xFF at 8 is not UTF-8"),
        (b'{"a": NaN}', "not JSON: "),
    ],
)
async def test_lines_that_give_no_record(line, reason):
    """Each is told with number and reason, and those around it are taken."""
    records, bad = await read([b'{"a": 1}\n' + line + b'\n{"a": 2}\n'])

    assert records == [(1, {"a": 1}), (3, {"a": 2})]
    assert [one.number for one in bad] == [2]
    assert bad[0].reason.startswith(reason)


@given(
    lines=st.lists(st.sampled_from([b'{"a": 1}', b"", b"x", b'{"b": "\xc3\xa9"}', b"[]"]), max_size=12),
    size=st.integers(1, 9),
)
def test_where_the_stream_is_cut_does_not_matter(lines, size):
    """However the bytes arrive, the same records come out under the same line numbers."""
    content = b"\n".join(lines)

    whole = asyncio.run(read([content]))
    cut = asyncio.run(read([content[start : start + size] for start in range(0, len(content), size)]))

    assert cut == whole


async def test_byte_order_mark():
    """A mark at the very beginning is passed over."""
    records, bad = await read([b"\xef\xbb\xbf" + b'{"a": 1}'])

    assert (records, bad) == ([(1, {"a": 1})], [])


@pytest.mark.parametrize("cut", [1_000_000, 10_000_000])
async def test_a_line_without_end_is_bounded(cut):
    """A line that is too long is told once, however it arrives, and the next one is taken."""
    content = b"x" * (MAX_LINE_BYTES + 2_500_000) + b'\n{"a": 2}\n'

    records, bad = await read([content[start : start + cut] for start in range(0, len(content), cut)])

    assert records == [(2, {"a": 2})]
    assert [(one.number, one.reason) for one in bad] == [(1, "longer than 4 MiB, the most that is read")]


async def test_a_line_of_the_longest_length_is_taken():
    """The bound itself is allowed."""
    line = orjson.dumps({"a": "x" * (MAX_LINE_BYTES - 8)})

    records, bad = await read([line, b"\n"])

    assert (len(line), len(records), bad) == (MAX_LINE_BYTES, 1, [])


async def test_records_come_before_the_stream_ends():
    """What was written to a pipe is taken at once, while the other side stays open."""
    reader, writer = os.pipe()
    lines = RecordLines(read_chunks(reader), print)
    batches = lines.batches()
    try:
        os.write(writer, b'{"a": 1}\n{"a": 2}\n')
        first = await asyncio.wait_for(anext(batches), 5)
        os.write(writer, b'{"a": 3}\n')
        second = await asyncio.wait_for(anext(batches), 5)
    finally:
        os.close(writer)
        await batches.aclose()
        os.close(reader)

    assert (first, second) == ([{"a": 1}, {"a": 2}], [{"a": 3}])


async def test_a_stream_that_cannot_be_read():
    """An error of the system is raised where records are awaited."""
    reader, writer = os.pipe()
    os.close(reader)
    os.close(writer)

    with pytest.raises(OSError, match="Bad file descriptor"):
        [chunk async for chunk in read_chunks(reader)]


async def test_read_no_faster_than_taken(tmp_path):
    """Of a large file, no more than two chunks are read before the first is taken."""
    path = tmp_path / "big.jsonl"
    path.write_bytes(b'{"a": 1}\n' * 100_000)
    with path.open("rb") as file:
        chunks = read_chunks(file.fileno())

        await anext(chunks)
        await asyncio.sleep(0.2)

        assert os.lseek(file.fileno(), 0, os.SEEK_CUR) <= 3 * 65_536
        await chunks.aclose()
