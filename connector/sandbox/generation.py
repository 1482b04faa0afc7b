"""What a generation of the shop's API has to offer the server, whatever it does inside."""

from typing import Protocol

from connector.sandbox.exchange import ShopAnswer, ShopRequest
from connector.sandbox.shop.seed import Seed
from connector.sandbox.shop.tables import Shop


class Handling(Protocol):
    """One request whose session has been read and whose work is still to be done."""

    def finish(self) -> ShopAnswer:
        """Do the work, write the session back and return the answer; called once.

        What other requests wrote to the same session in between is lost, as it is in a real shop that does not lock
        its sessions.
        """
        ...


class Generation(Protocol):
    """One generation of the API.

    The server calls :meth:`begin` when a request is complete and :meth:`Handling.finish` when the shop has taken the
    time it is told to take; both without a break, so a generation needs no locks.
    """

    name: str
    """The dialect's name, such as ``3.0``."""

    def build_seed(self, key: str, ips: tuple[str, ...]) -> Seed:
        """Return what a shop of this generation starts with.

        Args:
            key: The key of its first API user; the keys of the others are made from it.
            ips: Addresses its API users may call from.
        """
        ...

    def begin(self, shop: Shop, request: ShopRequest) -> Handling:
        """Read the session and everything else a request starts with."""
        ...
