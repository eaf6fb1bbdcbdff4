"""Feeding an engine from both ends of the tree: reading and writing in step, no prefix group torn."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st

import evalkit as ek
from evalkit import plan
from evalkit.records import Lora, Message, Prompt, Request, Sample, Sampling, Segment


def request(context: str, question: str, tokens: int, adapter: Lora | None = None) -> Request:
    prompt = Prompt((Message("user", (Segment(context), Segment(question))),))
    return Request(prompt, Sample(context[:9] + question, ("q",)), sampling=Sampling(tokens), adapter=adapter)


CORPORA = [request(f"{name} " + "long " * 4000, f"q{n}", 8) for name in "abcdefgh" for n in range(10)]
PROBLEMS = [request("Solve: ", f"problem {n}", 4096) for n in range(80)]


def test_reading_and_writing_progress_in_step() -> None:
    ordered = plan.blended([*PROBLEMS, *CORPORA])
    kinds = ["read" if r in CORPORA else "write" for r in ordered]
    for part in range(1, 8):
        first = kinds[: part * 20]
        assert abs(first.count("read") - first.count("write")) <= 20, "never more than a context or two ahead"
    halves = plan.depth_first([*PROBLEMS, *CORPORA])
    assert {r in CORPORA for r in halves[:80]} == {True}, "unblended, one kind follows the other"


def test_a_context_that_is_mostly_read_is_asked_without_a_gap() -> None:
    ordered = plan.blended([*CORPORA[::-1], *PROBLEMS])
    contexts = [r.prompt.segments[0].text for r in ordered if r in CORPORA]
    assert 1 + sum(a != b for a, b in pairwise(contexts)) == 8
    places = [n for n, r in enumerate(ordered) if r in CORPORA]
    assert all(places[k + 1] == places[k] + 1 for k in range(79) if k % 10 != 9)


questions = st.tuples(st.sampled_from("abc"), st.integers(0, 9), st.sampled_from([1, 50]), st.booleans())


@given(st.lists(questions, max_size=40))
def test_nothing_is_lost_and_adapters_stay_together(found: list[tuple[str, int, int, bool]]) -> None:
    lora = Lora("a", "00")
    requests = [request(c * 20, f"{n} {k}", t, lora if tuned else None) for k, (c, n, t, tuned) in enumerate(found)]
    ordered = plan.blended(requests)
    assert sorted(r.key for r in ordered) == sorted(r.key for r in requests)
    assert sum(a.adapter != b.adapter for a, b in pairwise(ordered)) <= 1


def test_a_blended_run_scores_as_any(
    tmp_path: Path, capitals: Callable[..., Path], catalogue: ek.Catalogue
) -> None:
    folder = capitals(9)
    rows = folder / "rows.jsonl"
    text = f"""
name: both
tasks:
  - {{task: capitals/one, options: {{data: {rows}, preamble: "{"read me " * 200}"}}}}
  - {{task: capitals/two, options: {{data: {rows}}}}}
candidates: [{{name: parrot, engine: replay, model: {folder}/two.jsonl, options: {{number_draws: false}}}}]
"""
    lines = (folder / "replies.jsonl").read_text().splitlines()
    turns = [line[:-1] + f', "turn": {turn}}}' for line in lines for turn in range(2)]
    (folder / "two.jsonl").write_text("\n".join(turns) + "\n")
    (tmp_path / "both.yaml").write_text(text)
    found = []
    for blend in ("false", "true"):
        run = ek.run(tmp_path / "both.yaml", out=tmp_path / blend, overrides=[f"blend={blend}"], catalogue=catalogue)
        found.append([(r["task"], r["sample"], r["value"]) for r in run.scores().to_pylist()])
    assert found[0] == found[1] and len(found[0]) == 36


def test_the_progress_is_by_work_and_not_by_count() -> None:
    heavy = request("x" * 100_000, "q", 8)
    light = [request("y", f"{n}", 100) for n in range(10)]
    ordered = plan.blended([*light, heavy])
    assert ordered[0] is heavy and len({msgspec.structs.asdict(r)["sample"].id for r in ordered}) == 11
