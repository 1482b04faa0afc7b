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
    assert load_settings(tmp_path / ".env") == load_settings()


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
