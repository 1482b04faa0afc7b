"""The systemd unit in the documentation, held to what there is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from connector.cli.main import COMMANDS
from connector.config.settings import PREFIX, Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE: Final = Path(__file__).parent.parent.parent / "docs" / "systemd.md"
PROGRAM: Final = "/opt/connector/bin/connector"


def read_unit() -> str:
    """The unit as it stands on the page."""
    found = re.search(r"```ini\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return "\n".join(line.removeprefix("   ") for line in found[1].splitlines())


def list_values(key: str) -> Sequence[str]:
    """What the unit says under a key, which may come several times."""
    return re.findall(rf"^{key}=(.*)$", read_unit(), re.MULTILINE)


def test_systemd_takes_it(tmp_path: Path):
    """No key is misspelt, and no value one that systemd would pass over."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        if os.environ.get("CONNECTOR_TESTS_REQUIRE_ALL"):
            pytest.fail("systemd-analyze is not installed")
        pytest.skip("systemd-analyze is not installed")
    unit = tmp_path / "connector.service"
    unit.write_text(read_unit().replace(PROGRAM, "/bin/true"), encoding="utf-8")

    ran = subprocess.run([analyze, "verify", str(unit)], capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stderr
    assert str(unit) not in ran.stderr


def test_what_it_starts_is_a_command():
    """The service is started, and its configuration checked before it is loaded anew."""
    called = [line.split()[1] for line in (*list_values("ExecStart"), *list_values("ExecReload")) if PROGRAM in line]

    assert called == ["serve", "validate"]
    assert set(called) <= set(COMMANDS)


def test_its_variables_are_settings():
    """A name that nothing reads would change nothing, without a word."""
    names = [word.partition("=")[0] for line in list_values("Environment") for word in line.split()]

    assert names
    assert set(names) <= {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | {"CONNECTOR_CONFIG"}


def test_an_orderly_stop_is_no_failure():
    """The exit code after SIGTERM counts as success, and systemd waits for longer than the grace."""
    parser = RawConfigParser(strict=False)
    parser.read_string(read_unit())

    assert parser["Service"]["SuccessExitStatus"] == "143"
    assert int(parser["Service"]["TimeoutStopSec"]) > 25
