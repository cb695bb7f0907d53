"""Passwords of the PostgreSQL roles of one local Tocsin, and the DSNs made of them."""

import json
import secrets
import stat
from collections.abc import Mapping

from tocsin.local.home import Home
from tocsin.servers.cache import write_atomically
from tocsin_control.bootstrap import Role, with_database, with_role
from tocsin_runtime.errors import Fatal

PASSWORD_BYTES = 24


def role_passwords(home: Home) -> Mapping[str, str]:
    """Give a password for each role: the kept ones, and new ones for roles that have none; kept 0600.

    Raises:
        Fatal: the file can be read by others, or is not ours.
    """
    kept = _read(home)
    passwords = {role.value: kept.get(role.value) or secrets.token_urlsafe(PASSWORD_BYTES) for role in Role}
    if passwords != kept:
        write_atomically(home.roles, json.dumps(passwords, indent=2) + "\n", mode=0o600)
    return passwords


def role_dsns(admin_dsn: str, database: str, passwords: Mapping[str, str]) -> Mapping[Role, str]:
    """Give the DSN of each role on `database`."""
    there = with_database(admin_dsn, database)
    return {role: with_role(there, role.value, passwords[role.value]) for role in Role}


def _read(home: Home) -> dict[str, str]:
    if not home.roles.exists():
        return {}
    if home.roles.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise Fatal(f"others can read {home.roles}: run 'chmod 600 {home.roles}'")
    try:
        kept = json.loads(home.roles.read_text())
        return {str(role): str(password) for role, password in kept.items()}
    except (ValueError, AttributeError) as error:
        raise Fatal(f"{home.roles} is damaged. Delete it: new passwords are made at the next start") from error
