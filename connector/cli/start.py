"""Where the process begins, and what has to be settled before the command's modules are read.

Ctrl-C ends the process in one line while they are being read. This module takes next to nothing, since nobody minds
the signal before it is read.
"""

from __future__ import annotations

import os
import signal
from typing import Any, Final

from connector.cli import garbage

_INTERRUPTED: Final = 128 + signal.SIGINT


def main() -> None:
    """Run the command and end the process with its exit code."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else who started it wants it ignored
        signal.signal(signal.SIGINT, _leave)
    garbage.postpone()
    # Plugins of pydantic are looked for in every package installed, and would be shown all options, secrets included.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from connector.cli.main import main as run  # it takes most of the time to start

    run()


def release_interrupts() -> None:
    """Let Ctrl-C raise `KeyboardInterrupt` again: from here on somebody catches it."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _leave(*_: Any) -> None:
    """End at once: nothing is open yet, and an exception could come up in the middle of any import."""
    os.write(2, b"interrupted\n")
    os._exit(_INTERRUPTED)
