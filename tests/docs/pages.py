"""The pages of the documentation as tests see them: blocks with their marks, headings, links.

A block is what stands between two fences. A mark is an HTML comment on the line above the fence:

- `<!-- file: shop.yaml -->`: the block is also written to that file, for the transcripts that follow.
- `<!-- under: incoming.quotes.subscriber -->`: a fragment of YAML, and where it belongs.
- `<!-- wrong: shop.yaml -->`: YAML with faults, under that name; the next `text` block holds what is said of it.
- `<!-- not run: reason -->`: a transcript or snippet that cannot be carried out by a test, and why.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^```(?P<language>\w*)\s*$")
_MARK = re.compile(r"^<!-- (?P<name>file|under|wrong|not run)(?:: (?P<value>.*?))? -->$")
_HEADING = re.compile(r"^#+ (?P<text>.*)$")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_CODE = re.compile(r"`[^`]*`")


@dataclass(frozen=True)
class Block:
    """What stands between two fences.

    Attributes:
        page: The file it stands in, from the root of the repository.
        line: Of its first fence.
        language: Such as `yaml`.
        text: Without the fences.
        marks: By name.
    """

    page: str
    line: int
    language: str
    text: str
    marks: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes:
        path: The file.
        blocks: In order.
        headings: Their words, in order.
        links: Line and target, in order; those in code are left out.
    """

    path: Path
    blocks: list[Block]
    headings: list[str]
    links: list[tuple[int, str]]

    @property
    def name(self) -> str:
        """The file, from the root of the repository."""
        return str(self.path.relative_to(ROOT))

    @property
    def anchors(self) -> set[str]:
        """What a link can name behind `#`, as GitHub makes it from headings."""
        found: dict[str, int] = {}
        anchors = set()
        for heading in self.headings:
            plain = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-")
            number = found.setdefault(plain, 0)
            anchors.add(f"{plain}-{number}" if number else plain)
            found[plain] += 1
        return anchors


def list_pages() -> list[Page]:
    """Return the README and every page of `docs/`."""
    return [read_page(path) for path in [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]]


def list_blocks(language: str) -> list[Block]:
    """Return every block of a language, on all pages."""
    return [block for page in list_pages() for block in page.blocks if block.language == language]


@functools.cache
def read_page(path: Path) -> Page:
    """Return a page, taken apart."""
    page = Page(path, [], [], [])
    marks: dict[str, str] = {}
    inside: tuple[int, str, list[str]] | None = None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fence = _FENCE.match(line)
        if inside is not None:
            if line == "```":
                start, language, lines = inside
                text = "\n".join(lines)
                page.blocks.append(Block(page.name, start, language, f"{text}\n", marks))
                inside, marks = None, {}
            else:
                inside[2].append(line)
        elif fence:
            inside = (number, fence["language"], [])
        elif mark := _MARK.match(line):
            marks[mark["name"]] = mark["value"] or ""
        elif line:
            marks = {}
            if heading := _HEADING.match(line):
                page.headings.append(heading["text"])
            page.links.extend((number, link["target"]) for link in _LINK.finditer(_CODE.sub("", line)))
    assert inside is None, f"{page.name}:{inside and inside[0]}: a fence is not closed"
    return page
