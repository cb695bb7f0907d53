"""Read JSON of another's making: each reader names, by JSON pointer, what it did not find."""

import orjson


class Unfit(Exception):  # noqa: N818 # it names what the document is
    """The document lacks what the source's format always has; `pointer` says where."""

    def __init__(self, pointer: str, expected: str, found: object = None) -> None:
        self.pointer = pointer
        super().__init__(f"{pointer or '(document)'}: {expected} expected, found {kind_of(found)}")


def kind_of(value: object) -> str:
    """Name the JSON type of a value, for messages that must not echo the value."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"


def as_object(value: object, pointer: str) -> dict[str, object]:
    """Give the value as an object.

    Raises:
        Unfit: it is something else.
    """
    if isinstance(value, dict):
        return value
    raise Unfit(pointer, "an object", value)


def as_list(value: object, pointer: str) -> list[object]:
    """Give the value as a list.

    Raises:
        Unfit: it is something else.
    """
    if isinstance(value, list):
        return value
    raise Unfit(pointer, "a list", value)


def object_or_empty(value: object) -> dict[str, object]:
    """Give the value as an object; anything else is an empty one. For members that may be missing."""
    return value if isinstance(value, dict) else {}


def list_or_empty(value: object) -> list[object]:
    """Give the value as a list; anything else is an empty one. For members that may be missing."""
    return value if isinstance(value, list) else []


def text_of(value: object) -> str | None:
    """Give the text of a value that should be a string.

    Strings are themselves; relays also write numbers and booleans, which become their JSON text, and so do lists and
    objects (keys sorted, for such a text may end in an identity). Null is None.
    """
    match value:
        case None:
            return None
        case str():
            return value
        case _:
            return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def id_of(value: object) -> str | None:
    """Give an identifier as text: a string or a whole number, for senders write either; anything else, and "", is None."""
    match value:
        case bool():
            return None
        case int():
            return str(value)
        case str():
            return value.strip() or None
        case _:
            return None


def texts_of(value: object) -> dict[str, str]:
    """Give an object of strings, such as labels; members that are null or empty are left out, as Alertmanager does."""
    texts = {}
    for name, member in object_or_empty(value).items():
        text = text_of(member)
        if text:
            texts[name] = text
    return texts
