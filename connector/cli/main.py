"""The command's front door and outermost edge: finds the command, and turns whatever happens into an exit code.

Start-up is on a budget: this module and what it imports take the standard library and click, so `connector --help`
costs as much as click does. A command's own module is imported when it is used.
"""

from __future__ import annotations

import errno
import importlib
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from connector import __version__
from connector.cli import garbage, start
from connector.cli.exits import FAILED, UNREAD, exit_for_error, exit_for_signal
from connector.cli.group import explain_unknown
from connector.cli.invocation import Invocation, shared_options
from connector.errors import ConnectorError

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS: Final[dict[str, str]] = {
    "validate": "Check a configuration and report every fault in it.",
    "check": "Log in to each client and say what came of it.",
    "doctor": "Examine each client: what is wrong, and what to do about it.",
    "catalog": "Show what a remote system's API can be asked.",
    "call": "Make one call to a client and show the answer.",
    "run": "Carry out a route, or print the records of an incoming.",
    "push": "Send JSON lines from standard input through a route.",
    "serve": "Deliver, fetch by schedule, take pushes, and show the dashboard.",
    "worker": "Deliver tasks and fetch by schedule, until asked to stop.",
    "tasks": "See what became of every record, and settle what is open.",
    "schedules": "See what is fetched by itself and when, and have it fetched now.",
    "routes": "See which routes are delivered, pause and resume them.",
    "state": "See and change what is kept from run to run.",
    "alerts": "See who is told when something needs a person, and try it.",
    "user": "See, make and change the people who may log in to the dashboard.",
    "token": "See, make and revoke the tokens by which programs are let in.",
    "db": "See to the database in which tasks are kept.",
    "echo": "Show the effective configuration and where each value comes from.",
    "sandbox": "Start a practice shop on this machine.",
    "demo": "Place an order in a practice shop, from YAML to order number.",
}
"""Every command with its first sentence, in the order in which people come to need them."""

HELP: Final = """Write data safely into web shops: subscribers, transformers and publishers, declared in YAML.

\b
Start with:
  connector demo               place an order in a practice shop
  connector validate configs/  check a configuration
  connector COMMAND --help     what a command does, with examples
"""

EPILOG: Final = """Exit codes: 0 ok; 1 failed, or something was found; 2 usage; 3 some records failed; 4 an outcome is
unknown; 130 and 143 after a graceful stop."""


_UNWRITABLE: Final = frozenset({errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


class LazyGroup(click.Group):
    """A group that knows its commands by name, and imports one when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, imported, or None where there is none of that name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"connector.cli.commands.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table without importing what it names."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is named, or say which one may have been meant."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            ctx.fail(explain_unknown(name, COMMANDS))
        return super().resolve_command(ctx, args)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help=HELP,
    epilog=EPILOG,
)
@click.version_option(__version__, prog_name="connector", message="%(prog)s %(version)s")
@shared_options
def root() -> None:
    """Take the options that stand in front of a command; they are stored as they are read."""


def main() -> None:
    """Run the command and end the process with its exit code."""
    if "_CONNECTOR_COMPLETE" in os.environ:  # the shell asks for completions
        root.main(prog_name="connector")
    _prepare_streams()
    code = run_command(sys.argv[1:])
    garbage.leave()
    sys.exit(code)


def _prepare_streams() -> None:
    """Make sure that both streams can be written to, whatever the shell made of them."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by the shell (`>&-`): there is nobody to write to
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - open to the end
        elif hasattr(stream, "reconfigure"):  # a terminal that knows no "…" gets an escape, not a traceback
            stream.reconfigure(errors="backslashreplace")


def run_command(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; no exception leaves this function.

    Args:
        arguments: What stands after `connector`.
    """
    invocation = Invocation()
    try:
        code = _invoke(arguments, invocation)
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_stdout()
        return UNREAD
    except OSError as error:
        _drop_stdout()
        with suppress(OSError):  # standard error may go to the same place
            invocation.screen.tell_unwritable(error)
        return FAILED
    return code


def _invoke(arguments: Sequence[str], invocation: Invocation) -> int:
    screen = invocation.screen
    try:
        start.release_interrupts()
        with root.make_context("connector", list(arguments), obj=invocation) as context:
            code = root.invoke(context)
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as ending:
        return ending.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except ConnectorError as error:
        screen.tell_error(error)
        screen.tell_traceback(is_wanted=invocation.is_debug)
        return exit_for_error(error)
    except (KeyboardInterrupt, click.Abort):
        screen.tell("interrupted")
        return exit_for_signal(signal.SIGINT)
    except Exception as error:  # the outermost edge: a bug is told in one line, not in a page
        if _is_unwritable(error):
            raise
        screen.tell_bug(error, kept=_keep_bug(error, invocation))
        screen.tell_traceback(is_wanted=invocation.is_debug)
        return FAILED


def _is_unwritable(error: Exception) -> bool:
    """Whether a stream takes nothing more; a file that is at fault has its name in the error, a stream has none."""
    return isinstance(error, OSError) and error.filename is None and error.errno in _UNWRITABLE


def _keep_bug(error: Exception, invocation: Invocation) -> Path | None:
    """Keep the traceback in the data folder, where the settings say which that is."""
    if invocation.data_dir is None:
        return None
    from connector.cli.bug import keep_traceback

    return keep_traceback(error, invocation.data_dir, invocation.redactor)


def _drop_stdout() -> None:
    """Point standard output at nothing, so that Python's own flush at exit does not complain about the closed pipe."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):  # standard output is no file: nothing will be flushed into it
        return
