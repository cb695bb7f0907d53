"""Records of `tocsin.alerts` are read, or stop the grouper with a sentence that says what to do: never with a traceback."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from tests.support.folding import Folding, firing
from tests.support.images import entry_of
from tocsin_contracts.image import decode_image, encode_image
from tocsin_contracts.position import Position
from tocsin_grouper.decoding import decode, stamp_of
from tocsin_grouper.domain.fold import LogRecord
from tocsin_runtime.errors import Fatal
from tocsin_runtime.log import Record


def record(value: bytes) -> Record:
    """Give a record of an image whose value is `value`."""
    image = Folding().image(firing("a"))
    entry = entry_of(LogRecord(position=Position(0, 7), appended_at=0, release="1", payload=image))
    return Record(0, 7, 0, entry.key, value, entry.headers)


def _shorten(document: dict[str, Any]) -> None:
    document["alerts"][0] = document["alerts"][0][:5]


def _empty(document: dict[str, Any]) -> None:
    document["alerts"][0] = []


def _name(document: dict[str, Any]) -> None:
    document["alerts"][0] = {"id": "x"}


def _mistake(document: dict[str, Any]) -> None:
    document["alerts"][0][13] = "neither"


def _leave_out(document: dict[str, Any]) -> None:
    document["v"], document["alerts"] = 1, [{"id": "x", "status": "firing"}]


@pytest.mark.parametrize("spoil", [_shorten, _empty, _name, _mistake, _leave_out], ids=lambda spoil: spoil.__name__.strip("_"))
def test_an_image_that_no_normalizer_wrote_stops_the_grouper_with_a_sentence(spoil: Callable[[dict[str, Any]], None]) -> None:
    document = orjson.loads(encode_image(Folding().image(firing("a"))))
    spoil(document)
    spoilt = record(orjson.dumps(document))
    with pytest.raises(Fatal, match=r"record 0:7 .* cannot be read by this release"):
        decode(spoilt, stamp_of(spoilt))


def test_a_record_is_read_with_the_place_and_the_release_of_its_stamp() -> None:
    written = encode_image(Folding().image(firing("a")))
    whole = record(written)
    read = decode(whole, stamp_of(whole))
    assert (read.position, read.release) == (Position(0, 7), "1")
    assert read.payload == decode_image(written)
