"""One stream of requests: windows, turns and replies of an earlier run, without the engine ever running dry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pytest

from evalkit.errors import DataError, EngineError
from evalkit.protocols import Engine, user
from evalkit.records import Completion, Prompt, Request, Sample, Usage
from evalkit.runner.feed import Dialogue, Feed, converse


class Talk(Dialogue):
    """Asks one question a turn, `width` times in parallel; writes down what it kept."""

    def __init__(
        self, name: str, turns: int = 1, width: int = 1, stored: Mapping[int, Completion] | None = None, text: str = ""
    ) -> None:
        super().__init__(stored or {})
        self.name, self.turns, self.width, self.text = name, turns, width, text or name
        self.kept: list[tuple[int, str]] = []
        self.over = False

    def request(self, turn: int, draw: int) -> Request:
        return Request(Prompt((user(self.text),)), Sample(self.text, ("q",)), turn=turn, draw=draw)

    def ask(self, replies: tuple[Completion, ...]) -> Sequence[Request]:
        turn = len(replies) // self.width
        return [self.request(turn, draw) for draw in range(self.width)] if turn < self.turns else ()

    def keep(self, seq: int, request: Request, completion: Completion, waiting: int) -> None:
        self.kept.append((seq, completion.text))

    def ended(self) -> None:
        assert not self.over, "a dialogue ends once"
        self.over = True


class Wide(Engine):
    """Has `width` requests in flight and answers the oldest first; looks again for more after each."""

    fingerprint = "wide"

    def __init__(self, width: int) -> None:
        super().__init__(None)
        self.width, self.taken, self.idle = width, 0, 0

    def generate(self, requests: Iterator[Request]) -> Iterator[Completion]:
        flight: list[Request] = []
        while True:
            while len(flight) < self.width and (request := next(requests, None)) is not None:
                flight.append(request)
                self.taken += 1
            if not flight:
                return
            self.idle += self.width - len(flight)
            request = flight.pop(0)
            yield Completion(request.key, f"{request.sample.id}{request.turn}", usage=Usage(10))


def test_turns_of_one_window_overlap_with_the_next_window() -> None:
    talks = [Talk(f"t{n}", turns=3) for n in range(20)]
    opened: list[int] = []

    def windows() -> Iterator[list[Talk]]:
        for start in range(0, 20, 5):
            opened.append(engine.taken)
            yield talks[start : start + 5]

    engine = Wide(4)
    converse(engine, Feed(windows()))
    assert engine.taken == 60 and all(t.over for t in talks)
    assert all([text[-1] for _, text in t.kept] == ["0", "1", "2"] for t in talks)
    assert opened[0] == 0 and opened[1] < 5 < opened[2] < 25, "a window is opened when the one before it is begun"
    assert engine.idle <= 6, "only the very end leaves places empty"


def test_the_next_window_is_made_ready_a_little_at_each_request() -> None:
    asked: list[str] = []

    class Noted(Talk):
        def ask(self, replies: tuple[Completion, ...]) -> Sequence[Request]:
            asked.append(self.name)
            return super().ask(replies)

    feed = Feed([Noted(f"{k} {n}") for n in range(50)] for k in range(3))
    before = 0
    for taken, request in enumerate(feed):
        if taken > 0:
            assert len(asked) - before <= 3, "the engine never waits for a whole window"
        before = len(asked)
        feed.receive(Completion(request.key, "x"))
        asked = asked[: len(asked) - 1]  # what was asked about the reply
        before -= 1
    assert taken == 149


def test_what_a_run_before_kept_is_not_asked_again() -> None:
    done = Talk("a", turns=2)
    replies = {turn: Completion(done.request(turn, 0).key, "old") for turn in range(2)}
    failed = {0: Completion(done.request(0, 0).key, finish="error", error="lost")}
    other = {0: Completion(b"of another prompt", "old")}
    talks = [
        Talk("a", 2, stored=replies), Talk("b", 2, stored=other), Talk("a", 2, stored={0: replies[0]}),
        Talk("c", 1, stored=failed),
    ]
    engine = Wide(8)
    converse(engine, Feed([talks]))
    assert [t.kept for t in talks] == [[], [(0, "b0"), (1, "b1")], [(1, "a1")], [(0, "c0")]]


def test_equal_questions_are_answered_once_and_paid_for_once() -> None:
    talks = [Talk(f"t{n}", turns=2, text="the same") for n in range(5)]
    engine = Wide(3)
    paid: list[int] = []
    for talk in talks:
        talk.keep = lambda seq, request, completion, waiting: paid.append(completion.usage.prompt_tokens)  # type: ignore
    converse(engine, Feed([talks]))
    assert engine.taken == 2 and all(t.over for t in talks)
    assert sorted(paid) == [0] * 8 + [10, 10]


def test_one_dialogue_may_not_ask_the_same_twice_in_a_turn() -> None:
    class Stutter(Talk):
        def ask(self, replies: tuple[Completion, ...]) -> Sequence[Request]:
            return [self.request(0, 0)] * 2

    with pytest.raises(DataError, match="sample 's' asks the same question twice in one turn"):
        Feed([[Stutter("s")]]).dry()


def test_all_of_a_turn_is_awaited_before_the_next_is_asked() -> None:
    talk = Talk("v", turns=2, width=5)
    engine = Wide(2)
    converse(engine, Feed([[talk]]))
    assert [text for _, text in talk.kept] == ["v0"] * 5 + ["v1"] * 5


def test_an_error_ends_its_dialogue_and_no_other() -> None:
    class Failing(Wide):
        def generate(self, requests: Iterator[Request]) -> Iterator[Completion]:
            for request in requests:
                if request.sample.id == "bad":
                    yield Completion(request.key, finish="error", error="no")
                else:
                    yield Completion(request.key, "fine")

    talks = [Talk("bad", turns=3), Talk("good", turns=3)]
    feed = Feed([talks])
    converse(Failing(1), feed)
    assert feed.failed == 1 and [len(t.kept) for t in talks] == [1, 3] and all(t.over for t in talks)


def test_an_engine_that_ends_early_is_told_of() -> None:
    class Lazy(Wide):
        def generate(self, requests: Iterator[Request]) -> Iterator[Completion]:
            for request in requests:
                if request.sample.id != "b":
                    yield Completion(request.key, "x")

    with pytest.raises(EngineError, match="ended with 1 requests unanswered"):
        converse(Lazy(1), Feed([[Talk("a"), Talk("b"), Talk("c")]]))
