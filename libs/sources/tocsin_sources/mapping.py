"""Map any JSON by the mapping that the integration's owner wrote, and check such a mapping."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.mapping import ALERT_FIELDS, Mapping, Rule
from tocsin_contracts.outcome import Reason
from tocsin_contracts.status import EventStatus
from tocsin_sources import fields
from tocsin_sources.environments import folded_environment
from tocsin_sources.evidence import content_hash, raw_json
from tocsin_sources.paths import Budget, OverBudget, Path, UnfitPath, compiled
from tocsin_sources.severity_words import WORDS, severity_of, with_raw_word
from tocsin_sources.shape import Unfit, object_or_empty, text_of, texts_of
from tocsin_sources.source import Answer, Failed, Ignored, Normalized
from tocsin_sources.statuses import status_of
from tocsin_sources.taken import Taken
from tocsin_sources.text import description_of, title_of
from tocsin_sources.timestamps import time_of

MAPPED_MAX = 1_000
"""Alerts that a mapping reads of one delivery."""
_OTHER = "*"
_RULES = (*ALERT_FIELDS, "sender_id")
_MEMBERS = frozenset(Mapping.model_fields)
_RULE_MEMBERS = frozenset(Rule.model_fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with a mapping."""

    pointer: str
    """JSON pointer into the mapping."""
    detail: str
    """One line for people; repeats nothing of the mapping but names of members."""


def validate_mapping(mapping: object) -> list[Fault]:
    """Check a mapping as somebody wrote it: its form, unknown members, every path. Empty where it may be saved."""
    try:
        model = Mapping.model_validate(mapping)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)[:20]
        return [Fault(pointer=_pointer(each["loc"]), detail=each["msg"]) for each in found]
    return [*_unknown_members(mapping), *_unfit_paths(model)]


@dataclass(slots=True)
class Reading:
    """One delivery read by one mapping."""

    mapping: Mapping
    settings: IntegrationSettings
    budget: Budget = field(default_factory=Budget)
    taken: list[Taken] = field(default_factory=list)
    _root: object = None
    _of_root: dict[str, object] = field(default_factory=dict)

    def answer(self, document: object) -> Answer:
        """Map a body. Total: what the mapping does not fit is an answer. Says what was taken from where until then."""
        return replace(self._attempt(document), taken=tuple(self.taken))

    def _attempt(self, document: object) -> Answer:
        try:
            return self._answer(document)
        except Unfit as unfit:
            return Failed(reason=Reason.UNKNOWN_SHAPE, pointer=unfit.pointer, detail=str(unfit))
        except OverBudget:
            return Failed(reason="mapping-over-budget", detail="the mapping's paths take too many steps for this body")
        except UnfitPath as unfit:
            return Failed(reason="unfit-mapping", detail=f"a path of the mapping: {unfit}")

    def _answer(self, document: object) -> Answer:
        self._root = document
        alerts = self._alerts(document)
        if len(alerts) > MAPPED_MAX:
            return Failed(reason=Reason.TOO_MANY_ALERTS, detail=f"{len(alerts)} alerts, at most {MAPPED_MAX} are mapped")
        events = [event for number, alert in enumerate(alerts) if (event := self._event(alert, number)) is not None]
        sender_id = self._text("sender_id", self.mapping.sender_id, document, None)
        if not alerts:
            return Ignored(reason=Reason.NO_ALERTS, detail="the list of alerts is empty")
        if not events:
            return Ignored(reason="ignored-by-mapping", detail="ignore_if holds for every alert of the body")
        return Normalized(alerts=tuple(events), sender_id=sender_id)

    def _alerts(self, document: object) -> Sequence[object]:
        if self.mapping.alerts is None:
            return document if isinstance(document, list) else [document]
        path = compiled(self.mapping.alerts)
        found = path.find(document, self.budget)
        if isinstance(found, list):
            return found
        if isinstance(found, dict):
            return [found]
        raise Unfit(path.pointer, "a list of alerts", found)

    def _event(self, alert: object, number: int) -> AlertEvent | None:
        mapping = self.mapping
        if mapping.ignore_if is not None and self._find(compiled(mapping.ignore_if), alert) not in (None, False, "", [], {}):
            return None
        texts = {name: self._text(name, getattr(mapping, name), alert, number) for name in ALERT_FIELDS}
        title = title_of(texts["title"])
        identity = texts["identity"] or (title if mapping.identity is None else None)
        if identity is None:
            raise self._missing("identity" if mapping.identity is not None else "title", number)
        status = self._status(texts["status"], number)
        labels = self._labels(alert, number)
        raw, replaced = raw_json(alert)
        occurred_at = time_of(texts["occurred_at"])
        environment = texts["environment"] or fields.first_present(labels, fields.ENVIRONMENT)
        return AlertEvent(
            identity=identity,
            problem=texts["problem"] or identity,
            project=texts["project"] or "",
            status=status,
            title=title or title_of(identity) or identity,
            content=content_hash(status, alert),
            severity=severity_of(texts["severity"], status),
            description=description_of(texts["description"]),
            service=texts["service"] or fields.first_present(labels, fields.SERVICE),
            environment=folded_environment(environment, self.settings.environment_aliases),
            team=texts["team"] or fields.first_present(labels, fields.TEAM),
            host=texts["host"] or fields.first_present(labels, fields.HOST),
            link=fields.web_link(texts["link"]),
            labels=with_raw_word(labels, texts["severity"]),
            occurred_at=occurred_at,
            episode_at=time_of(texts["episode_at"]),
            trusted=mapping.trusted_time,
            never_resolves=mapping.status is None,
            sanitized=replaced,
            raw=raw,
        )

    def _status(self, word: str | None, number: int) -> EventStatus:
        if self.mapping.status is None:
            return EventStatus.FIRING
        status = status_of(word)
        if status is None:
            raise self._missing("status", number, word)
        return status

    def _labels(self, alert: object, number: int) -> dict[str, str]:
        labels = {} if self.mapping.labels_from is None else texts_of(self._find(compiled(self.mapping.labels_from), alert))
        for name, rule in self.mapping.labels.items():
            text = self._text(f"labels.{name}", rule, alert, number)
            if text is not None:
                labels[name] = text
        return labels

    def _text(self, name: str, rule: Rule | None, alert: object, number: int | None) -> str | None:
        """Read one field by its rule."""
        if rule is None:
            return None
        won, text = None, None
        for written in rule.path:
            text = fields.present(_as_text(self._find(compiled(written), alert)))
            if text is not None:
                won = written
                break
        text = rule.default if text is None else _translated(rule, text)
        self.taken.append(Taken(alert=number, field=name, path=won, value=text))
        return text

    def _find(self, path: Path, alert: object) -> object:
        """Find a value; what is read of the whole body is read once."""
        if not path.of_root:
            return path.find(alert, self.budget)
        if path.text not in self._of_root:
            self._of_root[path.text] = path.find(self._root, self.budget)
        return self._of_root[path.text]

    def _missing(self, name: str, number: int, found: str | None = None) -> Unfit:
        """Name the place where a field should have been, or has a word of no meaning, as far as a path has a place."""
        rule: Rule | None = getattr(self.mapping, name)
        path = compiled(rule.path[0]) if rule is not None and rule.path else None
        inner = "" if path is None else path.pointer
        listed = self.mapping.alerts is not None or isinstance(self._root, list)
        outer = "" if self.mapping.alerts is None else compiled(self.mapping.alerts).pointer
        within = f"{outer}/{number}" if listed and (path is None or not path.of_root) else ""
        expected = "a word for firing, acknowledged or resolved" if name == "status" else f"a value for {name}"
        return Unfit(within + inner, expected, found)


