"""A server of the run's own: started, watched, always ended. A stand-in plays vLLM; one test asks the real one."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from evalkit.config import validate
from evalkit.engines.server import VLLMServer, flags
from evalkit.errors import ConfigError, EngineError
from evalkit.protocols import user
from evalkit.records import Prompt, Request, Sample, Sampling

MODEL = Path(__file__).parents[2] / "tasks" / "archive" / "model"

STAND_IN = r'''
import json, os, re, subprocess, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

core = subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(15, 1); time.sleep(600)"])
with open(os.environ["STAND_IN"], "w") as file:
    json.dump({"argv": sys.argv[1:], "pids": [os.getpid(), core.pid]}, file)
print("loading", flush=True)
if os.environ.get("STAND_IN_DIES"):
    print("RuntimeError: no room for the weights", file=sys.stderr)
    sys.exit(3)
if os.environ.get("STAND_IN_SLEEPS"):
    time.sleep(600)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer({"data": [{"id": sys.argv[sys.argv.index("--served-model-name") + 1]}]})

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        words = asked["messages"][-1]["content"]
        if "die" in words:
            print("the engine core is dead", flush=True)
            os._exit(9)
        time.sleep(0.02)
        text = "City" + re.search(r"Land(\w+)", words)[1]
        self.answer({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]})

    def answer(self, told):
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Handler).serve_forever()
'''


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], dict[str, Any]]:
    """Puts the stand-in in vLLM's place; what it was told and who it is."""
    place = tmp_path / "packages" / "vllm" / "entrypoints" / "openai"
    place.mkdir(parents=True)
    for folder in (place, place.parent, place.parent.parent):
        (folder / "__init__.py").touch()
    (place / "api_server.py").write_text(STAND_IN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "packages"))
    monkeypatch.setenv("STAND_IN", str(tmp_path / "told.json"))
    monkeypatch.setenv("VLLM_API_KEY", "of-another-server")
    return lambda: dict(json.loads((tmp_path / "told.json").read_text()))


@pytest.fixture
def make() -> Iterator[Callable[..., VLLMServer]]:
    made: list[VLLMServer] = []

    def build(**options: Any) -> VLLMServer:
        options = {"patience": 10, **options}
        made.append(VLLMServer(str(MODEL), validate(VLLMServer.Options, options, where="options")))
        return made[-1]

    yield build
    for engine in made:
        engine.close()


def ask(land: object) -> Request:
    text = f"What is the capital of Land{land}?"
    return Request(Prompt((user(text),)), Sample(f"c{land}", (text,)), sampling=Sampling(8))


