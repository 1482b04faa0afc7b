"""The generated pages of `docs/reference/`."""

import inspect
from pathlib import Path

import pytest

from connector import log
from connector.cli.main import COMMANDS
from connector.components import CONNECTORS
from connector.config.describe import describe_model
from connector.config.settings import Settings
from connector.errors import EXIT_CODES, Recovery
from connector.reference.__main__ import PAGES, main
from connector.reference.commands import EXIT_WORDS
from connector.reference.errors import RECOVERIES, list_errors
from connector.reference.templates import (
    FUNCTIONS,
    JINJA_FILTERS,
    NAMES,
    TESTS,
    list_functions,
    list_kept_filters,
    list_names,
    list_tests,
)
from connector.request import Verdict
from connector.transform.filters import FILTERS
from connector.transform.steps import STEPS
from tests.docs.pages import DOCS

REFERENCE = DOCS / "reference"


@pytest.mark.parametrize("name", PAGES)
def test_page_is_up_to_date(name: str) -> None:
    """A page says what the code says; `make docs` writes it again."""
    assert (REFERENCE / name).read_text(encoding="utf-8") == PAGES[name]()


def test_every_page_of_the_folder_is_generated() -> None:
    """`docs/reference/` holds nothing written by hand, which the next `make docs` would leave to rot."""
    assert {path.name for path in REFERENCE.iterdir()} == set(PAGES)


def test_pages_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command writes every page into a folder it makes, and names them."""
    code = main([str(tmp_path / "reference")])

    assert code == 0
    assert {path.name for path in (tmp_path / "reference").iterdir()} == set(PAGES)
    assert capsys.readouterr().out.count("\n") == len(PAGES)


def test_wrong_call_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a folder nothing is written, and the usage is told."""
    code = main([])

    assert code == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("told", "known"),
    [
        (NAMES, list_names()),
        (FUNCTIONS, list_functions()),
        (JINJA_FILTERS, list_kept_filters()),
        (TESTS, list_tests()),
        (RECOVERIES, list(Recovery)),
        (EXIT_WORDS, list(EXIT_CODES.values())),
    ],
    ids=["names", "functions", "filters", "tests", "recoveries", "exit codes"],
)
def test_words_fit_what_there_is(told: dict[object, str], known: list[object]) -> None:
    """What a page tells in words of its own is what there is: nothing is left out, nothing is there no more."""
    assert set(told) == set(known)
    assert all(told.values())


@pytest.mark.parametrize("package", CONNECTORS.values(), ids=lambda package: package.name)
def test_every_client_option_is_documented(package) -> None:
    """Every key of every connector package has a row, with a meaning."""
    page = PAGES["configuration.md"]()

    for row in describe_model(package.options):
        assert f"| `{row.key}`" in page
        assert row.description, row.key


@pytest.mark.parametrize("kind", STEPS.values(), ids=lambda kind: kind.name)
def test_every_step_is_documented(kind) -> None:
    """Every step has a section with an example, and a row for each of its keys."""
    page = PAGES["transforms.md"]()
    section = page.partition(f"\n## {kind.name}\n")[2].partition("\n## ")[0]

    assert "```yaml" in section
    assert section.count("```json") == 2
    for row in describe_model(kind.options) if kind.options else ():
        assert f"| `{row.key}`" in section
        assert row.description, row.key


@pytest.mark.parametrize("name", FILTERS)
def test_every_filter_is_documented(name: str) -> None:
    """Every filter has a row."""
    page = PAGES["templates.md"]()

    assert f"`{name}`" in page or f"`{name}(" in page


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented(name: str) -> None:
    """Every command has a section with an example."""
    page = PAGES["commands.md"]()
    section = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]

    assert f"connector {name}" in section
    assert "```sh" in section


@pytest.mark.parametrize("error", list_errors(), ids=lambda error: error.__name__)
def test_every_error_is_documented(error: type) -> None:
    """Every error class has a row with the first sentence of its docstring."""
    assert f"| `{error.__name__}` |" in PAGES["errors.md"]()
    assert inspect.getdoc(error)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name: str) -> None:
    """Every setting has a row."""
    assert f"| `CONNECTOR_{name.upper()}` |" in PAGES["settings.md"]()


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_is_explained(verdict: Verdict) -> None:
    """Every verdict has a section on the page of verdicts."""
    assert f"\n## {verdict.value}\n" in (DOCS / "verdicts.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "event", [value for name, value in vars(log).items() if name.isupper() and isinstance(value, str)]
)
def test_every_log_event_is_explained(event: str) -> None:
    """Every event that is logged is named on the page about running."""
    assert f"`{event}`" in (DOCS / "running.md").read_text(encoding="utf-8")
