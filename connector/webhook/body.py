"""How a body becomes records: unpacked, told what it is, read whole or refused whole.

Bodies come from strangers. Nothing is unpacked beyond the limit of its size, and whatever is wrong with one is an
`IntakeError` that tells the sender what to put right.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import zlib
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias
from urllib.parse import unquote_to_bytes

import orjson

from connector.client.exact import load_json
from connector.errors import IntakeError, TransformError
from connector.frozen import dataclass
from connector.transform.conversion import name_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.record import Record
    from connector.transform.path import Selector

Kind: TypeAlias = Literal["json", "form", "jsonl", "csv"]

MOST_RECORDS: Final = 10_000
"""Records of one body; they are kept in one transaction."""

_KINDS: Final[dict[str, Kind]] = {
    "application/json": "json",
    "text/json": "json",
    "text/plain": "json",  # senders that give no thought to it send JSON
    "application/octet-stream": "json",
    "": "json",
    "application/x-www-form-urlencoded": "form",
    "application/x-ndjson": "jsonl",
    "application/ndjson": "jsonl",
    "application/jsonl": "jsonl",
    "application/x-jsonlines": "jsonl",
    "application/jsonlines": "jsonl",
    "application/json-lines": "jsonl",
    "text/csv": "csv",
    "application/csv": "csv",
}
_ACCEPTED: Final = "application/json, application/x-www-form-urlencoded, application/x-ndjson and text/csv"
_NO_CHARSETS: Final = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7"})
"""Encodings of Python's that are none of a text on its way, or take a time that grows with its square."""

_MOST_FIELDS: Final = 10_000
MOST_MEMBERS: Final = 1_000
"""Of a packed body: one after another, as of files that were put together. Each costs a decoder of its own."""

