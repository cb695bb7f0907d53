"""Redrives: what the new record of a failed delivery is, and when to stop sending them (DESIGN 3, "Redrive")."""

from dataclasses import dataclass

from tocsin_contracts.delivery import DeliveryEnvelope
from tocsin_contracts.position import Position


def redriven(
    original: DeliveryEnvelope, position: Position, *, integration_version: int | None, request_id: str
) -> DeliveryEnvelope:
    """Make the envelope with which a failed delivery goes into the log again.

    Everything that says what the sender sent, and when, is the original's: headers, query, content type, received time, sender's
    id. What decides is today's: the version of the integration's settings, whose mapping may be what was mended.

    Args:
        original: of the delivery that failed.
        position: its own.
        integration_version: in force now; None where the integration is gone: then the original's.
        request_id: of the request that asks for the redrive.
    """
    return original.model_copy(
        update={
            "redrive_of": str(position),
            "integration_version": integration_version or original.integration_version,
            "request_id": request_id,
        }
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureBound:
    """How many redrives may fail again."""

    share: float
    """Above this share of those tried …"""
    least: int
    """… once so many were."""

    def is_crossed(self, *, tried: int, failed: int) -> bool:
        """Tell whether to stop: what was to be mended is not."""
        return tried >= self.least and failed > self.share * tried


def next_chunk(tried: int, left: int, *, first: int, most: int) -> int:
    """Say how many to send before looking at what became of them: a few first, for they may all fail again."""
    return min(left, most if tried >= first else first)
