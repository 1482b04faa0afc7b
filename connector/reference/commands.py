"""`commands.md`: every command as its `--help` has it, and the exit codes, from the commands themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from connector.cli.main import COMMANDS, root
from connector.errors import EXIT_CODES
from connector.reference.markdown import render_head, render_table

if TYPE_CHECKING:
    from collections.abc import Iterator

EXIT_WORDS: Final[dict[int, str]] = {
    EXIT_CODES["ok"]: "It was done, and there is nothing to report.",
    EXIT_CODES[
        "failed"
    ]: "It failed, or what was looked for was found: a fault in a configuration, a refused log-in, a "
    "call that was not answered with a success, a run that was cut short.",
    EXIT_CODES["usage"]: "What was typed cannot be carried out: an unknown command, option, name or setting.",
    EXIT_CODES["some_failed"]: "Some records failed; the others went through.",
    EXIT_CODES["unknown"]: "Something was sent and nobody knows what came of it. Look on the other side before sending "
    "it again. It goes before 1 and 3.",
    EXIT_CODES["interrupted"]: "Stopped by Ctrl-C (SIGINT), after finishing what was in hand.",
    EXIT_CODES["unread"]: "Who read the output went away, as with `| head`.",
    EXIT_CODES["terminated"]: "Stopped by SIGTERM, likewise.",
}
"""What each exit code means."""


def render_commands_page() -> str:
    """Return the page, in Markdown."""
    lines = [*_render_introduction(), *_render_exits(), *_render_shared()]
    for name in COMMANDS:
        command = root.get_command(click.Context(root), name)
        assert command is not None, "the table names commands that are there"
        lines += _render_command(command, name)
        if isinstance(command, click.Group):
            for below in command.list_commands(click.Context(command)):
                lines += _render_command(command.commands[below], f"{name} {below}", depth=3)
    return "\n".join(lines) + "\n"


def _render_introduction() -> Iterator[str]:
    yield from render_head("Commands", "the commands' own help")
    yield "Data goes to standard output; messages, log lines and progress go to standard error. `--output json` gives"
    yield "data that a program can read, in every command that gives data. [Running](../running.md) tells what the"
    yield "commands print, and how to stop them."
    yield ""
    yield from render_table(
        ("Command", "What it does"), ((f"[`connector {name}`](#{name})", words) for name, words in COMMANDS.items())
    )


def _render_exits() -> Iterator[str]:
    yield ""
    yield "## Exit codes"
    yield ""
    yield from render_table(("Code", "Meaning"), ((str(code), words) for code, words in sorted(EXIT_WORDS.items())))


def _render_shared() -> Iterator[str]:
    yield ""
    yield "## Options of every command"
    yield ""
    yield "They may stand in front of the command as well as behind it; what stands later wins."
    yield ""
    yield from _render_parameters(root, skip=frozenset())
    yield ""
    yield "`connector --version` prints the version, `--help` explains every command."


def _render_command(command: click.Command, name: str, *, depth: int = 2) -> Iterator[str]:
    context = click.Context(command, info_name=f"connector {name}")
    yield ""
    yield f"{'#' * depth} {name}"
    yield ""
    yield "```text"
    yield command.get_usage(context).removeprefix("Usage: ").replace("\n", " ")
    yield "```"
    yield ""
    yield from _unwrap(command.help or "")
    shared = frozenset(parameter.name for parameter in root.params)
    if any(_is_shown(parameter, shared) for parameter in command.params):
        yield ""
        yield from _render_parameters(command, skip=shared)
    examples = [line.strip() for line in (command.epilog or "").splitlines() if line.strip().startswith("connector")]
    more = [
        line.strip() for line in (command.epilog or "").splitlines() if " | connector" in line or "; connector" in line
    ]
    if examples or more:
        yield ""
        yield "```sh"
        yield from dict.fromkeys([*examples, *more])
        yield "```"


def _render_parameters(command: click.Command, *, skip: frozenset[str | None]) -> Iterator[str]:
    options = [one for one in command.params if _is_shown(one, skip)]
    yield from render_table(("Option", "Meaning"), (_describe(one) for one in options))


def _is_shown(parameter: click.Parameter, skip: frozenset[str | None]) -> bool:
    return isinstance(parameter, click.Option) and parameter.name not in skip and parameter.name != "version"


def _describe(option: click.Parameter) -> tuple[str, str]:
    """Return an option as it is written, and what it means, in the words of `--help`."""
    record = option.get_help_record(click.Context(root))
    assert record is not None, "hidden options are not shown"
    written, meaning = record
    return f"`{written}`", meaning


def _unwrap(text: str) -> Iterator[str]:
    """Give the paragraphs of a help text, each on a line of its own."""
    for number, paragraph in enumerate(text.strip().split("\n\n")):
        if number:
            yield ""
        yield " ".join(paragraph.replace("\b", "").split())