_PIECE: Final = 65_536
_PADDING: Final = re.compile(rb"\0*")
_BLANKS: Final = b" \t\r\n\v\f"
_GZIP_OR_ZLIB: Final = 32 + zlib.MAX_WBITS
_RAW: Final = -zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads bodies as one webhook declares them.

    Attributes:
        kind: What they are, or `auto` for what their `Content-Type` says.
        records: Where the records stand, or None.
        delimiter: Between two cells of CSV.
        has_header: Whether the first row of CSV is no record.
        columns: Names of the columns, or None for those of the first row.
        is_lenient: Whether a body of a kind that is not known, or not told, is tried as JSON and then as JSON lines.
    """

    kind: Kind | Literal["auto"] = "auto"
    records: Selector | None = None
    delimiter: str = ","
    has_header: bool = True
    columns: tuple[str, ...] | None = None
    is_lenient: bool = False

    def read(self, body: bytes, content_type: str = "") -> tuple[list[Record], Any]:
        """Return the records of a body, and the document they stood in: None of JSON lines and CSV.

        Args:
            body: Unpacked.
            content_type: What the sender says it is.

        Raises:
            IntakeError: It cannot be read as records; not one of them counts then.
        """
        kind, charset = self._find_kind(content_type)
        content = _to_utf8(body, charset)
        if not content.strip(_BLANKS):
            raise IntakeError("the body is empty")
        document: Any = None
        if kind == "json":
            try:
                document = _load(content, "the body")
            except IntakeError:
                if not self.is_lenient or b"\n" not in content.strip(_BLANKS) or _says_json(content_type):
                    raise
                values = _read_lines(content)
            else:
                values = [document]
        elif kind == "form":
            document = _read_form(content)
            values = [document]
        elif kind == "jsonl":
            values = _read_lines(content)
        else:
            values = self._read_rows(content)
        is_many = len(values) > 1
        found: list[Any] = []
        for number, value in enumerate(values, 1):
            found += self._select(value, f"line {number}: " if is_many else "")
            if len(found) > MOST_RECORDS:
                raise IntakeError(f"the body has more than {MOST_RECORDS:,} records", cure="send fewer", status=413)
        for index, record in enumerate(found):
            if not isinstance(record, dict):
                place = f"record {index + 1} is" if len(found) > 1 else "it is"
                raise IntakeError(f"a record is a JSON object, and {place} {name_type(record)}")
        return found, document

    def _find_kind(self, content_type: str) -> tuple[Kind, str]:
        name, _, rest = content_type.partition(";")
        name, charset = name.strip().lower(), ""
        for parameter in rest.split(";"):
            key, _, value = parameter.partition("=")
            if key.strip().lower() == "charset":
                charset = value.strip().strip('"')
        if self.kind != "auto":
            return self.kind, charset
        kind = _KINDS.get(name)
        if kind == "form" and self.is_lenient:
            return "json", charset  # what curl says of everything
        if kind is None and (name.endswith("+json") or self.is_lenient):
            kind = "json"
        if kind is None:
            raise IntakeError(f"the body is {name!r}, accepted are {_ACCEPTED}", status=415)
        return kind, charset

    def _select(self, value: Any, place: str) -> list[Any]:
        """Return what a document, a line or a row gives: its records, or itself; a list is its elements."""
        if self.records is None:
            return value if isinstance(value, list) else [value]
        try:
            self.records.require(value)
            found = self.records.find(value)
        except TransformError as error:
            raise IntakeError(f"{place}{error.message}", cure=error.cure) from error
        if self.records.is_definite and len(found) == 1 and isinstance(found[0], list):
            return found[0]
        return found

    def _read_rows(self, content: bytes) -> list[Any]:
        names = self.columns
        is_first = self.has_header
        records: list[Any] = []
        rows = csv.reader(io.StringIO(content.decode(), newline=""), delimiter=self.delimiter, strict=True)
        try:
            for row in rows:
                if not row:
                    continue
                if is_first:
                    is_first = False
                    names = names or _check_names(row)
                    continue
                assert names is not None, "options ask for names where no row has them"
                if len(row) != len(names):
                    raise IntakeError(f"line {rows.line_num} has {len(row)} cells, and there are {len(names)} columns")
                records.append(dict(zip(names, row, strict=True)))
                if len(records) > MOST_RECORDS:
                    break
        except csv.Error as error:
            raise IntakeError(f"line {rows.line_num} is no CSV: {error}") from error
        return records


def unpack(body: bytes, coding: str, *, max_bytes: int) -> bytes:
    """Return a body without its `Content-Encoding`.

    Args:
        body: As sent.
        coding: `gzip`, `deflate`, `identity`, or empty.
        max_bytes: The most it may come to.

    Raises:
        IntakeError: It is packed otherwise, not as it says, or comes to more.
    """
    name = coding.strip().lower()
    if name in {"", "identity"}:
        return body
    if name not in {"gzip", "x-gzip", "deflate"}:
        raise IntakeError(f"the body is packed by {coding!r}, accepted are gzip and deflate", status=415)
    try:
        return _inflate(body, _GZIP_OR_ZLIB, max_bytes)
    except zlib.error as error:
        if name == "deflate":  # some send it without the frame that RFC 9110, section 8.4.1.2, asks for
            try:
                return _inflate(body, _RAW, max_bytes)
            except zlib.error:
                pass
        raise IntakeError(f"the body is not packed by {name}, as its header says") from error


def _inflate(body: bytes, bits: int, max_bytes: int) -> bytes:
    """Return what is packed, one member after another.

    What follows a member is handed back as a copy, so a body is fed in pieces: else one of very many small members
    would take a time that grows with its square, while nobody else is served.

    Raises:
        zlib.error: It is packed otherwise, or broken off.
        IntakeError: It comes to more than it may.
    """
    parts: list[bytes] = []
    size = position = members = 0
    while position < len(body):
        members += 1
        if members > MOST_MEMBERS:
            raise IntakeError(
                f"the body is packed in more than {MOST_MEMBERS:,} pieces", cure="pack it as a whole", status=413
            )
        unpacking = zlib.decompressobj(bits)
        while not unpacking.eof:
            piece = body[position : position + _PIECE]
            if not piece:
                raise zlib.error("broken off")
            part = unpacking.decompress(piece, max_bytes - size + 1)
            size += len(part)
            if size > max_bytes:
                raise too_large(max_bytes)
            parts.append(part)
            position += len(piece) - len(unpacking.unconsumed_tail) - len(unpacking.unused_data)
        padding = _PADDING.match(body, position)
        position = position if padding is None else padding.end()
    return b"".join(parts)


def too_large(max_bytes: int) -> IntakeError:
    """Return the error for a body that is too large."""
    return IntakeError(f"the body is larger than the {max_bytes:,} bytes that are taken", status=413)


def _to_utf8(body: bytes, charset: str) -> bytes:
    """Return a body in UTF-8, without a mark at its beginning.

    Raises:
        IntakeError: It is no text in that character set, or there is none of that name.
    """
    name = charset.strip().lower().replace("_", "-")
    if name in {"", "utf-8", "utf8"} and not body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        content = body.removeprefix(codecs.BOM_UTF8)
        try:
            content.decode()
        except UnicodeDecodeError as error:
            raise IntakeError(
                f"the byte 0x{content[error.start]:02X} at {error.start + 1} is not UTF-8",
                cure="send it as UTF-8, or say what it is: Content-Type: …; charset=…",
            ) from error
        return content
    try:
        return body.decode(_find_codec(name or _find_mark(body))).removeprefix("\ufeff").encode()
    except LookupError as error:
        raise IntakeError(f"there is no character set {charset!r}", cure="send it as UTF-8", status=415) from error
    except ValueError as error:  # as Unicode errors are
        raise IntakeError(f"the body is no text in {charset or 'UTF-16'}", cure="send it as UTF-8") from error


def _find_codec(name: str) -> str:
    """Return Python's name of a character set.

    Raises:
        LookupError: There is none of that name.
    """
    known = codecs.lookup(name).name.replace("_", "-")
    if known in _NO_CHARSETS:
        raise LookupError(name)
    return known


def _find_mark(body: bytes) -> str:
    is_long = body.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE))
    return "utf-32" if is_long else "utf-16"


def _load(content: bytes, place: str) -> Any:
    try:
        return load_json(content)
    except (orjson.JSONDecodeError, ValueError) as error:
        told = error.msg if isinstance(error, orjson.JSONDecodeError) else str(error)
        spot = f" at character {error.pos + 1}" if isinstance(error, orjson.JSONDecodeError) else ""
        raise IntakeError(f"{place} is no JSON: {told}{spot}") from error


def _says_json(content_type: str) -> bool:
    return "json" in content_type.partition(";")[0].lower()


def _read_lines(content: bytes) -> list[Any]:
    values: list[Any] = []
    for number, line in enumerate(content.split(b"\n"), 1):
        if line.strip(_BLANKS):
            values.append(_load(line, f"line {number}"))
            if len(values) > MOST_RECORDS:
                break
    return values


def _read_form(content: bytes) -> Record:
    """Return the fields of a form: text, or a list of texts where a name stands there more than once."""
    record: Record = {}
    pairs = content.strip(_BLANKS).split(b"&")
    if len(pairs) > _MOST_FIELDS:
        raise IntakeError(f"the form has more than {_MOST_FIELDS:,} fields", status=413)
    for pair in filter(None, pairs):
        name, _, value = (part.replace(b"+", b" ") for part in pair.partition(b"="))
        try:
            key, text = unquote_to_bytes(name).decode(), unquote_to_bytes(value).decode()
        except UnicodeDecodeError as error:
            raise IntakeError("a field of the form is not UTF-8") from error
        if key not in record:
            record[key] = text
        elif isinstance(record[key], list):
            record[key].append(text)
        else:
            record[key] = [record[key], text]
    return record


def _check_names(row: Sequence[str]) -> tuple[str, ...]:
    names = tuple(cell.strip() for cell in row)
    if not all(names):
        raise IntakeError(f"column {names.index('') + 1} of the first line has no name")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise IntakeError(f"two columns are called {twice!r}")
    return names
