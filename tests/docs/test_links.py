"""Links between pages, and the index."""

import pytest

from tests.docs.pages import DOCS, Page, list_pages, read_page

PAGES = list_pages()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Page) -> None:
    """Every link to a file leads to a file, and every anchor to a heading."""
    broken = []

    for line, target in page.links:
        if target.startswith(("https://", "http://")):
            continue
        file, _, anchor = target.partition("#")
        path = (page.path.parent / file).resolve() if file else page.path
        if not path.exists():
            broken.append(f"{page.name}:{line}: there is no {target}")
        elif anchor and anchor not in read_page(path).anchors:
            broken.append(f"{page.name}:{line}: {target}: no such heading")

    assert not broken, "\n".join(broken)


def test_index_lists_every_page() -> None:
    """`docs/README.md` leads to every page of `docs/`."""
    index = read_page(DOCS / "README.md")
    linked = {(index.path.parent / target.partition("#")[0]).resolve() for _, target in index.links}

    missing = {page.path for page in PAGES if page.path.is_relative_to(DOCS) and page.path != index.path} - linked

    assert not missing
