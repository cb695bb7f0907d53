"""The text of webhook secrets, roles' passwords and the roles file."""

import base64
from pathlib import Path

import pytest

from tocsin_control.bootstrap import Role, roles_sql, with_database, with_role
from tocsin_control.errors import Refused
from tocsin_control.integrations import webhook_path
from tocsin_control.scram import verifier
from tocsin_control.secrets import chosen_secret, generate_secret

ROOT = Path(__file__).parents[3]


def test_a_generated_secret_has_256_random_bits_in_the_form_of_standard_webhooks() -> None:
    texts = {generate_secret().get_secret_value() for _ in range(100)}

    assert len(texts) == 100
    assert all(text.startswith("whsec_") and len(base64.b64decode(text[6:], validate=True)) == 32 for text in texts)


def test_a_secret_that_the_sender_chose_is_taken_as_it_is() -> None:
    assert chosen_secret("0123456789abcdef").get_secret_value() == "0123456789abcdef"


@pytest.mark.parametrize(
    "text",
    ["", "canary-too-short"[:15], "canary" * 200, "canary-with-ümlaut-in-it", " canary-canary-canary", "canary\ncanary-canary"],
)
def test_an_unfit_secret_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(Refused) as caught:
        chosen_secret(text)
    assert "canary" not in str(caught.value)


def test_secrets_never_show_in_repr() -> None:
    secret = generate_secret()

    assert secret.get_secret_value() not in f"{secret!r} {secret}"


def test_a_webhook_path_names_source_and_integration() -> None:
    assert webhook_path("sentry", "0ABC") == "/api/v1/webhooks/sentry/0ABC"


def test_a_verifier_is_salted_and_does_not_hold_the_password() -> None:
    first, second = verifier("canary-password"), verifier("canary-password")

    assert first != second
    assert first.startswith("SCRAM-SHA-256$4096:")
    assert "canary" not in first


@pytest.mark.parametrize("password", ["", "pässword", "a\nb"])
def test_a_password_that_saslprep_would_change_is_refused(password: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        verifier(password)


def test_the_roles_file_for_operators_is_the_one_that_tocsin_runs() -> None:
    assert (ROOT / "deploy/postgres/roles.sql").read_text(encoding="utf-8") == roles_sql()
    assert all(f"ALTER ROLE {role} LOGIN NOSUPERUSER" in roles_sql() for role in Role)


def test_a_dsn_is_given_another_role_or_database() -> None:
    dsn = "postgresql://root:old@[::1]:5433/postgres?sslmode=require"

    assert (
        with_role(dsn, "tocsin_query", "a/b@c:d") == "postgresql://tocsin_query:a%2Fb%40c%3Ad@[::1]:5433/postgres?sslmode=require"
    )
    assert with_database(dsn, "t x") == "postgresql://root:old@[::1]:5433/t%20x?sslmode=require"
