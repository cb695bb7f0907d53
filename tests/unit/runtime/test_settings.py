"""Settings come from the environment, once, and unknown names are refused."""

import pytest
from pydantic import SecretStr, ValidationError

from tocsin_runtime.errors import Fatal
from tocsin_runtime.settings import SERVICES, Settings, help_text, load, required, setting, variables


class IngestSettings(Settings):
    """As a service would declare them."""

    service = "ingest"
    port: int = setting(8080, "port to listen on", ge=0, le=65535)
    secret: SecretStr = setting(SecretStr("default"), "something secret")
    region: str = required("where it stands")


LEAST = {"TOCSIN_INGEST_REGION": "north"}


def test_shared_and_own_names_are_read() -> None:
    settings = load(IngestSettings, "ingest", {**LEAST, "TOCSIN_KAFKA": "k:1", "TOCSIN_INGEST_PORT": "9"})
    assert (settings.kafka, settings.port, settings.region) == ("k:1", 9, "north")


def test_settings_do_not_change_after_the_start() -> None:
    settings = load(IngestSettings, "ingest", LEAST)
    with pytest.raises(ValidationError):
        settings.port = 1  # type: ignore[misc] # the point of the test


@pytest.mark.parametrize("name", ["TOCSIN_INGEST_PROT", "TOCSIN_KAFFKA", "TOCSIN_INGEST", "TOCSIN_INGEST_KAFKA"])
def test_an_unknown_name_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(Fatal) as refused:
        load(IngestSettings, "ingest", {**LEAST, name: "x"})
    assert name in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["TOCSIN_GROUPER_ANYTHING", "TOCSIN_PUBLIC_PORT", "PATH", "KAFKA"])
def test_names_of_others_are_none_of_its_business(name: str) -> None:
    assert load(IngestSettings, "ingest", {**LEAST, name: "x"}).port == 8080


def test_a_missing_and_an_unfit_value_are_named_and_never_repeated() -> None:
    with pytest.raises(Fatal) as refused:
        load(IngestSettings, "ingest", {"TOCSIN_INGEST_PORT": "hunter2"})
    assert "TOCSIN_INGEST_PORT" in str(refused.value)
    assert "TOCSIN_INGEST_REGION" in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("dsn", ["hunter2", "postgresql://role:hunter2/x@host/db", "postgresql://role:hunter2@host:port/db"])
def test_an_address_of_postgresql_that_cannot_be_read_is_refused_and_never_repeated(dsn: str) -> None:
    """Else asyncpg raises what is none of our errors at the first connection, with a traceback."""
    with pytest.raises(Fatal, match="TOCSIN_POSTGRES") as refused:
        load(IngestSettings, "ingest", {**LEAST, "TOCSIN_POSTGRES": dsn})
    assert "hunter2" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_secrets_are_hidden_from_repr() -> None:
    settings = load(IngestSettings, "ingest", {**LEAST, "TOCSIN_INGEST_SECRET": "hunter2"})
    assert "hunter2" not in repr(settings)
    assert settings.secret.get_secret_value() == "hunter2"


def test_help_lists_every_setting_with_default_and_meaning() -> None:
    text = help_text(IngestSettings, "python -m tocsin_ingest")
    for name in variables(IngestSettings):
        assert name in text
    assert "TOCSIN_INGEST_PORT (default: 8080)\n      port to listen on" in text
    assert "TOCSIN_INGEST_REGION (required)" in text


def test_every_setting_of_the_base_says_what_it_means() -> None:
    assert all(field.description for field in Settings.model_fields.values())
    assert all(name == name.upper() for name in SERVICES)
