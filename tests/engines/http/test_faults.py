"""Servers that fail: every request has one outcome, and every outcome has its reason."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from evalkit.engines.http import HTTP
from evalkit.errors import EngineError
from evalkit.records import Completion, Request

HERE = Path(__file__).parent
Ask = Callable[..., Request]
Connect = Callable[..., HTTP]
Serve = Callable[..., Any]


def by_land(completions: Any, requests: list[Request]) -> dict[str, Completion]:
    """Completions by the id of what they answer: one for each request, or this fails."""
    names = {r.key: r.sample.id for r in requests}
    found = list(completions)
    assert Counter(c.key for c in found) == Counter(list(names))
    return {names[c.key]: c for c in found}


PASSING = ["429", "429:0", "500", "502", "503", "408", "409", "425", "cut", "drop", "malformed", "truncated"]


def test_failures_that_pass_are_asked_again_until_they_have(serve: Serve, connect: Connect, ask: Ask) -> None:
    server = serve({f"Land{i}": [fault, "ok"] for i, fault in enumerate(PASSING)})
    requests = [ask(i) for i in range(40)]
    found = by_land(connect(server).generate(requests), requests)
    assert {name: c.text for name, c in found.items()} == {f"c{i}": f"City{i}" for i in range(40)}
    assert len(server.asked) == 40 + len(PASSING)


REASONS = {
    "429": "HTTP 429: no (after 2 attempts)",
    "500": "HTTP 500: no (after 2 attempts)",
    "503": "HTTP 503: no (after 2 attempts)",
    "cut": "the connection closed in the middle of the reply (status 200) (after 2 attempts)",
    "drop": "the connection closed before the reply began (after 2 attempts)",
    "stall": "the reply stalled: nothing came for 0.2 s (after 2 attempts)",
    "malformed": "the reply is not JSON (",
    "truncated": "the reply is not JSON (",
    "400:the prompt has 9 tokens too many": "HTTP 400: the prompt has 9 tokens too many",
    "413:too large": "HTTP 413: too large",
    "422:no such field": "HTTP 422: no such field",
}


def test_failures_that_stay_are_that_requests_error_each_with_its_reason(
    serve: Serve, connect: Connect, ask: Ask
) -> None:
    server = serve({f"Land{i}": [fault] for i, fault in enumerate(REASONS)})
    requests = [ask(i) for i in range(40)]
    engine = connect(server, attempts=2, stall_timeout=0.2, failures=100)
    found = by_land(engine.generate(requests), requests)
    for i, (fault, reason) in enumerate(REASONS.items()):
        completion = found[f"c{i}"]
        assert completion.error.startswith(reason) and completion.finish == "error" and not completion.text
        assert server.attempts[f"Land{i}"] == (1 if fault.startswith("4") and fault[:3] != "429" else 2)
    assert all(found[f"c{i}"].text == f"City{i}" for i in range(len(REASONS), 40))


def test_a_server_that_does_not_answer_in_time_is_given_up(serve: Serve, connect: Connect, ask: Ask) -> None:
    server = serve()
    server.delay = 5
    start = time.monotonic()
    (completion,) = connect(server, attempts=2, timeout=0.3).generate([ask(1)])
    assert completion.error == "no reply within 0.3 s (after 2 attempts)"
    assert time.monotonic() - start < 4


@pytest.mark.parametrize("status", [401, 403, 402, 404, 405, 307])
def test_what_would_fail_for_every_request_ends_the_run_at_once(
    status: int, serve: Serve, connect: Connect, ask: Ask
) -> None:
    server = serve({"*": [f"{status}:The model `n` does not exist."]})
    engine = connect(server, model="n", concurrency=4)
    with pytest.raises(EngineError, match=f"HTTP {status}: The model `n` does not exist.") as told:
        list(engine.generate(ask(i) for i in range(1000)))
    assert len(server.asked) <= 8, "the others must not be burnt"
    assert told.value.exit_code == 3
    assert "did you mean" in str(told.value) or "valid: m" in str(told.value)


def test_what_came_before_the_end_is_not_lost(serve: Serve, connect: Connect, ask: Ask) -> None:
    server = serve({"Land7": ["401:expired"]})
    found: list[Completion] = []
    with pytest.raises(EngineError, match="expired"):
        found.extend(connect(server, concurrency=1).generate(ask(i) for i in range(50)))
    assert [c.text for c in found] == [f"City{i}" for i in range(7)]


def test_the_wait_that_a_server_asks_for_is_kept(serve: Serve, connect: Connect, ask: Ask) -> None:
    server = serve({"Land1": ["429:1.2", "ok"], "Land2": ["503:1", "ok"]})
    completions = list(connect(server).generate([ask(1), ask(2), ask(3)]))
    waited = {c.text: c.seconds for c in completions}
    assert 1.2 <= waited["City1"] < 4 and 1 <= waited["City2"] < 4 and waited["City3"] < 1


def test_a_wait_beyond_all_measure_is_not_kept(serve: Serve, connect: Connect, ask: Ask) -> None:
    server = serve({"Land1": ["429:86400"]})
    (completion,) = connect(server).generate([ask(1)])
    assert completion.error == "HTTP 429: 86400 (after 1 attempt, and the server asks to wait 86,400 s)"


def test_a_clock_that_is_set_back_makes_no_negative_time(
    serve: Serve, connect: Connect, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve({"Land1": ["429:0.2", "ok"], "Land2": ["500", "ok"]})
    now = iter(range(2_000_000_000, 0, -1000))
    monkeypatch.setattr(time, "time", lambda: float(next(now)))
    completions = list(connect(server).generate([ask(i) for i in range(20)]))
    assert len(completions) == 20 and all(0 <= c.seconds < 30 for c in completions)


def test_a_server_that_fails_everything_is_not_sent_the_whole_run(serve: Serve, connect: Connect, ask: Ask) -> None:
    server = serve({"*": ["503:0"]})
    engine = connect(server, patience=1.5, concurrency=8)
    pulled: list[int] = []

    def source() -> Iterator[Request]:
        for i in range(1000):
            pulled.append(i)
            yield ask(i)

    with pytest.raises(EngineError, match=r"has failed every request for .* HTTP 503.* the same command goes on"):
        list(engine.generate(source()))
    assert len(server.asked) <= 20 and len(pulled) <= 16
    server.faults = {}
    assert [c.text for c in engine.generate([ask(5)])] == ["City5"], "the engine can be asked again"


def test_one_request_that_always_fails_does_not_stop_the_others(serve: Serve, connect: Connect, ask: Ask) -> None:
    server = serve({"Land0": ["500"]})
    requests = [ask(i) for i in range(30)]
    found = by_land(connect(server, attempts=4, failures=2, concurrency=1, patience=1).generate(requests), requests)
    assert found["c0"].error == "HTTP 500: no (after 4 attempts)"
    assert sum(c.finish == "stop" for c in found.values()) == 29


class Process:
    """The scripted server as a process, to be killed."""

    def __init__(self, port: int, log: Path) -> None:
        self.command = [sys.executable, str(HERE / "server.py"), str(port), str(log)]
        self.url = f"http://127.0.0.1:{port}/v1"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        import urllib.request

        self.process = subprocess.Popen(self.command)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with suppress(OSError), urllib.request.urlopen(f"{self.url}/models", timeout=5):
                return
            time.sleep(0.05)
        pytest.fail("the scripted server did not start")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def server_process(scripted: Any, tmp_path: Path) -> Iterator[Process]:
    probe = scripted.Server().start()
    probe.stop()
    process = Process(probe.port, tmp_path / "asked.log")
    process.start()
    yield process
    process.kill()


def test_a_server_killed_in_mid_run_and_back_again_loses_nothing(
    server_process: Process, connect: Connect, ask: Ask, tmp_path: Path
) -> None:
    requests = [ask(i) for i in range(400)]
    engine = connect(server_process, concurrency=8)
    found: list[Completion] = []
    revived = threading.Thread(target=lambda: (time.sleep(1.5), server_process.start()))
    for completion in engine.generate(requests):
        found.append(completion)
        if len(found) == 100:
            server_process.kill()
            revived.start()
    revived.join()
    assert {c.text for c in by_land(found, requests).values()} == {f"City{i}" for i in range(400)}
    asked = Counter((tmp_path / "asked.log").read_text().splitlines())
    assert len(asked) == 400
    assert sum(asked.values()) <= 400 + 2 * 8, "only what was out when it died is asked again"


def test_a_server_that_stays_away_ends_the_run_in_a_bounded_time(
    server_process: Process, connect: Connect, ask: Ask
) -> None:
    engine = connect(server_process, concurrency=8, patience=1)
    found: list[Completion] = []
    start = time.monotonic()
    with pytest.raises(EngineError, match=r"nobody answers at 127\.0\.0\.1"):
        for completion in engine.generate(ask(i) for i in range(400)):
            found.append(completion)
            if len(found) == 50:
                server_process.kill()
    assert time.monotonic() - start < 30
    assert len({c.key for c in found}) == len(found)
    assert all(c.finish == "stop" for c in found), "no request is burnt by a server that is away"


def test_nobody_at_the_address_is_told_before_anything_starts(connect: Connect) -> None:
    with pytest.raises(EngineError, match=r"nobody answers at 127\.0\.0\.1:9: Connection refused; is the server"):
        connect("http://127.0.0.1:9/v1")
