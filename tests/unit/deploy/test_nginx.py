"""The files for nginx say what the rest of the project says: routes, problem types, bounds."""

import json
import re
from pathlib import Path

from tocsin_contracts.problem import ProblemType
from tocsin_contracts.topics import BODY_MAX_BYTES
from tocsin_ingest.settings import IngestSettings
from tools.nginx_routes import TARGET, render

CONF = TARGET.parent
_PROBLEM = re.compile(r"return (\d+) '(\{.*\})';")


def said(name: str) -> str:
    return Path(CONF / "nginx.conf").read_text("utf-8").partition(f"\n        {name} ")[2].partition(";")[0]


def test_the_routes_are_those_of_the_one_table() -> None:
    """Run `make nginx` where this fails."""
    assert TARGET.read_text("utf-8") == render()


def test_problems_of_nginx_are_of_known_types_and_name_their_status() -> None:
    found = _PROBLEM.findall((CONF / "problems.conf").read_text("utf-8"))
    assert len(found) == 9
    for status, text in found:
        problem = json.loads(text)
        assert (problem["status"], ProblemType(problem["type"])) == (int(status), problem["type"])


def test_what_nginx_lets_pass_is_what_ingest_takes() -> None:
    settings = IngestSettings()
    assert said("client_max_body_size") == f"{BODY_MAX_BYTES // (1 << 20)}m"
    assert said("client_header_timeout") == f"{settings.headers_deadline_s:.0f}s"
    assert said("client_body_timeout") == f"{settings.body_deadline_s:.0f}s"
    assert said("keepalive_timeout") == f"{settings.idle_s:.0f}s"
    assert said("large_client_header_buffers") == "4 8k"
    assert int(said("proxy_read_timeout").removesuffix("s")) > settings.command_wait_max_s
    assert int(said("proxy_send_timeout").removesuffix("s")) > settings.body_deadline_s


def test_a_kept_connection_ends_at_nginx_before_it_ends_at_a_service() -> None:
    """Else a POST now and then is sent on a connection that the service just closed."""
    kept = [int(seconds) for seconds in re.findall(r"keepalive_timeout (\d+)s", (CONF / "site" / "http.conf").read_text("utf-8"))]
    assert len(kept) == 2
    assert max(kept) < IngestSettings().idle_s


def test_no_post_is_ever_sent_twice() -> None:
    assert said("proxy_next_upstream") == "error timeout"
