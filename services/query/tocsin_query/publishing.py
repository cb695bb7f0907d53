"""The published OpenAPI document: this service's part, and the gateway's, which `make openapi` writes beside this file.

Services never import each other: the gateway describes itself in a file that ships here, and a test holds it against the gateway.
"""

from collections.abc import Iterable
from importlib.resources import files
from typing import Final

import orjson

from tocsin_query.endpoints import Endpoint
from tocsin_query.openapi import Json, document

GATEWAY_FILE: Final = "gateway.json"
OPENAPI_PATH: Final = "/api/v1/openapi.json"
_ITSELF: Final[Json] = {
    "servers": [{"url": "/api/v1"}],
    "get": {
        "operationId": "getOpenapi",
        "summary": "Give this document; no key is needed.",
        "tags": ["documents"],
        "security": [],
        "parameters": [],
        "responses": {"200": {"description": "The document.", "content": {"application/json": {"schema": {"type": "object"}}}}},
    },
}


def published(endpoints: Iterable[Endpoint], *, version: str) -> Json:
    """Describe every public path, whichever service answers it.

    Args:
        endpoints: what this service routes.
        version: of this release.
    """
    made = document(endpoints, version=version)
    gateway: Json = orjson.loads(files("tocsin_query").joinpath(GATEWAY_FILE).read_bytes())
    for path, item in gateway["paths"].items():
        made["paths"][path] = {**made["paths"].get(path, {}), **item}
    made["paths"][OPENAPI_PATH.removeprefix("/api/v1")] = _ITSELF
    for kind, named in gateway["components"].items():
        made["components"][kind] = _joined(made["components"].get(kind, {}), named)
    told = {tag["name"] for tag in gateway["tags"]}
    own = sorted({endpoint["get"]["tags"][0] for endpoint in made["paths"].values() if "get" in endpoint} - told)
    made["tags"] = [*gateway["tags"], *({"name": name} for name in own)]
    return made


def _joined(ours: Json, theirs: Json) -> Json:
    """Put components together.

    Raises:
        ValueError: one name for two things.
    """
    for name in ours.keys() & theirs.keys():
        if ours[name] != theirs[name]:
            raise ValueError(f"both services describe {name!r}, each in its way: one needs another name")
    return {**ours, **theirs}
