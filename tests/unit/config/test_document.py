"""Files and folders as one document."""

import os
from decimal import Decimal

import pytest

from connector.config.document import read_document, read_mapping, read_text


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder of configurations, named `configs` as seen from the current directory."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "configs"
    path.mkdir()
    return path


def faults_of(document):
    """Return the faults as people read them."""
    return [str(fault) for fault in document.faults]


def test_file_is_read_and_named_as_it_was_given(folder):
    """A relative path stays relative in faults and origins."""
    (folder / "shop.yaml").write_text("clients: {shop: {url: x}}\n")

    document = read_document("configs/shop.yaml", environment={})

    assert document.value == {"clients": {"shop": {"url": "x"}}}
    assert document.origins == {"clients.shop.url": "configs/shop.yaml:1:23"}
    assert document.is_complete


def test_files_of_a_folder_are_merged_section_by_section(folder):
    """Names of one section may be spread over files; other files and subfolders are left out."""
    (folder / "b.yaml").write_text("clients: {two: 2}\nroutes: {r: 3}\n")
    (folder / "a.yml").write_text("clients: {one: 1}\n")
    (folder / ".hidden.yaml").write_text("clients: {hidden: 1}\n")
    (folder / "notes.txt").write_text("no: yaml")
    (folder / "sub.yaml").mkdir()

    document = read_document("configs", environment={})

    assert document.value == {"clients": {"one": 1, "two": 2}, "routes": {"r": 3}}
    assert document.files == ("configs/a.yml", "configs/b.yaml")
    assert faults_of(document) == []


def test_name_that_is_defined_twice_is_a_fault_that_names_both_places(folder):
    """Two files may not define the same name."""
    (folder / "a.yaml").write_text("clients:\n  shop: 1\n")
    (folder / "b.yaml").write_text("clients:\n  other: 2\n  shop: 3\n")

    document = read_document("configs", environment={})

    assert faults_of(document) == [
        "configs/b.yaml:3:3: clients.shop: defined twice, first in configs/a.yaml:2:3; rename one of them"
    ]
    assert document.value == {"clients": {"shop": 1, "other": 2}}


def test_section_that_is_no_mapping_cannot_be_merged(folder):
    """A section of one kind in one file and of another in the next is a fault."""
    (folder / "a.yaml").write_text("clients: {shop: 1}\n")
    (folder / "b.yaml").write_text("clients: [shop]\n")

    document = read_document("configs", environment={})

    assert faults_of(document) == [
        "configs/b.yaml:1:1: clients: defined twice, first in configs/a.yaml:1:1; rename one of them"
    ]


def test_empty_section_is_an_empty_mapping(folder):
    """A section whose names are all commented out holds no names."""
    (folder / "a.yaml").write_text("clients:\n#  shop: 1\n")
    (folder / "b.yaml").write_text("clients: {shop: 1}\n")

    document = read_document("configs", environment={})

    assert document.value == {"clients": {"shop": 1}}
    assert faults_of(document) == []


def test_fault_in_one_file_does_not_hide_those_in_others(folder):
    """Every file is read; the document says that it is not complete."""
    (folder / "a.yaml").write_text("clients:\n\tshop: 1\n")
    (folder / "b.yaml").write_text("clients: {other: '${NONE}'}\n")
    (folder / "c.yaml").write_bytes(b"a: 1\nb: \xff\n")
    (folder / "d.yaml").write_text("- 1\n")
    (folder / "e.yaml").symlink_to("nowhere.yaml")

    document = read_document("configs", environment={})

    assert [fault.partition("; set it (")[0] for fault in faults_of(document)] == [
        "configs/a.yaml:2:1: found a tab; indent with spaces",
        "configs/b.yaml:1:19: clients.other: the variable NONE is not set",
        "configs/c.yaml:2:4: found the byte 0xFF, which is not UTF-8; save the file as UTF-8",
        "configs/d.yaml:1:1: found a list of 1 entry, accepted is a mapping of sections such as clients and routes",
        "configs/e.yaml: cannot be read: No such file or directory",
    ]
    assert not document.is_complete


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("none.yaml", "none.yaml: cannot be read: No such file or directory"),
        ("configs", "configs: this folder holds no *.yaml file; subfolders are not read"),
        ("a\0b", "a\0b: cannot be read: no file can have this name"),
    ],
)
def test_path_without_configuration_is_a_fault(folder, path, fault):
    """A missing file and an empty folder are told by name."""
    document = read_document(path, environment={})

    assert faults_of(document) == [fault]
    assert not document.is_complete


def test_file_with_byte_order_mark_and_windows_line_breaks(folder):
    """What Windows editors write is read, with the same positions."""
    (folder / "a.yaml").write_bytes("\ufeffa: é\r\nb: 1\r\n".encode())

    document = read_document("configs/a.yaml", environment={})

    assert document.value == {"a": "é", "b": 1}
    assert str(document.place("b").position) == "configs/a.yaml:2:4"


def test_file_that_is_too_large_is_a_fault(folder):
    """Files over 4 MiB are not read."""
    (folder / "a.yaml").write_bytes(b"#" * (4 * 1024 * 1024 + 1))

    document = read_document("configs/a.yaml", environment={})

    assert faults_of(document) == ["configs/a.yaml: larger than 4096 KiB, the most that is read"]


