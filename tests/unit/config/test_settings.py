"""Application settings."""

from pathlib import Path

import pytest

from connector.config.settings import PREFIX, Settings, load_settings
from connector.errors import SettingsError


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    """No setting of the machine that runs the tests."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"{PREFIX}{name.upper()}", raising=False)
        monkeypatch.delenv(f"{PREFIX}{name.upper()}_FILE", raising=False)


def test_defaults_hold_without_any_setting():
    """Nothing needs to be set."""
    settings = load_settings()

    assert (settings.log_format, settings.log_level, settings.color) == ("auto", "info", "auto")
    assert settings.data_dir == Path(".connector")


def test_environment_counts_more_than_dotenv(monkeypatch, tmp_path):
    """A setting in `.env` holds where the environment is silent or empty."""
    (tmp_path / ".env").write_text(
        "CONNECTOR_LOG_LEVEL=debug\nCONNECTOR_LOG_FORMAT=json\nCONNECTOR_COLOR=never\nOTHER=1\n"
    )
    monkeypatch.setenv("CONNECTOR_LOG_LEVEL", "ERROR")
    monkeypatch.setenv("CONNECTOR_COLOR", "")

    settings = load_settings(tmp_path / ".env")

    assert (settings.log_level, settings.log_format, settings.color) == ("error", "json", "never")


def test_missing_dotenv_is_no_error(tmp_path):
    """The file need not exist."""
    assert load_settings(tmp_path / ".env").log_level == load_settings().log_level


def test_every_wrong_setting_is_told_by_its_name(monkeypatch):
    """The message has the names people write, what was found and what is accepted."""
    monkeypatch.setenv("CONNECTOR_LOG_FORMAT", "xml")
    monkeypatch.setenv("CONNECTOR_COLOR", "alwys")

    with pytest.raises(SettingsError) as caught:
        load_settings()

    assert str(caught.value).splitlines() == [
        'CONNECTOR_LOG_FORMAT: found text "xml", accepted is one of auto, console, json',
        'CONNECTOR_COLOR: found text "alwys", accepted is one of auto, always, never; did you mean "always"?',
    ]


def test_misspelt_setting_is_told(monkeypatch):
    """A name that is almost a setting is not passed over in silence."""
    monkeypatch.setenv("CONNECTOR_LOGLEVEL", "debug")

    with pytest.raises(SettingsError) as caught:
        load_settings()

    assert str(caught.value) == 'CONNECTOR_LOGLEVEL: no such setting; did you mean "CONNECTOR_LOG_LEVEL"?'


def test_other_names_with_the_prefix_are_left_alone(monkeypatch):
    """The prefix may be used for variables of configurations, too."""
    monkeypatch.setenv("CONNECTOR_SHOP_URL", "http://x")

    load_settings()


def test_broken_dotenv_is_told(tmp_path):
    """A line of `.env` that cannot be read is told by file and line."""
    (tmp_path / ".env").write_text("nonsense\n")

    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path / ".env")

    assert str(caught.value) == f"{tmp_path}/.env:1:1: found a line that is not NAME=value; comments begin with #"


def test_what_is_kept_lies_beside_the_configuration(tmp_path):
    """The data folder is that of the configuration, wherever the command is run; the database lies in it."""
    settings = load_settings(tmp_path / ".env")

    assert settings.data_dir == tmp_path / ".connector"
    assert settings.store_url == str(tmp_path / ".connector" / "connector.db")


def test_a_path_in_the_environment_is_as_given(monkeypatch, tmp_path):
    """Who sets a path in the environment means the working folder."""
    monkeypatch.setenv("CONNECTOR_DATA_DIR", "kept")

    settings = load_settings(tmp_path / ".env")

    assert settings.data_dir == Path("kept")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("tasks.db", "{folder}/tasks.db"),
        ("/srv/tasks.db", "/srv/tasks.db"),
        ("sqlite:///tasks.db", "sqlite:///{folder}/tasks.db"),
        ("sqlite:////srv/tasks.db", "sqlite:////srv/tasks.db"),
        ("postgresql://host/name", "postgresql://host/name"),
    ],
)
def test_a_path_in_dotenv_starts_at_its_folder(tmp_path, written, meant):
    """A `.env` means the same from wherever the command is run."""
    (tmp_path / ".env").write_text(f"CONNECTOR_DATABASE={written}\n")

    settings = load_settings(tmp_path / ".env")

    assert settings.store_url == meant.format(folder=tmp_path)


def test_a_setting_can_stand_in_a_file_of_its_own(monkeypatch, tmp_path):
    """`CONNECTOR_DATABASE_FILE` names the file, and counts less than the setting itself."""
    (tmp_path / "database").write_text("postgresql://from-file/name\n")
    monkeypatch.setenv("CONNECTOR_DATABASE_FILE", str(tmp_path / "database"))
    from_file = load_settings()
    monkeypatch.setenv("CONNECTOR_DATABASE", "postgresql://from-environment/name")

    from_environment = load_settings()

    assert from_file.store_url == "postgresql://from-file/name"
    assert from_environment.store_url == "postgresql://from-environment/name"


def test_a_file_of_a_setting_that_cannot_be_read_is_told(monkeypatch, tmp_path):
    """It is told with the name of the variable that led to it."""
    monkeypatch.setenv("CONNECTOR_DATABASE_FILE", str(tmp_path / "nowhere"))

    with pytest.raises(SettingsError) as caught:
        load_settings()

    assert str(caught.value).startswith(f"the file {tmp_path}/nowhere, which CONNECTOR_DATABASE_FILE names, ")


@pytest.mark.parametrize(
    ("written", "secrets"),
    [
        ("postgresql://me:hunter22@host/name", ("hunter22",)),
        ("postgresql://me:p%40ss%2Fword@host/name", ("p%40ss%2Fword", "p@ss/word")),
        ("postgresql://host/name?user=me&password=hunter22", ("hunter22",)),
        ("postgresql://me@host/name", ()),
        ("/srv/tasks.db", ()),
    ],
)
def test_the_password_of_the_database_is_a_secret(monkeypatch, written, secrets):
    """It is given to who masks, as it is written and as it is meant, and does not show."""
    monkeypatch.setenv("CONNECTOR_DATABASE", written)

    settings = load_settings()

    assert settings.secrets == secrets
    assert not any(secret in repr(settings) for secret in secrets)
