"""`.tocsin/demo.json` is for its owner only, and is read back as it was written."""

from pathlib import Path

import pytest

from tocsin.demo.keeping import DemoIntegration, DemoTenant, read_demo, write_demo
from tocsin.local.home import Home
from tocsin_runtime.errors import Fatal

DEMO = DemoTenant(
    url="http://127.0.0.1:8080",
    tenant="T1",
    api_key="tocsin_key",
    integrations={"alertmanager": DemoIntegration(id="I1", secret="whsec_1")},
    sent={"alertmanager/a": "d1"},
)


def test_what_was_kept_is_read_back_and_closed_to_others(tmp_path: Path) -> None:
    home = Home(root=tmp_path)
    assert read_demo(home) is None
    write_demo(home, DEMO)
    assert read_demo(home) == DEMO
    assert home.demo.stat().st_mode & 0o777 == 0o600


def test_a_file_that_others_can_read_is_refused_with_the_command_that_mends_it(tmp_path: Path) -> None:
    home = Home(root=tmp_path)
    write_demo(home, DEMO)
    home.demo.chmod(0o644)
    with pytest.raises(Fatal, match="chmod 600"):
        read_demo(home)


@pytest.mark.parametrize("text", ["", "{", '{"url": "whsec_1"}', "[]"])
def test_a_damaged_file_is_named_and_its_content_is_not(text: str, tmp_path: Path) -> None:
    home = Home(root=tmp_path)
    write_demo(home, DEMO)
    home.demo.write_text(text)
    with pytest.raises(Fatal, match="Delete it") as error:
        read_demo(home)
    assert "whsec_1" not in str(error.value)


def test_keys_and_secrets_do_not_show_in_logs() -> None:
    assert "tocsin_key" not in repr(DEMO)
    assert "whsec_1" not in repr(DEMO)
