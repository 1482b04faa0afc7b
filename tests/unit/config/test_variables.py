"""Variables in text, and the `.env` file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.config.place import Faults
from connector.config.variables import Found, Problem, Variables, read_dotenv

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
SYNTAX = "write ${NAME} or ${NAME:default}; $${ is a literal ${"


def expand(text, **environment):
    """Return the expanded text."""
    return Variables(environment).expand(text, "a.yaml:1:4")


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("${HOST}", "shop"),
        ("https://${HOST}/${PATH}", "https://shop/api"),
        ("${HOST}${HOST}", "shopshop"),
        ("${PORT:8080}", "8080"),
        ("${PORT:}", ""),
        ("${PORT:a:b}", "a:b"),
        ("${PORT: spaced }", " spaced "),
        ("${HOST:other}", "shop"),
        ("${EMPTY:other}", ""),
        ("$${HOST}", "${HOST}"),
        ("$$${HOST}", "$${HOST}"),
        ("$HOST $ {HOST} {HOST} $5", "$HOST $ {HOST} {HOST} $5"),
        ("{{ record.a }} ${HOST}", "{{ record.a }} shop"),
        ("$.orders[*]", "$.orders[*]"),
    ],
)
def test_variables_are_put_in(text, result):
    """Names give their text, defaults stand in for unset ones, and everything else is left alone."""
    expanded = expand(text, HOST="shop", PATH="api", EMPTY="")

    assert (expanded.text, expanded.problems) == (result, ())


def test_what_is_put_in_is_not_read_again():
    """A variable whose text looks like a variable is put in as it is."""
    assert expand("${A}", A="${B}", B="b").text == "${B}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "a ${NONE}",
            Problem(
                2,
                "the variable NONE is not set",
                "set it (environment, .env, or a file that NONE_FILE names), or write a default: ${NONE:…}",
            ),
        ),
        ("${}", Problem(0, "found nothing as the name of a variable", SYNTAX)),
        ("${:x}", Problem(0, "found nothing as the name of a variable", SYNTAX)),
        ("${A B}", Problem(0, 'found "A B" as the name of a variable', SYNTAX)),
        ("${ A }", Problem(0, 'found " A " as the name of a variable', SYNTAX)),
        ("${A-B}", Problem(0, 'found "A-B" as the name of a variable', SYNTAX)),
        ("${1A}", Problem(0, 'found "1A" as the name of a variable', SYNTAX)),
        ("x${A", Problem(1, 'found "${" without "}"', SYNTAX)),
        (
            "${A:${B}}",
            Problem(0, "found a variable with another variable inside it, accepted is a name and a plain default"),
        ),
        ("${A:{}}", Problem(0, 'found a variable with a "{" inside it, accepted is a name and a plain default')),
    ],
)
def test_variable_that_cannot_be_put_in_is_a_problem_at_its_character(text, problem):
    """An unset name and a name that is none are told with the character they begin at."""
    assert expand(text, B="b").problems == (problem,)


def test_every_problem_of_a_text_is_told():
    """Reading goes on after a problem."""
    assert [problem.index for problem in expand("${A} ${} ${B}").problems] == [0, 5, 9]


def test_origin_of_each_part_is_kept():
    """The sources of a text are told in order, each once."""
    variables = Variables({"A": "1"}, {"B": "2"})

    expanded = variables.expand("${A}${B}${C:3}${A}", "a.yaml:1:4")

    assert expanded.sources == ("environment A", ".env B", "default in a.yaml:1:4")


def test_environment_counts_more_than_dotenv_and_dotenv_more_than_a_file(tmp_path):
    """The places are looked in by order."""
    (tmp_path / "secret").write_text("from file")
    files = {f"{name}_FILE": str(tmp_path / "secret") for name in ("A", "B", "C")}
    variables = Variables({"A": "from environment", **files}, {"A": "from .env", "B": "from .env"})

    texts = [variables.expand(f"${{{name}}}", "").text for name in ("A", "B", "C")]

    assert texts == ["from environment", "from .env", "from file"]


@pytest.mark.parametrize(
    ("content", "text"),
    [("s3cret", "s3cret"), ("s3cret\n", "s3cret"), ("s3cret\r\n", "s3cret"), ("a\n\n", "a\n"), ("", "")],
)
def test_file_of_a_variable_loses_its_last_line_break(tmp_path, content, text):
    """A file gives its text without the line break that editors put at the end."""
    path = tmp_path / "key"
    path.write_bytes(content.encode())

    found = Variables({"SHOP_USER_FILE": str(path)}).find("SHOP_USER")

    assert found == Found(text, f"file {path} (SHOP_USER_FILE)", is_secret=True)


def test_relative_file_in_dotenv_starts_beside_it(tmp_path):
    """A relative path written in `.env` is looked up in the folder of `.env`."""
    (tmp_path / "key").write_text("s3cret")

    found = Variables({}, {"SHOP_KEY_FILE": "key"}, tmp_path).find("SHOP_KEY")

    assert found == Found("s3cret", "file key (SHOP_KEY_FILE)", is_secret=True)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"\xff", "cannot be used: found the byte 0xFF, which is not UTF-8"),
        (b"x" * (1024 * 1024 + 1), "cannot be used: larger than 1024 KiB, the most that is read"),
    ],
)
def test_file_that_cannot_be_used_is_a_problem(tmp_path, content, reason):
    """A missing, binary or huge file is told with its name and the variable that names it."""
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)

    problem = Variables({"SHOP_KEY_FILE": str(path)}).find("SHOP_KEY")

    assert isinstance(problem, Problem)
    assert problem.message == f"the file {path}, which SHOP_KEY_FILE names, {reason}"


@pytest.mark.parametrize(("name", "is_secret"), [("SHOP_KEY", True), ("API_TOKEN", True), ("SHOP_URL", False)])
def test_secrets_are_known_by_name(name, is_secret):
    """The text of a variable with a secret's name is kept as a secret, its default too."""
    given_text = expand(f"${{{name}}}", **{name: "abcdef"}).secrets
    default = expand(f"${{{name}:abcdef}}").secrets

    assert given_text == default == (("abcdef",) if is_secret else ())


