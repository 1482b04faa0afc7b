"""`python -m connector.reference FOLDER` writes every generated page into a folder."""

from __future__ import annotations

import sys
from pathlib import Path

from connector.reference.catalog import write_catalog_page


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
    for write in (write_catalog_page,):
        sys.stdout.write(f"{write(folder)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
