"""`connector validate`."""

from __future__ import annotations

from tests.acceptance.conftest import CONFIGS

GOOD = "clients:\n  shop: {connector: opencart, base_url: 'http://shop.test/', key: abcd}\n"
BAD = GOOD.replace("base_url", "base_ulr") + "routes:\n  r: {outgoing: nope}\n"
SUSPECT = GOOD + "outgoing:\n  o: {publisher: {client: shop, entity: payment.methods}}\n"


def test_the_examples_need_no_variables(command):
    """The configuration that comes with the project is without faults and warnings in a bare environment."""
    ran = command("validate", CONFIGS)

    assert ran.code == 0
    assert ran.stderr == ""
    assert ran.stdout.startswith(f"{CONFIGS}: no faults in ")


def test_counts(command):
    """A configuration without faults is counted by kind."""
    config = command.write("shop.yaml", GOOD)

    ran = command("validate", config)

    assert ran.stdout.splitlines() == [
        "shop.yaml: no faults in 1 file",
        "  clients   1",
        "  incoming  0",
        "  outgoing  0",
        "  routes    0",
    ]


def test_all_faults_with_their_places(command, assert_clear):
    """Each fault is one line with file, line and column, and nothing goes to standard output."""
    config = command.write("shop.yaml", BAD)

    ran = command("validate", config)

    assert ran.code == 1
    assert ran.stdout == ""
    assert [line.partition(": ")[0] for line in ran.messages] == ["shop.yaml:2:31", "shop.yaml:4:17", "error"]
    assert ran.messages[-1] == "error: 2 faults in 1 file"
    assert_clear(ran)


def test_faults_of_all_files_of_a_folder(command):
    """Files of a folder are one configuration: all faults are told together, and a name stands in one file only."""
    (command.folder / "configs").mkdir()
    command.write("configs/a.yaml", GOOD)
    command.write("configs/b.yml", BAD)
    command.write("configs/c.yaml", "clients: [\n")
    command.write("configs/notes.txt", "not: [yaml")

    ran = command("validate")

    assert ran.code == 1
    assert [line.partition(": ")[0] for line in ran.messages] == [
        "configs/b.yml:2:3",
        "configs/c.yaml:2:1",
        "error",
    ]
    assert "defined twice, first in configs/a.yaml:2:3" in ran.messages[0]
    assert ran.messages[-1] == "error: 2 faults in 2 files"


def test_faults_as_json(command):
    """With `--output json` the faults are a list of objects on standard output."""
    config = command.write("shop.yaml", BAD)

    ran = command("validate", config, "--output", "json")

    assert ran.code == 1
    assert ran.json["counts"] is None
    fault = ran.json["faults"][0]
    assert (fault["file"], fault["line"], fault["column"]) == ("shop.yaml", 2, 31)
    assert fault["where"] == "clients.shop.base_ulr"
    assert fault["hint"] == 'did you mean "base_url"?'


def test_success_as_json(command):
    """The same form tells of no faults."""
    config = command.write("shop.yaml", GOOD)

    ran = command("-o", "json", "validate", config)

    assert ran.code == 0
    assert ran.json == {
        "faults": [],
        "warnings": [],
        "counts": {"clients": 1, "incoming": 0, "outgoing": 0, "routes": 0},
    }


def test_warnings_are_no_faults(command):
    """What is most likely not meant is told, and the exit code stays 0."""
    config = command.write("shop.yaml", SUSPECT)

    ran = command("validate", config)

    assert ran.code == 0
    assert ran.stderr.startswith("warning: shop.yaml:4:")
    assert "payment.methods builds on payment.address" in ran.stderr


def test_config_from_the_environment(command):
    """Without a path the configuration of CONNECTOR_CONFIG is checked, and `configs/` without that."""
    command.write("elsewhere.yaml", GOOD)
    (command.folder / "configs").mkdir()
    command.write("configs/a.yaml", GOOD)

    named = command("validate", CONNECTOR_CONFIG="elsewhere.yaml")
    found = command("validate")

    assert named.stdout.startswith("elsewhere.yaml: ")
    assert found.stdout.startswith("configs: ")


def test_no_configuration_at_all(command, assert_clear):
    """Without any configuration there is a word about where it is looked for, and exit code 2."""
    ran = command("validate")

    assert ran.code == 2
    assert ran.messages == [
        "error: no configuration was named, and there is no folder configs/ here",
        " cure: name a file or folder with --config, or in CONNECTOR_CONFIG",
    ]


def test_a_path_that_is_not_there(command):
    """A path that names nothing is a slip of the fingers: exit code 2."""
    ran = command("validate", "nowhere.yaml")

    assert ran.code == 2
    assert ran.messages[0] == "error: there is no configuration nowhere.yaml"
