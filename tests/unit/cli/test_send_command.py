"""`tocsin send` says what is missing before anything is sent, and addresses a stream to the demo's integrations."""

import time
from itertools import islice
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tocsin.commands import send
from tocsin.demo.addressing import recipients
from tocsin.demo.keeping import DemoIntegration, DemoTenant, write_demo
from tocsin.local.home import Home
from tocsin.streams.registry import SOURCES
from tocsin.streams.stream import stream
from tocsin_contracts.times import SECOND, to_datetime
from tocsin_runtime.errors import Fatal

DEMO = DemoTenant(
    url="http://127.0.0.1:1",
    tenant="T1",
    api_key="tocsin_key",
    integrations={source: DemoIntegration(id=f"I{source}", secret="s" * 32) for source in SOURCES},
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.chdir(tmp_path)
    made = Home(root=tmp_path / ".tocsin")
    made.root.mkdir(mode=0o700)
    return made


def run(*arguments: str) -> tuple[int, str, BaseException | None]:
    app = typer.Typer()
    send.register(app)
    done = CliRunner().invoke(app, arguments)
    return done.exit_code, done.output, done.exception


def test_without_a_demo_it_says_what_to_do(home: Home) -> None:
    for arguments in (("stream",), ("github",), ("github", "--no-sign")):
        _, _, error = run(*arguments)
        assert isinstance(error, Fatal)
        assert "run 'tocsin demo' first" in str(error)


def test_a_demo_of_an_older_release_is_named_with_what_it_lacks(home: Home) -> None:
    write_demo(home, DEMO.model_copy(update={"integrations": {"sentry": DEMO.integrations["sentry"]}}))
    for arguments in (("stream",), ("github",)):
        _, _, error = run(*arguments)
        assert isinstance(error, Fatal)
        assert "github" in str(error)


def test_a_stream_takes_no_case_and_no_integration_and_an_unknown_source_has_no_samples(home: Home) -> None:
    for arguments in (("stream", "--case", "x"), ("stream", "--integration", "I1"), ("nagios-of-mars",), ("nope", "--list")):
        code, _, _ = run(*arguments)
        assert code == 2, arguments


def test_a_secret_of_one_integration_never_goes_to_another(home: Home) -> None:
    write_demo(home, DEMO)
    _, _, error = run("github", "--integration", "other")
    assert isinstance(error, Fatal)
    assert "--secret" in str(error)


def test_samples_can_be_listed_without_a_demo(home: Home) -> None:
    code, said, _ = run("gitlab", "--list")
    assert code == 0
    assert "pipeline_failed" in said


def test_the_demos_recipients_have_its_secrets_unless_nothing_is_to_be_proven() -> None:
    assert {each.secret for each in recipients(DEMO).values()} == {"s" * 32}
    assert {each.secret for each in recipients(DEMO, url="http://x/", sign=False).values()} == {None}
    assert {each.url for each in recipients(DEMO, url="http://x/", sign=False).values()} == {"http://x"}
    with pytest.raises(Fatal, match=r"http://127\.0\.0\.1:1 only"):
        recipients(DEMO, url="http://x/")


def test_a_stream_is_written_at_the_pace_at_which_it_is_sent() -> None:
    start = 1_772_446_530 * SECOND
    traffic = send._traffic(100, 20.0, 5, to_datetime(start).replace(tzinfo=None))
    assert (traffic.start_at, traffic.rate_per_s, traffic.seed) == (start, 20.0, 5)
    last = list(islice(stream(traffic), 100))[-1]
    assert 3 * SECOND < last.leaves_at - start < 9 * SECOND


def test_without_a_start_a_stream_ends_about_now() -> None:
    before = time.time_ns() // 1000
    traffic = send._traffic(60, None, 7, None)
    assert before <= traffic.start_at + 60 * SECOND <= time.time_ns() // 1000
