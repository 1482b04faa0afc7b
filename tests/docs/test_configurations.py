"""The YAML on the pages."""

import itertools
from pathlib import Path

import pytest

from connector.app.project import load
from connector.errors import ConfigError
from tests.docs.pages import Block, list_pages
from tests.docs.stage import build_environment, load_snippet

BLOCKS = [block for page in list_pages() for block in page.blocks]
SOUND = [block for block in BLOCKS if block.language == "yaml" and "wrong" not in block.marks]
WRONG = [pair for pair in itertools.pairwise(BLOCKS) if "wrong" in pair[0].marks]


@pytest.mark.parametrize("block", SOUND, ids=str)
def test_snippet_is_sound(block: Block, tmp_path: Path) -> None:
    """Every snippet, put where it belongs, is a configuration without faults."""
    project = load_snippet(block, tmp_path)

    assert project.clients


@pytest.mark.parametrize(("block", "said"), WRONG, ids=str)
def test_faults_are_as_shown(block: Block, said: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A snippet shown as wrong has the very faults that the block after it shows."""
    monkeypatch.chdir(tmp_path)
    Path(block.marks["wrong"]).write_text(block.text, encoding="utf-8")
    environment = {name: text for name, text in build_environment(block.text).items() if "UNSET" not in name}

    with pytest.raises(ConfigError) as caught:
        load(block.marks["wrong"], environment=environment)

    assert said.language == "text"
    assert [str(fault) for fault in caught.value.faults] == said.text.splitlines()
