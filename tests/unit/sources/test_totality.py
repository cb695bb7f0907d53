"""Whatever arrives, a source answers: an alert inside its bounds, or a reason. It never raises, and always answers the same.

`make test` tries 100 mutated samples of each source; `make fuzz` (TOCSIN_TEST_FUZZ=long) two thousand.
"""

import copy
import os
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.sources.payloads import all_payloads, body_of, headers_of, source_of
from tocsin_contracts import alert as bound
from tocsin_contracts.alert import AlertEvent
from tocsin_contracts.times import EARLIEST_AT, LATEST_AT
from tocsin_contracts.topics import RAW_ALERT_MAX_BYTES
from tocsin_sources import registry
from tocsin_sources.document import NotJson, parse
from tocsin_sources.source import Delivery, Failed, Ignored, Normalized

EXAMPLES = 2_000 if os.environ.get("TOCSIN_TEST_FUZZ") == "long" else 100
_SCALARS = st.sampled_from(
    [
        *(None, True, False, 0, -1, 7, 2**64 - 1, 1.5, 1e300, "", "x", "\x00", "null", "firing", "resolved", "x" * 3_000),
        *(
            "2026-03-02T10:15:30Z",
            "9999-12-31T23:59:59Z",
            "<script>alert(1)</script>",
            "javascript:alert(1)",
            "é\u202e漢",
            "1e999",
        ),
    ]
)
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=6
)
_EDITS = st.tuples(st.sampled_from(["drop", "replace", "wrap", "repeat", "rename", "grow"]), st.integers(0, 10_000), _VALUES)


def places(value: Any, found: list[tuple[Any, Any]] | None = None) -> list[tuple[Any, Any]]:
    """List every (container, key) of a document."""
    found = [] if found is None else found
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        found.append((value, key))
        places(value[key], found)
    return found


def edited(document: Any, edits: list[tuple[str, int, Any]]) -> Any:
    holder = [copy.deepcopy(document)]
    for kind, number, value in edits:
        found = places(holder)
        container, key = found[number % len(found)] if found else (holder, 0)
        match kind:
            case "drop" if container is not holder:
                del container[key]
            case "wrap":
                container[key] = [container[key]]
            case "repeat" if isinstance(container[key], list):
                container[key] = container[key] * 2
            case "rename" if isinstance(container, dict):
                container[f"{key}\x00"] = container.pop(key)
            case "grow" if isinstance(container[key], dict):
                container[key].update({f"label-{n:03}": value for n in range(80)})
            case _:
                container[key] = value
    return holder[0]


def check_bounds(alert: AlertEvent) -> None:
    texts = [alert.identity, alert.problem, alert.project, alert.title, *alert.labels, *alert.labels.values()]
    texts += [
        text
        for text in (alert.description, alert.service, alert.environment, alert.team, alert.host, alert.link)
        if text is not None
    ]
    assert all("\x00" not in text for text in texts)
    assert 0 < len(alert.identity) <= bound.IDENTITY_MAX
    assert 0 < len(alert.problem) <= bound.IDENTITY_MAX
    assert 0 < len(alert.title) <= bound.TITLE_MAX
    assert len(alert.description or "") <= bound.DESCRIPTION_MAX
    assert all(
        len(text or "") <= bound.SHORT_MAX for text in (alert.project, alert.service, alert.environment, alert.team, alert.host)
    )
    assert len(alert.labels) <= bound.LABELS_MAX
    assert all(len(name) <= bound.LABEL_NAME_MAX and len(text) <= bound.LABEL_VALUE_MAX for name, text in alert.labels.items())
    assert all(at is None or EARLIEST_AT <= at <= LATEST_AT for at in (alert.occurred_at, alert.episode_at))
    assert alert.link is None or (len(alert.link) <= bound.LINK_MAX and alert.link.lower().startswith(("http://", "https://")))
    assert alert.raw is None or (len(alert.raw.encode()) <= RAW_ALERT_MAX_BYTES and "\x00" not in str(orjson.loads(alert.raw)))
    assert len(alert.content) == 32
    assert all("\x00" not in text for text in texts_in(dict(alert.metadata)))


def texts_in(value: Any) -> list[str]:
    """List every text of a document, names included."""
    if isinstance(value, dict):
        return [*value, *(text for member in value.values() for text in texts_in(member))]
    if isinstance(value, list | tuple):
        return [text for member in value for text in texts_in(member)]
    return [value] if isinstance(value, str) else []


def shuffled(value: Any) -> Any:
    """Reverse the order of all keys."""
    if isinstance(value, dict):
        return {key: shuffled(member) for key, member in reversed(value.items())}
    return [shuffled(member) for member in value] if isinstance(value, list) else value


@pytest.mark.parametrize("source", registry.names())
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_mutated_sample_is_answered_inside_the_bounds(source: str, data: st.DataObject) -> None:
    names = [name for owner, name in all_payloads() if owner == source and name != "firing_sixty_alerts"]
    name = data.draw(st.sampled_from(names))
    document = edited(parse(body_of(source, name)), data.draw(st.lists(_EDITS, min_size=1, max_size=5)))
    headers = data.draw(
        st.sampled_from([headers_of(source, name), {}, {"sentry-hook-resource": "\udcff", "sentry-hook-timestamp": "nan"}])
    )
    try:
        parsed = parse(orjson.dumps(document))
    except NotJson:
        return
    answer = source_of(source).map(Delivery(document=parsed, headers=headers))
    match answer:
        case Normalized():
            assert answer.alerts
            for alert in answer.alerts:
                check_bounds(alert)
        case Ignored() | Failed():
            assert answer.reason
            assert len(answer.detail) < 200
    again = source_of(source).map(Delivery(document=shuffled(parsed), headers=headers))
    assert type(again) is type(answer)
    if isinstance(answer, Normalized) and isinstance(again, Normalized):
        assert [alert.content for alert in again.alerts] == [alert.content for alert in answer.alerts]
        assert [alert.identity for alert in again.alerts] == [alert.identity for alert in answer.alerts]


@pytest.mark.parametrize("source", registry.names())
@given(document=_VALUES)
def test_any_json_is_answered(source: str, document: object) -> None:
    source_of(source).map(Delivery(document=document))


def test_keys_that_differ_only_behind_the_bound_stay_apart() -> None:
    """A cut identity would make two alerts one."""
    identities = set()
    for end in "ab":
        body = {"status": "firing", "alerts": [{"labels": {"alertname": "n" * 2_000 + end}, "fingerprint": "f" * 2_000 + end}]}
        answer = source_of("alertmanager").map(Delivery(document=body))
        assert isinstance(answer, Normalized)
        check_bounds(answer.alerts[0])
        identities.add((answer.alerts[0].identity, answer.alerts[0].problem))
    assert len({identity for identity, _ in identities}) == 2
    assert len({problem for _, problem in identities}) == 2
