"""The scripted server as a fixture, and an engine that asks it quickly."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from evalkit.config import validate
from evalkit.engines.http import HTTP
from evalkit.protocols import user
from evalkit.records import Prompt, Request, Sample

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def scripted() -> Any:
    """The module `server.py` beside this file."""
    spec = importlib.util.spec_from_file_location("scripted_server", HERE / "server.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["scripted_server"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key of the environment's."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture
def serve(scripted: Any) -> Iterator[Callable[..., Any]]:
    """Starts scripted servers."""
    started: list[Any] = []

    def start(faults: dict[str, list[str]] | None = None, **options: Any) -> Any:
        started.append(scripted.Server(faults, **options).start())
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def connect() -> Iterator[Callable[..., HTTP]]:
    """Engines of a server's address; closed at the end."""
    made: list[HTTP] = []

    def make(server: Any, model: str | None = "m", **options: Any) -> HTTP:
        url = server if isinstance(server, str) else server.url
        engine = HTTP(model, validate(HTTP.Options, {"base_url": url, **options}, where="options"))
        made.append(engine)
        return engine

    yield make
    for engine in made:
        engine.close()


@pytest.fixture
def ask() -> Callable[..., Request]:
    """Requests that name a land."""

    def make(land: object, **fields: Any) -> Request:
        text = f"What is the capital of Land{land}?"
        return Request(Prompt((user(text),)), Sample(f"c{land}", (text,)), **fields)

    return make
