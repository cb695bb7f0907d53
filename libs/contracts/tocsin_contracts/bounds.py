"""Cut normalized values to the bounds of the contract, so that no constraint of a table can ever refuse them."""

from collections.abc import Mapping, Sequence

import orjson

from tocsin_contracts import alert as bound
from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.times import bounded
from tocsin_contracts.topics import RAW_ALERT_MAX_BYTES

_REPLACEMENT = "\ufffd"
_METADATA_MAX_BYTES = 16 * 1024


def storable(text: str) -> str:
    """Replace what PostgreSQL cannot store: NUL and lone surrogates become U+FFFD, always the same way."""
    if "\x00" in text:
        text = text.replace("\x00", _REPLACEMENT)
    if not text.isascii():
        text = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace") if _has_surrogate(text) else text
    return text


def cut(text: str, most: int) -> str:
    """Cut text to `most` characters, the last of them an ellipsis where something was lost."""
    return text if len(text) <= most else text[: most - 1] + "…"


def bounded_event(
    event: AlertEvent,
    *,
    identity: str | None = None,
    problem: str | None = None,
    service: str | None = None,
    environment: str | None = None,
    team: str | None = None,
    labels: Mapping[str, str] | None = None,
    never_resolves: bool | None = None,
    trusted: bool | None = None,
) -> AlertEvent:
    """Give the event with every value storable and inside its bound; what is named besides takes the place of the event's own.

    Built once, field by field: two `dataclasses.replace` cost a tenth of what an alert costs. `sanitized` is set where a
    character was replaced anywhere (and stays set where it already was); cutting does not set it.
    """
    text = _Storing(event.sanitized)
    return AlertEvent(
        identity=text.cut(identity or event.identity, bound.IDENTITY_MAX),
        problem=text.cut(problem or event.problem, bound.IDENTITY_MAX),
        status=event.status,
        title=text.cut(event.title, bound.TITLE_MAX),
        content=event.content,
        project=text.cut(event.project, bound.SHORT_MAX),
        severity=event.severity,
        description=text.optional(event.description, bound.DESCRIPTION_MAX),
        service=text.optional(service or event.service, bound.SHORT_MAX),
        environment=text.optional(environment or event.environment, bound.SHORT_MAX),
        team=text.optional(team or event.team, bound.SHORT_MAX),
        host=text.optional(event.host, bound.SHORT_MAX),
        link=text.link(event.link),
        labels=text.labels(event.labels if labels is None else labels),
        metadata=text.metadata(event.metadata),
        occurred_at=None if event.occurred_at is None else bounded(event.occurred_at),
        episode_at=None if event.episode_at is None else bounded(event.episode_at),
        trusted=event.trusted if trusted is None else trusted,
        never_resolves=event.never_resolves if never_resolves is None else never_resolves,
        heartbeat=event.heartbeat,
        raw=None if event.raw is None or len(event.raw.encode()) > RAW_ALERT_MAX_BYTES else event.raw,
        sanitized=text.replaced,  # the last one: it knows of all before it
    )


def _are_plain(labels: Sequence[tuple[str, str]]) -> bool:
    """Tell of all labels at once whether they may stay as they are; nearly all may."""
    text = "".join(map("".join, labels))
    if not text.isascii() or "\x00" in text:
        return False
    return all(len(name) <= bound.LABEL_NAME_MAX and len(value) <= bound.LABEL_VALUE_MAX for name, value in labels)


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in text)


class _Storing:
    """Makes texts storable and remembers whether one was changed by it."""

    __slots__ = ("replaced",)

    def __init__(self, replaced: bool) -> None:
        self.replaced = replaced

    def cut(self, text: str, most: int) -> str:
        """Make a text storable and cut it; nearly all texts are short, ASCII and take the first way out."""
        if len(text) <= most and text.isascii() and "\x00" not in text:
            return text
        stored = storable(text)
        if stored is not text:
            self.replaced = True
        return cut(stored, most)

    def optional(self, text: str | None, most: int) -> str | None:
        """Do the same where there may be none."""
        return None if text is None else self.cut(text, most)

    def link(self, link: str | None) -> str | None:
        """Keep only http(s) links that fit: a cut link would lead somewhere else."""
        if link is None or len(link) > bound.LINK_MAX or not link.lower().startswith(("http://", "https://")):
            return None
        return self.cut(link, bound.LINK_MAX)

    def labels(self, labels: Mapping[str, str]) -> dict[str, str]:
        """Keep the first 64 labels in name order: the order a sender chose must not change the result."""
        kept = sorted(labels.items())[: bound.LABELS_MAX]
        if _are_plain(kept):
            return dict(kept)
        return {self.cut(name, bound.LABEL_NAME_MAX): self.cut(value, bound.LABEL_VALUE_MAX) for name, value in kept}

    def metadata(self, metadata: Mapping[str, object]) -> dict[str, object]:
        """Drop metadata that is too large as a whole; it is a convenience, the raw JSON keeps everything."""
        clean = {self.cut(str(key), bound.LABEL_NAME_MAX): self._clean(value) for key, value in metadata.items()}
        return clean if len(orjson.dumps(clean)) <= _METADATA_MAX_BYTES else {}

    def _clean(self, value: object) -> object:
        match value:
            case str():
                return self.cut(value, bound.LABEL_VALUE_MAX)
            case dict():
                return {self.cut(str(key), bound.LABEL_NAME_MAX): self._clean(item) for key, item in value.items()}
            case list() | tuple():
                return [self._clean(item) for item in value]
            case _:
                return value
