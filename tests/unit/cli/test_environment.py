"""Each process gets its own settings and nobody else's secrets."""

from pathlib import Path

import pytest

from tocsin.local.environment import SERVICES, Surroundings, forwarder_environment, service_environment
from tocsin.local.forwarder import ForwarderSettings
from tocsin.local.home import Home
from tocsin.local.ports import Ports
from tocsin.local.roles import role_dsns, role_passwords
from tocsin_control.bootstrap import Role
from tocsin_grouper.settings import GrouperSettings
from tocsin_ingest.settings import IngestSettings
from tocsin_normalizer.settings import NormalizerSettings
from tocsin_query.settings import QuerySettings
from tocsin_runtime.errors import Fatal
from tocsin_runtime.settings import Settings, load

PORTS = Ports(public=1, ingest=2, normalizer=3, grouper=4, query=5, kafka=6, kafka_controller=7, postgres=8)
SETTINGS: dict[str, type[Settings]] = {
    "ingest": IngestSettings,
    "normalizer": NormalizerSettings,
    "grouper": GrouperSettings,
    "query": QuerySettings,
}


def around(tmp_path: Path) -> Surroundings:
    passwords = role_passwords(Home(root=tmp_path))
    return Surroundings(
        kafka="127.0.0.1:6",
        dsns=role_dsns("postgresql://postgres:super@127.0.0.1:8/postgres", "tocsin", passwords),
        master_key_file=tmp_path / "master.key",
        snapshot=tmp_path / "snapshot",
        ports=PORTS,
    )


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_takes_the_environment_that_up_gives_it(service: str, tmp_path: Path) -> None:
    environment = service_environment(service, around(tmp_path))
    settings = load(SETTINGS[service], service, environment)
    assert settings.model_dump()["port"] == getattr(PORTS, service)
    assert settings.postgres.get_secret_value().startswith(f"postgresql://tocsin_{service}:")
    assert settings.host == "127.0.0.1"


def test_the_forwarder_takes_the_environment_that_up_gives_it() -> None:
    settings = load(ForwarderSettings, "forwarder", forwarder_environment(PORTS))
    assert (settings.port, settings.ingest, settings.query) == (1, "http://127.0.0.1:2", "http://127.0.0.1:5")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_sees_its_own_password_and_no_other(service: str, tmp_path: Path) -> None:
    surroundings = around(tmp_path)
    passwords = role_passwords(Home(root=tmp_path))
    text = repr(service_environment(service, surroundings))
    assert [role for role, password in passwords.items() if password in text] == [f"tocsin_{service}"]
    assert "super" not in text


def test_only_the_gateway_is_told_of_the_master_key(tmp_path: Path) -> None:
    told = [name for name in SERVICES if "TOCSIN_MASTER_KEY_FILE" in service_environment(name, around(tmp_path))]
    assert told == ["ingest"]


def test_a_services_own_settings_pass_through_and_others_do_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_INGEST_TICK_INTERVAL_S", "1")
    monkeypatch.setenv("TOCSIN_ADMIN_POSTGRES", "secret")
    monkeypatch.setenv("PGPASSWORD", "secret")
    assert service_environment("ingest", around(tmp_path))["TOCSIN_INGEST_TICK_INTERVAL_S"] == "1"
    given = service_environment("query", around(tmp_path))
    assert not {"TOCSIN_INGEST_TICK_INTERVAL_S", "TOCSIN_ADMIN_POSTGRES", "PGPASSWORD"} & given.keys()


def test_passwords_are_made_once_and_closed_to_others(tmp_path: Path) -> None:
    home = Home(root=tmp_path)
    passwords = role_passwords(home)
    assert set(passwords) == {role.value for role in Role}
    assert role_passwords(home) == passwords
    assert home.roles.stat().st_mode & 0o077 == 0


def test_passwords_that_others_can_read_are_refused(tmp_path: Path) -> None:
    home = Home(root=tmp_path)
    role_passwords(home)
    home.roles.chmod(0o644)
    with pytest.raises(Fatal, match="chmod 600"):
        role_passwords(home)
