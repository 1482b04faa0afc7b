"""Application settings, `CONNECTOR_*`: how this process runs, as against what it is to do.

Only commands that run something import this module; pydantic-settings takes as long to import as everything else
that `connector validate` needs.
"""

from __future__ import annotations

import os
import re
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from connector.config.check import report
from connector.config.options import ByteSize, Seconds, not_accepted
from connector.config.place import Faults, Place
from connector.config.shape import Kind
from connector.config.variables import Problem, Variables, read_dotenv
from connector.config.wording import find_closest
from connector.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PREFIX: Final = "CONNECTOR_"
DATA_FOLDER: Final = ".connector"
"""What the folder for what is kept is called, where no setting names one."""

DATABASE_FILE: Final = "connector.db"
"""The SQLite file in that folder, where no setting names a database."""

_SLIP: Final = 0.8  # how alike a name must be to count as a slip of the pen: others may share the prefix
_DATABASE: Final = "a path, or an address such as postgresql://user@host/name"
_SQLITE: Final = "sqlite:///"
_PASSWORD: Final = re.compile(r"://[^:/@]*:(?P<password>[^@]*)@|[?&](?:ssl)?password=(?P<parameter>[^&]*)")
_PATHS: Final = frozenset({"data_dir", "database", "tls_certificate", "tls_key"})
_ADDRESS: Final = "an address such as https://connector.example.com"
_NETWORKS: Final = "addresses or networks with commas between, such as 10.0.0.0/8, 127.0.0.1"
_HOSTS: Final = "names with commas between, without a port, such as connector, connector.internal"
_HOST: Final = re.compile(r"[a-z0-9_][a-z0-9_.\-]{0,252}|\[?[0-9a-f:.]{2,45}\]?", re.ASCII)


