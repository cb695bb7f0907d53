"""Paths into JSON that the owner of an integration writes: JSON pointers and JMESPath, both bounded.

A path that is empty or begins with `/` is a JSON pointer (RFC 6901), another is JMESPath; `^` in front reads the whole body
instead of one alert. Others' expressions run in the partition of everybody, so an expression cannot make its input grow
(few multi-selects, no lists or objects as literals, no `map` and `merge`, a bounded `join`) and evaluation has a budget.
"""

import re
import warnings
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jmespath import exceptions, functions, parser, visitor

if TYPE_CHECKING:
    from jmespath.visitor import _TreeNode

from tocsin_contracts.mapping import PATH_MAX

NODES_MAX = 80
DEPTH_MAX = 24
MULTI_SELECTS_MAX = 3
WIDTH_MAX = 16
BUDGET = 200_000
"""Steps of all paths of one delivery: about 100 ms. A thousand alerts with twenty simple paths take a third of it."""
JOINED_MAX = 16_384
_ROOT = "^"
_CACHED = 4_096
_NODES = frozenset(
    {
        *("field", "index", "slice", "subexpression", "index_expression", "projection", "value_projection", "filter_projection"),
        *("flatten", "current", "identity", "literal", "pipe", "or_expression", "and_expression", "not_expression", "comparator"),
        *("multi_select_list", "multi_select_dict", "key_val_pair", "function_expression", "expref"),
    }
)
_FUNCTIONS = frozenset(
    {
        *("abs", "avg", "ceil", "contains", "ends_with", "floor", "join", "keys", "length", "max", "max_by", "min", "min_by"),
        *("not_null", "reverse", "sort", "sort_by", "starts_with", "sum", "to_number", "to_string", "type", "values"),
    }
)
_GROWING = frozenset({"multi_select_list", "multi_select_dict"})


class UnfitPath(ValueError):  # noqa: N818 # it names what the path is
    """The path cannot be used; the text says why and repeats none of it."""


class OverBudget(Exception):  # noqa: N818 # it names what happened
    """The paths of one delivery took too many steps."""


@dataclass(slots=True)
class Budget:
    """Steps that are left for one delivery."""

    left: int = BUDGET

    def spend(self, steps: int) -> None:
        """Take steps.

        Raises:
            OverBudget: none are left.
        """
        self.left -= steps
        if self.left < 0:
            raise OverBudget


@dataclass(frozen=True, slots=True)
class Path:
    """A compiled path."""

    text: str
    of_root: bool
    """Whether it reads the whole body."""
    steps: tuple[str, ...] | None
    """Of a pointer: its unescaped names; None for JMESPath."""
    tree: "_TreeNode | None" = field(default=None, compare=False, repr=False)

    @property
    def pointer(self) -> str:
        """Give the JSON pointer of the place, as far as the path has one: JMESPath that is only names has."""
        if self.steps is not None:
            return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in self.steps)
        names = [] if self.tree is None else _plain_names(self.tree)
        return "" if names is None else "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names)

    def find(self, value: object, budget: Budget) -> object:
        """Give what stands there; None where nothing does, or where the expression does not fit what does.

        Raises:
            OverBudget: the delivery's paths took too many steps.
        """
        if self.steps is not None:
            budget.spend(len(self.steps) + 1)
            return _follow(value, self.steps)
        try:
            found: object = _Interpreter(budget).visit(self.tree, value) if self.tree is not None else None
        except (exceptions.JMESPathError, ArithmeticError, ValueError, TypeError, RecursionError):
            return None
        return found


