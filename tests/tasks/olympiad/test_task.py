"""The task: published formats as published, bad files named, privileged parts kept apart, the sample's replies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from evalkit.tasks.olympiad import choices
from evalkit.tasks.olympiad.task import Olympiad

from evalkit.errors import ConfigError, DataError, UserError
from evalkit.privileged import grading
from evalkit.protocols import Item, TaskContext
from evalkit.records import Completion

SAMPLE = Path(__file__).resolve().parents[3] / "tasks" / "olympiad" / "sample"


def task(variant: str = "sample", **options: object) -> Olympiad:
    return Olympiad(TaskContext(name=f"olympiad/{variant}", variant=variant), Olympiad.Options(**options))


def load(path: Path, variant: str = "auto") -> list[Item]:
    return list(task(variant, problems=str(path)).load())


def opened(item: Item, kind: str) -> tuple[Any, ...]:
    with grading("test", (kind,)) as context:
        values: tuple[Any, ...] = getattr(context.open(item[1]), kind)
        return values


@pytest.mark.parametrize(
    ("variant", "file", "count", "first", "tags"),
    [
        ("mathodyssey", "mathodyssey/problems.jsonl", 387, "Problem_1", {"level", "subject"}),
        ("answerbench", "imobench/answerbench_v2.csv", 400, "imo-bench-algebra-001", {"subject", "topic", "source"}),
        ("math500", "math500/test.jsonl", 500, "test/precalculus/807.json", {"level", "subject"}),
        ("matharena", "matharena/problems.jsonl", 156, "aime_2024_I/1", {"competition"}),
    ],
)
def test_published_files_load_as_published_and_are_recognised(
    variant: str, file: str, count: int, first: str, tags: set[str], shared_data: Path
) -> None:
    items = load(shared_data / "graders" / file, variant)
    assert len(items) == count == len({s.id for s, _ in items})
    sample = items[0][0]
    assert (sample.id, set(sample.tags), sample.cluster) == (first, tags, first)
    assert [s for s, _ in load(shared_data / "graders" / file)] == [s for s, _ in items]


def test_a_row_that_lost_a_quote_is_mended(shared_data: Path) -> None:
    items = {s.id: (s, p) for s, p in load(shared_data / "graders" / "imobench" / "answerbench_v2.csv")}
    item = items["imo-bench-algebra-036"]
    assert item[0].question[0].endswith(r"\]")
    assert opened(item, "answers") == (r"$Y(x)=A+\frac{B}{x}-x$",)


def test_a_proof_problem_is_kept_without_an_answer(shared_data: Path) -> None:
    items = load(shared_data / "graders" / "matharena" / "problems.jsonl")
    without = [s.id for s, p in items if not opened((s, p), "answers")]
    assert without == [f"usamo_2025/{n}" for n in range(1, 7)]


def test_json_csv_and_jsonl_hold_the_same(tmp_path: Path) -> None:
    rows = [{"id": "a", "problem": "1+1?", "answer": "2", "level": "entry"}, {"id": "b", "problem": "x", "answer": "3"}]
    (tmp_path / "p.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n\n", encoding="utf-8")
    (tmp_path / "p.json").write_text(json.dumps(rows), encoding="utf-8")
    (tmp_path / "p.csv").write_text("id,problem,answer,level\na,1+1?,2,entry\nb,x,3,\n", encoding="utf-8")
    loaded = [
        [(s, opened((s, p), "answers")) for s, p in load(tmp_path / f"p.{ending}")]
        for ending in ("jsonl", "json", "csv")
    ]
    assert loaded[0] == loaded[1] == loaded[2]
    assert loaded[0][0][1] == ("2",)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("p.jsonl", '{"id": 1, "problem": "x", "answer": "2"}\n{broken\n', "line 2: not JSON: expecting property name"),
        ("p.jsonl", '{"id": 1, "frage": "x"}\n', "columns id, frage fit no known format"),
        ("p.jsonl", '{"id": 1, "problem": "x", "answer": 2}\n{"id": 2, "problem": "y"}\n', "line 2: no column"),
        ("p.jsonl", '{"id": 1, "problem": "", "answer": "2"}\n', "line 1: 'problem' must be a text"),
        ("p.jsonl", '{"id": 1, "problem": "x", "answer": ""}\n', "line 1: 'answer' is empty"),
        ("p.jsonl", '{"id": 1, "problem": "x", "answer": {"a": 1}}\n', "line 1: 'answer' must be"),
        ("p.jsonl", '{"id": 1, "problem": "x", "answer": true}\n', "line 1: 'answer' must be"),
        ("p.jsonl", '{"id": 1, "problem": "x", "answer": 2}\n{"id": 1, "problem": "y", "answer": 3}', "line 1 already"),
        ("p.jsonl", "[1]\n", "line 1: must be a JSON object, not a list"),
        ("p.jsonl", "\n", "no problems"),
        ("p.json", '{"id": 1}', "is a list of objects"),
        ("p.csv", "id,problem,answer\n1,x\n", "row 1: 2 fields, but the header names 3"),
        ("p.txt", "x", "not from '.txt'"),
    ],
)
def test_bad_files_are_named_with_their_row(name: str, content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(UserError) as error:
        load(tmp_path / name)
    assert said in str(error.value) and name in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_bytes(b'{"id": 1, "problem": "\xff", "answer": "2"}\n')
    with pytest.raises(DataError, match="not UTF-8"):
        load(tmp_path / "p.jsonl")


def test_a_format_needs_its_file_and_the_sample_has_its_own() -> None:
    with pytest.raises(ConfigError, match="needs the option problems"):
        list(task("math500").load())
    with pytest.raises(ConfigError, match="is the shipped set"):
        list(task("sample", problems="x.jsonl").load())


def test_a_missing_file_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        load(tmp_path / "nowhere.jsonl")


def test_answers_solutions_and_scheme_are_privileged_and_the_prompt_holds_none_of_them() -> None:
    t = task()
    for sample, privileged in t.load():
        assert privileged.kinds == ("answers", "solutions", "scheme")
        [request] = t.ask(sample, [])
        text = request.prompt.messages[-1].text
        assert text.endswith(sample.question[0]) and r"\boxed{}" in text
        assert t.ask(sample, [Completion(b"")]) == ()
        solution = opened((sample, privileged), "solutions")[0]
        assert solution[:60] not in text


def test_all_prompts_share_the_instruction_as_one_segment() -> None:
    t = task()
    firsts = {id(t.ask(s, [])[0].prompt.messages[0].segments[0]) for s, _ in t.load()}
    assert len(firsts) == 1


@pytest.mark.parametrize(
    ("question", "answer", "accepted"),
    [
        (
            "Which?\n\\begin{align*}\n\\text{A)}\\ & x+2y=2 &\n\\text{B)}\\ & \\frac{\\pi}{2}\\\\\n\\end{align*}",
            "$B$", ("$B$", r"\frac{\pi}{2}"),
        ),
        ("Which? (A) 3 (B) 4 (C) $\\sqrt{2}$", "C", ("C", r"$\sqrt{2}$")),
        ("Which?\n\\text{A)}\\ & \\( \\pi \\) &\n\\text{B)}\\ & -12 \\ and \\ 12\\\\\n", "A", ("A", r"\( \pi \)")),
        ("Which? (A) 3 (C) 4", "C", ("C",)),
        ("Which point, A or B?", "B", ("B",)),
        ("Which? (A) 3 (B) 4", "4", ("4",)),
    ],
)  # fmt: skip
def test_the_contents_of_the_right_option_are_accepted(question: str, answer: str, accepted: tuple[str, ...]) -> None:
    assert choices.accepted(question, answer) == accepted


def test_every_letter_of_mathodyssey_but_two_gets_its_contents(shared_data: Path) -> None:
    rows = [json.loads(line) for line in (shared_data / "graders/mathodyssey/problems.jsonl").open(encoding="utf-8")]
    letters = [r for r in rows if r["answer"].strip("$. ") in set("ABCDEFGH")]
    found = [choices.accepted(r["question"], r["answer"]) for r in letters]
    assert (len(found), sum(len(f) == 2 for f in found)) == (127, 125)
    assert not [f for f in found if f[-1].endswith(("\\", "&")) or f[-1].startswith(("&", "\\ "))]


def test_the_recorded_replies_show_every_way_an_answer_can_go() -> None:
    t = task()
    samples = {s.id: s for s, _ in t.load()}
    statuses: dict[str, set[str]] = {"steady": set(), "hasty": set()}
    seen = set()
    for line in (SAMPLE / "replies.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        assert (row["id"], row["candidate"]) not in seen
        seen.add((row["id"], row["candidate"]))
        answer = t.read(samples[row["id"]], [Completion(b"", text=row["text"], finish=row["finish"])])
        statuses[row["candidate"]].add(answer.status)
    every = {"answered", "unparsed", "truncated"}
    assert statuses == {"steady": every, "hasty": every}
    assert len(seen) == 59, "one reply of `hasty` is missing on purpose"