def _as_text(value: object) -> str | None:
    """Give the text of what a path found; a number beyond 64 bits, which only arithmetic can make, is none."""
    try:
        return text_of(value)
    except TypeError:
        return None


def _translated(rule: Rule, text: str) -> str:
    """Translate a word of the sender's, whatever its case."""
    if not rule.values:
        return text
    folded = {word.strip().lower(): ours for word, ours in rule.values.items()}
    return folded.get(text.lower(), folded.get(_OTHER, text))


def _rules(mapping: Mapping) -> Iterator[tuple[str, Rule]]:
    for name in _RULES:
        rule: Rule | None = getattr(mapping, name)
        if rule is not None:
            yield f"/{name}", rule
    for name, rule in mapping.labels.items():
        yield f"/labels/{_escaped(name)}", rule


def _unfit_paths(mapping: Mapping) -> Iterator[Fault]:
    """Compile every path."""
    whole = [
        (f"/{name}", text) for name in ("alerts", "ignore_if", "labels_from") if (text := getattr(mapping, name)) is not None
    ]
    ruled = [(f"{pointer}/path/{number}", text) for pointer, rule in _rules(mapping) for number, text in enumerate(rule.path)]
    for pointer, text in whole + ruled:
        try:
            compiled(text)
        except UnfitPath as unfit:
            yield Fault(pointer=pointer, detail=str(unfit))
    yield from _unknown_words(mapping)


def _unknown_words(mapping: Mapping) -> Iterator[Fault]:
    """Refuse translations into words that mean nothing: such a status would fail, such a severity silently be MEDIUM."""
    if not all(status_of(word) for word in _our_words(mapping.status)):
        yield Fault(pointer="/status", detail="its values and default are firing, acknowledged or resolved")
    if not all(word.strip().lower() in WORDS for word in _our_words(mapping.severity)):
        yield Fault(pointer="/severity", detail="its values and default are critical, high, medium, low or info")


def _our_words(rule: Rule | None) -> list[str]:
    """Give the words that a rule itself puts in place of the sender's."""
    if rule is None:
        return []
    return [*rule.values.values(), *([] if rule.default is None else [rule.default])]


def _unknown_members(mapping: object) -> Iterator[Fault]:
    """Refuse members that no reader knows: a misspelt one would silently do nothing."""
    members = object_or_empty(mapping)
    for name in members.keys() - _MEMBERS:
        yield Fault(pointer=f"/{_escaped(name)}", detail="not a member of a mapping")
    rules = {f"/{name}": members.get(name) for name in _RULES}
    rules |= {f"/labels/{_escaped(name)}": rule for name, rule in object_or_empty(members.get("labels")).items()}
    for pointer, rule in rules.items():
        for name in object_or_empty(rule).keys() - _RULE_MEMBERS:
            yield Fault(pointer=f"{pointer}/{_escaped(name)}", detail="not a member of a rule")


def _escaped(name: object) -> str:
    return str(name)[:100].replace("~", "~0").replace("/", "~1")


def _pointer(location: tuple[int | str, ...]) -> str:
    return "".join("/" + _escaped(part) for part in location)
