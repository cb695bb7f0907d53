"""Whether one list of matchers can only hold where another does: sound, and not complete (no expression is solved)."""

from collections.abc import Sequence

from tocsin_rules.matcher import Matcher, Operator


def implies(narrow: Sequence[Matcher], wide: Sequence[Matcher]) -> bool:
    """Tell whether every alert that fulfils `narrow` fulfils `wide`; False where that cannot be seen easily."""
    return all(any(_implies(one, matcher) for one in narrow) or _always(matcher) for matcher in wide)


def _implies(narrow: Matcher, wide: Matcher) -> bool:
    if narrow.field != wide.field:
        return False
    if (narrow.operator, narrow.value) == (wide.operator, wide.value):
        return True
    texts = texts_of(narrow)
    return texts is not None and all(wide.holds(text) for text in texts)


def texts_of(matcher: Matcher) -> tuple[str, ...] | None:
    """Give the only values for which a matcher holds, where they are few."""
    match matcher.operator:
        case Operator.EQUAL:
            return (matcher.wanted,)
        case Operator.MATCH:
            texts = matcher.regex.literals
            return texts if texts is None or not matcher.regex.ignore_case else tuple(text.upper() for text in texts)
        case _:
            return None


def _always(matcher: Matcher) -> bool:
    return matcher.operator is Operator.MATCH and matcher.value in {".*", "(?s).*"}
