"""A server of the run's own: started, watched, always ended. A stand-in plays vLLM; the last tests ask the real one."""

from __future__ import annotations

import importlib.util
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from evalkit import plan
from evalkit.adapters import read_lora
from evalkit.config import validate
from evalkit.engines.http import HTTP
from evalkit.engines.server import VLLMServer, flags, lora_flags
from evalkit.errors import ConfigError, EngineError
from evalkit.prompts.sharing import common_tokens
from evalkit.protocols import user
from evalkit.records import Completion, Constraint, Lora, Prompt, Request, Sample, Sampling

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
        if asked["model"] != sys.argv[sys.argv.index("--served-model-name") + 1]:
            text += " by " + asked["model"]
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


def ask(land: object, adapter: Lora | None = None) -> Request:
    text = f"What is the capital of Land{land}?"
    return Request(Prompt((user(text),)), Sample(f"c{land}", (text,)), sampling=Sampling(8), adapter=adapter)


def lora(folder: Path, rank: int = 2, **config: Any) -> Lora:
    """A LoRA for the first layer of the model here, of random numbers, as PEFT writes it."""
    from safetensors.numpy import save_file

    folder.mkdir()
    told = {"peft_type": "LORA", "r": rank, "lora_alpha": 16 * rank, "target_modules": ["q_proj", "v_proj"], **config}
    (folder / "adapter_config.json").write_text(json.dumps(told))
    drawn = np.random.default_rng(1)
    tensors = {
        f"base_model.model.model.layers.0.self_attn.{name}.lora_{half}.weight": drawn.standard_normal(shape)
        for name in ("q_proj", "v_proj")
        for half, shape in (("A", (rank, 128)), ("B", (128, rank)))
    }
    save_file({name: each.astype(np.float32) for name, each in tensors.items()}, folder / "adapter_model.safetensors")
    return read_lora(folder)


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
from evalkit.engines.http import HTTP
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


def test_adapters_are_models_of_the_server_named_by_their_content(
    told: Callable[[], dict[str, Any]], make: Callable[..., VLLMServer], tmp_path: Path
) -> None:
    one, two = lora(tmp_path / "one"), lora(tmp_path / "two", 4, rank_pattern={"v_proj": 20})
    engine = make()
    engine.use_adapters([one, two])
    texts = {c.text for c in engine.generate([ask(1), ask(1, one), ask(1, two)])}
    assert texts == {"City1", f"City1 by {one.digest}", f"City1 by {two.digest}"}
    argv = told()["argv"]
    at = argv.index("--lora-modules")
    assert argv[at + 1 : at + 3] == [f"{one.digest}={one.path}", f"{two.digest}={two.path}"]
    assert "--enable-lora" in argv and argv[argv.index("--max-loras") + 1] == "3", "one stays empty"
    assert argv[argv.index("--max-lora-rank") + 1] == "32", "the least that vLLM takes for a rank of 20"
    (other,) = engine.generate([ask(1, Lora("elsewhere", "0f"))])
    assert other.finish == "error" and "'elsewhere'" in other.error


def test_an_adapter_that_vllm_would_not_serve_is_refused_before_anything_starts(
    told: Callable[[], dict[str, Any]], make: Callable[..., VLLMServer], tmp_path: Path
) -> None:
    engine = make()
    with pytest.raises(ConfigError, match="large' has rank 513, and vLLM serves 512 at most"):
        engine.use_adapters([lora(tmp_path / "small", 1), lora(tmp_path / "large", 4, rank_pattern={"q_proj": 513})])
    assert not (tmp_path / "told.json").exists()


def test_room_is_made_for_the_highest_rank_and_for_all_adapters_on_a_cpu(tmp_path: Path) -> None:
    many = [lora(tmp_path / str(n), rank) for n, rank in enumerate([1, 9, *[2] * 8])]
    assert lora_flags((), on_cpu=True) == lora_flags((), on_cpu=False) == {}
    for number, on_cpu, places, rank in ((1, True, 2, 1), (10, True, 11, 16), (1, False, 1, 1), (10, False, 8, 16)):
        found = lora_flags(many[:number], on_cpu=on_cpu)
        assert (found["max_loras"], found["max_lora_rank"], len(found["lora_modules"])) == (places, rank, number)


