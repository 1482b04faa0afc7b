"""Connector writes data safely into web shops: subscribers, transformers and publishers, declared in YAML.

The public API for Python is what this module exports; see `docs/python.md`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connector.app.project import Project as Project
    from connector.app.project import load as load
    from connector.app.runtime import Runtime as Runtime
    from connector.app.runtime import open_project as open_project
    from connector.errors import ConfigError as ConfigError
    from connector.errors import ConnectorError as ConnectorError

__version__ = "0.1.0"

_HOMES = {
    "ConfigError": "connector.errors",
    "ConnectorError": "connector.errors",
    "Project": "connector.app.project",
    "Runtime": "connector.app.runtime",
    "load": "connector.app.project",
    "open_project": "connector.app.runtime",
}

__all__ = ["ConfigError", "ConnectorError", "Project", "Runtime", "load", "open_project"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that `connector --help` imports none of them."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    return getattr(import_module(_HOMES[name]), name)