def test_secret_text_does_not_show():
    """Neither a found variable nor an expanded text shows in `repr`."""
    variables = Variables({"SHOP_KEY": "s3cret"})

    shown = f"{variables!r} {variables.find('SHOP_KEY')!r} {variables.expand('${SHOP_KEY}', '')!r}"

    assert "s3cret" not in shown


@given(st.text().filter(lambda text: "${" not in text))
def test_text_without_variables_is_left_alone(text):
    """Whatever holds no `${` comes out as it went in."""
    assert expand(text, A="x").text == text


@given(NAMES, st.text(), st.text(alphabet="ab $}:/"), st.text(alphabet="ab }:/"))
def test_any_text_can_be_put_in_between_any_texts(name, value, before, after):
    """A variable's text is put in exactly, whatever it holds."""
    expanded = Variables({name: value}).expand(f"{before.rstrip('$')}${{{name}}}{after}", "")

    assert expanded.text == f"{before.rstrip('$')}{value}{after}"


@given(st.text())
def test_escaped_text_is_literal(text):
    """With `$${` for every `${`, no text means anything but itself."""
    escaped = text.replace("${", "$${")

    assert expand(escaped).text == text


@given(st.text(alphabet="${}AB:_ "))
def test_expanding_never_breaks(text):
    """Whatever stands in a text, it is expanded or a problem is told."""
    expanded = expand(text, A="1", B="2")

    assert all(0 <= problem.index < len(text) for problem in expanded.problems)


def test_dotenv_is_read_like_everyone_reads_it(tmp_path):
    """Comments, `export`, quotes and empty values are understood; nothing in a value is put in or run."""
    path = tmp_path / ".env"
    path.write_text(
        "# comment\n\nA=1\nexport B = two words # comment\nC='it #is'\nD=\"a\\nb\"\nE=\nF=${A}\nG=$(id)\n",
        encoding="utf-8",
    )
    faults = Faults()

    values = read_dotenv(path, faults)

    assert values == {"A": "1", "B": "two words", "C": "it #is", "D": "a\nb", "E": "", "F": "${A}", "G": "$(id)"}
    assert len(faults) == 0


def test_line_that_is_no_assignment_is_a_fault_that_does_not_show_it(tmp_path):
    """A broken line of `.env` is told by its number alone, since it may hold a secret."""
    path = tmp_path / ".env"
    path.write_text("A=1\n\ns3cret\nB=2\nC='open\n")
    faults = Faults()

    values = read_dotenv(path, faults)

    assert values == {"A": "1", "B": "2"}
    assert [str(fault) for fault in faults] == [
        f"{path}:3:1: found a line that is not NAME=value; comments begin with #",
        f"{path}:5:1: found a line that is not NAME=value; comments begin with #",
    ]


def test_missing_dotenv_is_no_fault(tmp_path):
    """No `.env` is the same as an empty one."""
    faults = Faults()

    assert read_dotenv(tmp_path / ".env", faults) == {}
    assert len(faults) == 0


def test_dotenv_that_is_not_utf_8_is_a_fault(tmp_path):
    """A `.env` in another encoding is told at the first byte that is wrong."""
    path = tmp_path / ".env"
    path.write_bytes(b"A=1\nB=caf\xe9\n")
    faults = Faults()

    read_dotenv(path, faults)

    assert [str(fault) for fault in faults] == [
        f"{path}:2:6: found the byte 0xE9, which is not UTF-8; save the file as UTF-8"
    ]


def test_dotenv_that_is_a_folder_is_a_fault(tmp_path):
    """A `.env` that holds nothing to read is told, since every variable in it would be missing."""
    folder = tmp_path / ".env"
    folder.mkdir()
    faults = Faults()

    values = read_dotenv(folder, faults)

    assert values == {}
    assert [(fault.file, fault.message) for fault in faults] == [(str(folder), "cannot be read: Is a directory")]
