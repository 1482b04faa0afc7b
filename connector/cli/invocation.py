"""What is said once a command: which configuration, how much logging, which form of output.

Every command takes these options, and so does `connector` itself in front of it; what stands later wins.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar, cast

import click

from connector.cli.exits import ArgumentError
from connector.cli.screen import Screen
from connector.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TextIO

    from structlog.typing import Processor

    from connector.app.project import Project
    from connector.config.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")

DEFAULT_CONFIG: Final = Path("configs")
CONFIG_VARIABLE: Final = "CONNECTOR_CONFIG"
LEVELS: Final = ("debug", "info", "warning", "error")
FORMATS: Final = ("auto", "console", "json")


@dataclass
class Invocation:
    """One use of the command.

    Attributes:
        config: The configuration that was named, or None.
        log_level: The level that was named, or None.
        log_format: The format that was named, or None.
        written_level: The least level that is written to standard error, where that is less than what is logged.
        is_json: Whether data goes out as JSON.
        is_debug: Whether an error shows its traceback.
        redactor: Masks secrets in everything that is shown.
        screen: Where data and messages go.
    """

    config: Path | None = None
    log_level: str | None = None
    log_format: str | None = None
    written_level: str | None = None
    is_json: bool = False
    is_debug: bool = False
    redactor: Redactor = field(default_factory=Redactor)
    screen: Screen = field(init=False)
    _settings: Settings | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.screen = Screen(self.redactor)

    def find_config(self) -> Path:
        """Return the configuration to use: the one that was named, else that of the environment, else `configs/`.

        Raises:
            ArgumentError: None was named and there is no folder of that name, or nothing has the name.
        """
        path = self._name_config()
        if path is None:
            raise ArgumentError(
                f"no configuration was named, and there is no folder {DEFAULT_CONFIG}/ here",
                cure=f"name a file or folder with --config, or in {CONFIG_VARIABLE}",
            )
        if not path.exists() and not path.is_symlink():
            raise ArgumentError(
                f"there is no configuration {path}", cure="name a YAML file, or a folder with YAML files"
            )
        return path

    def _name_config(self) -> Path | None:
        """Return what was named as the configuration, or `configs/`; None where nothing was and there is no such."""
        named = self.config or (Path(text) if (text := os.environ.get(CONFIG_VARIABLE)) else None)
        return named or (DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None)

    def load_project(self) -> Project:
        """Return the checked configuration; its secrets are masked from here on.

        Raises:
            ArgumentError: As `find_config`.
            ConfigError: The configuration has faults.
        """
        from connector.app.project import load

        project = load(self.find_config())
        self.redactor.add(*project.document.secrets)
        return project

    @property
    def data_dir(self) -> Path | None:
        """Folder for what is kept, once the settings are loaded; else None."""
        return None if self._settings is None else self._settings.data_dir

    def load_settings(self) -> Settings:
        """Return the `CONNECTOR_*` settings; their secrets are masked from here on.

        They are read once, with the `.env` beside the configuration, of which nothing else is read. Where there is
        none, what is kept lies in the working folder.

        Raises:
            SettingsError: A setting cannot be used.
        """
        if self._settings is None:
            from connector.config.settings import load_settings

            path = self._name_config()
            folder = None if path is None or not path.exists() else path if path.is_dir() else path.parent
            self._settings = load_settings(None if folder is None else folder / ".env")
            self.redactor.add(*self._settings.secrets)
        return self._settings

    def start_logging(self, *, is_late: bool = False, taps: Iterable[Processor] = ()) -> None:
        """Send log lines to standard error, as the options and the `CONNECTOR_*` settings say.

        Args:
            is_late: Set it up when there is something to log; for a command that hardly ever has.
            taps: Called with each line, masked, before it is written; not with `is_late`.

        Raises:
            SettingsError: A setting cannot be used.
        """
        from functools import partial

        from connector.cli.tracing import start_tracing
        from connector.log import configure, configure_late

        settings = self.load_settings()
        tracing = start_tracing(self.redactor)
        if tracing is not None:
            is_late, taps = False, (tracing.add_ids, *taps)
        set_up = configure_late if is_late else partial(configure, taps=taps, written=self.written_level)
        set_up(
            log_format=self.log_format or settings.log_format,
            level=self.log_level or settings.log_level,
            redactor=self.redactor,
            stream=cast("TextIO", self.screen.log_stream),
        )
        if tracing is not None:
            tracing.tell()


def shared_options(command: Callable[P, T]) -> Callable[P, T]:
    """Give a command the options that every command has; their values go to its `Invocation`."""
    options = (
        click.option(
            "-c",
            "--config",
            type=click.Path(path_type=Path),
            metavar="PATH",
            help=f"YAML file, or folder with YAML files.  [env: {CONFIG_VARIABLE}; default: {DEFAULT_CONFIG}]",
            **_stored("config"),
        ),
        click.option(
            "-o",
            "--output",
            type=click.Choice(["text", "json"]),
            help="Form of the data on standard output.  [default: text]",
            **_stored("is_json", lambda text: text == "json"),
        ),
        click.option(
            "--log-level",
            type=click.Choice(LEVELS),
            help="Least important log lines to show.  [env: CONNECTOR_LOG_LEVEL]",
            **_stored("log_level"),
        ),
        click.option(
            "--log-format",
            type=click.Choice(FORMATS),
            help="Form of log lines; auto is console on a terminal, else JSON.  [env: CONNECTOR_LOG_FORMAT]",
            **_stored("log_format"),
        ),
        click.option(
            "--debug", is_flag=True, default=None, help="Show the traceback of an error.", **_stored("is_debug")
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _stored(attribute: str, convert: Callable[[Any], Any] = lambda value: value) -> dict[str, Any]:
    """Return the settings of an option whose value goes to the invocation instead of the command's arguments."""

    def store(context: click.Context, _parameter: click.Parameter, value: Any) -> None:
        if value is not None:
            setattr(context.ensure_object(Invocation), attribute, convert(value))

    return {"callback": store, "expose_value": False}
