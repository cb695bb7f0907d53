"""Ports are chosen once, kept, and verified at each start."""

import json
import socket
from pathlib import Path

import pytest

from tocsin.local.home import Home
from tocsin.local.ports import claim_ports, read_ports
from tocsin.servers.free_port import HIGHEST, LOWEST, free_ports, is_free
from tocsin_runtime.errors import Fatal


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("TOCSIN_PUBLIC_PORT", str(free_ports(1)[0]))
    return Home(root=tmp_path)


def test_ports_are_the_same_at_the_next_start(home: Home) -> None:
    assert claim_ports(home) == claim_ports(home) == read_ports(home)


def test_ports_lie_below_the_ephemeral_range_and_differ(home: Home) -> None:
    kept = json.loads((claim_ports(home), home.ports.read_text())[1])
    assert len(set(kept.values())) == len(kept)
    assert all(LOWEST <= port <= HIGHEST for port in kept.values())


def test_an_inner_port_that_somebody_took_is_chosen_anew(home: Home) -> None:
    before = claim_ports(home)
    with socket.socket() as other:
        other.bind(("127.0.0.1", before.kafka))
        other.listen()
        after = claim_ports(home)
    assert after.kafka != before.kafka
    assert after.public == before.public


def test_a_taken_public_port_is_refused_with_what_to_do(home: Home) -> None:
    """People and senders know it: it is never changed quietly."""
    public = claim_ports(home).public
    with socket.socket() as other:
        other.bind(("127.0.0.1", public))
        other.listen()
        with pytest.raises(Fatal, match=f"port {public} is taken.*TOCSIN_PUBLIC_PORT"):
            claim_ports(home)


def test_a_public_port_that_is_no_port_is_refused(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_PUBLIC_PORT", "http")
    with pytest.raises(Fatal, match="must be a port number"):
        claim_ports(home)


def test_a_damaged_file_is_no_obstacle(home: Home) -> None:
    home.ports.write_text("{")
    assert read_ports(home) is None
    assert claim_ports(home) == read_ports(home)


def test_a_port_that_is_listened_on_is_not_free() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        assert not is_free(other.getsockname()[1])
