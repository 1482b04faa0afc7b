"""A command with commands of its own: `connector tasks list`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from connector.config.wording import find_closest

if TYPE_CHECKING:
    from collections.abc import Iterable


class CommandGroup(click.Group):
    """A group whose commands all do something with one kind of thing; they are listed in the order they were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the order in which people come to need them."""
        del ctx
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is named, or say which one may have been meant."""
        name = args[0]
        if name not in self.commands and not name.startswith("-"):
            ctx.fail(explain_unknown(name, self.commands))
        return super().resolve_command(ctx, args)


def explain_unknown(name: str, known: Iterable[str]) -> str:
    """Return what to say where no command has a name: the one that may have been meant, else all there are."""
    names = list(known)
    closest = find_closest(name, names)
    hint = f'; did you mean "{closest}"?' if closest else f", there are: {', '.join(names)}"
    return f'no command is called "{name}"{hint}'
