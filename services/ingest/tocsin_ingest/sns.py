"""Believe messages of SNS by their signature, and confirm subscriptions that are proven (SOURCES 9, security S17).

Order: the topic must be listed before anything is fetched, the certificate's host is anchored before it is fetched, and a
subscription's link is visited only after its message was verified and appended. Another credential, such as the password
in a subscription's URL, proves a delivery too; it never confirms a subscription by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from tocsin_ingest.admission import Admission, Verdict
from tocsin_ingest.ports import CertificateStore, Confirmations
from tocsin_sources import sns
from tocsin_sources.cloudwatch_sns import SOURCE
from tocsin_sources.signature import Rejection

_SIGNED = Verdict(accepted=True)
_NOT_LISTED = Verdict(accepted=False, reason=Rejection.WRONG)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What became of the question who sent it."""

    verdict: Verdict
    confirm: str | None = None
    """The link to visit once the delivery is in the log; None where there is nothing to confirm."""


class SnsMessages:
    """Checks deliveries of SNS."""

    def __init__(self, *, certificates: CertificateStore, confirmations: Confirmations) -> None:
        self._certificates = certificates
        self._confirmations = confirmations

    @staticmethod
    def concerns(admission: Admission) -> bool:
        """Tell whether deliveries of this integration come from SNS."""
        return admission.source is SOURCE

    async def check(self, admission: Admission, verdict: Verdict, raw: bytes, now: int) -> Checked:
        """Check a delivery by the signature of SNS, where the integration lists its topics.

        Args:
            admission: whose it is.
            verdict: what its other credentials proved.
            raw: the body as received.
            now: the gateway's clock, µs.

        Raises:
            Recoverable: the certificate cannot be fetched now.
        """
        topics, message = admission.entry.sns_topics, sns.message_of(raw)
        if message is None:
            return Checked(verdict=verdict)
        if topics and not sns.is_allowed(message, topics):
            return Checked(verdict=_NOT_LISTED)
        subscribes = message.kind == sns.SUBSCRIPTION and message.subscribe_url is not None
        proven = verdict.accepted and verdict.slot is not None
        if not topics and not (proven and subscribes):
            return Checked(verdict=verdict)
        if proven and not subscribes:
            return Checked(verdict=verdict)
        certificate = await self._certificates.certificate(message.certificate_url)
        rejection = sns.rejection_of(message, certificate, now)
        if rejection is not None:
            return Checked(verdict=verdict if proven else Verdict(accepted=False, reason=rejection))
        return Checked(verdict=verdict if proven else _SIGNED, confirm=message.subscribe_url if subscribes else None)

    async def confirm(self, url: str) -> None:
        """Confirm a subscription whose message was verified and appended.

        Raises:
            Recoverable: SNS does not answer now: it sends the message again.
        """
        await self._confirmations.confirm(url)
