"""The list that is measured is of incidents as the grouper writes them."""

from bench import listing
from tocsin_contracts.ids import TenantId
from tocsin_control.tenants import Tenant
from tocsin_grouper.adapters import rows


def test_an_incident_of_the_bench_has_every_column_that_the_grouper_writes() -> None:
    """A column more is a value more: `make bench` is run too seldom to find it out."""
    tenant = Tenant(
        id=TenantId("t_bench"),
        name="bench",
        partition=0,
        rate_limit_per_min=1,
        burst=1,
        enabled=True,
        erased_at=None,
        created_at=0,
    )
    row = listing.incident(7, tenant)
    assert len(row) == len(rows.INCIDENTS)
    assert dict(zip(rows.INCIDENTS, row, strict=True))["worst"] == listing.SEVERITIES[0]
