"""Application settings, `CONNECTOR_*`: how this process runs, as against what it is to do.

Only commands that run something import this module; pydantic-settings takes as long to import as everything else
that `connector validate` needs.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from connector.config.check import report
from connector.config.place import Faults, Place
from connector.config.variables import read_dotenv
from connector.config.wording import find_closest
from connector.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PREFIX: Final = "CONNECTOR_"
_SLIP: Final = 0.8  # how alike a name must be to count as a slip of the pen: others may share the prefix


def _fold(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


class Settings(BaseSettings):
    """How this process runs. Each field is an environment variable, `CONNECTOR_` and its name in any case.

    Arguments count less than the environment: they are what a `.env` file says.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    log_format: Annotated[Literal["auto", "console", "json"], BeforeValidator(_fold)] = Field(
        "auto", description="How log lines look: `console` for people, `json` for machines, `auto` by the terminal."
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_fold)] = Field(
        "info", description="The least important log line that is written."
    )
    color: Annotated[Literal["auto", "always", "never"], BeforeValidator(_fold)] = Field(
        "auto", description="Whether output is coloured; `auto` by the terminal."
    )
    data_dir: Path = Field(
        Path(".connector"),
        description="Folder for what is kept: the traceback of a fault of this program. Made when there is one.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the names are pydantic-settings' own
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return where values come from, first the most important: the environment, then arguments."""
        return env_settings, init_settings


def load_settings(dotenv: Path | None = None) -> Settings:
    """Return the settings from the environment, and where it is silent from a `.env` file.

    An empty variable counts as unset. Letter case does not matter, in names and in words such as `INFO`.

    Args:
        dotenv: The `.env` beside the configuration; it need not exist.

    Raises:
        SettingsError: A value is not accepted, a name looks like a misspelt setting, or the file cannot be read.
    """
    faults = Faults()
    # Read by the reader that variables use, so that a `.env` means the same to both.
    file = _select(read_dotenv(dotenv, faults)) if dotenv is not None else {}
    if len(faults):
        raise SettingsError("\n".join(map(str, faults)))
    _refuse_slips({*file, *_select(os.environ)})
    values: dict[str, Any] = dict(file)
    try:
        return Settings(**values)
    except ValidationError as error:
        place = Place.detached(value={str(entry["loc"][0]): entry["input"] for entry in error.errors()})
        report(Settings, place, error)
        problems = [f"{PREFIX}{fault.where.upper()}: {_tell(fault.message, fault.hint)}" for fault in place.faults]
        raise SettingsError("\n".join(problems)) from error


def _select(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the texts of our names, by field; empty ones count as unset."""
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
            cure = f'did you mean "{PREFIX}{closest.upper()}"?'
            raise SettingsError(f"{PREFIX}{name.upper()}: no such setting", cure=cure)


def _tell(message: str, hint: str | None) -> str:
    return f"{message}; {hint}" if hint else message
