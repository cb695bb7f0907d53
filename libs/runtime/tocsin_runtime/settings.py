"""Settings: frozen models read from the environment once, unknown names refused.

A name shared by all is `TOCSIN_<NAME>`; a service's own is `TOCSIN_<SERVICE>_<NAME>`. A field is shared
when its name is one of `SHARED`; every other field belongs to the service named by `service`. Values are
scalars; a list is written as one string with commas.

    class IngestSettings(Settings):
        service = "ingest"
        port: int = setting(8080, "port to listen on; 0 takes a free one")
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from tocsin_runtime.errors import Fatal

SERVICES = ("INGEST", "NORMALIZER", "GROUPER", "QUERY", "NOTIFIER")
SHARED = {
    "KAFKA": "Kafka's bootstrap servers, host:port, separated by commas",
    "POSTGRES": "PostgreSQL DSN, with the role of this service",
    "MASTER_KEY_FILE": "file with the master key that encrypts secrets, readable by its owner only",
    "SNAPSHOT": "file of the gateway's encrypted snapshot of integrations and keys",
    "LOG_LEVEL": "least level to log: debug, info, warning, error",
    "LOG_FORMAT": "json (one object a line) or console (for people)",
}
# Read by the CLI and the tests alone; services meet them in the environment and pass over them.
OTHERS = ("HOME", "PUBLIC_PORT", "TEST_SERVERS", "API_KEY", "URL", "ADMIN_POSTGRES", "TEST_KAFKA", "TEST_POSTGRES", "CACHE")
PREFIX = "TOCSIN_"

S = TypeVar("S", bound="Settings")


def setting(default: Any, meaning: str, **limits: Any) -> Any:
    """Declare a setting with its default and meaning; `limits` are pydantic's (`ge`, `le`, `max_length`)."""
    return Field(default=default, description=meaning, **limits)


def required(meaning: str, **limits: Any) -> Any:
    """Declare a setting that has no default."""
    return Field(description=meaning, **limits)


class Settings(BaseSettings):
    """Base of every service's settings: shared names, then its own in a subclass.

    Frozen; secrets are `SecretStr` and never shown by `repr`. Build it by `load`; tests may construct it.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True)

    service: ClassVar[str] = ""

    kafka: str = setting("127.0.0.1:9092", SHARED["KAFKA"])
    postgres: SecretStr = setting(SecretStr("postgresql://127.0.0.1:5432/tocsin"), SHARED["POSTGRES"])
    master_key_file: Path | None = setting(None, SHARED["MASTER_KEY_FILE"])
    snapshot: Path | None = setting(None, SHARED["SNAPSHOT"])
    log_level: Literal["debug", "info", "warning", "error"] = setting("info", SHARED["LOG_LEVEL"])
    log_format: Literal["json", "console"] = setting("json", SHARED["LOG_FORMAT"])

    host: str = setting("127.0.0.1", "address to listen on")
    stop_timeout_s: Annotated[float, Field(gt=0, le=60)] = setting(
        25.0, "seconds for a graceful stop before the process leaves anyway"
    )

    @field_validator("postgres")
    @classmethod
    def _is_an_address(cls, dsn: SecretStr) -> SecretStr:
        """Refuse what asyncpg could not read at the first connection; says nothing of the value: it holds a password."""
        try:
            parts = urlsplit(dsn.get_secret_value())
            _ = parts.port
        except ValueError:
            raise ValueError("no URL that can be read; escape what is special in a password") from None
        if parts.scheme not in {"postgresql", "postgres"}:
            raise ValueError("not of the form postgresql://role:password@host:port/database")
        return dsn

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values from `load` alone: the environment is read there, and names checked."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


def load(cls: type[S], prog: str, environment: Mapping[str, str] | None = None) -> S:
    """Read `cls` from the environment.

    Args:
        cls: the settings model to fill.
        prog: the program's name, for messages.
        environment: instead of the process's own, for tests.

    Raises:
        Fatal: one line that names every unknown, missing or unfit variable; values are never repeated.
    """
    found = dict(os.environ if environment is None else environment)
    names = variables(cls)
    unknown = sorted(name for name in found if _concerns(cls, name) and name not in names)
    if unknown:
        raise Fatal(f"{prog}: unknown setting {', '.join(unknown)}; '{prog} --help' lists all")
    try:
        return cls.model_validate({field: found[name] for name, field in names.items() if name in found})
    except ValidationError as error:
        fields = {field: name for name, field in names.items()}
        faults = (
            f"{fields.get(str(e['loc'][0]), e['loc'][0])}: {e['msg'].removeprefix('Value error, ').lower()}"
            for e in error.errors()
        )
        raise Fatal(f"{prog}: {'; '.join(faults)}; '{prog} --help' lists all") from None


def variables(cls: type[Settings]) -> dict[str, str]:
    """Map each environment name that `cls` reads to its field."""
    return {variable(cls, field): field for field in cls.model_fields}


def variable(cls: type[Settings], field: str) -> str:
    """Name the environment variable of `field`."""
    name = field.upper()
    return f"{PREFIX}{name}" if name in SHARED or not cls.service else f"{PREFIX}{cls.service.upper()}_{name}"


def help_text(cls: type[Settings], prog: str) -> str:
    """List every setting of `cls` with its default and meaning, for `--help`."""
    lines = [f"usage: {prog}", "", "Settings are read from the environment:", ""]
    for name, field in variables(cls).items():
        lines.append(f"  {name}{_default(cls.model_fields[field])}")
        lines.append(f"      {cls.model_fields[field].description or ''}")
    return "\n".join(lines) + "\n"


def _concerns(cls: type[Settings], name: str) -> bool:
    """Tell whether `cls` must know `name`: its own prefix, or a name that no service's prefix claims."""
    if not name.startswith(PREFIX):
        return False
    rest = name.removeprefix(PREFIX)
    service = rest.split("_", 1)[0]
    if service in SERVICES and "_" in rest:
        return service == cls.service.upper()
    return rest not in SHARED and rest not in OTHERS


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return " (required)"
    value = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
    return f" (default: {'none' if value is None else value})"