def _fold(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


def _check_public_url(value: str) -> str:
    """Return an address without the slash at its end, where it is one."""
    try:
        parts = urlsplit(value.strip())
        is_sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_sound = False
    if not is_sound or parts.query or parts.fragment or parts.username is not None or parts.path.strip("/"):
        raise not_accepted(_ADDRESS)
    return value.strip().rstrip("/")


def _read_networks(value: Any) -> Any:
    """Return the networks a text lists; an address alone is a network of one."""
    if not isinstance(value, str):
        return value
    try:
        return tuple(ip_network(text.strip()) for text in value.split(",") if text.strip())
    except ValueError as error:
        raise not_accepted(_NETWORKS) from error


def _read_hosts(value: Any) -> Any:
    """Return the names a text lists, in lower letters."""
    if not isinstance(value, str):
        return value
    names = tuple(text.strip().lower() for text in value.split(",") if text.strip())
    if not all(_HOST.fullmatch(name) for name in names):
        raise not_accepted(_HOSTS)
    return names


class Settings(BaseSettings):
    """How this process runs. Each field is an environment variable, `CONNECTOR_` and its name in any case.

    Arguments count less than the environment: they are what a `.env` file, or a file that `CONNECTOR_<name>_FILE`
    names, says.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=False,  # defaults are what the types hold, not what people write
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
        Path(DATA_FOLDER),
        description="Folder for what is kept: tasks, and the traceback of a fault of this program. Made when it is "
        f"needed. The default, `{DATA_FOLDER}`, lies beside the configuration, wherever the command is run.",
    )
    database: Annotated[SecretStr, Kind(_DATABASE)] | None = Field(
        None,
        description="Where tasks are kept: the path of a SQLite file, or the address of a PostgreSQL database. "
        f"Left out: `{DATABASE_FILE}` in the data folder.",
    )

    host: str = Field("127.0.0.1", min_length=1, description="Address on which `connector serve` listens.")
    port: int = Field(8484, ge=0, le=65535, description="Its port; 0 takes a free one.")
    public_url: Annotated[str, AfterValidator(_check_public_url), Kind(_ADDRESS)] | None = Field(
        None,
        description="Where people reach the dashboard, for links in alerts; needed behind a proxy. With `https:`, "
        "browsers send its cookies over TLS alone.",
    )
    tls_certificate: Path | None = Field(
        None, description="Certificate chain (PEM) by which `connector serve` speaks TLS itself; read anew by a reload."
    )
    tls_key: Path | None = Field(None, description="The private key of that certificate (PEM).")
    trusted_proxies: Annotated[
        tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_read_networks), Kind(_NETWORKS)
    ] = Field((), description="Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.")
    allowed_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_read_hosts), Kind(_HOSTS)] = Field(
        (),
        description="Further names to which requests may be sent, beside those of this machine, that of `public_url` "
        "and the address it listens on.",
    )
    admin_password: Annotated[SecretStr, Kind("a secret text")] | None = Field(
        None,
        description="Where no user is there yet when `connector serve` starts, it makes `admin` with this password, "
        "who may do everything. Best in a file that `CONNECTOR_ADMIN_PASSWORD_FILE` names.",
    )
    session_age: Seconds = Field(
        timedelta(hours=12), gt=timedelta(0), description="How long a log-in to the dashboard holds."
    )
    max_request: ByteSize = Field(
        10_000_000, gt=0, description="The largest body of a request that is read. A webhook may have a lower limit."
    )

    @property
    def store_url(self) -> str:
        """Path or address of the database that keeps tasks. It may hold a password."""
        return str(self.data_dir / DATABASE_FILE) if self.database is None else self.database.get_secret_value()

    @property
    def secrets(self) -> tuple[str, ...]:
        """What may be shown to nobody: the administrator's password, and that of the database, as written and meant."""
        found = (match["password"] or match["parameter"] or "" for match in _PASSWORD.finditer(self.store_url))
        texts = [text for written in found for text in (written, unquote(written))]
        if self.admin_password is not None:
            texts.append(self.admin_password.get_secret_value())
        return tuple(dict.fromkeys(text for text in texts if text))

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
    """Return the settings: from the environment, where it is silent from a `.env`, and last from files of their own.

    An empty variable counts as unset. Letter case does not matter, in names and in words such as `INFO`. As with the
    variables of a configuration, `CONNECTOR_DATABASE_FILE` names a file that holds the value. A relative path that
    stands in a `.env` starts at its folder, so that it means the same from wherever the command is run; any other
    starts at the working folder.

    Args:
        dotenv: The `.env` beside the configuration; it need not exist. What is kept lies in its folder by default;
            without a configuration, in the working folder.

    Raises:
        SettingsError: A value is not accepted, a name looks like a misspelt setting, or a file cannot be read.
    """
    faults = Faults()
    folder = Path() if dotenv is None else dotenv.parent
    # Read by the reader that variables use, so that a `.env` means the same to both.
    written = _select(read_dotenv(dotenv, faults)) if dotenv is not None else {}
    if len(faults):
        raise SettingsError("\n".join(map(str, faults)))
    environment = _select(os.environ)
    _refuse_slips({*written, *environment})
    values: dict[str, Any] = {"data_dir": folder / DATA_FOLDER}
    values |= _read_files(environment, written, folder)
    values |= {name: _anchor(text, folder) if name in _PATHS else text for name, text in written.items()}
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


def _read_files(environment: Mapping[str, str], written: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the values that stand in files of their own, by field.

    Raises:
        SettingsError: One of the files cannot be read.
    """
    variables = Variables(_name(environment), _name(written), folder)
    values: dict[str, str] = {}
    for field in Settings.model_fields.keys() - environment.keys() - written.keys():
        found = variables.find(f"{PREFIX}{field.upper()}")
        if isinstance(found, Problem):
            raise SettingsError(found.message, cure=found.hint)
        if found is not None and found.text:
            values[field] = found.text
    return values


def _name(values: Mapping[str, str]) -> dict[str, str]:
    return {f"{PREFIX}{field.upper()}": text for field, text in values.items()}


def _anchor(text: str, folder: Path) -> str:
    """Return a path, or a SQLite address, with its start at a folder; the address of a server as it is."""
    prefix = _SQLITE if text.startswith(_SQLITE) else ""
    return text if "://" in text and not prefix else f"{prefix}{folder / text.removeprefix(prefix)}"


def _refuse_slips(names: Iterable[str]) -> None:
    fields = Settings.model_fields
    for name in sorted(set(names) - set(fields)):
        closest = find_closest(name, fields, cutoff=_SLIP)
        if closest is not None:
            cure = f'did you mean "{PREFIX}{closest.upper()}"?'
            raise SettingsError(f"{PREFIX}{name.upper()}: no such setting", cure=cure)


def _tell(message: str, hint: str | None) -> str:
    return f"{message}; {hint}" if hint else message
