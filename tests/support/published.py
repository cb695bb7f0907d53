"""The published OpenAPI document as a judge: is an answer what it says?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped] # its stubs are one more package

Json = dict[str, Any]


@dataclass(slots=True)
class Published:
    """The document, and which of its promises were seen kept."""

    document: Json
    seen: set[tuple[str, int]] = field(default_factory=set)
    """Operation ids and statuses."""

    def operations(self) -> Mapping[str, tuple[str, str, Json]]:
        """Give method, path and description of every operation by its id."""
        return {
            operation["operationId"]: (method.upper(), path, operation)
            for path, item in self.document["paths"].items()
            for method, operation in item.items()
            if method != "servers"
        }

    def check(self, name: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Hold an answer against what an operation promises; every promised header must be there."""
        _, _, operation = self.operations()[name]
        assert str(status) in operation["responses"], (name, status, body)
        response = self._resolved(operation["responses"][str(status)])
        given = {each.lower() for each in headers}
        for header in response.get("headers", {}):
            assert header.lower() in given, (name, status, header)
        content = response.get("content", {})
        media = headers.get("Content-Type", "").split(";")[0]
        if not content:
            assert not body, (name, status, body)
        else:
            found = content.get(media, content.get("*/*"))
            assert found is not None, (name, status, media)
            self._validate(found["schema"], body, (name, status))
        self.seen.add((name, status))

    def _validate(self, schema: Json, body: bytes, what: object) -> None:
        if schema:
            whole = {**schema, "components": self.document["components"]}
            validator = Draft202012Validator(whole, format_checker=FormatChecker())
            assert not [error.message for error in validator.iter_errors(orjson.loads(body))], (what, body)

    def _resolved(self, found: Json) -> Json:
        while "$ref" in found:
            place: Any = self.document
            for step in found["$ref"].split("/")[1:]:
                place = place[step]
            found = place
        return found
