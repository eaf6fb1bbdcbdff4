"""Which model is asked, what its fingerprint is made of, and what its limit is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import evalkit as ek
from evalkit.assembly import build_engine
from evalkit.config import CandidateSpec, validate
from evalkit.engines.http import HTTP
from evalkit.errors import BudgetError, ConfigError, EngineError
from evalkit.records import Request

Serve = Callable[..., Any]
Connect = Callable[..., HTTP]
TINY = Path(__file__).parents[2] / "catalogue" / "configs" / "tiny.yaml"
MODEL = Path(__file__).parents[3] / "tasks" / "archive" / "model"


def test_the_only_model_of_a_server_need_not_be_named(
    serve: Serve, connect: Connect, ask: Callable[..., Request]
) -> None:
    server = serve()
    engine = connect(server, model=None)
    list(engine.generate([ask(1)]))
    assert server.asked[0]["model"] == "m" and engine.limit == 4096
    server.models = {"data": [{"id": "a"}, {"id": "b"}]}
    with pytest.raises(ConfigError, match=r"needs `model:`.*it serves a, b"):
        connect(server, model=None)
    server.models = None
    with pytest.raises(ConfigError, match=r"needs `model:`.*it does not list what it serves"):
        connect(server, model=None)


@pytest.mark.parametrize("listed", [None, {"data": []}, {"models": []}, ["m"], {"data": [{"name": "m"}]}])
def test_a_server_without_a_list_is_asked_all_the_same(
    listed: Any, serve: Serve, connect: Connect, ask: Callable[..., Request]
) -> None:
    server = serve()
    server.models = listed
    engine = connect(server)
    assert engine.limit is None and [c.text for c in engine.generate([ask(1)])] == ["City1"]


def test_a_servers_model_is_not_looked_for_among_the_folders_here(serve: Serve) -> None:
    server = serve()
    server.models = {"data": [{"id": "configs"}]}  # there is a folder of this name in every catalogue
    spec = CandidateSpec(name="c", engine="http", model="configs", options={"base_url": server.url})
    engine = build_engine(spec, ek.Catalogue())
    assert engine.model == "configs"
    engine.close()


def test_the_fingerprint_is_of_the_model_and_of_what_changes_its_answers(serve: Serve, connect: Connect) -> None:
    one, two = serve(), serve()
    same = connect(one).fingerprint
    assert same.startswith("m:") and connect(two, concurrency=3, timeout=5).fingerprint == same
    assert connect(one, model="n").fingerprint != same
    assert connect(one, extra_body={"top_k": 1}).fingerprint != same
    two.models = {"data": [{"id": "m", "root": "/models/other"}]}
    assert connect(two).fingerprint != same


@pytest.mark.parametrize(("options", "sentence"), [
    ({}, "base_url is missing"),
    ({"base_url": "localhost:8000"}, "`base_url` begins with http:// or https://"),
    ({"base_url": "http://h/v1/chat/completions"}, "`base_url` ends before /chat/completions"),
    ({"base_url": "http://h/v1", "extra_body": {"stream": True}}, "extra_body: 'stream' is the engine's own"),
    ({"base_url": "http://h/v1", "concurency": 3}, "unknown key 'concurency'; did you mean 'concurrency'?"),
])  # fmt: skip
def test_options_that_do_not_fit_are_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError) as told:
        HTTP("m", validate(HTTP.Options, options, where="options"))
    assert sentence in str(told.value)


def test_an_address_without_v1_is_told_when_the_server_does_not_know_it(
    serve: Serve, connect: Connect, ask: Callable[..., Request]
) -> None:
    engine = connect(serve().url.removesuffix("/v1"))
    with pytest.raises(EngineError, match=r"HTTP 404.*most servers want a `base_url` that ends in /v1"):
        list(engine.generate([ask(1)]))


def test_a_stated_tokenizer_measures_prompts_before_anything_is_sent(
    serve: Serve, connect: Connect, ask: Callable[..., Request], tmp_path: Path, catalogue: ek.Catalogue,
    capitals: Callable[..., Path],
) -> None:  # fmt: skip
    capitals(3)
    server = serve()
    engine = connect(server, tokenizer=str(MODEL))
    request = ask(1)
    tokens = engine.prompt_tokens(request.prompt)
    assert tokens and engine.counter is not None and connect(server).prompt_tokens(request.prompt) is None
    fresh = {c.key: c.usage.fresh_tokens for c in engine.generate([request, ask(1, draw=1)])}
    assert fresh == {request.key: tokens, ask(1, draw=1).key: 0}
    server.models = {"data": [{"id": "m", "max_model_len": 260}]}
    (refused,) = connect(server, tokenizer=str(MODEL)).generate([request])
    assert "exceed the model's 260" in refused.error and len(server.asked) == 2
    options = f"{{base_url: {server.url}, tokenizer: {MODEL}}}"
    changes = ["candidates.0.engine=http", "candidates.0.model=m", f"candidates.0.options={options}"]
    asked = len(server.asked)
    with pytest.raises(BudgetError, match="3 prompts are too long"):
        ek.run(TINY, out=tmp_path / "run", overrides=changes, catalogue=catalogue)
    assert len(server.asked) == asked and not (tmp_path / "run").exists()
