"""Read `application/x-www-form-urlencoded` bodies: of senders that post forms, or JSON in one field of a form."""

from urllib.parse import parse_qsl

from tocsin_contracts.topics import BODY_MAX_BYTES
from tocsin_sources.document import NotJson, NotJsonCode

CONTENT_TYPE = "application/x-www-form-urlencoded"
_FIELDS_MAX = 200


def is_form(content_type: str) -> bool:
    """Tell whether a content type, whatever its parameters, is a form's."""
    return content_type.partition(";")[0].strip().lower() == CONTENT_TYPE


def fields_of(body: bytes) -> dict[str, str]:
    """Give the fields of a form; of equal names the last wins, as in JSON. Bytes that are no UTF-8 become U+FFFD.

    Raises:
        NotJson: more than 1 MiB or 200 fields.
    """
    if len(body) > BODY_MAX_BYTES:
        raise NotJson(NotJsonCode.TOO_LARGE, f"more than {BODY_MAX_BYTES} bytes")
    try:
        pairs = parse_qsl(
            body.decode("latin-1"), keep_blank_values=True, encoding="utf-8", errors="replace", max_num_fields=_FIELDS_MAX
        )
    except ValueError as error:
        raise NotJson(NotJsonCode.TOO_MANY_NODES, f"more than {_FIELDS_MAX} fields of a form") from error
    return dict(pairs)