@lru_cache(maxsize=_CACHED)
def compiled(text: str) -> Path:
    """Compile a path; the same text is compiled once.

    Raises:
        UnfitPath: it is none, or costs more than we allow.
    """
    if len(text) > PATH_MAX:
        raise UnfitPath(f"longer than {PATH_MAX} characters")
    of_root = text.startswith(_ROOT)
    path = text.removeprefix(_ROOT) if of_root else text
    if path == "" or path.startswith("/"):
        if _STRAY_TILDE.search(path) is not None:
            raise UnfitPath("a JSON pointer writes ~ as ~0 and / as ~1; no other ~ stands in one")
        return Path(text, of_root, tuple(_unescaped(name) for name in path.split("/")[1:]))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # an old form of literals is only warned of
            tree = parser.Parser().parse(path).parsed
    except exceptions.JMESPathError as error:
        raise UnfitPath(f"not JMESPath{_place(error)}") from None
    except (Warning, ValueError, RecursionError, AttributeError, TypeError):
        raise UnfitPath("not JMESPath") from None
    _check(tree)
    return Path(text, of_root, None, tree)


class _Functions(functions.Functions):
    """The functions of JMESPath, with a `join` whose result is bounded."""

    @functions.signature({"types": ["string"]}, {"types": ["array-string"]})
    def _func_join(self, separator: str, array: list[str]) -> str:
        if sum(map(len, array)) + len(separator) * len(array) > JOINED_MAX:
            raise ValueError("too long")
        return separator.join(array)


class _Interpreter(visitor.TreeInterpreter):
    """Evaluates an expression within a budget."""

    _TABLE = _Functions()

    def __init__(self, budget: Budget) -> None:
        super().__init__(visitor.Options(custom_functions=self._TABLE))
        self._budget = budget

    def visit(self, node: "_TreeNode", *args: Any, **kwargs: Any) -> Any:
        """Evaluate one node; what it makes is paid for too, for lists are made without visits."""
        self._budget.spend(1)
        result = super().visit(node, *args, **kwargs)
        if isinstance(result, (list, dict)):
            self._budget.spend(len(result) >> 3)
        elif isinstance(result, str):
            self._budget.spend(len(result) >> 6)
        return result


def _check(tree: "_TreeNode") -> None:
    """Refuse what could cost more than its input is worth; level by level, so that no depth exhausts the stack."""
    level, depth, count, growing, width = [tree], 0, 0, 0, 1
    while level:
        depth, count = depth + 1, count + len(level)
        if depth > DEPTH_MAX or count > NODES_MAX:
            raise UnfitPath(f"more than {NODES_MAX} parts, or nested deeper than {DEPTH_MAX}")
        for node in level:
            _check_node(node)
            if node["type"] in _GROWING:
                growing, width = growing + 1, width * max(1, len(node["children"]))
        children = [child for node in level for child in node["children"]]
        level = [child for child in children if isinstance(child, dict)]  # type: ignore[redundant-expr] # a slice's are numbers
    if growing > MULTI_SELECTS_MAX or width > WIDTH_MAX:
        raise UnfitPath(f"more than {MULTI_SELECTS_MAX} multi-selects, or wider than {WIDTH_MAX} together")


def _check_node(node: "_TreeNode") -> None:
    kind, value = node["type"], node.get("value")
    if kind not in _NODES:
        raise UnfitPath("a part of JMESPath that is not allowed")
    if kind == "function_expression" and value not in _FUNCTIONS:
        raise UnfitPath(f"only these functions are allowed: {', '.join(sorted(_FUNCTIONS))}")
    if kind == "literal" and isinstance(value, (list, dict)):
        raise UnfitPath("a literal may be text, a number, true, false or null")


def _follow(value: object, steps: tuple[str, ...]) -> object:
    for name in steps:
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.isascii() and name.isdigit() and len(name) < 8 and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


_STRAY_TILDE = re.compile(r"~(?![01])")
"""What RFC 6901 has no meaning for."""


def _unescaped(name: str) -> str:
    return name.replace("~1", "/").replace("~0", "~")


def _plain_names(tree: "_TreeNode") -> list[str] | None:
    """Give the names of an expression that is nothing but names and dots; None for any other."""
    if tree["type"] == "field":
        return [str(tree["value"])]
    if tree["type"] != "subexpression":
        return None
    names: list[str] = []
    for child in tree["children"]:
        inner = _plain_names(child)
        if inner is None:
            return None
        names += inner
    return names


def _place(error: exceptions.JMESPathError) -> str:
    position = getattr(error, "lex_position", None)
    return f" at character {position + 1}" if isinstance(position, int) else ""
