"""Leaders first, and no more in flight than the cache holds."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from evalkit.plan.admission import Admission
from evalkit.plan.prefix import Prefix, of_tokens
from evalkit.prompts import EncodedPrompt, TokenChunk
from evalkit.records import Lora

BLOCK = 16


def shared_by(context: int, length: int = 100) -> TokenChunk:
    return TokenChunk(array("i", [context] * length), b"")


def prompt(context: int, question: int, length: int = 100, adapter: Lora | None = None) -> Prefix:
    """A context of `length` tokens that is named by its number, and 20 tokens of a question."""
    shared = shared_by(context, length)
    own = TokenChunk(array("i", [1000 + question] * 20), shared.digest)
    return of_tokens(EncodedPrompt((shared, own)), BLOCK, adapter)


def branch(context: int, place: int, question: int) -> Prefix:
    """A context, a place in it that several questions name, and a question."""
    shared = shared_by(context)
    named = TokenChunk(array("i", [place] * 40), shared.digest)
    own = TokenChunk(array("i", [1000 + question] * 20), named.digest)
    return of_tokens(EncodedPrompt((shared, named, own)), BLOCK)


def admission(capacity: int | None = None, requests: int = 100) -> Admission:
    return Admission(capacity=capacity, block=BLOCK, requests=requests)


def start(held: Admission, name: bytes, what: Prefix, reply: int = 8) -> bool:
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
    assert held.may_lead(prompt(1, 1)) and held.leader(prompt(1, 2)) is None
    start(held, b"1", prompt(1, 1))
    assert held.leader(prompt(1, 2)) == b"1" and held.leader(prompt(2, 1)) is None
    held.ended(b"1")
    start(held, b"2", prompt(2, 1))
    held.ended(b"2")
    assert not held.may_lead(prompt(1, 2)), "the first context is in the cache still"


def test_prompts_for_different_adapters_share_nothing() -> None:
    one, two = Lora("one", "01"), Lora("two", "02")
    held = admission(capacity=3 * 128)
    for number, lora in enumerate((None, one, two)):
        assert held.admits(prompt(1, 1, adapter=lora), 8)
        held.started(number, prompt(1, 1, adapter=lora), 8)
    assert held._total == 3 * 128
    held.was_read(1)
    assert held.leader(prompt(1, 2, adapter=None)) == 0
    assert held.leader(prompt(1, 2, adapter=one)) is None, "its own leader's has been read"
    assert held.leader(prompt(1, 2, adapter=two)) == 2
    assert not held.fits(prompt(1, 2, adapter=one), 8)


def test_a_leader_that_failed_unread_passes_the_lead_to_the_next() -> None:
    held = admission()
    start(held, b"1", prompt(1, 1))
    held.ended(b"1", read=False)
    assert held.may_lead(prompt(1, 2))
    assert start(held, b"2", prompt(1, 2))
    assert held.leader(prompt(1, 3)) == b"2"
    held.was_read(b"2")
    assert start(held, b"3", prompt(1, 3))


def test_nobody_waits_for_a_request_whose_reading_is_not_heard_of() -> None:
    held = admission()
    start(held, b"1", prompt(1, 1))
    held.unwatched(b"1")
    assert held.leader(prompt(1, 2)) is None
    start(held, b"2", prompt(1, 2))
    held.ended(b"1", read=False)
    assert held.leader(prompt(1, 3)) == b"2", "the one that came after it leads"


def test_what_is_worth_waiting_for_may_be_more_than_a_block() -> None:
    held = Admission(capacity=None, block=BLOCK, requests=9, least=64)
    assert start(held, b"1", prompt(1, 1, length=63)) and start(held, b"2", prompt(1, 2, length=63))
    assert start(held, b"3", prompt(2, 1, length=64)) and not start(held, b"4", prompt(2, 2, length=64))


def test_a_deeper_shared_text_is_waited_for_though_its_beginning_has_been_read() -> None:
    held = admission()
    start(held, b"1", prompt(1, 1))
    held.was_read(b"1")
    assert start(held, b"2", branch(1, 7, 1)), "the context is in the cache, the branch is not"
    assert not held.admits(branch(1, 7, 2), 8)
    assert held.admits(branch(1, 8, 1), 8)


def test_contexts_are_forgotten_as_a_cache_of_that_size_forgets_them() -> None:
    held = admission(capacity=3 * 128)
    for n in range(1, 5):
        start(held, bytes([n]), prompt(n, 1))
        held.ended(bytes([n]))
    known = [not held.may_lead(prompt(n, 2)) for n in range(1, 5)]
    assert known == [False, True, True, True], "the one unused for longest has gone"
    assert held._total == 0 and held._idle_total <= 3 * 128


def test_texts_that_were_encoded_as_one_are_found_to_share() -> None:
    def whole(*ids: int) -> Prefix:
        return of_tokens(EncodedPrompt((TokenChunk(array("i", ids), b""),)), BLOCK)

    held = admission()
    assert start(held, b"1", whole(*[5] * 50, 1, 2, 3))
    assert not held.admits(whole(*[5] * 50, 3, 2, 1), 8)
    assert held.admits(whole(*[6] * 50), 8)


def test_a_block_is_taken_whole() -> None:
    held = admission(capacity=10 * BLOCK)
    tiny = [of_tokens(EncodedPrompt((TokenChunk(array("i", [n] * 10), b""),)), BLOCK) for n in range(20)]
    started = sum(start(held, bytes([n]), tiny[n], reply=7) for n in range(20))
    assert started == 5, "each takes two blocks of the ten"
