"""`settings.md`: how a process runs, from the settings model and the options of the command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.config.describe import describe_model
from connector.config.settings import PREFIX, Settings
from connector.reference.markdown import render_head, render_table

if TYPE_CHECKING:
    from collections.abc import Iterator

ELSEWHERE = {
    "CONNECTOR_CONFIG": "The configuration to use where `--config` is not written: a file or a folder.",
    "NO_COLOR": "Set to anything: no colours. (A convention of many programs, hence without our prefix.)",
}
"""Variables that are read outside the settings model."""


def render_settings_page() -> str:
    """Return the page, in Markdown."""
    return "\n".join(_render()) + "\n"


def _render() -> Iterator[str]:
    yield from render_head("Settings", "the model in `connector/config/settings.py`")
    yield "How a process runs, as against what it is to do. Every setting is an environment variable; letter case does"
    yield "not matter, and an empty variable counts as unset. An option of the command, such as `--log-level`, goes"
    yield "before its setting. A name that is nearly one of these is refused: it is most likely a slip of the pen."
    yield ""
    yield from render_table(
        ("Variable", "Accepted", "Default", "Meaning"),
        (
            (f"`{PREFIX}{row.key.upper()}`", row.type, f"`{row.default}`" if row.default else "", row.description)
            for row in describe_model(Settings)
        ),
    )
    yield ""
    yield "A setting that the environment does not have is taken from the `.env` beside the configuration, and last"
    yield "from the file that `CONNECTOR_…_FILE` names: `CONNECTOR_DATABASE_FILE=/run/secrets/url` keeps a password out"
    yield "of both. A relative path in a `.env` starts at its folder; any other starts at the working folder."
    yield ""
    yield "Two more variables are read:"
    yield ""
    yield from render_table(("Variable", "Meaning"), ((f"`{name}`", words) for name, words in ELSEWHERE.items()))
    yield ""
    yield "The variables that a configuration itself names, such as `${SHOP_KEY}`, are its own affair:"
    yield "see [The configuration language](../configuration.md#variables)."
