"""The rule sets of many tenants, made ready when somebody asks; together they take so much memory and no more."""

import json
from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final
from zlib import compress, decompress

from tocsin_contracts.record import record
from tocsin_rules.compiled import CompiledRules, compile_rules
from tocsin_rules.reading import read_rule_set

SHELF_MAX_BYTES: Final = 256 << 20
_LOOKED_AT: Final = 1_024
"""Ready rule sets grow by what they remember, so their sizes are added up again after so many questions."""


@record
class Written:
    """A rule set as it is kept for good: a fraction of its document's size."""

    digest: bytes
    packed: bytes


def write(document: Mapping[str, Any]) -> Written:
    """Pack a document."""
    data = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return Written(digest=sha256(data).digest(), packed=compress(data))


class Shelf:
    """Keeps the rule sets ready that were used last; the same document is made ready once, whoever's it is.

    It never decides anything: a rule set that lost its place is made ready again when it is asked for.
    """

    def __init__(self, bytes_max: int = SHELF_MAX_BYTES) -> None:
        self.bytes_max = bytes_max
        """Of all ready rule sets, about; one is kept whatever it takes."""
        self._ready: OrderedDict[bytes, CompiledRules] = OrderedDict()
        self._asked = 0

    def ready(self, written: Written) -> CompiledRules:
        """Give a rule set ready.

        Raises:
            ValueError: not a rule set that this release reads; what was ready once always is.
        """
        self._asked += 1
        found = self._ready.get(written.digest)
        if found is None:
            found = self._ready[written.digest] = compile_rules(read_rule_set(json.loads(decompress(written.packed))))
            self._trim()
        else:
            self._ready.move_to_end(written.digest)
            if self._asked % _LOOKED_AT == 0:
                self._trim()
        return found

    def _trim(self) -> None:
        taken = sum(rules.taken for rules in self._ready.values())
        while taken > self.bytes_max and len(self._ready) > 1:
            _, forgotten = self._ready.popitem(last=False)
            taken -= forgotten.taken


SHELF: Final = Shelf()
"""Of this process."""
