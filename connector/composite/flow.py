"""How a composite entity speaks: it asks for one call after another, and is given each answer.

A composite is a generator, so that it touches no network, can be started again from its first call after a lost
session, and can be tested by handing it answers. Whoever drives it sends each `Ask`, hands back the answer when it is
a success, and gives up with an error when it is none; the composite itself need not look at verdicts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from connector.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from connector.request import Answer


@dataclass(frozen=True, slots=True)
class Ask:
    """One call that a composite wants made.

    Attributes:
        entity: Catalog id.
        payload: Its fields, by the catalog's names; None counts as left out.
        is_refusal_an_answer: Whether the composite wants to see a refusal instead of failing with it.
        may_fail: Whether nothing depends on the call: whatever goes wrong is handed back as its answer.
        takes_back: Whether its fields are empty on purpose, to take back what an order brought into the session; the
            catalog refuses empty fields, since a record that has them is most likely wrong.
    """

    entity: str
    payload: Mapping[str, Any]
    is_refusal_an_answer: bool = False
    may_fail: bool = False
    takes_back: bool = False


Flow: TypeAlias = "Generator[Ask, Answer, Answer]"
"""Yields calls, takes their answers, returns the answer of the whole."""


class Offer(Protocol):
    """What the shop's generation has, as its catalog says."""

    @property
    def dialect(self) -> str:
        """Name of the dialect, such as `3.0`."""
        ...

    def has(self, entity: str) -> bool:
        """Whether the generation has this entity."""
        ...

    def takes(self, entity: str, field: str) -> bool:
        """Whether the generation's entity takes this field; false for an entity it lacks."""
        ...

    def requires(self, entity: str, field: str) -> bool:
        """Whether the generation's entity cannot do without this field; false for an entity it lacks."""
        ...


class Probe(Protocol):
    """Returns the flow that finds out what became of a commit; see `Composite.probe`."""

    def __call__(self, payload: Mapping[str, Any], offer: Offer, *, known_id: int | None) -> Flow | None:
        """Return the flow, or None where the generation cannot be asked."""
        ...


def show_nothing(known_id: int, offer: Offer) -> Flow | None:  # noqa: ARG001 - as `Composite.show` is called
    """Return None: ids of what the composite makes cannot be asked for, or tell nothing."""
    return None


@dataclass(frozen=True, slots=True)
class Composite:
    """One composite entity.

    Attributes:
        entity: Catalog id, such as `order.place`.
        play: Returns the flow for a payload. The last call it asks for with effect `commit` is the one that counts.
        probe: Returns a flow that finds out what became of a commit whose answer nobody saw, given the highest id of
            its kind that was known before. Its answer is `ok`, `rejected` when it is certain that nothing was
            committed, and `unknown` when it cannot tell. None where the generation cannot be asked.
        id_key: Under which key an answer's value has the new id.
        show: Returns a flow whose answer is `ok` where the shop has what was made under an id, `rejected` where it has
            not. None where it cannot be asked, or where that tells nothing.
    """

    entity: str
    play: Callable[[Mapping[str, Any], Offer], Flow]
    probe: Probe
    id_key: str = "order_id"
    show: Callable[[int, Offer], Flow | None] = show_nothing


NOTHING: Final[Mapping[str, Any]] = {}
"""The payload of a call without fields."""
