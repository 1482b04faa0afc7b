"""Steps tried out on a record, as they are typed: compiled and run as those of a configuration are.

Nothing is kept and nothing is sent. `${NAME}` is text here: no variable, and so no secret, gets into what is tried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from connector.client.exact import load_json
from connector.config.place import Faults, Place
from connector.config.syntax import parse_yaml
from connector.desk.steps import Stretch, Walked, walk
from connector.errors import Fault
from connector.frozen import dataclass
from connector.redaction import Redactor
from connector.transform.template import Templates
from connector.transform.transformer import compile_transform

if TYPE_CHECKING:
    from connector.config.node import Node
    from connector.record import Record

STEPS: Final = "steps"
"""What faults call the text of the steps, in place of a file."""

RECORD: Final = "record"
"""What faults call the text of the record."""

LONGEST: Final = 256 * 1024
"""Characters of either text."""

_NAMES: Final = frozenset({"record"})
_VARIABLE: Final = "${"


@dataclass(frozen=True, slots=True)
class TryOut:
    """What came of trying steps on a record.

    Attributes:
        faults: What is wrong with the texts, with line and column in them; nothing was run then.
        walked: What each step made of the record; empty where there are faults.
        notes: What a person should know besides.
    """

    faults: tuple[Fault, ...] = ()
    walked: Walked = Walked()
    notes: tuple[str, ...] = ()

    @property
    def records(self) -> tuple[Any, ...]:
        """What came out."""
        return tuple(shaped.record for shaped in self.walked.shaped)


async def try_steps(text: str, record: str, *, source: Any, redactor: Redactor | None = None) -> TryOut:
    """Return what steps make of a record, each step's result by itself, or the faults with their positions.

    Args:
        text: YAML: a list of steps, or a mapping with one under `transform`.
        record: A JSON object.
        source: Where stored values are fetched: the `state` of a store. They are only read.
        redactor: Masks secrets in what is written of the steps.

    Raises:
        StoreError: A stored value cannot be fetched.
    """
    faults = Faults()
    place = _read_steps(text, faults)
    value = _read_record(record, faults)
    transformer = None if place is None else compile_transform(place, Templates(), names=_NAMES, has_store=True)
    if len(faults) or place is None or transformer is None or value is None:
        return TryOut(tuple(faults))
    walked = await walk([Stretch("try-out", transformer, place)], value, source=source, redactor=redactor or Redactor())
    notes = ("${NAME} is text here: no variable is put in",) if _VARIABLE in text else ()
    return TryOut((), walked, notes)


def _read_steps(text: str, faults: Faults) -> Place | None:
    if len(text) > LONGEST:
        faults.add(Fault(STEPS, 0, 0, "", f"found {len(text):,} characters, accepted are {LONGEST:,}"))
        return None
    tree: Node | None = parse_yaml(text, STEPS, faults)
    if tree is None or tree.is_broken:
        return None
    top = Place((), tree, tree.position, faults)
    if isinstance(tree.content, dict) and (not tree.content or "transform" in tree.content):
        for name, node in tree.content.items():
            if name != "transform":
                at = node.key_position
                faults.add(Fault(at.file, at.line, at.column, name, "accepted is a list of steps, or transform alone"))
        return top.child("transform")
    return Place((), tree, tree.position, faults, "transform")


def _read_record(text: str, faults: Faults) -> Record | None:
    if len(text) > LONGEST:
        faults.add(Fault(RECORD, 0, 0, "", f"found {len(text):,} characters, accepted are {LONGEST:,}"))
        return None
    try:
        value = load_json(text.encode())
    except UnicodeEncodeError:
        faults.add(Fault(RECORD, 0, 0, "", "it has half a surrogate pair, which is no text"))
        return None
    except orjson.JSONDecodeError as error:
        faults.add(Fault(RECORD, error.lineno, error.colno, "", f"not JSON: {error.msg}"))
        return None
    if not isinstance(value, dict):
        faults.add(Fault(RECORD, 1, 1, "", "accepted is a JSON object", 'such as {"sku": "A-1"}'))
        return None
    return value
