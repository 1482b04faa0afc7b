"""`python -m connector.reference FOLDER` writes every generated page into a folder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from connector.reference.catalog import render_catalog_page
from connector.reference.commands import render_commands_page
from connector.reference.configuration import render_configuration_page
from connector.reference.errors import render_errors_page
from connector.reference.settings import render_settings_page
from connector.reference.templates import render_templates_page
from connector.reference.transforms import render_transforms_page

if TYPE_CHECKING:
    from collections.abc import Callable

PAGES: Final[dict[str, Callable[[], str]]] = {
    "catalog.md": render_catalog_page,
    "commands.md": render_commands_page,
    "configuration.md": render_configuration_page,
    "errors.md": render_errors_page,
    "settings.md": render_settings_page,
    "templates.md": render_templates_page,
    "transforms.md": render_transforms_page,
}
"""Every generated page: its file, and what writes its text."""


def main(arguments: list[str]) -> int:
    """Write the pages and name them; 2 for a wrong call, else 0.

    Args:
        arguments: The folder, which is made where it does not exist.
    """
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m connector.reference FOLDER\n")
        return 2
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    for name, render in PAGES.items():
        path = folder / name
        path.write_text(render(), encoding="utf-8")
        sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
