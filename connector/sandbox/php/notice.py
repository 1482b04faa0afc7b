"""What PHP says when something is off: notices in front of the answer, and errors that end the request."""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = "/var/www/html/"
"""Where the shop's files seem to lie; shown in notices."""


class Spot(NamedTuple):
    """A place in the shop's code that a notice names."""

    file: str
    line: int

    @property
    def path(self) -> str:
        """The full path, as notices show it."""
        return ROOT + self.file


class PhpFatalError(Exception):
    """An error nothing catches: the request ends here, without the answer it was to give.

    Args:
        kind: The class PHP names, such as ``TypeError``.
        message: What PHP says.
        fault: The name of the place where it happened; each generation has its own list of places.
        warning: The name of a place and what was said there just before it happened.
    """

    def __init__(self, kind: str, message: str, fault: str, warning: tuple[str, str] | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.fault = fault
        self.warning = warning

    def render(self, spot: Spot) -> str:
        """Return the text PHP prints for it when it displays errors; the list of callers is left out."""
        return (
            f"<br />\n<b>Fatal error</b>:  Uncaught {self.kind}: {self.message} in {spot.path}:{spot.line}\n"
            f"Stack trace:\n#0 {{main}}\n  thrown in <b>{spot.path}</b> on line <b>{spot.line}</b><br />\n"
        )


class Notices:
    """The notices of one request, in the words and the form the shop's own handler prints them.

    Args:
        is_shown: Whether the shop displays them; when not, they are dropped. ``on_hidden`` is called then, for a shop
            that does not go on after one.
    """

    def __init__(self, *, is_shown: bool) -> None:
        self.is_shown = is_shown
        self.on_hidden: Callable[[], None] | None = None
        self._shown: list[str] = []

    def warn(self, message: str, spot: Spot, kind: str = "Warning") -> None:
        """Note a warning, or something milder."""
        if not self.is_shown:
            if self.on_hidden is not None:
                self.on_hidden()
        else:
            self._shown.append(f"<b>{kind}</b>: {message} in <b>{spot.path}</b> on line <b>{spot.line}</b>")

    def render(self) -> str:
        """Return all notices as they stand in front of the answer."""
        return "".join(self._shown)
