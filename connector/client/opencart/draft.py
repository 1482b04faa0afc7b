"""The order so far, as a value, where the shop keeps no session: OpenCart 4.1 wants the whole of it with every call.

A call only checks its fields. What was accepted enters the draft, and the draft goes along with the next call; what was
refused never enters, so the draft is at any time what the shop would take.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any, Final

from connector.client.opencart.methods import find_code, index_methods
from connector.errors import PayloadError
from connector.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from connector.request import Operation

CART: Final = "cart"
CURRENCY: Final = "currency"

_LINES: Final = "product"
"""What the list of lines is called on the wire: `product[0][product_id]`."""

_COPIED: Final = ("name", "code", "cost", "tax_class_id")
"""What is sent back of a method, as far as its list says it; payment methods cost nothing."""

_NOT_ZERO: Final = {"cost": "0.00", "tax_class_id": "0.0"}
"""How a zero is written so that 4.1.0.4 does not take it for missing, as it takes `0` for."""

_NOTHING: Final = ("", "0", 0, None)


@dataclass(frozen=True, slots=True)
class Draft:
    """An order under way.

    Attributes:
        parts: Fields by their name on the wire, by part (`customer`, `shipping_address`, `coupon`).
        lines: The fields of each product line, in order.
        cart_ids: The `cart_id` that the latest answer with `products` gave each line; empty where none did. Lines of
            the same product and options share one, as the shop counts them together.
        lists: The methods that were listed, by code, by part (`shipping_methods`).
    """

    parts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    lines: tuple[Mapping[str, Any], ...] = ()
    cart_ids: tuple[str, ...] = ()
    lists: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)

    @property
    def currency(self) -> str | None:
        """The chosen currency, or None; it travels in a cookie, not in the form."""
        chosen = self.parts.get(CURRENCY, {}).get(CURRENCY)
        return str(chosen) if chosen else None

    def fill(self, operation: Operation, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Return all fields of a call: the draft, without the part that the call would replace, and its own fields.

        Args:
            operation: What is called.
            payload: Its fields, by their names on the wire.

        Raises:
            PayloadError: A method is chosen that was not listed.
        """
        fields: dict[str, Any] = {}
        for part, known in self.parts.items():
            if part not in {CURRENCY, operation.draft}:
                fields |= known
        if self.lines:
            fields[_LINES] = [dict(line) for line in self.lines]
        return fields | self._own_fields(operation, payload)

    def advance(self, operation: Operation, payload: Mapping[str, Any], value: Any) -> Draft:
        """Return the draft after a success.

        Args:
            operation: What was called; says which part changes, how, and which parts are gone.
            payload: As it was given to `fill`.
            value: The decoded answer, or None where nothing was sent.

        Raises:
            PayloadError: A line is changed that is not in the cart, or a method chosen that was not listed.
        """
        return self.clear(operation.clears).change(operation, payload, value).note_ids(value)

    def clear(self, parts: Collection[str]) -> Draft:
        """Return the draft without these parts."""
        if not parts:
            return self
        keeps_lines = CART not in parts
        return Draft(
            parts={name: known for name, known in self.parts.items() if name not in parts},
            lines=self.lines if keeps_lines else (),
            cart_ids=self.cart_ids if keeps_lines else (),
            lists={name: known for name, known in self.lists.items() if name not in parts},
        )

    def change(self, operation: Operation, payload: Mapping[str, Any], value: Any) -> Draft:
        """Return the draft with the part changed that an operation names; see `connector.request.DraftChange`.

        Raises:
            PayloadError: As `advance`.
        """
        if operation.draft is None:
            return self
        if operation.draft == CART:
            return self._change_lines(operation, payload)
        if operation.draft_change == "answer":
            listed = value.get(operation.draft) if isinstance(value, Mapping) else None
            methods = {
                code: {name: method[name] for name in _COPIED if name in method}
                for code, method in index_methods(listed).items()
            }
            return replace(self, lists={**self.lists, operation.draft: methods})
        return self._put(operation.draft, self._own_fields(operation, payload))

    def note_ids(self, value: Any) -> Draft:
        """Return the draft with the `cart_id`s of an answer, where it has `products` that fit the lines.

        The shop counts equal lines together and numbers them as they come, so the smallest number belongs to the first
        line, and so on.
        """
        products = value.get("products") if isinstance(value, Mapping) else None
        if not isinstance(products, list):
            return self
        groups: dict[str, list[int]] = {}
        for at, line in enumerate(self.lines):
            groups.setdefault(_identify(line), []).append(at)
        numbered = sorted(
            (int(product["cart_id"]), str(product.get("product_id")))
            for product in products
            if isinstance(product, Mapping) and str(product.get("cart_id", "")).isdecimal()
        )
        wanted = [str(self.lines[at[0]].get("product_id")) for at in groups.values()]
        if [product_id for _, product_id in numbered] != wanted:
            return replace(self, cart_ids=())
        ids = {at: str(cart_id) for (cart_id, _), group in zip(numbered, groups.values(), strict=True) for at in group}
        return replace(self, cart_ids=tuple(ids[at] for at in range(len(self.lines))))

    def _own_fields(self, operation: Operation, payload: Mapping[str, Any]) -> dict[str, Any]:
        fields = dict(operation.form) | dict(payload)
        if operation.draft is not None and operation.draft_change == "choose":
            chosen = fields.get(operation.draft)
            if isinstance(chosen, str):
                fields[operation.draft] = self._find_method(operation, chosen)
        return fields

    def _find_method(self, operation: Operation, code: str) -> dict[str, Any]:
        """Return the listed method with a code, as it is sent back.

        Raises:
            PayloadError: The list does not have it. The shop takes any method at any price, so nothing else would.
        """
        part = f"{operation.draft}s"
        listed = self.lists.get(part)
        if listed is None:
            entity = f"{operation.entity}s" if "." in operation.entity else part
            problem = f"{code!r} cannot be chosen before {entity} has listed what there is, in the same session"
            raise PayloadError(operation.entity, [f"{operation.draft}: {problem}"])
        found = find_code(code, listed)
        if found is None:
            offered = ", ".join(listed) or "none"
            raise PayloadError(operation.entity, [f"{operation.draft}: {code!r} is not listed, there are: {offered}"])
        return {name: _NOT_ZERO.get(name, value) if _is_zero(value) else value for name, value in listed[found].items()}

    def _put(self, part: str, fields: Mapping[str, Any]) -> Draft:
        """Return the draft with a part replaced; without it where its fields say nothing (`coupon=`)."""
        parts = {name: known for name, known in self.parts.items() if name != part}
        if any(value not in _NOTHING for value in fields.values()):
            parts[part] = fields
        return replace(self, parts=parts)

    def _change_lines(self, operation: Operation, payload: Mapping[str, Any]) -> Draft:
        match operation.draft_change:
            case "add":
                return replace(self, lines=(*self.lines, self._own_fields(operation, payload)), cart_ids=())
            case "edit":
                at = self._find_line(operation, payload)
                changed = dict(self.lines[at[0]]) | {name: value for name, value in payload.items() if name != "key"}
                return self._without(at[1:], {at[0]: changed})
            case "remove":
                return self._without(self._find_line(operation, payload), {})
            case _:
                return replace(self, lines=tuple(_read_lines(payload)), cart_ids=())

    def _find_line(self, operation: Operation, payload: Mapping[str, Any]) -> list[int]:
        """Return the positions of the lines with the `cart_id` that `key` names; more than one where they are equal.

        Raises:
            PayloadError: No line has it.
        """
        key = str(payload.get("key", ""))
        found = [at for at, cart_id in enumerate(self.cart_ids) if cart_id == key]
        if not found:
            known = ", ".join(dict.fromkeys(self.cart_ids))
            problem = f"no line has the cart_id {key!r}, the latest answer with products had: {known or 'none'}"
            raise PayloadError(operation.entity, [f"key: {problem}; call cart.products first"])
        return found

    def _without(self, gone: Iterable[int], changed: Mapping[int, Mapping[str, Any]]) -> Draft:
        left = [at for at in range(len(self.lines)) if at not in set(gone)]
        return replace(
            self,
            lines=tuple(changed.get(at, self.lines[at]) for at in left),
            cart_ids=tuple(self.cart_ids[at] for at in left),
        )


def _read_lines(payload: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    lines = payload.get(_LINES)
    for line in lines.values() if isinstance(lines, Mapping) else lines or ():
        yield dict(line)


def _identify(line: Mapping[str, Any]) -> str:
    """Return what makes two lines one for the shop: product, plan and options, without those that say nothing."""
    options = line.get("option") or {}
    written = [
        (str(name), [str(each) for each in value] if isinstance(value, list | tuple) else str(value))
        for name, value in (options.items() if isinstance(options, Mapping) else enumerate(options))
        if value not in _NOTHING
    ]
    return repr((str(line.get("product_id")), str(line.get("subscription_plan_id") or "0"), written))


def _is_zero(value: Any) -> bool:
    """Whether PHP takes a value for missing, once it has come as text."""
    return isinstance(value, str | int | float) and not isinstance(value, bool) and str(value) in {"", "0", "0.0"}
