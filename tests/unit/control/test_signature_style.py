"""An integration may be set to the form in which its sender signs (D1): vectors made by other tools than ours."""

import base64
import hashlib
import hmac

import pytest

from tocsin_control.documents import IntegrationDocument, UnfitDocument, read_integration
from tocsin_control.signature_style import SignatureStyle
from tocsin_sources.signature import Accepted, Rejected, Rejection, SignedRequest

SECOND = 1_000_000
SLACK_SECRET = b"8f742231b10e8888abcd99yyyzzz85a5"
SLACK_BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
    b"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"
    b"%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121"
    b".803a0bc887a14d10d2c447fce8b6703c"
)
SLACK_SIGNATURE = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
SLACK_TIME = 1_531_420_618
"""The worked example of Slack's documentation, "Verifying requests from Slack"."""


def style(**members: object) -> SignatureStyle:
    found = read_integration(IntegrationDocument, {"name": "x", "signature_style": members}).terms().signature_style
    assert found is not None
    return found


def slack(**members: object) -> SignatureStyle:
    form = {"format": "v0=hex", "signs": "v0:time:body", "time_header": "X-Slack-Request-Timestamp"}
    return style(header="X-Slack-Signature", **{**form, **members})


def verdict(
    how: SignatureStyle, headers: dict[str, str], body: bytes, secret: bytes, at_s: int = SLACK_TIME
) -> Accepted | Rejected:
    return how.scheme().verify(SignedRequest(headers=headers, body=body, now=at_s * SECOND), [secret])


def slack_headers() -> dict[str, str]:
    return {"x-slack-signature": SLACK_SIGNATURE, "x-slack-request-timestamp": str(SLACK_TIME)}


def test_the_worked_example_of_slack_is_accepted() -> None:
    assert verdict(slack(), slack_headers(), SLACK_BODY, SLACK_SECRET) == Accepted(0)
    assert verdict(slack(), slack_headers(), SLACK_BODY + b"&", SLACK_SECRET) == Rejected(Rejection.WRONG)
    other = {**slack_headers(), "x-slack-request-timestamp": str(SLACK_TIME + 1)}
    assert verdict(slack(), other, SLACK_BODY, SLACK_SECRET) == Rejected(Rejection.WRONG)


@pytest.mark.parametrize(
    ("tolerance_s", "off_s", "fresh"), [(300, 300, True), (300, 301, False), (10, 10, True), (10, -11, False)]
)
def test_a_signed_time_counts_as_long_as_the_integration_says(tolerance_s: int, off_s: int, fresh: bool) -> None:
    given = verdict(slack(tolerance_s=tolerance_s), slack_headers(), SLACK_BODY, SLACK_SECRET, SLACK_TIME + off_s)

    assert given == (Accepted(0) if fresh else Rejected(Rejection.STALE))


def test_the_well_known_vectors_of_hmac_are_accepted_in_each_form() -> None:
    """RFC 4231, test case 2, for SHA-256 and SHA-512; RFC 2202, test case 2, for SHA-1."""
    key, body = b"Jefe", b"what do ya want for nothing?"
    sha256 = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    sha512 = (
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
        "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"
    )
    sha1 = "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
    for form, algorithm, text in (
        ("hex", "hmac-sha256", sha256),
        ("hex", "hmac-sha256", sha256.upper()),
        ("sha256=hex", "hmac-sha256", f"sha256={sha256}"),
        ("v1=hex-list", "hmac-sha256", f"v1=00, v1={sha256}"),
        ("hex", "hmac-sha512", sha512),
        ("sha1=hex", "hmac-sha1", f"sha1={sha1}"),
        ("base64", "hmac-sha256", base64.b64encode(bytes.fromhex(sha256)).decode()),
    ):
        how = style(header="X-Sig", format=form, algorithm=algorithm)
        assert verdict(how, {"x-sig": text}, body, key) == Accepted(0), form
        assert verdict(how, {"x-sig": text}, body, b"other") == Rejected(Rejection.WRONG), form


@pytest.mark.parametrize(("signs", "before"), [("time:body", "1531420618:"), ("time.body", "1531420618.")])
def test_a_time_may_be_signed_in_other_ways(signs: str, before: str) -> None:
    digest = hmac.new(b"key", before.encode() + b"{}", hashlib.sha256).hexdigest()
    headers = {"x-sig": digest, "x-time": "1531420618"}

    assert verdict(style(header="X-Sig", signs=signs, time_header="X-Time"), headers, b"{}", b"key") == Accepted(0)
    assert verdict(style(header="X-Sig", signs=signs, time_header="X-Time"), {"x-sig": digest}, b"{}", b"key") == Rejected(
        Rejection.NO_CREDENTIALS
    )


def test_a_header_may_hold_the_secret_itself() -> None:
    how = style(header="X-Our-Key", format="secret")

    assert verdict(how, {"x-our-key": "whsec_one"}, b"{}", b"whsec_one") == Accepted(0)
    assert verdict(how, {"x-our-key": "whsec_two"}, b"{}", b"whsec_one") == Rejected(Rejection.WRONG)


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"header": "X-Sig", "format": "md5"}, "/signature_style/format"),
        ({"header": "X-Sig", "format": "=hex"}, "/signature_style/format"),
        ({"header": "X-Sig", "algorithm": "hmac-md5"}, "/signature_style/algorithm"),
        ({"header": "X-Sig", "signs": "time:body"}, "/signature_style"),
        ({"header": "X-Sig", "time_header": "X-Time"}, "/signature_style"),
        ({"header": "X-Sig", "format": "secret", "signs": "time:body", "time_header": "X-T"}, "/signature_style"),
        ({"header": "X-Sig", "tolerance_s": 0}, "/signature_style/tolerance_s"),
        ({"header": "X-Sig", "tolerance_s": 3_601}, "/signature_style/tolerance_s"),
        ({"header": "X Sig"}, "/signature_style/header"),
    ],
)
def test_a_style_that_holds_nothing_is_refused(members: dict[str, object], pointer: str) -> None:
    with pytest.raises(UnfitDocument) as unfit:
        style(**members)

    assert [fault.pointer for fault in unfit.value.faults] == [pointer]
