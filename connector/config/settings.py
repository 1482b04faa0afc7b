"""Application settings, `CONNECTOR_*`: how this process runs, as against what it is to do.

Only commands that run something import this module; pydantic-settings takes as long to import as everything else
that `connector validate` needs.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from connector.config.check import report
from connector.config.place import Faults, Place
from connector.config.variables import read_dotenv
from connector.config.wording import find_closest
from connector.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PREFIX: Final = "CONNECTOR_"
_SLIP: Final = 0.8  # how alike a name must be to count as a slip of the pen: the prefix is free for users' variables


class Settings(BaseSettings):
    """How this process runs. Each field is the environment variable `CONNECTOR_<NAME>`, in any case."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="ignore", frozen=True, hide_input_in_errors=True, env_ignore_empty=True
    )

    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="How log lines look: `console` for people, `json` for machines, `auto` by the terminal."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least important log line that is written."
    )
    color: Literal["auto", "always", "never"] = Field("auto", description="Whether output is coloured.")
    data_dir: Path = Field(
        Path(".connector"), description="Folder for what is kept between runs, made when something is kept."
    )


def load_settings(dotenv: Path | None = None) -> Settings:
    """Return the settings from the environment, and where it is silent from a `.env` file.

    An empty variable counts as unset. Letter case does not matter, in names and in words such as `INFO`.

    Args:
        dotenv: The `.env` beside the configuration; it need not exist.

    Raises:
        SettingsError: A value is not accepted, a name looks like a misspelt setting, or the file cannot be read.
    """
    faults = Faults()
    given = {} if dotenv is None else read_dotenv(dotenv, faults)
    if len(faults):
        raise SettingsError("\n".join(map(str, faults)))
    # The file is read by our own reader, so that it means the same here and in variables.
    texts = _select(given) | _select(os.environ)
    _refuse_slips(texts)
    values: Mapping[str, Any] = {
        name: _fold(name, text) for name, text in texts.items() if name in Settings.model_fields
    }
    try:
        return Settings(**values)
    except ValidationError as error:
        place = Place.detached(value=values)
        report(Settings, place, error)
        problems = [f"{PREFIX}{fault.where.upper()}: {_tell(fault.message, fault.hint)}" for fault in place.faults]
        raise SettingsError("\n".join(problems)) from error


def _select(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the texts of our names, by field name; empty ones count as unset."""
    return {
        name.upper().removeprefix(PREFIX).lower(): text
        for name, text in environment.items()
        if name.upper().startswith(PREFIX) and text
    }


def _refuse_slips(names: Iterable[str]) -> None:
    fields = Settings.model_fields
    for name in sorted(set(names) - set(fields)):
        closest = find_closest(name, fields, cutoff=_SLIP)
        if closest is not None:
            message = f"{PREFIX}{name.upper()}: no such setting"
            raise SettingsError(message, cure=f'did you mean "{PREFIX}{closest.upper()}"?')


def _fold(name: str, text: str) -> str:
    return text if name == "data_dir" else text.strip().lower()


def _tell(message: str, hint: str | None) -> str:
    return f"{message}; {hint}" if hint else message
