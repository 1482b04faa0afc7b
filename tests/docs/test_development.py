"""The page for those who carry the project on."""

from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT

PARTS = sorted(
    path.stem
    for path in (ROOT / "connector").iterdir()
    if not path.name.startswith("_") and (path.suffix == ".py" or (path / "__init__.py").exists())
)
FOLDERS = sorted(path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and not path.name.startswith("_"))


def read_page() -> str:
    """Return the page."""
    return Path(DOCS / "development.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PARTS)
def test_every_part_has_its_floor(name: str) -> None:
    """Every module and package at the top of `connector` is named on the page."""
    assert f"`{name}`" in read_page()


@pytest.mark.parametrize("name", FOLDERS)
def test_every_folder_of_tests_is_explained(name: str) -> None:
    """Every folder of tests is named on the page."""
    assert f"`tests/{name}/" in read_page()
