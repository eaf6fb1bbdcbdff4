"""Who asks whom: whatever does not fit is refused with the very sentence of the run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from evalkit.catalogue import Catalogue
from evalkit.config import parse_config
from evalkit.engines import ENGINES
from evalkit.errors import ConfigError
from evalkit.evaluation import run
from evalkit.forecast import forecast
from evalkit.protocols import Engine
from evalkit.records import Completion, Lora, Request

pytest.importorskip("transformers")


class Plain(Engine):
    """Serves adapters, and is never asked."""

    fingerprint = "plain"

    def use_adapters(self, adapters: Iterable[Lora]) -> None:
        return

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        raise AssertionError("the run was to be refused")


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "plain_engine_of_the_tests", sys.modules[__name__])
    monkeypatch.setitem(ENGINES, "plain", ("plain_engine_of_the_tests:Plain", ""))


PLAIN, REPLAY = "engine: plain, model: %(model)s", "engine: replay, model: %(folder)s/replies.jsonl"
ONE = "judges: [{name: wise, engine: plain, model: %(model)s}]"
TWO = "judges: [{name: wise, engine: plain, model: %(model)s}, {name: wiser, engine: plain, model: %(model)s}]"
CASES = [
    ("[verdict]", PLAIN, "", "asks a model: name one in `judges:`"),
    ("[{grader: verdict, judge: wsie}]", PLAIN, ONE, "asks 'wsie', who is not in `judges:`"),
    ("[verdict]", PLAIN, TWO, "say with `judge:` which one"),
    ("[{grader: exact, judge: wise}]", PLAIN, ONE, "is a rule and asks no judge"),
    ("[exact]", PLAIN, ONE, "judge 'wise' is asked by no grader"),
    ("[{grader: verdict, judge: wise}]", PLAIN, TWO, "judge 'wiser' is asked by no grader"),
    ("[exact]", f"{PLAIN}, tasks: [capitals/two]", "", "no task of the run matches 'capitals/two'"),
    ("[exact]", f"{PLAIN}, adapters: [none, 'lora:%(folder)s/nowhere']", "", "there is no adapter directory"),
    ("[exact]", f"{PLAIN}, adapters: [none, 'lora:%(model)s']", "", "holds a whole model and no LoRA adapter"),
    ("[exact]", f"{REPLAY}, adapters: [none, 'lora:%(lora)s']", "", "Replay serves no adapters"),
]  # fmt: skip


@pytest.mark.parametrize(("graders", "candidate", "judges", "said"), CASES)
def test_what_does_not_fit_is_refused_with_the_sentence_of_the_run(
    graders: str, candidate: str, judges: str, said: str, folder: Path, lora: Path, tmp_path: Path,
    catalogue: Catalogue, capitals: Callable[..., Path],
) -> None:  # fmt: skip
    names = {"folder": capitals(3), "model": folder, "lora": lora}
    text = f"""
name: mistaken
tokenizer: {folder}
tasks: [{{task: capitals/one, options: {{data: "%(folder)s/rows.jsonl"}}, graders: {graders}}}]
candidates: [{{name: one, {candidate}}}]
{judges}
"""
    config = parse_config(text % names)
    sentences = []
    for asked in (
        lambda: forecast(config, catalogue=catalogue, gpu="h200"),
        lambda: run(config, out=tmp_path / "run", catalogue=catalogue),
    ):
        with pytest.raises(ConfigError) as caught:
            asked()
        sentences.append(str(caught.value))
    assert said in sentences[0] and sentences[0] == sentences[1]


def test_a_task_that_no_candidate_is_asked_is_refused(catalogue: Catalogue, capitals: Callable[..., Path]) -> None:
    data = capitals(3)
    text = f"""
name: idle
tasks:
  - {{task: capitals/one, options: {{data: {data}/rows.jsonl}}}}
  - {{task: capitals/two, options: {{data: {data}/rows.jsonl}}}}
candidates: [{{name: one, engine: replay, model: {data}/replies.jsonl, tasks: [capitals/one]}}]
"""
    with pytest.raises(ConfigError, match="task 'capitals/two' is asked of no candidate: see their `tasks:`"):
        forecast(parse_config(text), catalogue=catalogue, gpu="cpu")