@pytest.mark.parametrize(("says", "places"), [("True", "3"), ("False", "2"), ("1 / 0", "3")])
def test_places_for_adapters_are_as_many_as_the_server_s_device_needs(
    says: str, places: str, told: Callable[[], dict[str, Any]], make: Callable[..., VLLMServer], tmp_path: Path
) -> None:
    platform = f"class current_platform:\n    is_cpu = staticmethod(lambda: {says})\n"
    (tmp_path / "packages" / "vllm" / "platforms.py").write_text(platform)
    engine = make()
    engine.use_adapters([lora(tmp_path / "one"), lora(tmp_path / "two", 4)])
    list(engine.generate([ask(1)]))
    argv = told()["argv"]
    assert argv[argv.index("--max-loras") + 1] == places


@pytest.mark.parametrize("given", [{}, {"disable_any_whitespace": False}])
def test_the_server_holds_replies_with_the_compiler_that_the_engine_in_this_process_has(
    given: dict[str, Any], told: Callable[[], dict[str, Any]], make: Callable[..., VLLMServer]
) -> None:
    list(make(serve={"structured_outputs_config": given} if given else {}).generate([ask(1)]))
    argv = told()["argv"]
    at = argv.index("--structured-outputs-config")
    assert argv.count("--structured-outputs-config") == 1
    assert json.loads(argv[at + 1]) == {"backend": "xgrammar", "disable_any_whitespace": True, **given}


def test_an_adapter_that_was_written_anew_since_is_refused(
    told: Callable[[], dict[str, Any]], make: Callable[..., VLLMServer], tmp_path: Path
) -> None:
    adapter = lora(tmp_path / "one")
    engine = make()
    engine.use_adapters([adapter])
    config = tmp_path / "one" / "adapter_config.json"
    config.write_text(config.read_text().replace("32", "16"))
    with pytest.raises(ConfigError, match="has been written anew"):
        list(engine.generate([ask(1, adapter)]))


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
    ({"serve": {"structured_outputs_config": "xgrammar"}}, "'structured_outputs_config' is a mapping of settings"),
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


BLOCKS, BLOCK = 40, 32
"""Cache of the real server: for two of the corpora below."""


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[VLLMServer, Lora]]:
    """A real server, and the adapter that it serves."""
    python = os.environ.get("VLLM_PYTHON", sys.executable)
    if python == sys.executable and importlib.util.find_spec("vllm") is None:
        if os.environ.get("CI"):
            pytest.fail("vLLM's CPU build is not installed: `make test` installs it")
        pytest.skip("no vLLM build here (set VLLM_PYTHON to an interpreter that has one)")
    serve = {
        "max_model_len": 1024, "enforce_eager": True, "dtype": "float32", "block_size": BLOCK,
        "num_gpu_blocks_override": BLOCKS,
    }  # fmt: skip
    options = {"python": python, "serve": serve, "start_timeout": 300, "patience": 10}
    adapter = lora(tmp_path_factory.mktemp("adapters") / "random", 8)
    engine = VLLMServer(str(MODEL), validate(VLLMServer.Options, options, where="options"))
    engine.use_adapters([adapter])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
        yield engine, adapter
    engine.close()


def about(corpus: int, question: int, **fields: Any) -> Request:
    """A question about one of several corpora of about 500 tokens."""
    drawn = random.Random(corpus)
    names = ["".join(drawn.choices("aeioulmnrst", k=6)).title() for _ in range(50)]
    shared = " ".join(f"The trade of {name} was weaver." for name in names)
    text = f" What was the trade of {names[question]}, asked number {question}?"
    fields = {"sampling": Sampling(4), **fields}
    return Request(Prompt((user(shared, text),)), Sample(f"{corpus}x{question}", ("q",)), **fields)


