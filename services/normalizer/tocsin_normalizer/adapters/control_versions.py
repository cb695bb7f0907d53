"""The settings of integrations, from `control.integration_versions`."""

from pydantic import ValidationError

from tocsin_contracts.integration import IntegrationSettings
from tocsin_control.erasing import ErasedTenants
from tocsin_control.settings_store import IntegrationVersions
from tocsin_runtime.errors import Fatal, Invalid


class ControlVersions:
    """`Versions` over the control tables; immutable rows are kept in memory."""

    def __init__(self, store: IntegrationVersions, erased: ErasedTenants) -> None:
        self._store = store
        self._erased = erased

    async def erased(self) -> frozenset[str]:
        """Give the tenants that were erased; see `Versions`."""
        return await self._erased.get()

    async def find(self, integration: str, version: int) -> IntegrationSettings | None:
        """Give a version's settings; see `Versions`.

        Raises:
            Fatal: the row cannot be read by this release.
        """
        try:
            return await self._store.get(integration, version)
        except Invalid:
            return None
        except ValidationError as error:
            raise Fatal(
                f"settings of integration {integration} version {version} are not readable: upgrade the normalizer"
            ) from error
