"""Erase (DESIGN 3): of a tenant that was erased the normalizer passes positions on, and nothing else."""

from tests.unit.normalizer.records import TENANT, delivery
from tests.unit.normalizer.twin import Twin
from tocsin_contracts.outcome import Mapped


async def test_deliveries_of_an_erased_tenant_become_images_without_content() -> None:
    """One record for one: the fold counts positions. Images are kept longer than bodies, so bodies must not get there."""
    twin = Twin()
    twin.versions.gone = frozenset({TENANT})
    twin.put(delivery("a"), delivery("a"))
    async with twin.running() as running:
        await twin.until(2, running)
    assert [(image.mapped, image.reason, image.tenant) for image in twin.images()] == [
        (Mapped.IGNORED, "tenant-erased", TENANT)
    ] * 2
    assert {(image.integration, image.source, image.request_id, len(image.alerts)) for image in twin.images()} == {
        ("", "", "", 0)
    }


async def test_others_go_on_as_before() -> None:
    twin = Twin()
    twin.versions.gone = frozenset({"another"})
    twin.put(delivery("a"))
    async with twin.running() as running:
        await twin.until(1, running)
    assert [image.mapped for image in twin.images()] == [Mapped.NORMALIZED]