@pytest.mark.vllm
@pytest.mark.slow
@pytest.mark.parametrize("known", ["by tokens", "by texts"])
def test_real_vllm_reads_each_corpus_once_whatever_the_order_of_the_questions(
    known: str, real: tuple[VLLMServer, Lora]
) -> None:
    engine, _ = real
    first = 10 if known == "by texts" else 0
    requests = [about(first + corpus, question) for corpus in range(4) for question in range(6)]
    random.Random(1).shuffle(requests)
    planned = plan.depth_first(requests)
    if known == "by tokens":
        found = {c.key: c for c in engine.generate(planned)}
    else:  # as any server, with no tokenizer at hand
        list(engine.generate([about(20, 1)]))
        assert engine._client is not None
        stranger = HTTP(str(MODEL), HTTP.Options(base_url=engine._client._session.base_url, api_key_env=""))
        found = {c.key: c for c in stranger.generate(planned)}
        stranger.close()
    assert len(found) == 24 and all(c.finish in {"stop", "length"} for c in found.values())
    usage = [found[r.key].usage for r in planned]
    encoded = [engine._encoder.encode(r.prompt) for r in planned]
    assert [u.prompt_tokens for u in usage] == [e.n_tokens for e in encoded]
    shared = [0, *(common_tokens(a, b) for a, b in pairwise(encoded))]
    reusable = sum(min(s, e.n_tokens - 1) // BLOCK * BLOCK for s, e in zip(shared, encoded, strict=True))
    total = sum(e.n_tokens for e in encoded)
    least, computed = total - reusable, total - sum(u.cached_tokens for u in usage)
    assert total > 4 * least and max(e.n_tokens for e in encoded) * 3 > BLOCKS * BLOCK, "of three, one must go"
    assert computed <= 1.03 * least


@pytest.mark.vllm
@pytest.mark.slow
def test_real_vllm_keeps_to_a_choice_an_expression_and_a_schema(real: tuple[VLLMServer, Lora]) -> None:
    engine, _ = real
    choice = Constraint(choice=("quartz", "granite"))
    regex = Constraint(regex=r"[0-9]{3}-[a-f]{2}")
    schema = Constraint(json={"enum": ["shale", "marble"]})
    asked = [about(9, n, constraint=c, sampling=Sampling(40)) for n, c in enumerate((choice, regex, schema))]
    found = {c.key: c for c in engine.generate(asked)}
    one, two, three = (found[r.key] for r in asked)
    assert one.text in choice.choice, one
    assert re.fullmatch(regex.regex, two.text), two
    assert json.loads(three.text) in {"shale", "marble"}, three
    loose = Constraint(json={"type": "array", "items": {"enum": [0, 1]}, "minItems": 3, "maxItems": 3})
    (four,) = engine.generate([about(9, 4, constraint=loose, sampling=Sampling(40))])
    assert json.dumps(json.loads(four.text), separators=(",", ":")) == four.text, "no free white space"


@pytest.mark.vllm
@pytest.mark.slow
def test_real_vllm_tells_the_probabilities_of_its_tokens(real: tuple[VLLMServer, Lora]) -> None:
    engine, _ = real
    asked = [about(9, n, sampling=Sampling(6, logprobs=3)) for n in range(2)]  # one is streamed, one is not
    for completion in engine.generate(asked):
        tokens = completion.logprobs
        assert len(tokens) == completion.usage.completion_tokens > 0
        assert all(len(each.top) == 3 and each.top[0] == max(each.top, key=lambda pair: pair[1]) for each in tokens)
        assert all(each.logprob == each.top[0][1] <= 0 for each in tokens), "greedy: the drawn one is the best"
    (plain,) = engine.generate([about(9, 5)])
    assert plain.logprobs == ()


@pytest.mark.vllm
@pytest.mark.slow
def test_real_vllm_answers_otherwise_under_an_adapter_and_shares_nothing_with_it(
    real: tuple[VLLMServer, Lora]
) -> None:
    engine, adapter = real

    def ask(*adapters: Lora | None) -> list[Completion]:
        asked = [about(7, n, adapter=each, sampling=Sampling(8)) for n in range(4) for each in adapters]
        found = {c.key: c for c in engine.generate(asked)}
        return [found[r.key] for r in asked]

    without, under = ask(None), ask(adapter)
    assert all(c.finish in {"stop", "length"} for c in (*without, *under))
    assert sum(a.text != b.text for a, b in zip(without, under, strict=True)) >= 3
    assert under[0].usage.cached_tokens == 0 and all(c.usage.cached_tokens > 300 for c in under[1:])
    mixed = [c.text for c in ask(None, adapter)]
    assert mixed[::2] == [c.text for c in without], "others in the batch have an adapter, these have none"
    assert mixed[1::2] == [c.text for c in under]


@pytest.mark.vllm
@pytest.mark.slow
def test_real_vllm_that_dies_ends_the_run_and_leaves_nothing(real: tuple[VLLMServer, Lora]) -> None:
    engine, _ = real
    first, again = (next(iter(engine.generate([about(5, 1)]))) for _ in range(2))
    assert again.text == first.text and again.usage.cached_tokens > 0
    family = [p.pid for p in psutil.Process().children(recursive=True)]
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
