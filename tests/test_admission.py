"""Leaders first, and no more in flight than the cache holds."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from evalkit.plan.admission import Admission
from evalkit.prompts import EncodedPrompt, TokenChunk

BLOCK = 16


def prompt(context: int, question: int, length: int = 100) -> EncodedPrompt:
    """A context of `length` tokens that is named by its number, and 20 tokens of a question."""
    shared = TokenChunk(array("i", [context] * length), b"")
    return EncodedPrompt((shared, TokenChunk(array("i", [1000 + question] * 20), shared.digest)))


def admission(capacity: int | None = None, requests: int = 100) -> Admission:
    return Admission(capacity=capacity, block=BLOCK, requests=requests)


def start(held: Admission, name: bytes, what: EncodedPrompt, reply: int = 8) -> bool:
    if not held.admits(what, reply):
        return False
    held.started(name, what, reply)
    return True


def test_a_follower_waits_until_its_leader_was_read() -> None:
    held = admission()
    assert start(held, b"1", prompt(1, 1))
    assert not held.admits(prompt(1, 2), 8)
    held.was_read(b"1")
    assert start(held, b"2", prompt(1, 2))
    assert start(held, b"3", prompt(1, 3)), "what they share has been read: followers need not wait for one another"


def test_a_leader_that_ended_leaves_its_context_in_the_cache() -> None:
    held = admission()
    start(held, b"1", prompt(1, 1))
    held.ended(b"1")
    assert len(held) == 0
    assert start(held, b"2", prompt(1, 2)) and start(held, b"3", prompt(1, 3))


def test_requests_that_share_less_than_a_block_do_not_wait() -> None:
    held = admission()
    assert start(held, b"1", prompt(1, 1, length=BLOCK - 1))
    assert start(held, b"2", prompt(1, 2, length=BLOCK - 1))
    assert start(held, b"3", prompt(2, 1))
    assert not held.admits(prompt(2, 2), 8)


def test_a_context_is_counted_once_however_many_ask_about_it() -> None:
    held = admission(capacity=2 * (112 + 8 + 20) + 4 * 40)
    assert start(held, b"1", prompt(1, 1))
    held.was_read(b"1")
    followers = sum(start(held, bytes([n]), prompt(1, n)) for n in range(2, 40))
    assert 5 <= followers <= 10
    assert not held.admits(prompt(2, 1), 8), "the cache is full"
    for n in range(2, 40):
        held.ended(bytes([n]))
    assert held.admits(prompt(2, 1), 8)


def test_a_prompt_larger_than_the_cache_may_start_alone() -> None:
    held = admission(capacity=50)
    assert start(held, b"1", prompt(1, 1))
    assert not held.admits(prompt(2, 1), 8)


def test_no_more_requests_than_the_engine_takes() -> None:
    held = admission(requests=2)
    assert start(held, b"1", prompt(1, 1)) and start(held, b"2", prompt(2, 1))
    assert not held.admits(prompt(3, 1), 8)


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 40)), min_size=1, max_size=40), st.randoms())
def test_whatever_ends_in_whatever_order_all_requests_get_their_turn(asked: list[tuple[int, int]], rng: object) -> None:
    held = admission(capacity=300, requests=5)
    waiting = list(dict.fromkeys(asked))
    flight: list[bytes] = []
    begun = 0
    while waiting or flight:
        while waiting and held.admits(prompt(*waiting[0]), 8):
            key = repr(waiting[0]).encode()
            held.started(key, prompt(*waiting.pop(0)), 8)
            flight.append(key)
            begun += 1
        assert flight, "somebody must always be in flight"
        held.ended(flight.pop(rng.randrange(len(flight))))  # type: ignore[attr-defined]
    assert begun == len(set(asked))
    assert held._total == 0 and len(held) == 0


@given(st.lists(st.integers(0, 9), min_size=1, max_size=12, unique=True), st.randoms())
def test_what_ends_leaves_the_shared_context_counted_while_somebody_has_it(questions: list[int], rng: object) -> None:
    held = admission()
    for n in questions:
        held.started(bytes([n]), prompt(1, n), 8)
    left = sorted(questions)
    while left:
        assert held._total == 96 + len(left) * (4 + 20 + 8)  # 96 of the 100 shared tokens are whole blocks
        held.ended(bytes([left.pop(rng.randrange(len(left)))]))  # type: ignore[attr-defined]
    assert held._total == 0


def test_a_leader_is_known_as_one_and_contexts_read_before_are_remembered() -> None:
    held = admission()
    assert held.leads(prompt(1, 1), prompt(1, 2))
    assert not held.leads(prompt(1, 1), prompt(2, 1))
    start(held, b"1", prompt(1, 1))
    held.ended(b"1")
    start(held, b"2", prompt(2, 1))
    held.ended(b"2")
    assert not held.leads(prompt(1, 2), prompt(1, 3)), "the first context is in the cache still"


def test_a_block_is_taken_whole() -> None:
    held = admission(capacity=10 * BLOCK)
    tiny = [EncodedPrompt((TokenChunk(array("i", [n] * 10), b""),)) for n in range(20)]
    started = sum(start(held, bytes([n]), tiny[n], reply=7) for n in range(20))
    assert started == 5, "each takes two blocks of the ten"
