"""The one request that aiokafka does not know: metadata that tells a topic's id (version 12, KIP-516)."""

from __future__ import annotations

import uuid
from io import BytesIO
from typing import Any

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    AbstractType,
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

_NO_ID = bytes(16)


class Uuid(AbstractType):  # type: ignore[misc] # aiokafka has no types, so its base class is Any
    """Sixteen bytes as they are."""

    @classmethod
    def encode(cls, value: bytes) -> bytes:
        """Write the sixteen bytes."""
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        """Read the sixteen bytes."""
        return data.read(16)


class TopicIdResponse(Response):  # type: ignore[misc] # as above
    """Metadata, version 12."""

    API_KEY = 3
    API_VERSION = 12
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString("utf-8")),
                ("port", Int32),
                ("rack", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", CompactString("utf-8")),
                ("topic_id", Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class TopicIdRequestV12(RequestStruct):  # type: ignore[misc] # as above
    """Metadata of topics by name, version 12."""

    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 12
    RESPONSE_TYPE = TopicIdResponse
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(("topic_id", Uuid), ("name", CompactString("utf-8")), ("tags", TaggedFields)),
        ),
        ("allow_auto_topic_creation", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class TopicIdRequest(Request[TopicIdRequestV12]):  # type: ignore[misc] # as above
    """Asks for the ids of topics; needs a broker of 3.1 or later."""

    API_KEY = 3

    def __init__(self, *topics: str) -> None:
        self._topics = topics

    def build(self, request_struct_class: type[TopicIdRequestV12]) -> TopicIdRequestV12:
        """Make the request."""
        return request_struct_class([(_NO_ID, name, {}) for name in self._topics], False, False, {})


def topic_id_text(raw: Any) -> str:
    """Write a topic id as a UUID; it is random, made by Kafka, and never used twice."""
    return str(uuid.UUID(bytes=bytes(raw)))
