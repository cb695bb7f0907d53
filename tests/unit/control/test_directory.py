"""The directory answers what a gateway asks."""

from tests.unit.control.entries import CANARY, directory, integration, key, tenant
from tocsin_control.directory import SecretEntry, directory_of
from tocsin_control.signature_style import SignatureStyle
from tocsin_sources.schemes.signature_header import SignatureHeader


def test_entries_are_found_by_id_and_unknown_ids_are_none() -> None:
    found = directory()

    assert found.tenant("acme") == tenant()
    assert found.integration("am") == integration()
    assert found.key("0123456789") == key()
    assert (found.tenant("x"), found.integration("x"), found.key("x")) == (None, None, None)


def test_what_belongs_to_an_erased_tenant_is_left_out() -> None:
    found = directory_of(1, [tenant("acme")], [integration(owner="gone")], [key(owner="gone")])

    assert found.integration("am") is None
    assert found.key("0123456789") is None
    assert found.of_source("gone", "alertmanager") == ()


def test_the_only_enabled_integration_of_a_source_needs_no_id() -> None:
    off = integration("off", enabled=False)
    one = integration("one")
    found = directory_of(1, [tenant(), tenant("other")], [off, one, integration("x", owner="other")], [])

    assert found.only_of_source("acme", "alertmanager") == one
    assert found.only_of_source("acme", "sentry") is None


def test_two_enabled_integrations_of_a_source_need_an_id() -> None:
    found = directory_of(1, [tenant()], [integration("one"), integration("two")], [])

    assert found.only_of_source("acme", "alertmanager") is None
    assert [entry.id for entry in found.of_source("acme", "alertmanager")] == ["one", "two"]


def test_a_secret_is_accepted_until_its_end_and_not_at_it() -> None:
    secrets = (
        SecretEntry(slot=2, version=2, value=b"new", not_after=None),
        SecretEntry(slot=1, version=1, value=b"old", not_after=100),
    )
    entry = integration(secrets=secrets)

    assert [secret.value for secret in entry.active_secrets(99)] == [b"new", b"old"]
    assert [secret.value for secret in entry.active_secrets(100)] == [b"new"]


def test_tenants_are_listed_by_partition() -> None:
    found = directory_of(1, [tenant("b", 1), tenant("a", 1), tenant("c", 0)], [], [])

    assert {number: [entry.id for entry in members] for number, members in found.by_partition.items()} == {
        0: ["c"],
        1: ["a", "b"],
    }


def test_an_integration_may_sign_differently_from_its_source() -> None:
    style = SignatureStyle(header="X-Signature", format="sha256=hex")

    assert integration(signature_style=style).schemes() == (SignatureHeader(header="x-signature", prefix="sha256="),)
    assert [scheme.name for scheme in integration().schemes()] == ["bearer", "basic"]
    assert integration(source="of_a_newer_release").schemes() == ()


def test_secrets_never_show_in_repr() -> None:
    text = repr(directory())

    assert "canary" not in text
    assert repr(CANARY) not in text
    assert repr(key().sha256) not in text
