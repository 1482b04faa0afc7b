"""The step `set`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.config.wording import describe
from connector.transform.patch import Patch, Target, build_patch, compile_target
from connector.transform.template import Value, compile_mapping

if TYPE_CHECKING:
    from connector.config.place import Place
    from connector.record import Record
    from connector.transform.step import Compiler, Context, Step


class SetStep:
    """Gives fields a value: text, a number, a list or a mapping, with templates anywhere in it.

    A key is a field (`total`), a path (`customer.name`, `$.lines[0].sku`), or a name with a dot in it (`$['a.b']`).
    Objects on the way are made where there are none. All templates see the record as it was before the step. A template
    gives text; another type is asked for by `{value: …, type: …}`.

    ```yaml
    - set:
        reference: "WEB-{{ record.id }}"
        amounts.total: {value: "{{ record.price * record.quantity }}", type: decimal}
        tags: [imported, "{{ record.source | default('web') }}"]
    ```
    ```json
    {"id": 7, "price": 2.5, "quantity": 4}
    ```
    ```json
    [{"id": 7, "price": 2.5, "quantity": 4, "reference": "WEB-7", "amounts": {"total": 10.0},
      "tags": ["imported", "web"]}]
    ```
    """

    __slots__ = ("_patch", "_value")

    def __init__(self, value: Value, patch: Patch | None) -> None:
        self._value = value
        self._patch = patch

    def shape(self, record: Record, context: Context) -> Record:
        """Return the record with the fields set."""
        values = self._value.render({**context, "record": record})
        if self._patch is None:
            return {**record, **values}
        return self._patch.put(record, list(values.values()))


def build_set(place: Place, compiler: Compiler) -> Step | None:
    """Return the step, or report faults and return None."""
    fields = place.value
    if not isinstance(fields, dict) or not fields:
        place.fault(f"found {describe(fields)}, accepted is a mapping of fields and values", 'set: {total: "{{ … }}"}')
        return None
    value = compile_mapping(fields, place, compiler.templates, names=compiler.names)
    targets: list[tuple[Target, Place]] = []
    for text in fields:
        spot = place.child(text)
        target = compile_target(text, spot)
        if target is not None:
            targets.append((target, spot))
    patch = build_patch(targets)
    if patch is None or len(targets) < len(fields):
        return None
    # Fields at the top under their own names, which is nearly always, need no more than a merge of two dicts.
    return SetStep(value, None if all(_is_own_name(target, place) for target, place in targets) else patch)


def _is_own_name(target: Target, place: Place) -> bool:
    key: Any = place.keys[-1]
    return target.keys == (key,)
