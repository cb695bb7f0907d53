"""YAML as people write configuration: plain values, and the line on which each stands.

YAML 1.2, so `no` is a word and a repeated key is an error. Aliases are refused: a few lines of them make gigabytes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from tocsin_control.errors import Refused

SIZE_MAX = 1 << 20
DEPTH_MAX = 40
Place = tuple[str | int, ...]
_ADVICE = (
    ("'\\t'", "indent with spaces, not with tabs"),
    ("another document", "a file holds one, without a line of ---"),
    ("expected <block end>", "look at the indentation here, and of the lines above"),
    ("mapping values are not allowed", "a value with a colon and a space stands in quotes"),
    ("could not determine a constructor", "no tags (!...) are read"),
)
"""Words of the parser, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A document, and where its parts stand."""

    document: object
    lines: Mapping[Place, int]
    """Line numbers from 1, by place: the key's line for a member."""

    def line(self, place: Place) -> int:
        """Give the line of a place; of what is missing, that of what should hold it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def read_yaml(text: str, name: str) -> Written:
    """Read one document.

    Args:
        text: what the file holds.
        name: of the file, for messages.

    Raises:
        Refused: one line that begins `name:line:`.
    """
    if len(text) > SIZE_MAX:
        raise Refused(f"{name}: larger than {SIZE_MAX} bytes")
    try:
        _check(text, name)
        root = _yaml().compose(text)
        document = _yaml().load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"{mark.line + 1}:" if mark is not None else ""
        raise Refused(f"{name}:{line} {_worded(' '.join(str(error.problem or error.context).split()))}") from error
    except YAMLError as error:
        raise Refused(f"{name}: not YAML: {' '.join(str(error).split())[:200]}") from error
    except (ValueError, RecursionError) as error:  # a date that is none; brackets without an end
        raise Refused(f"{name}: not YAML that we read") from error
    if root is None:
        raise Refused(f"{name}:1: the file is empty")
    return Written(document=document, lines=dict(_lines(root, ())))


def _worded(problem: str) -> str:
    """Say what to do about what the parser's words do not make plain."""
    return next((f"{problem}: {advice}" for part, advice in _ADVICE if part in problem), problem)


def _check(text: str, name: str) -> None:
    """Refuse aliases, and depth: the parser's time grows with the square of it."""
    depth = 0
    for event in _yaml().parse(text):
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > DEPTH_MAX:
            raise Refused(f"{name}:{event.start_mark.line + 1}: deeper than {DEPTH_MAX}")
        if isinstance(event, AliasEvent):
            raise Refused(f"{name}:{event.start_mark.line + 1}: aliases (*{event.anchor}) are not read: write it out")


def _yaml() -> YAML:
    return YAML(typ="safe", pure=True)


def _lines(node: Node, place: Place) -> Iterator[tuple[Place, int]]:
    yield place, node.start_mark.line + 1
    if isinstance(node, MappingNode):
        for key, value in node.value:
            inner = (*place, str(key.value))
            yield from _lines(value, inner)
            yield inner, key.start_mark.line + 1  # after the value's own: a block's value begins on the next line
    elif isinstance(node, SequenceNode):
        for number, value in enumerate(node.value):
            yield from _lines(value, (*place, number))
