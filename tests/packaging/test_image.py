"""The Dockerfile and compose.yaml, held to rules where no engine runs."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from click import Context
from ruamel.yaml import YAML

from connector.cli.main import COMMANDS, root
from connector.config.settings import PREFIX, Settings

ROOT: Final = Path(__file__).parent.parent.parent
SECRET: Final = re.compile("PASSWORD|SECRET|TOKEN|KEY", re.IGNORECASE)


def read_instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile, each with what follows its name."""
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    lines = [line.strip() for line in text.splitlines()]
    return [(line.split()[0], line.partition(" ")[2].strip()) for line in lines if line and not line.startswith("#")]


def read_stage() -> list[tuple[str, str]]:
    """The instructions of the last stage, which is the image."""
    instructions = read_instructions()
    last = max(number for number, (name, _) in enumerate(instructions) if name == "FROM")
    return instructions[last:]


def read_compose() -> dict[str, Any]:
    """compose.yaml, merge keys put in."""
    made: dict[str, Any] = YAML(typ="safe").load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return made


COMPOSE: Final = read_compose()
OURS: Final = ["serve", "worker"]


# --- the image --------------------------------------------------------------------------------------------------------


def test_a_linter_has_nothing_to_say():
    """hadolint, where it is installed."""
    hadolint = shutil.which("hadolint") or shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if hadolint is None:
        if os.environ.get("CONNECTOR_TESTS_REQUIRE_ALL"):
            pytest.fail("hadolint is not installed")
        pytest.skip("hadolint is not installed; the rules below hold all the same")

    ran = subprocess.run([hadolint, str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_base_is_pinned_to_a_release():
    """No image that is another one tomorrow: a tag with a release and the distribution's name."""
    bases = [words.split()[0] for name, words in read_instructions() if name == "FROM"]

    assert bases
    assert all(re.fullmatch(r"[a-z/]+:[0-9]+\.[0-9]+-slim-[a-z]+", base) for base in bases), bases


def test_it_runs_as_somebody_without_rights():
    """By number, so that an orchestrator can see that it is not root; nothing becomes root again afterwards."""
    users = [words for name, words in read_stage() if name == "USER"]

    assert users == ["10001:10001"]


def test_everything_that_is_copied_is_there_and_not_left_out():
    """Each source of COPY is in the repository, and in what .dockerignore lets through."""
    allowed = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    }
    copied = [
        source
        for name, words in read_instructions()
        if name == "COPY" and not words.startswith("--from")
        for source in words.split()[:-1]
    ]

    assert copied
    assert all((ROOT / source).exists() for source in copied), copied
    assert set(copied) == allowed


def test_no_secret_is_in_it():
    """None is set, and none can be given while it is built; they come when it runs, as files."""
    named = [words for name, words in read_instructions() if name in {"ENV", "ARG"}]

    assert not any(SECRET.search(words) for words in named), named


def test_its_settings_are_ours():
    """Each CONNECTOR_ variable is a setting of the program, or one it reads elsewhere."""
    (words,) = [words for name, words in read_stage() if name == "ENV"]
    names = [word.partition("=")[0] for word in shlex.split(words)]

    ours = {name for name in names if name.startswith(PREFIX)}
    assert ours
    assert ours <= known_variables()


def test_what_it_runs_is_a_command():
    """ENTRYPOINT is the program, and CMD one of its commands."""
    (entry,) = [words for name, words in read_stage() if name == "ENTRYPOINT"]
    (command,) = [words for name, words in read_stage() if name == "CMD"]

    assert entry == '["connector"]'
    assert command.strip('[]"') in COMMANDS


def test_its_health_is_asked_for_in_python_that_compiles():
    """There is no curl in a slim image; the one line asks the address that every role answers."""
    (words,) = [words for name, words in read_stage() if name == "HEALTHCHECK"]
    called = YAML(typ="safe").load(words.partition("CMD ")[2])

    assert called[:2] == ["python", "-c"]
    assert "/livez" in called[2]
    compile(called[2], "HEALTHCHECK", "exec")


def test_packages_come_with_their_hashes():
    """Nothing is installed that is not pinned, and every pin has hashes; the extras of a service are among them."""
    text = (ROOT / "constraints-image.txt").read_text(encoding="utf-8")
    pins = re.split(r"\n(?=[a-z0-9])", text[text.index("\naiohttp") :].strip())
    names = {pin.partition("==")[0] for pin in pins}
    installs = [words for name, words in read_instructions() if name == "RUN" and "pip install" in words]

    assert all("==" in pin and "--hash=sha256:" in pin for pin in pins)
    assert {"fastapi", "uvicorn", "psycopg", "psycopg-binary", "procrastinate", "hatchling"} <= names
    assert all("--require-hashes" in words or "--no-deps" in words for words in installs)


def test_the_image_has_what_the_tests_ran_with():
    """Its packages are those of the development environment, release for release."""
    pattern = re.compile(r"^([a-z0-9][a-z0-9.-]*)==(\S+)", re.MULTILINE)
    image = dict(pattern.findall((ROOT / "constraints-image.txt").read_text(encoding="utf-8")))
    development = dict(pattern.findall((ROOT / "constraints-dev.txt").read_text(encoding="utf-8")))

    assert {name: development.get(name) for name in image} == image


# --- compose.yaml -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", OURS)
def test_what_a_container_runs_is_a_command_that_there_is(service: str):
    """Its command line is read by the program's own parser."""
    command = COMPOSE["services"][service]["command"]
    found = root.get_command(Context(root), command[0])

    assert found is not None
    assert found.make_context(command[0], list(command[1:])).params["roles"]


def test_roles_are_given_out_once():
    """The scheduler and HTTP are in one container, and two others work."""
    roles = {name: COMPOSE["services"][name]["command"][2::2] for name in OURS}

    assert roles == {"serve": ["scheduler", "http"], "worker": ["worker"]}
    assert COMPOSE["services"]["worker"]["deploy"]["replicas"] == 2


def test_only_the_dashboard_can_be_reached_and_from_this_machine_alone():
    """No other container has a port, and the database is on a network that leads nowhere."""
    ports = {name: service.get("ports") for name, service in COMPOSE["services"].items() if service.get("ports")}

    assert ports == {"serve": ["127.0.0.1:8484:8484"]}
    assert COMPOSE["services"]["database"]["networks"] == ["inside"]
    assert COMPOSE["networks"]["inside"]["internal"] is True


def test_secrets_are_files():
    """No variable holds one; each that is used is declared, and lies in the folder that git and the image leave out."""
    declared = COMPOSE["secrets"]
    for name, service in COMPOSE["services"].items():
        for variable, value in service["environment"].items():
            if SECRET.search(variable) or variable.startswith("CONNECTOR_DATABASE"):
                assert variable.endswith("_FILE"), f"{name}: {variable}"
                assert value.removeprefix("/run/secrets/") in service["secrets"], f"{name}: {variable}"
        assert set(service["secrets"]) <= set(declared)

    assert all(secret["file"].startswith("./secrets/") for secret in declared.values())
    assert "/secrets/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("service", OURS)
def test_containers_of_ours_can_change_nothing_but_what_they_need(service: str):
    """Read-only, without capabilities, and with longer to stop than the program takes."""
    container = COMPOSE["services"][service]

    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in container["security_opt"]
    assert int(container["stop_grace_period"].removesuffix("s")) >= 35
    assert container["volumes"] == ["./configs:/etc/connector:ro"]


def test_the_database_is_waited_for():
    """Its health is asked for, and nothing of ours begins before it is there."""
    assert "pg_isready" in COMPOSE["services"]["database"]["healthcheck"]["test"][1]
    for service in OURS:
        assert COMPOSE["services"][service]["depends_on"] == {"database": {"condition": "service_healthy"}}


@pytest.mark.parametrize("service", OURS)
def test_its_variables_are_settings_of_ours(service: str):
    """A name that nothing reads would be a secret that nothing finds."""
    names = {name.removesuffix("_FILE") for name in COMPOSE["services"][service]["environment"]}

    assert {name for name in names if name.startswith(PREFIX)} <= known_variables()


def known_variables() -> set[str]:
    """Every variable that the program reads of its own."""
    return {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | {"CONNECTOR_CONFIG"}
