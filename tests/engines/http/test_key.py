"""The API key is sent, and is nowhere else."""

from __future__ import annotations

import copy
import logging
import pickle
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import evalkit as ek
from evalkit.engines.http import HTTP
from evalkit.engines.http.key import ApiKey, read_key
from evalkit.errors import ConfigError, EngineError
from evalkit.records import Request
from evalkit.report.html import write_run_report
from evalkit.store import unpack

KEY = "sk-Planted-0123456789abcdef"
TINY = Path(__file__).parents[2] / "catalogue" / "configs" / "tiny.yaml"
Serve = Callable[..., Any]
Connect = Callable[..., HTTP]


def everything_in(folder: Path) -> bytes:
    """All files of a run, and all texts of its database as they were before they were compressed."""
    found = b"".join(p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file())
    with sqlite3.connect(folder / "run.db") as db:
        found += b"".join(unpack(body).encode() for (body,) in db.execute("SELECT body FROM text"))
        for row in db.execute("SELECT * FROM completion"):
            for value in row:
                if isinstance(value, bytes) and value[:1] in {b"p", b"z"}:
                    try:
                        found += unpack(value).encode()
                    except Exception:
                        found += value
                else:
                    found += str(value).encode()
    return found


def test_the_key_is_in_no_file_log_or_message_even_if_the_server_repeats_it(
    serve: Serve, scripted: Any, tmp_path: Path, catalogue: ek.Catalogue, capitals: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    capitals(12)
    monkeypatch.setenv("MY_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    server = serve({"Land3": [f"400:bad {KEY}"], "Land4": [f"500:worse {KEY}"], "Land5": ["malformed"]})
    server.replies["Land6"] = scripted.reply(f"your key is {KEY}")
    server.replies["Land7"] = scripted.reply("x", f"{KEY}")
    options = f"{{base_url: {server.url}, api_key_env: MY_KEY, attempts: 2}}"
    changes = ["candidates.0.engine=http", "candidates.0.model=m", f"candidates.0.options={options}"]
    result = ek.run(TINY, out=tmp_path / "run", overrides=changes, catalogue=catalogue)
    assert result.errors == 4
    stored = everything_in(tmp_path / "run")
    assert b"your key is [API key]" in stored and b"HTTP 400: bad [API key]" in stored
    server.faults = {"*": [f"401:wrong key {KEY}"]}
    server.attempts.clear()
    with pytest.raises(EngineError, match=r"wrong key \[API key\]") as told:
        ek.run(TINY, out=tmp_path / "run", overrides=changes, catalogue=catalogue)
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"

    write_run_report(tmp_path / "run" / "report.html", ek.Run(tmp_path / "run"))
    shown = capfd.readouterr()
    for where in (everything_in(tmp_path / "run").decode("utf-8", "replace"), str(told.value), repr(told.value),
                  caplog.text, shown.out, shown.err):  # fmt: skip
        assert KEY not in where


def test_the_standard_variable_is_used_where_it_is_set_and_none_is_sent_otherwise(
    serve: Serve, connect: Connect, ask: Callable[..., Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    list(connect(server).generate([ask(1)]))
    monkeypatch.setenv("OPENAI_API_KEY", f" {KEY}\n")
    list(connect(server).generate([ask(2)]))
    list(connect(server, api_key_env="").generate([ask(3)]))
    assert [h.get("Authorization") for h in server.headers] == [None, f"Bearer {KEY}", None]


def test_a_key_has_no_readable_form(monkeypatch: pytest.MonkeyPatch) -> None:
    key = ApiKey(KEY)
    assert KEY not in f"{key} {key!r} {key.hide('a ' + KEY)} {key.hide_bytes(KEY.encode())!r}"
    for copier in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            copier(key)
    monkeypatch.setenv("BROKEN", KEY + "\nX-Other: 1")
    with pytest.raises(ConfigError, match="no HTTP header can carry") as told:
        read_key("BROKEN")
    assert KEY not in str(told.value)


@pytest.mark.parametrize(("option", "value", "sentence"), [
    ("api_key_env", KEY, "`api_key_env` is the name of an environment variable"),
    ("api_key", KEY, "unknown key 'api_key'; did you mean 'api_key_env'?"),
    ("base_url", f"https://user:{KEY}@host/v1", "`base_url` holds no user, password or query"),
    ("base_url", f"https://host/v1?key={KEY}", "`base_url` holds no user, password or query"),
])  # fmt: skip
def test_a_key_in_a_run_file_is_refused_and_not_repeated(
    option: str, value: str, sentence: str, connect: Connect
) -> None:
    with pytest.raises(ConfigError) as told:
        connect("http://localhost:1/v1", **{"base_url": "http://localhost:1/v1", option: value})
    assert sentence in str(told.value) and KEY not in str(told.value)


def test_a_variable_that_is_named_and_not_set_is_told(connect: Connect, serve: Serve) -> None:
    with pytest.raises(ConfigError, match="NO_SUCH_KEY, which is not set"):
        connect(serve(), api_key_env="NO_SUCH_KEY")
