"""The archive as a task: same questions at every length, nested corpora, files that LOFT readers take."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from evalkit.tasks.archive import build as builder
from evalkit.tasks.archive.task import Archive
from evalkit.tasks.loft.task import Loft

from evalkit.errors import ConfigError
from evalkit.privileged import grading
from evalkit.prompts import load_counter
from evalkit.protocols import TaskContext
from evalkit.records import Completion

COUNTER = load_counter(builder.MODEL)


def task(variant: str, length: int | None, seed: int = 0, **options: object) -> Archive:
    name = f"archive/{variant}@{length}"
    return Archive(TaskContext(name, variant, length, seed, COUNTER), Archive.Options(**options))


def test_the_same_questions_are_asked_of_nested_corpora_that_fill_their_length() -> None:
    short, long = (list(task("rag", length, worlds=2, questions=6, shots=2).load()) for length in (1_000, 2_000))
    assert [s.question for s, _ in short] == [s.question for s, _ in long]
    for (a, _), (b, _) in zip(short, long, strict=True):
        assert a.corpus and b.corpus
        kept = set(a.corpus.documents)
        assert [d for d in b.corpus.documents if d in kept] == list(a.corpus.documents)
    for (sample, _), length in ((short[0], 1_000), (long[0], 2_000)):
        [request] = task("rag", length).ask(sample, ())
        used = COUNTER.count(request.prompt.messages[0].text) + Archive.sampling.max_tokens
        assert 0.9 * length < used <= length


@pytest.mark.parametrize("variant", ["rag", "retrieval"])
def test_the_full_gold_reply_reads_as_the_gold_answer(variant: str) -> None:
    asked = task(variant, 1_000, worlds=2, questions=12)
    for sample, privileged in asked.load():
        with grading("test", ("answers",)) as context:
            reference = context.open(privileged)
            reply = asked.gold_reply(sample, reference)
            answer = asked.read(sample, [Completion(b"", text=reply)])
            assert answer.status == "answered"
            assert answer.value == list(reference.answers)
        assert sample.cluster.startswith("world ")
        assert sample.tags["hops"] == ("2" if sample.tags["kind"] == "link" else "1")


@pytest.mark.parametrize(("hops", "kinds"), [(1, {"fact", "who", "described"}), (2, {"link"})])
def test_hops_choose_the_kinds_of_question(hops: int, kinds: set[str]) -> None:
    assert {s.tags["kind"] for s, _ in task("rag", 1_000, worlds=3, questions=16, hops=hops).load()} == kinds


def test_equal_seeds_give_equal_samples_and_others_do_not() -> None:
    first, again, other = (
        [s for s, _ in task("rag", 1_000, seed=seed, worlds=1).load()] for seed in (4, 4, 5)
    )
    assert first == again
    assert first != other


def test_impossible_wishes_are_refused_in_a_sentence() -> None:
    with pytest.raises(ConfigError, match="needs a length"):
        list(task("rag", None).load())
    with pytest.raises(ConfigError, match="take more length"):
        list(task("rag", 300).load())
    with pytest.raises(ConfigError, match="ask for fewer"):
        list(task("rag", 1_000, questions=900).load())


def test_built_folders_load_as_a_published_loft_set(tmp_path: Path) -> None:
    out = tmp_path / "town"
    lines = list(builder.build(out, builder.Options(lengths=(2_000,), worlds=2, questions=5, seed=3)))
    assert len(lines) == 4
    for variant in ("rag", "retrieval"):
        name = f"loft/{variant}_archive_1@2k"
        loft = Loft(TaskContext(name, f"{variant}_archive_1", 2_000, 0, COUNTER), Loft.Options(data=out))
        items = list(loft.load())
        assert len(items) == 5
        assert all(len(s.demonstrations) == 5 for s, _ in items)
        [request] = loft.ask(items[0][0], ())
        assert COUNTER.count(request.prompt.messages[0].text) + Loft.sampling.max_tokens <= 2_000
    again = tmp_path / "again"
    list(builder.build(again, builder.Options(lengths=(2_000,), worlds=2, questions=5, seed=3)))
    assert _bytes(again) == _bytes(out)


def test_gold_answers_stand_in_the_gold_passages(tmp_path: Path) -> None:
    out = tmp_path / "town"
    list(builder.build(out, builder.Options(lengths=(1_000,), worlds=1, shots=0)))
    folder = out / "data" / "rag" / "archive_0" / "1k"
    passages = {}
    for row in map(json.loads, (folder / "corpus.jsonl").read_text().splitlines()):
        passages[row["pid"]] = row["title_text"] + "\n" + row["passage_text"]
    queries = [json.loads(line) for line in (folder / "test_queries.jsonl").read_text().splitlines()]
    assert len(queries) == 16
    for query in queries:
        last, _ = query["metadata"]["qrels"][-1]
        assert query["answers"][0] in passages[last]


def test_a_folder_with_content_is_refused_and_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match="not empty"):
        list(builder.build(tmp_path / "full", builder.Options()))
    with pytest.raises(ConfigError, match="take more length"):
        list(builder.build(tmp_path / "short", builder.Options(lengths=(1_000, 300))))
    assert [p.name for p in tmp_path.iterdir()] == ["full"]


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
