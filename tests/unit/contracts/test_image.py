"""The image of a delivery is read as it was written, and says a shared text once."""

from typing import Any

import orjson
import pytest
from hypothesis import given

from tests.support.folding import Folding, firing
from tests.unit.contracts.drawn import QUICKLY, images
from tocsin_contracts.image import Image, decode_image, encode_image
from tocsin_contracts.image_alert import FIELDS

SHARED = "a text that every alert of the delivery has in common"


@QUICKLY
@given(images())
def test_an_image_is_read_as_it_was_written(image: Image) -> None:
    assert decode_image(encode_image(image)) == image


@QUICKLY
@given(images())
def test_writing_what_was_read_gives_the_same_bytes(image: Image) -> None:
    """An image has one form: a rebuilt one can be compared byte for byte."""
    written = encode_image(image)
    assert encode_image(decode_image(written)) == written


def test_a_text_that_alerts_share_is_stored_once() -> None:
    """DESIGN 3, "Sizes": in fields and in the values of labels."""
    alerts = [
        firing(f"a{number}", title=SHARED, description=SHARED, labels={"l": SHARED}, raw=SHARED, content="c")
        for number in range(50)
    ]
    image = Folding().image(*alerts)
    assert encode_image(image).count(SHARED.encode()) == 1
    assert decode_image(encode_image(image)).alerts == alerts


@pytest.mark.parametrize("field", ["title", "description", "link", "service", "environment", "team", "project", "problem", "raw"])
def test_every_long_field_can_share_its_text(field: str) -> None:
    alerts = [firing(**{"identity": f"a{number}", "content": "c", field: SHARED}) for number in range(2)]
    assert encode_image(Folding().image(*alerts)).count(SHARED.encode()) == 1


def test_a_text_of_one_alert_alone_has_no_index() -> None:
    document = orjson.loads(encode_image(Folding().image(firing("a", title=SHARED), firing("b", title="another title"))))
    assert document["texts"] == []


@pytest.mark.parametrize("version", [0, 3, None])
def test_an_image_of_another_version_is_refused(version: object) -> None:
    document = orjson.loads(encode_image(Folding().image())) | {"v": version}
    with pytest.raises(ValueError, match="upgrade consumers first"):
        decode_image(orjson.dumps(document))


def test_members_of_a_newer_writer_are_passed_over() -> None:
    image = Folding().image(firing("a"))
    document = orjson.loads(encode_image(image))
    document["new"], document["settings"]["new"] = 1, 3
    document["alerts"][0].append(2)
    assert decode_image(orjson.dumps(document)) == decode_image(encode_image(image))


@QUICKLY
@given(images())
def test_an_image_whose_alerts_named_their_fields_is_read_as_before(image: Image) -> None:
    """Version 1: topics hold such images until they are mapped anew; a rolling upgrade reads them meanwhile."""
    document = orjson.loads(encode_image(image)) | {"v": 1}
    document["alerts"] = [_named(alert) for alert in document["alerts"]]
    assert decode_image(orjson.dumps(document)) == image


def _named(alert: list[Any]) -> dict[str, Any]:
    """Write an alert as version 1 did: what says nothing was left out, and no bits told what is shared."""
    named = dict(zip(FIELDS, alert, strict=True))
    return {name: value for name, value in named.items() if value is not None and name != "shared"}
