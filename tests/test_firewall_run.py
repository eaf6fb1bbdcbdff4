"""A canary in every privileged field of every shipped task, and a whole run: it must show up nowhere but in grading."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

import evalkit as ek
from evalkit import runner
from evalkit.config import RunConfig, parse_config
from evalkit.privileged import KINDS
from evalkit.progress import Display
from evalkit.store import unpack

CANARY = "canary-7f3a91-do-not-repeat"

RUNS = {
    "archive": """
name: canary
tokenizer: tasks/archive/model
tasks: ["archive/retrieval@1k", "archive/rag@1k"]
candidates:
  - {name: bm25, engine: baseline}
  - {name: small, engine: hf, model: tasks/archive/model, tasks: ["archive/rag*"], sampling: {max_tokens: 4}}
""",
    "loft": """
name: canary
tasks: ["loft/retrieval_sample", "loft/rag_sample"]
candidates: [{name: bm25, engine: baseline}]
""",
    "olympiad": """
name: canary
tasks: ["olympiad/sample"]
candidates:
  - {name: steady, engine: replay, model: tasks/olympiad/sample/replies.jsonl, options: {where: {candidate: steady}}}
""",
}


def planted(items: Iterator[tuple[int, ek.Sample, ek.Privileged]]) -> Iterator[tuple[int, ek.Sample, ek.Privileged]]:
    """The same items with a canary in every kind of privileged information, beside what was there."""
    for ordinal, sample, privileged in items:
        parts = privileged._parts()
        values = {kind: [*(parts[kind].values if kind in parts else ()), f"{CANARY} {kind}"] for kind in KINDS}
        yield ordinal, sample, ek.Privileged(privileged.id, **values)


def test_every_shipped_family_is_covered() -> None:
    assert {entry.name for entry in ek.Catalogue().entries("tasks")} == set(RUNS)


@pytest.mark.parametrize("family", RUNS)
def test_no_canary_crosses_to_the_candidates_side(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    from rich.console import Console

    caplog.set_level(logging.DEBUG)
    items = runner.Bench.items
    monkeypatch.setattr(runner.Bench, "items", lambda self: planted(items(self)))
    config = parse_config(RUNS[family])
    assert isinstance(config, RunConfig)
    with Display(Console(stderr=True)) as display:
        run = ek.run(config, limit=6, out=tmp_path / "run", observer=display)
    assert run.scores().num_rows > 0

    with sqlite3.connect(run.folder / "run.db") as db:
        for table in ("meta", "name", "sample", "completion", "skipped"):
            for row in db.execute(f"SELECT * FROM {table}"):
                assert not any(CANARY in repr(value) for value in row), f"{table} holds privileged text"
        for column in ("body FROM text", "text FROM completion", "reasoning FROM completion"):
            assert not any(CANARY in unpack(body) for (body,) in db.execute(f"SELECT {column}"))
        prompts = db.execute("SELECT COUNT(*) FROM completion").fetchone()[0]
        assert prompts >= 6
    assert CANARY.encode() not in (run.folder / "run.yaml").read_bytes()
    assert CANARY not in caplog.text
    printed = capfd.readouterr()
    assert CANARY not in printed.out + printed.err


def test_the_message_about_an_overlong_prompt_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    items = runner.Bench.items
    monkeypatch.setattr(runner.Bench, "items", lambda self: planted(items(self)))
    text = RUNS["archive"].replace("sampling: {max_tokens: 4}", "options: {max_model_len: 500}")
    config = parse_config(text)
    assert isinstance(config, RunConfig)
    with pytest.raises(ek.BudgetError) as caught:
        ek.run(config, limit=2, out=tmp_path / "run")
    assert CANARY not in str(caught.value)


def test_the_canary_would_be_found_if_a_task_leaked_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    items = runner.Bench.items
    monkeypatch.setattr(runner.Bench, "items", lambda self: planted(items(self)))
    from evalkit.catalogue import parse_address

    olympiad = ek.Catalogue().task_class(parse_address("olympiad/sample"))
    ask = olympiad.ask
    leaked = ek.user(f"(Solution: {CANARY} solutions)")

    def leaking(self: ek.Task, sample: ek.Sample, replies: list[ek.Completion]) -> list[ek.Request]:
        return [self.request(sample, [leaked])] if not replies else list(ask(self, sample, replies))

    monkeypatch.setattr(olympiad, "ask", leaking)
    config = parse_config(RUNS["olympiad"])
    with pytest.raises(ek.FirewallError, match="contains its privileged solutions"):
        ek.run(config, limit=2, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
