"""What the integration commands read from their options: settings, secrets, the public address."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from tocsin.local.home import find_home
from tocsin.local.record import read_record
from tocsin_control.documents import IntegrationDocument, Json, UnfitDocument, merged, read_integration
from tocsin_control.errors import Refused
from tocsin_control.secrets import SECRET_MAX, chosen_secret
from tocsin_runtime.errors import Fatal
from tocsin_sources import document

Settings = Annotated[
    str,
    typer.Option("--settings", help='JSON, or @file with it: {"dedup_window_s": 60, "default_environment": "prod"}.'),
]
Style = Annotated[
    str | None,
    typer.Option(
        "--signature-style",
        help='How it signs, where not as its source does; JSON, or @file with it: {"header": "X-Sig", "format": "sha256=hex"}; '
        "null: as its source.",
        show_default=False,
    ),
]
SecretFile = Annotated[
    Path | None,
    typer.Option(
        "--secret-file",
        help="A file with the secret that the sender chose (Sentry's client secret); - for standard input. Else one is made.",
        show_default=False,
        allow_dash=True,
    ),
]

_OPTIONS = {"settings": "--settings", "signature_style": "--signature-style"}
"""How people call members of the document here."""


def changed(before: Json, settings: str, style: str | None = None) -> IntegrationDocument:
    """Merge settings and a signature style over a document, as PATCH does, and read it strictly.

    Raises:
        Refused: says the first fault.
    """
    patch: Json = {"settings": _object(settings, "--settings")}
    if style is not None:
        patch["signature_style"] = None if style.strip() == "null" else _object(style, "--signature-style")
    try:
        return read_integration(IntegrationDocument, merged(before, patch))
    except UnfitDocument as unfit:
        first = unfit.faults[0]
        place = ".".join(_OPTIONS.get(str(part), str(part)) for part in first.place)
        raise Refused(f"{place or '--settings'}: {first.detail.lower()}") from None


def read_secret(path: Path | None) -> SecretStr | None:
    """Read a chosen secret; never from an argument, which every process on the machine can see.

    Raises:
        Refused: no such file, or no secret.
    """
    if path is None:
        return None
    try:
        text = sys.stdin.read(SECRET_MAX * 2) if str(path) == "-" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"cannot read the secret from {path}: {getattr(error, 'strerror', None) or 'not text'}") from error
    return chosen_secret(text.strip("\r\n"))


def public_url(said: str | None) -> str:
    """Give the public address without a slash at its end: what was said, else that of the Tocsin that runs here.

    Raises:
        Fatal: neither.
    """
    if said:
        return said.rstrip("/")
    record = read_record(find_home())
    if record is None:
        raise Fatal("nothing runs here that has an address: say --url https://… (or TOCSIN_URL)")
    return record.public_url.rstrip("/")


def _object(text: str, option: str) -> Json:
    try:
        parsed = document.parse(_bytes(text, option))
    except document.NotJson as error:
        raise Refused(f"{option}: {error.detail}") from error
    if not isinstance(parsed, dict):
        raise Refused(f"{option} is a JSON object")
    return parsed


def _bytes(text: str, option: str) -> bytes:
    if not text.startswith("@"):
        return text.encode("utf-8", "surrogateescape")
    try:
        return Path(text[1:]).read_bytes()
    except OSError as error:
        raise Refused(f"{option}: cannot read {text[1:]}: {error.strerror}") from error