def left(pids: list[int], seconds: float = 20) -> list[int]:
    """Those that still run after so many seconds at most."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and any(map(_runs, pids)):
        time.sleep(0.05)
    return [pid for pid in pids if _runs(pid)]


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_the_server_is_started_by_the_first_request_and_ended_with_the_engine(
    told: Callable[[], dict[str, Any]], make: Callable[..., VLLMServer], tmp_path: Path
) -> None:
    engine = make(serve={"max_model_len": 512, "enforce_eager": True})
    assert engine.limit == 512 and engine.prompt_tokens(ask(1).prompt) > 5
    assert not (tmp_path / "told.json").exists(), "building an engine starts nothing"
    completions = list(engine.generate(ask(i) for i in range(30)))
    assert {c.text for c in completions} == {f"City{i}" for i in range(30)}
    argv = told()["argv"]
    assert argv[argv.index("--model") + 1] == str(MODEL)
    assert argv[argv.index("--max-model-len") + 1] == "512" and "--enforce-eager" in argv
    assert argv[argv.index("--generation-config") + 1] == "vllm"
    first = told()["pids"]
    assert len(list(engine.generate([ask(31)]))) == 1 and told()["pids"] == first, "one server for the whole run"
    engine.close()
    engine.close()
    assert not left(first, 0.5), "close returns when everything has ended"


def test_a_server_that_dies_at_its_start_is_told_with_its_last_lines(
    told: Callable[[], dict[str, Any]], make: Callable[..., VLLMServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAND_IN_DIES", "1")
    with pytest.raises(EngineError, match=r"ended \(exit status 3\)(?s:.*)loading\nRuntimeError: no room"):
        list(make().generate([ask(1)]))
    assert not left(told()["pids"], 3), "what it had started is ended too"


def test_a_server_that_does_not_become_well_in_time_is_ended(
    told: Callable[[], dict[str, Any]], make: Callable[..., VLLMServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAND_IN_SLEEPS", "1")
    with pytest.raises(EngineError, match=r"was not well after 1\.5 s; its last lines:\nloading"):
        list(make(start_timeout=1.5).generate([ask(1)]))
    assert not left(told()["pids"], 3)


def test_a_server_that_dies_in_mid_run_ends_the_run_with_its_last_lines(
    told: Callable[[], dict[str, Any]], make: Callable[..., VLLMServer]
) -> None:
    engine = make(concurrency=4)
    found: list[str] = []
    with pytest.raises(EngineError, match=r"ended \(exit status 9\)(?s:.*)the engine core is dead(?s:.*)the same comm"):
        found.extend(c.text for c in engine.generate(ask("die" if i == 40 else i) for i in range(400)))
    assert 30 <= len(found) <= 44 and all(text.startswith("City") for text in found)
    assert not left(told()["pids"])


RUN = """
import sys
from evalkit.engines.server import VLLMServer
from evalkit.protocols import user
from evalkit.records import Prompt, Request, Sample
engine = VLLMServer(sys.argv[1], VLLMServer.Options())
requests = (Request(Prompt((user(f"Land{i}"),)), Sample(str(i), ("q",))) for i in range(100_000))
for completion in engine.generate(requests):
    print(completion.text, flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_no_process_is_left_when_evalkit_is_killed(
    number: signal.Signals, told: Callable[[], dict[str, Any]], tmp_path: Path
) -> None:
    environment = {**os.environ, "PYTHONPATH": f"{MODEL.parents[2]}{os.pathsep}{os.environ['PYTHONPATH']}"}
    command = [sys.executable, "-c", RUN, str(MODEL)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b"City")
    family = [p.pid for p in psutil.Process(process.pid).children(recursive=True)]
    assert set(told()["pids"]) <= set(family) and len(family) == 3
    process.send_signal(number)
    process.wait(60)
    assert not left(family)


def test_options_become_the_command_line_of_vllm() -> None:
    options = {"max_model_len": 8, "enforce_eager": True, "enable_prefix_caching": False, "seed": None}
    more = {"lora_modules": ["a=/x", "b=/y"], "rope_scaling": {"factor": 2.0}}
    assert flags({**options, **more}) == [
        "--max-model-len", "8", "--enforce-eager", "--no-enable-prefix-caching",
        "--lora-modules", "a=/x", "b=/y", "--rope-scaling", '{"factor":2.0}',
    ]  # fmt: skip


@pytest.mark.parametrize(("options", "sentence"), [
    ({"serve": {"port": 8000}}, "'port' is the engine's own"),
    ({"serve": {"--max-model-len": 3}}, "write max_model_len for --max-model-len"),
    ({"python": "no-such-python"}, "`python:` names no interpreter: 'no-such-python'"),
    ({"python": "/usr/bin/env"}, "needs the package 'vllm'"),
])  # fmt: skip
def test_mistakes_are_told_before_anything_starts(
    options: dict[str, Any], sentence: str, make: Callable[..., VLLMServer]
) -> None:
    with pytest.raises(ConfigError) as error:
        make(**options)
    assert sentence in str(error.value)


def test_the_fingerprint_is_of_the_weights_and_of_what_is_served(
    told: Callable[[], dict[str, Any]], make: Callable[..., VLLMServer]
) -> None:
    one = make().fingerprint
    assert make(concurrency=2, start_timeout=5).fingerprint == one
    assert make(serve={"quantization": "fp8"}).fingerprint != one and make(extra_body={"top_k": 1}).fingerprint != one


@pytest.mark.vllm
@pytest.mark.slow
def test_real_vllm_is_started_answers_dies_and_leaves_nothing(
    make: Callable[..., VLLMServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    python = os.environ.get("VLLM_PYTHON", sys.executable)
    if python == sys.executable and importlib.util.find_spec("vllm") is None:
        if os.environ.get("CI"):
            pytest.fail("vLLM's CPU build is not installed: `make test` installs it")
        pytest.skip("no vLLM build here (set VLLM_PYTHON to an interpreter that has one)")
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
    serve = {"max_model_len": 2048, "enforce_eager": True, "dtype": "float32"}
    engine = make(python=python, serve=serve, start_timeout=300)
    shared = "The harbour of Orvane was built by Teles. " * 30
    prompts = [Prompt((user(shared, f"Who built it, asked number {i}?"),)) for i in range(12)]
    requests = [Request(p, Sample(f"{i}", ("q",)), sampling=Sampling(4)) for i, p in enumerate(prompts)]
    completions = {c.key: c for c in engine.generate(requests)}
    family = [p.pid for p in psutil.Process().children(recursive=True)]
    assert len(completions) == 12 and all(c.finish in {"stop", "length"} for c in completions.values())
    assert all(completions[r.key].usage.prompt_tokens == engine.prompt_tokens(r.prompt) for r in requests)
    again = next(iter(engine.generate([requests[0]])))
    assert again.text == completions[requests[0].key].text and again.usage.cached_tokens > 0
    supervised, api = family[:2]
    cores = psutil.Process(api).children(recursive=True)
    assert cores and psutil.Process(api).ppid() == supervised
    with pytest.raises(EngineError, match="the same command goes on with the run"):
        for number, completion in enumerate(engine.generate(ask(i) for i in range(2_000))):
            assert completion.finish in {"stop", "length", "error"}
            if number == 5:
                for core in cores:
                    core.kill()
    assert not left([api, *(core.pid for core in cores)], 60)
    engine.close()
    assert not left(family, 5)
