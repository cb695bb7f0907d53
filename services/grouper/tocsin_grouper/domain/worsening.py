"""How an incident becomes worse (E9): never by itself better, never below what a person made of it."""

from tocsin_contracts.incident import SeverityRaised
from tocsin_contracts.severity import Severity
from tocsin_grouper.domain.state import Incident
from tocsin_grouper.domain.step import Step


def worsen(step: Step, incident: Incident, severity: Severity, reason: str, *, alert: str | None = None) -> Incident:
    """Let an incident be as bad as its alerts and rules want; what is over stays as it is.

    A person's severity stands above what they had so far: it is left, and told of is only that they had worse. So who lowers
    it later, knowing that, is not overruled by the next repeat of the same.
    """
    if incident.status.is_over or severity.rank <= incident.worst.rank:
        return incident
    rises = severity.rank > incident.severity.rank
    fact = SeverityRaised(
        incident=incident.id,
        version=incident.version + 1,
        at=step.now,
        before=incident.severity,
        after=severity if rises else incident.severity,
        reason=reason,
        alert=alert,
        worst=None if rises else severity,
    )
    return step.emit(incident.tenant, fact, incident)
