"""Believing an API key."""

from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.control.entries import directory, tenant
from tocsin_contracts.ids import TenantId
from tocsin_control.api_key import generate_key, parse_key
from tocsin_control.auth import Authenticator, DirectoryKeys, NoDirectory, bearer, verify
from tocsin_control.directory import KeyEntry, directory_of
from tocsin_control.errors import Forbidden, Unauthenticated
from tocsin_control.principal import Scope, known_scopes
from tocsin_runtime.clock import ManualClock

TEXT = generate_key().get_secret_value()
PARSED = parse_key(TEXT)


def entry(*, expires_at: int | None = None, hashed: bytes = PARSED.sha256) -> KeyEntry:
    return KeyEntry(
        id=PARSED.id,
        tenant=TenantId("acme"),
        sha256=hashed,
        scopes=frozenset({Scope.INCIDENTS_READ}),
        actor_kind="person",
        actor_name="Ada",
        expires_at=expires_at,
    )


@pytest.mark.parametrize("header", ["Bearer {}", "bearer {}", "BEARER   {} "])
def test_a_bearer_header_gives_its_key(header: str) -> None:
    assert bearer(header.format(TEXT)) == PARSED


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", f"Basic {TEXT}", TEXT, f"Bearer {TEXT[:-1]}", f"Bearer {TEXT} x", "Bearer " + "x" * 9999],
    ids=["none", "empty", "scheme", "space", "basic", "no-scheme", "cut", "more", "long"],  # a key is another in every process
)
def test_any_other_header_is_unauthenticated(header: str | None) -> None:
    with pytest.raises(Unauthenticated):
        bearer(header)


@given(st.text())
def test_no_header_whatsoever_raises_anything_else(header: str) -> None:
    with pytest.raises(Unauthenticated):
        bearer(header)


def test_a_good_key_gives_its_tenant_actor_and_scopes() -> None:
    principal = verify(PARSED, entry(), now=5)

    assert principal.tenant == "acme"
    assert (principal.actor.kind, principal.actor.id, principal.actor.name) == ("person", PARSED.id, "Ada")
    assert principal.allows(Scope.INCIDENTS_READ)
    assert not principal.allows(Scope.INCIDENTS_WRITE)


def test_a_key_works_until_it_expires_and_not_at_that_moment() -> None:
    assert verify(PARSED, entry(expires_at=10), now=9).key_id == PARSED.id
    with pytest.raises(Unauthenticated):
        verify(PARSED, entry(expires_at=10), now=10)


def test_unknown_wrong_and_expired_keys_get_one_answer() -> None:
    """The answer tells nobody which of them it was."""
    answers = set()
    for stored in (None, entry(hashed=sha256(b"other").digest()), entry(expires_at=1)):
        with pytest.raises(Unauthenticated) as caught:
            verify(PARSED, stored, now=2)
        answers.add(str(caught.value))

    assert len(answers) == 1


def test_admin_reaches_every_scope_and_a_missing_scope_is_forbidden_by_name() -> None:
    principal = verify(PARSED, entry(), now=0)
    with pytest.raises(Forbidden, match="incidents:write"):
        principal.require(Scope.INCIDENTS_WRITE)

    admin = verify(PARSED, replace(entry(), scopes=frozenset({Scope.ADMIN})), now=0)
    for scope in Scope:
        admin.require(scope)


def test_a_scope_of_a_newer_release_grants_nothing() -> None:
    assert known_scopes(["incidents:read", "galaxy:rule"]) == {Scope.INCIDENTS_READ}


async def test_keys_are_found_in_the_directory_and_their_use_is_noted() -> None:
    used: list[str] = []
    found = directory_of(1, [tenant()], [], [entry()])
    authenticator = Authenticator(DirectoryKeys(lambda: found), clock=ManualClock(), used=used.append)

    principal = await authenticator.authenticate(f"Bearer {TEXT}")

    assert principal.key_id == PARSED.id
    assert used == [PARSED.id]


async def test_without_a_directory_it_is_unavailable_and_not_unauthenticated() -> None:
    """503, never 401: a sender that is told 401 gives up."""
    authenticator = Authenticator(DirectoryKeys(lambda: None), clock=ManualClock())

    with pytest.raises(NoDirectory):
        await authenticator.authenticate(f"Bearer {TEXT}")


async def test_a_refused_key_is_not_noted_as_used() -> None:
    used: list[str] = []
    authenticator = Authenticator(DirectoryKeys(directory), clock=ManualClock(), used=used.append)

    with pytest.raises(Unauthenticated):
        await authenticator.authenticate(f"Bearer {TEXT}")
    assert used == []
