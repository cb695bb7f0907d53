"""What is the local instance's own address, and what only looks like it."""

import pytest

from tocsin.demo.own_address import is_own

OWN = "http://127.0.0.1:8080"


@pytest.mark.parametrize("said", [OWN, OWN + "/", "HTTP://127.0.0.1:8080", "http://localhost:8080", " http://LOCALHOST.:8080/ "])
def test_another_spelling_is_the_same_address(said: str) -> None:
    assert is_own(OWN, said)


@pytest.mark.parametrize(
    "said",
    [
        "http://127.0.0.1:8081",
        "http://127.0.0.1",
        "https://127.0.0.1:8080",
        "http://127.0.0.1:8080@evil.example",
        "http://user@127.0.0.1:8080",
        "http://@127.0.0.1:8080",
        "http://127.0.0.1:8080/elsewhere",
        "http://127.0.0.1:8080?x",
        "http://127.0.0.1:8080#x",
        "http://127.0.0.1:8080\\@evil.example",
        "http://127.0.0.1.evil.example:8080",
        "http://localhost.evil.example:8080",
        "http://[::1]:8080",
        "http://[",
        "http://127.0.0.1:x",
        "127.0.0.1:8080",
        "//127.0.0.1:8080",
        "ftp://127.0.0.1:8080",
        "",
    ],
)
def test_what_is_more_or_less_is_another_address(said: str) -> None:
    assert not is_own(OWN, said)


def test_a_scheme_has_its_own_port() -> None:
    assert is_own("https://tocsin.example", "https://Tocsin.example:443/")
    assert not is_own("https://tocsin.example", "http://tocsin.example:443/")
