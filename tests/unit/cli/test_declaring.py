"""`tocsin.yaml` is read strictly, and the plan says every difference and nothing else."""

from dataclasses import replace

import pytest

from tocsin.declaring.declaration import read_declaration
from tocsin.declaring.plan import Act, Plan, Present, TenantStep, limits_of, plan
from tocsin.declaring.printing import json_of, lines_of
from tocsin.declaring.yaml import SIZE_MAX, read_yaml
from tocsin_contracts.ids import IntegrationId, TenantId
from tocsin_contracts.integration import IntegrationSettings
from tocsin_control.errors import Refused
from tocsin_control.integrations import Integration, Terms
from tocsin_control.tenants import DEFAULT_BURST, DEFAULT_RATE_PER_MIN, Tenant

FILE = """\
version: 1
tenants:
  - name: acme
    burst: 50
    integrations:
      - name: pager
        source: alertmanager
        settings:
          dedup_window_s: 60
      - {name: web, source: sentry, enabled: false}
"""
ACME = Tenant(
    id=TenantId("T"), name="acme", partition=0, rate_limit_per_min=100, burst=50, enabled=True, erased_at=None, created_at=0
)


def integration(name: str, source: str = "alertmanager", **terms: object) -> Integration:
    made = Terms(**terms)  # type: ignore[arg-type] # names are checked by the dataclass
    return Integration(id=IntegrationId(name), tenant=ACME.id, source=source, name=name, version=3, created_at=0, terms=made)


PAGER = integration("pager", settings=IntegrationSettings(dedup_window_s=60))
WEB = integration("web", "sentry", enabled=False)


def planned(*integrations: Integration, tenant: Tenant | None = ACME, prune: bool = False, file: str = FILE) -> Plan:
    present = {} if tenant is None else {tenant.name: Present(tenant=tenant, integrations=integrations)}
    return plan(read_declaration(file, "tocsin.yaml"), present, prune=prune)


def test_what_is_as_the_file_says_differs_in_nothing() -> None:
    found = planned(PAGER, WEB)

    assert (found.steps, found.differs, lines_of(found)) == ((), False, ["Nothing differs."])


def test_from_nothing_all_is_made_in_order() -> None:
    assert lines_of(planned(tenant=None)) == [
        "+ tenant acme",
        "+ acme/pager (alertmanager)",
        "+ acme/web (sentry)",
        "3 to create, 0 to change, 0 to delete.",
    ]


def test_a_change_says_each_value_before_and_after() -> None:
    found = planned(replace(PAGER, terms=Terms(burst=9)), WEB, tenant=replace(ACME, burst=7))

    assert lines_of(found) == [
        "~ tenant acme",
        "    burst: 7 → 50",
        "~ acme/pager (alertmanager)",
        "    burst: 9 → 2000",
        "    settings.dedup_window_s: 900 → 60",
        "0 to create, 2 to change, 0 to delete.",
    ]
    assert json_of(found)[0] == {
        "act": "change",
        "subject": "tenant acme",
        "differences": [{"name": "burst", "before": 7, "after": 50}],
    }


def test_what_the_file_does_not_name_stays_unless_pruned() -> None:
    kept, pruned = planned(PAGER, WEB, integration("old")), planned(PAGER, WEB, integration("old"), prune=True)

    assert (kept.differs, [step.act for step in kept.steps]) == (False, [Act.KEEP])
    assert (pruned.differs, [step.act for step in pruned.steps]) == (True, [Act.DELETE])
    assert lines_of(pruned)[0] == "- acme/old (alertmanager)"


def test_an_integration_never_becomes_another_sources() -> None:
    with pytest.raises(Refused, match="acme/pager is of source sentry, the file says alertmanager"):
        planned(integration("pager", "sentry"), WEB)


def test_what_the_file_does_not_say_of_a_tenant_stays_and_of_a_new_one_is_the_default() -> None:
    (step, *_) = planned(tenant=None).steps
    assert isinstance(step, TenantStep)

    assert limits_of(step.wanted, None) == (DEFAULT_RATE_PER_MIN, 50)
    assert limits_of(step.wanted, replace(ACME, burst=7)) == (100, 50)
    assert DEFAULT_BURST != 50


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("version: 1", "version: 2", r"tocsin\.yaml:1: version: "),
        ("burst: 50", "brust: 50", r"tocsin\.yaml:4: tenants\[0\]\.brust: "),
        ("burst: 50", "burst: '50'", r"tocsin\.yaml:4: tenants\[0\]\.burst: .*integer"),
        ("burst: 50", "burst: 0", r"tocsin\.yaml:4: "),
        ("dedup_window_s: 60", "dedup: 60", r"tocsin\.yaml:9: tenants\[0\]\.integrations\[0\]\.settings\.dedup: "),
        ("source: alertmanager", "source: fax", r"tocsin\.yaml:7: .*source: there is no source 'fax'; known are "),
        ("        source: alertmanager\n", "", r"tocsin\.yaml:6: .*source: field required"),
        ("name: web", "name: pager", r"tocsin\.yaml:10: .*a second integration of 'acme' named 'pager'"),
        ("enabled: false", "enabled: no", r"tocsin\.yaml:10: .*enabled: "),
        ("enabled: false", "secret: hunter2hunter2hunter2", r"tocsin\.yaml:10: .*secret: "),
        ("name: pager\n", "name: pager\n        signature_required: false\n", r"tocsin\.yaml:7: .*always proves"),
        (
            "source: alertmanager\n        settings:\n          dedup_window_s: 60",
            "source: generic\n        settings:\n          mapping: {title: 'a[?'}",
            r"tocsin\.yaml:9: .*mapping\.title",
        ),
        (
            "dedup_window_s: 60",
            "mapping: {title: what}",
            r"tocsin\.yaml:9: .*settings\.mapping: prometheus alertmanager is .* take one: generic, cloudevents$",
        ),
        ("burst: 50", "burst: 50\n    burst: 60", r"tocsin\.yaml:5: .*duplicate key"),
        ("burst: 50", "burst: [", r"tocsin\.yaml:\d+: "),
        ("name: acme", "name: &a acme", ""),
        ("name: pager", "name: *a", r"tocsin\.yaml:6: aliases \(\*a\) are not read"),
        ("burst: 50", "burst: 2026-02-31", r"tocsin\.yaml"),
    ],
)
def test_a_fault_names_its_line(before: str, after: str, line: str) -> None:
    assert before in FILE
    text = FILE.replace(before, after, 1)
    if not line:
        read_declaration(text, "tocsin.yaml")
        return
    with pytest.raises(Refused, match=f"(?i)^{line}") as caught:
        read_declaration(text, "tocsin.yaml")
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "# nothing", "[", "a: b: c", "\t", "- " * 5_000, "[" * 100_000, "\x00", "!!python/object:os.system {}"]
)
def test_what_is_no_declaration_is_one_line(text: str) -> None:
    with pytest.raises(Refused, match=r"^tocsin\.yaml") as caught:
        read_declaration(text, "tocsin.yaml")
    assert "\n" not in str(caught.value)


def test_a_file_is_bounded() -> None:
    with pytest.raises(Refused, match="larger than"):
        read_yaml("a" * (SIZE_MAX + 1), "x")


def test_two_tenants_of_one_name_are_a_fault() -> None:
    with pytest.raises(Refused, match=r"tocsin\.yaml:4: tenants\[1\]\.name: a second tenant named 'a'"):
        read_declaration("version: 1\ntenants:\n- name: a\n- name: a\n", "tocsin.yaml")
