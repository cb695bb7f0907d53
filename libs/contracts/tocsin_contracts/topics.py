"""Topic, header, consumer and partition names. They are data: never renamed, only superseded."""

from typing import Final

LOG: Final = "tocsin.log"
"""Deliveries, commands, rule sets, ticks; written by ingest and nobody else. Broker time is LogAppendTime."""
ALERTS: Final = "tocsin.alerts"
"""Exactly one image record for each record of `tocsin.log`, same key, partition and order; written by the normalizer."""

NORMALIZER_GROUP: Final = "tocsin.normalizer"
GROUPER_GROUP: Final = "tocsin.grouper"
"""Consumer groups spread partitions and show lag; they are never trusted for correctness."""

LIVE: Final = "live"
"""The generation that answers queries; shadow rebuilds have names of their own."""
GROUPER_CONSUMER: Final = "grouper"

LOG_MAX_MESSAGE_BYTES: Final = 2 * 1024 * 1024
ALERTS_MAX_MESSAGE_BYTES: Final = 8 * 1024 * 1024
BODY_MAX_BYTES: Final = 1024 * 1024
IMAGE_MAX_BYTES: Final = 6 * 1024 * 1024
RAW_ALERT_MAX_BYTES: Final = 64 * 1024
DEFAULT_PARTITIONS: Final = 4

HEADER_KIND: Final = "tocsin-kind"
HEADER_ENVELOPE: Final = "tocsin-envelope"
HEADER_SOURCE: Final = "tocsin-source"
"""On an image record: where in `tocsin.log` it comes from, and when that was appended (see `envelope.SourceStamp`)."""

TOPIC_CONFIGS: Final[dict[str, dict[str, str]]] = {
    LOG: {
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": str(LOG_MAX_MESSAGE_BYTES),
        "retention.ms": str(30 * 86_400_000),
        "cleanup.policy": "delete",
        "compression.type": "producer",
    },
    ALERTS: {
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": str(ALERTS_MAX_MESSAGE_BYTES),
        "retention.ms": str(400 * 86_400_000),
        "cleanup.policy": "delete",
        "compression.type": "producer",
    },
}