def test_variables_come_from_environment_dotenv_and_files(folder):
    """The three places are looked in, and each value knows where it came from."""
    (folder / "key").write_text("k3y-from-file\n")
    (folder / ".env").write_text("SHOP_URL=http://from.env\nSHOP_KEY_FILE=key\nUSERNAME=dotenv\n")
    (folder / "a.yaml").write_text(
        "c:\n  url: ${SHOP_URL}\n  key: ${SHOP_KEY}\n  user: ${USERNAME}\n  sessions: ${SESSIONS:4}\n"
        "  list: [1, 'a ${USERNAME}']\n"
    )

    document = read_document("configs", environment={"USERNAME": "environment"})

    assert document.value["c"] == {
        "url": "http://from.env",
        "key": "k3y-from-file",
        "user": "environment",
        "sessions": "4",
        "list": [1, "a environment"],
    }
    assert document.origins == {
        "c.url": ".env SHOP_URL",
        "c.key": "file key (SHOP_KEY_FILE)",
        "c.user": "environment USERNAME",
        "c.sessions": "default in configs/a.yaml:5:13",
        "c.list[0]": "configs/a.yaml:6:10",
        "c.list[1]": "environment USERNAME",
    }


def test_environment_of_the_process_is_the_default(folder, monkeypatch):
    """Without an environment given, that of the process is used."""
    monkeypatch.setenv("CONFIG_TEST_NAME", "set")
    (folder / "a.yaml").write_text("a: ${CONFIG_TEST_NAME}\n")

    assert read_document("configs/a.yaml").value == {"a": "set"}


def test_text_of_a_variable_stays_text():
    """A variable never turns into a number, a truth or YAML."""
    document = read_text("a: ${A}\nb: ${B}\nc: ${C}\n", environment={"A": "5", "B": "true", "C": "{x: 1}"})

    assert document.value == {"a": "5", "b": "true", "c": "{x: 1}"}


def test_variables_are_not_put_into_keys():
    """A key is text as written."""
    assert read_text("'${A}': 1", environment={"A": "x"}).value == {"${A}": 1}


def test_fault_of_a_variable_points_at_the_variable():
    """An unset variable is located within its text."""
    document = read_text('c:\n  url: "http://${HOST}/x"\n', file="a.yaml")

    [fault] = document.faults
    assert (fault.line, fault.column, fault.where) == (2, 16, "c.url")
    assert fault.message == "the variable HOST is not set"
    assert fault.hint == "set it (environment, .env, or a file that HOST_FILE names), or write a default: ${HOST:…}"
    assert document.place("c", "url").is_broken


def test_value_used_twice_is_resolved_with_its_variables():
    """Variables are put into what an alias stands for, and told once each place."""
    document = read_text("a: &x {b: '${N}', c: '${NONE}'}\nd: *x\ne: {<<: *x}\n", file="a.yaml", environment={"N": "1"})

    assert document.value["a"]["b"] == document.value["d"]["b"] == document.value["e"]["b"] == "1"
    assert {(fault.line, fault.column) for fault in document.faults} == {(1, 23)}


def test_secrets_are_gathered_and_never_told():
    """Secrets of variables are listed for a redactor, and masked in every fault to come."""
    document = read_text(
        "key: ${SHOP_KEY}\nurl: 'x?token=${TOKEN:t0ken}'\n", file="a.yaml", environment={"SHOP_KEY": "s3cret"}
    )

    document.place("key").fault("found s3cret and t0ken")

    assert document.secrets == ("s3cret", "t0ken")
    assert document.place("url").is_secret
    assert faults_of(document) == ["a.yaml:1:6: key: found *** and ***"]
    assert "s3cret" not in repr(document)


def test_mapping_from_python_means_what_yaml_means():
    """A mapping is a document like any other, variables and faults included."""
    document = read_mapping(
        {"clients": {"shop": {"url": "${URL}", "tags": ("a", 1)}}}, where="settings", environment={"URL": "http://x"}
    )

    document.place("clients", "shop", "url").fault("wrong")

    assert document.value == {"clients": {"shop": {"url": "http://x", "tags": ["a", 1]}}}
    assert faults_of(document) == ["settings: clients.shop.url: wrong"]


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (
            {"a": {"b": Decimal(1)}},
            "<python>: a.b: found a Python Decimal, accepted is what YAML can say; give it as text",
        ),
        ({"a": {1: 2}}, "<python>: a: found the number 1 as a key, accepted is text"),
        ([1], "<python>: found a list of 1 entry, accepted is a mapping of sections such as clients and routes"),
    ],
)
def test_python_value_that_yaml_could_not_say_is_a_fault(value, fault):
    """Only mappings with text keys, lists, text, numbers, truths and None are taken."""
    assert faults_of(read_mapping(value, environment={})) == [fault]


def test_python_value_that_holds_itself_is_a_fault():
    """A mapping without end is stopped."""
    endless = {}
    endless["a"] = endless

    assert faults_of(read_mapping(endless, environment={})) == ["<python>: nested deeper than 64 levels"]


def test_pipe_is_a_fault(tmp_path):
    """A name that is a pipe is refused at once; opening it would wait for a writer that may never come."""
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)

    (fault,) = read_document(pipe, environment={}).faults

    assert fault.message == "cannot be read: found a pipe, a socket or a device, accepted is a file"
