"""The run directory: nothing acknowledged is ever lost, text is stored once, one process at a time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.errors import RunExistsError
from evalkit.records import (
    Answer,
    Completion,
    Corpus,
    Document,
    Grade,
    Message,
    Prompt,
    Request,
    Sample,
    Segment,
    Usage,
    scored,
)
from evalkit.store import Place, Store, unpack


def asked(i: int, context: Segment, name: str = "s") -> Request:
    return Request(Prompt((Message("user", (context, Segment(f"question {i}"))),)), Sample(f"{name}{i}", ("q",)))


def reply(request: Request, text: str = "yes") -> Completion:
    return Completion(request.key, text, usage=Usage(10, 8, 2, 3), seconds=0.5)


def test_what_was_put_comes_back_whole(tmp_path: Path) -> None:
    context = Segment("shared " * 50)
    store = Store(tmp_path)
    request = asked(3, context)
    place = Place(store.number("candidate", "a", "f"), store.number("task", "t"), 3, 0)
    store.replies.put(place, 0, request, reply(request, "naïve 🙂 \ud800 text"))
    store.flush()
    assert store.committed == 1
    assert store.replies.find(place.candidate, place.task, 0, 10) == {
        place: {0: reply(request, "naïve 🙂 \ud800 text")}
    }
    assert store.replies.find(place.candidate, place.task, 4, 10) == {}
    assert store.replies.prompt(place) == request.prompt
    store.close()


def test_a_context_shared_by_a_thousand_samples_is_stored_once(tmp_path: Path) -> None:
    import random

    words = [f"word{i}" for i in range(5000)]
    context = Segment(" ".join(random.Random(0).choices(words, k=70_000)))
    assert len(context.text) > 500_000
    compressed = len(zstandard.ZstdCompressor(level=3).compress(context.text.encode()))
    store = Store(tmp_path)
    candidate, task = store.number("candidate", "a", "f"), store.number("task", "t")
    for i in range(1000):
        request = asked(i, context)
        place = Place(candidate, task, i, 0)
        store.put_sample(task, i, request.sample)
        store.replies.put(place, 0, request, reply(request))
        store.put_grade(place, 1, Answer("yes", text="yes"), scored(1.0, metrics={"em": 1.0}))
    store.close()
    assert (tmp_path / "run.db").stat().st_size < 2 * compressed + 1000 * 1024
    assert not (tmp_path / "run.db-wal").exists()


def test_a_new_reply_takes_the_old_grade_away(tmp_path: Path) -> None:
    store = Store(tmp_path)
    request = asked(0, Segment("c"))
    place = Place(store.number("candidate", "a", "f"), store.number("task", "t"), 0, 0)
    store.replies.put(place, 0, request, Completion(request.key, finish="error", error="lost"))
    store.put_grade(place, 1, Answer(status="missing"), Grade(value=0.0))
    store.flush()
    assert store.graded(place.candidate, place.task, 1, 0, 1) == {place}
    store.replies.put(place, 0, request, reply(request))
    store.flush()
    assert store.graded(place.candidate, place.task, 1, 0, 1) == set()
    store.close()


def test_a_model_that_changed_under_the_same_name_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert store.number("candidate", "a", "one") == store.number("candidate", "a", "one")
    with pytest.raises(RunExistsError, match="'a' is not what it was"):
        store.number("candidate", "a", "two")
    store.close()


def test_a_second_process_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    store = Store(tmp_path)
    code = f"from evalkit.store import Store; from pathlib import Path; Store(Path({str(tmp_path)!r}))"
    second = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "in use by another evalkit process" in second.stderr
    store.close()
    assert subprocess.run([sys.executable, "-c", code + ".close()"], capture_output=True).returncode == 0


FILL = """
import os, resource, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_store import asked, reply
from evalkit.errors import StorageError
from evalkit.records import Segment
from evalkit.store import Place, Store
store = Store(Path({folder!r}))
candidate, task = store.number("candidate", "a", "f"), store.number("task", "t")
def put(i):
    request = asked(i, Segment("c"))
    store.replies.put(Place(candidate, task, i, 0), 0, request, reply(request, os.urandom(2000).hex()))
put(0)
store.flush()
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
try:
    for i in range(1, 2000):
        put(i)
    store.flush()
except StorageError as error:
    print(error)
try:
    store.flush()
except StorageError as error:
    print("still refused; committed", store.committed)
store.close()
"""


def test_a_disk_that_takes_no_more_stops_the_store_and_keeps_what_was_committed(tmp_path: Path) -> None:
    code = FILL.format(tests=str(Path(__file__).parent), folder=str(tmp_path))
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "can no longer be written" in run.stdout and "--resume" in run.stdout, run.stderr
    assert "still refused" in run.stdout
    committed = int(run.stdout.rsplit(" ", 1)[1])
    again = Store(tmp_path)
    assert committed >= 1
    assert len(again.replies.find(1, 2, 0, 5000)) == committed
    again.close()


@settings(max_examples=30)
@given(st.lists(st.text(max_size=200), min_size=1, max_size=20))
def test_any_text_survives(texts: list[str]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        requests = [asked(i, Segment(t)) for i, t in enumerate(texts)]
        for i, (request, text) in enumerate(zip(requests, texts, strict=True)):
            store.replies.put(Place(1, 1, i, 0), 0, request, reply(request, text))
        store.flush()
        back = store.replies.find(1, 1, 0, len(texts))
        assert [back[Place(1, 1, i, 0)][0].text for i in range(len(texts))] == texts
        assert [store.replies.prompt(Place(1, 1, i, 0)) for i in range(len(texts))] == [r.prompt for r in requests]
        store.close()


def test_bodies_say_how_they_are_packed() -> None:
    assert unpack(b"pshort") == "short"
    assert unpack(b"z" + zstandard.compress(b"long " * 50)) == "long " * 50


def test_an_interrupt_between_a_commit_and_its_counting_is_no_failure(tmp_path: Path) -> None:
    store = Store(tmp_path)
    request = asked(0, Segment("shared"))
    store.replies.put(Place(1, 1, 0, 0), 0, request, reply(request))
    journal = store._journal
    with journal._guard:
        if journal._db.in_transaction:
            journal._db.execute("COMMIT")  # and then Ctrl-C, before it was counted
    store.close()
    again = Store(tmp_path)
    assert len(again.replies.find(1, 1, 0, 1)) == 1
    again.close()


def test_half_of_a_surrogate_pair_in_a_corpus_has_a_digest_like_any_text() -> None:
    one, two = (Corpus((Document("a", f"x {half} y"),)).digest for half in ("\ud800", "\ud801"))
    assert one != two and one == Corpus((Document("a", "x \ud800 y"),)).digest
