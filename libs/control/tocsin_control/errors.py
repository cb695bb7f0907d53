"""What can go wrong with tenants, integrations, keys and secrets."""

from __future__ import annotations

from tocsin_runtime.errors import Fatal, Invalid


class NotFound(Invalid):
    """Nothing has this id or name."""

    def __init__(self, message: str) -> None:
        super().__init__("not-found", message)


class NameTaken(Invalid):
    """Another one has this name already."""

    def __init__(self, message: str) -> None:
        super().__init__("name-taken", message)


class NoRoom(Invalid):
    """A limit of the installation leaves no room for one more (P9, two active secrets)."""

    def __init__(self, message: str) -> None:
        super().__init__("no-room", message)


class VersionChanged(Invalid):
    """Somebody else changed it meanwhile: 412."""

    def __init__(self, message: str) -> None:
        super().__init__("version-changed", message)


class Refused(Invalid):
    """A value does not fit, or the change is one that never happens."""

    def __init__(self, message: str) -> None:
        super().__init__("refused", message)


class Unauthenticated(Invalid):
    """No API key, or not one of ours: 401. Says nothing about which of the two."""

    def __init__(self) -> None:
        super().__init__("unauthenticated", "a valid API key is needed: 'Authorization: Bearer tocsin_…'")


class Forbidden(Invalid):
    """The API key is good, its scopes do not reach: 403."""

    def __init__(self, scope: str) -> None:
        super().__init__("forbidden", f"this needs an API key with the scope {scope}")
        self.scope = scope


class MasterKeyUnfit(Fatal):
    """The master key file cannot be used."""


class SecretUnreadable(Invalid):
    """A sealed value was not sealed here: another key, another place, or changed bytes."""

    def __init__(self, message: str) -> None:
        super().__init__("secret-unreadable", message)


class SnapshotUnfit(Invalid):
    """The gateway's snapshot cannot be used."""

    def __init__(self, message: str) -> None:
        super().__init__("snapshot-unfit", message)


class SnapshotMissing(SnapshotUnfit):
    """There is no snapshot yet."""


class SnapshotTooOld(SnapshotUnfit):
    """The snapshot is older than its limit: too much may have been revoked since."""


class SnapshotBroken(SnapshotUnfit):
    """The snapshot was cut, changed, or written under another master key."""
