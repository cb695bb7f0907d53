"""Every route of the API, declared once: routing, scopes, parameters, answers and the OpenAPI document come from here."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic import BaseModel

from tocsin_contracts.ids import TenantId
from tocsin_contracts.position import Position
from tocsin_contracts.problem import ProblemType
from tocsin_control.principal import Scope
from tocsin_query.domain import command_shapes, delivery_shapes, rule_shapes, shapes, why_shapes
from tocsin_query.domain.alert_why import EVENTS
from tocsin_query.domain.alerts import ALERTS
from tocsin_query.domain.deliveries import DELIVERIES, GROUPS
from tocsin_query.domain.incident_why import FACTS
from tocsin_query.domain.incidents import INCIDENTS
from tocsin_query.domain.kind import Place, Text
from tocsin_query.domain.parameter import Parameter, read_query
from tocsin_query.domain.rule_sets import RULE_SETS
from tocsin_query.explaining import explain_alert, explain_incident, show_rules, show_rules_of
from tocsin_query.handler import Reader
from tocsin_query.lookup import Answer

PREFIXES: Final = ("/api/v1", "")
"""Where paths answer: the canonical place, and bare as the source documents name them."""
_INCIDENT: Final = "Id, short code (`INC-7K3QF2B`), or the beginning of the id with seven characters or more."


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request, authenticated and not read yet."""

    tenant: TenantId
    id: str
    """The path's id; empty on lists."""
    query: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One path that is read by GET and HEAD."""

    path: str
    name: str
    summary: str
    scopes: tuple[Scope, ...]
    """A key needs one of these."""
    answers: dict[int, tuple[type[BaseModel], ...]]
    answer: Callable[[Reader, Ask], Awaitable[Answer]]
    id_meaning: str = ""
    parameters: tuple[Parameter, ...] = ()
    conflicts: bool = False
    """Whether an id may name several things: 409."""
    problems: Mapping[int, tuple[ProblemType, ...]] = field(default_factory=dict)
    """How it may fail beside the ways that all reads share."""
    etag: str = ""
    """How its ETag is written, where it has one."""
    bare: bool = True
    """Whether it answers without `/api/v1` too; what no source document names does not."""
    tag: str = field(default="")

    @property
    def places(self) -> tuple[str, ...]:
        """List every path under which it answers."""
        return tuple(prefix + self.path for prefix in (PREFIXES if self.bare else PREFIXES[:1]))


async def _incidents(reader: Reader, ask: Ask) -> Answer:
    return await reader.page(ask.tenant, INCIDENTS, ask.query)


async def _alerts(reader: Reader, ask: Ask) -> Answer:
    return await reader.page(ask.tenant, ALERTS, ask.query)


async def _incident(reader: Reader, ask: Ask) -> Answer:
    read_query((), ask.query)
    return await reader.incident(ask.tenant, ask.id)


async def _alert(reader: Reader, ask: Ask) -> Answer:
    read_query((), ask.query)
    return await reader.alert(ask.tenant, ask.id)


async def _deliveries(reader: Reader, ask: Ask) -> Answer:
    return await reader.page(ask.tenant, DELIVERIES, ask.query)


async def _delivery_stats(reader: Reader, ask: Ask) -> Answer:
    return await reader.delivery_stats(ask.tenant, ask.query)


async def _rejected(reader: Reader, ask: Ask) -> Answer:
    read_query((), ask.query)
    return await reader.rejected(ask.tenant)


async def _delivery(reader: Reader, ask: Ask) -> Answer:
    read_query((), ask.query)
    return await reader.delivery(ask.tenant, ask.id)


async def _command(reader: Reader, ask: Ask) -> Answer:
    said = read_query((POSITION, REQUEST), ask.query)
    position, request = said.get(POSITION.name), said.get(REQUEST.name)
    return await reader.command(
        ask.tenant,
        ask.id,
        position=position if isinstance(position, Position) else None,
        request=None if request is None else str(request),
    )


async def _alert_why(reader: Reader, ask: Ask) -> Answer:
    return await explain_alert(reader.projection, ask.tenant, ask.id, ask.query)


async def _incident_why(reader: Reader, ask: Ask) -> Answer:
    return await explain_incident(reader.projection, ask.tenant, ask.id, ask.query)


async def _rules(reader: Reader, ask: Ask) -> Answer:
    read_query((), ask.query)
    return await show_rules(reader.projection, ask.tenant)


async def _rule_sets(reader: Reader, ask: Ask) -> Answer:
    return await reader.page(ask.tenant, RULE_SETS, ask.query)


async def _rule_set(reader: Reader, ask: Ask) -> Answer:
    read_query((), ask.query)
    return await show_rules_of(reader.projection, ask.tenant, ask.id)


POSITION = Parameter(
    name="position",
    meaning="Where the command's record lies, if known: then an id that was never given is a 404 instead of pending.",
    kind=Place(),
)
REQUEST = Parameter(
    name="request",
    meaning="What was asked, as the 202's `Location` says it: then an id that was used for another request is a 422.",
    kind=Text(64),
)

ENDPOINTS: Final = (
    Endpoint(
        path="/incidents",
        name="listIncidents",
        tag="incidents",
        summary="List incidents, newest first.",
        scopes=(Scope.INCIDENTS_READ,),
        parameters=INCIDENTS.parameters,
        answers={200: (shapes.IncidentPage,)},
        answer=_incidents,
    ),
    Endpoint(
        path="/incidents/{id}",
        name="getIncident",
        tag="incidents",
        summary="Show one incident with its alerts, actions and recent history.",
        scopes=(Scope.INCIDENTS_READ,),
        id_meaning=_INCIDENT,
        answers={200: (shapes.Incident,)},
        conflicts=True,
        etag='W/"<version>"',
        answer=_incident,
    ),
    Endpoint(
        path="/incidents/{id}/why",
        name="explainIncident",
        tag="incidents",
        summary="Tell how an incident began, and what happened to it since: why, and by whom.",
        scopes=(Scope.INCIDENTS_READ,),
        id_meaning=_INCIDENT,
        parameters=FACTS.parameters,
        answers={200: (why_shapes.IncidentWhy,)},
        conflicts=True,
        answer=_incident_why,
    ),
    Endpoint(
        path="/alerts",
        name="listAlerts",
        tag="alerts",
        summary="List alerts, newest first.",
        scopes=(Scope.ALERTS_READ,),
        parameters=ALERTS.parameters,
        answers={200: (shapes.AlertPage,)},
        conflicts=True,
        answer=_alerts,
    ),
    Endpoint(
        path="/alerts/{id}",
        name="getAlert",
        tag="alerts",
        summary="Show one alert with its raw JSON and last events.",
        scopes=(Scope.ALERTS_READ,),
        id_meaning="Id of the alert.",
        answers={200: (shapes.Alert,)},
        answer=_alert,
    ),
    Endpoint(
        path="/alerts/{id}/why",
        name="explainAlert",
        tag="alerts",
        summary="Tell what decided where an alert's episode began, and what its notifications did.",
        scopes=(Scope.ALERTS_READ,),
        id_meaning="Id of the alert.",
        parameters=EVENTS.parameters,
        answers={200: (why_shapes.AlertWhy,)},
        answer=_alert_why,
    ),
    Endpoint(
        path="/deliveries",
        name="listDeliveries",
        tag="deliveries",
        summary="List deliveries, newest first.",
        scopes=(Scope.DELIVERIES_READ,),
        parameters=DELIVERIES.parameters,
        answers={200: (delivery_shapes.DeliveryPage,)},
        answer=_deliveries,
    ),
    Endpoint(
        path="/deliveries/stats",
        name="countDeliveries",
        tag="deliveries",
        summary="Count deliveries by outcome, reason, source and integration.",
        scopes=(Scope.DELIVERIES_READ,),
        parameters=GROUPS.parameters,
        answers={200: (delivery_shapes.DeliveryStats,)},
        answer=_delivery_stats,
    ),
    Endpoint(
        path="/deliveries/rejected",
        name="listRejected",
        tag="deliveries",
        summary="Show which requests were turned away: counts by day, and samples.",
        scopes=(Scope.DELIVERIES_READ,),
        answers={200: (delivery_shapes.Rejected,)},
        answer=_rejected,
    ),
    Endpoint(
        path="/deliveries/{id}",
        name="getDelivery",
        tag="deliveries",
        summary="Show what became of a delivery, and on which way; `pending` until it is folded.",
        scopes=(Scope.DELIVERIES_READ,),
        id_meaning="The `delivery_id` of the 202.",
        answers={200: (delivery_shapes.Delivery, delivery_shapes.PendingDelivery)},
        answer=_delivery,
    ),
    Endpoint(
        path="/commands/{id}",
        name="getCommand",
        tag="commands",
        summary="Show what was decided about a command; 202 until it is.",
        scopes=(Scope.INCIDENTS_READ, Scope.INCIDENTS_WRITE, Scope.RULES_WRITE),
        id_meaning="The Idempotency-Key that was sent, or the id that was answered.",
        parameters=(POSITION, REQUEST),
        answers={200: (command_shapes.Command,), 202: (command_shapes.PendingCommand,)},
        problems={422: (ProblemType.IDEMPOTENCY_MISMATCH,)},
        answer=_command,
    ),
    Endpoint(
        path="/rules",
        name="getRules",
        tag="rules",
        summary="Show the rules in force; version 0 before there are any.",
        scopes=(Scope.INCIDENTS_READ, Scope.RULES_WRITE),
        answers={200: (rule_shapes.RuleSet,)},
        etag='"v<version>"',
        bare=False,
        answer=_rules,
    ),
    Endpoint(
        path="/rules/versions",
        name="listRules",
        tag="rules",
        summary="List every version of the rules, the newest first.",
        scopes=(Scope.INCIDENTS_READ, Scope.RULES_WRITE),
        parameters=RULE_SETS.parameters,
        answers={200: (rule_shapes.RuleSetPage,)},
        bare=False,
        answer=_rule_sets,
    ),
    Endpoint(
        path="/rules/versions/{id}",
        name="getRulesOfVersion",
        tag="rules",
        summary="Show a version of the rules.",
        scopes=(Scope.INCIDENTS_READ, Scope.RULES_WRITE),
        id_meaning="The version's number; 0 is what holds before there are any.",
        answers={200: (rule_shapes.RuleSet,)},
        etag='"v<version>"',
        bare=False,
        answer=_rule_set,
    ),
)
