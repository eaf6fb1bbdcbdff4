"""What a run asks, counted on its prompts: distinct tokens, contexts, overflow, and memory that stays small."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from evalkit.forecast.load import ROOT, Load, LoadCount
from evalkit.prompts import PromptEncoder, load_encoder
from evalkit.protocols import user
from evalkit.records import Prompt, Request, Sample, Sampling, Segment

MODEL = Path(__file__).resolve().parent.parent.parent / "tasks" / "archive" / "model"


@pytest.fixture(scope="module")
def encoder() -> PromptEncoder:
    pytest.importorskip("transformers")
    return load_encoder(MODEL)


def words(count: int, first: int = 0) -> str:
    return "".join(f"word {n} of the town archive is kept here. " for n in range(first, first + count))


def ask(*texts: str | Segment, reply: int = 32) -> Request:
    return Request(Prompt((user(*texts),)), Sample("s", ("",)), sampling=Sampling(max_tokens=reply))


def questions(corpora: int, each: int, reply: int = 32) -> Iterator[Request]:
    for c in range(corpora):
        corpus = Segment(words(60, 1000 * c))
        for q in range(each):
            yield ask(corpus, f"\nWhich word is number {q * 7}?", reply=reply)


def count(encoder: PromptEncoder, requests: Iterator[Request], limit: int | None = None, draws: int = 1) -> Load:
    counted = LoadCount(encoder, limit=limit, draws=draws)
    for request in requests:
        counted.add("t", [request])
    return counted.load


def brute_distinct(encoder: PromptEncoder, requests: Iterator[Request]) -> int:
    """Nodes of the trie of all prompts' token ids."""
    seen: set[tuple[int, ...]] = set()
    for request in requests:
        ids = tuple(encoder.encode(request.prompt).ids())
        seen.update(ids[:end] for end in range(1, len(ids) + 1))
    return len(seen)


def test_distinct_tokens_are_the_nodes_of_the_prefix_tree(encoder: PromptEncoder) -> None:
    load = count(encoder, questions(3, 5))
    task = load.tasks[0]
    whole = [encoder.encode(r.prompt).n_tokens for r in questions(3, 5)]
    assert task.requests == task.samples == 15
    assert task.prompt_tokens == sum(whole) and task.longest_prompt == max(whole)
    # a question may begin as an earlier one but the neighbour does: a few tokens, never many
    assert brute_distinct(encoder, questions(3, 5)) <= task.distinct_tokens
    assert task.distinct_tokens <= 1.02 * brute_distinct(encoder, questions(3, 5))


def test_each_corpus_is_one_context_however_it_is_asked(encoder: PromptEncoder) -> None:
    load = count(encoder, questions(3, 5))
    assert len(load.groups) == 3 and all(g.requests == 5 for g in load.groups)
    for group in load.groups:
        shared = load.context_tokens(group.context)
        assert shared > 500 and group.own_tokens < 5 * 30
    mixed = sorted(questions(3, 5), key=lambda r: r.prompt.segments[-1].text)
    shuffled = count(encoder, iter(mixed))
    assert [g.requests for g in shuffled.groups] == [5, 5, 5]
    assert shuffled.total("distinct_tokens") < 1.1 * load.total("distinct_tokens")


def test_a_long_text_that_the_encoder_cannot_share_is_still_found_to_be_shared(encoder: PromptEncoder) -> None:
    requests = [ask(words(60, 1000 * c) + f"\nWhich word is number {q}?") for c in range(3) for q in range(4)]
    load = count(encoder, iter(requests))  # one segment each: no shared chunk at all
    own = sum(g.own_tokens for g in load.groups)
    shared = sum(s.tokens for s in load.stretches)
    assert sorted(g.requests for g in load.groups) == [4, 4, 4]
    assert own + shared == pytest.approx(load.total("distinct_tokens"), rel=0.05)


def test_a_tokenizer_without_safe_cuts_is_counted_by_segments(encoder: PromptEncoder) -> None:
    blind = PromptEncoder(encoder.tokenizer, name="blind")
    blind._rule = None
    exact, estimated = count(encoder, questions(3, 5)), count(blind, questions(3, 5))
    assert len(estimated.groups) == 3
    assert estimated.total("prompt_tokens") == exact.total("prompt_tokens")
    assert estimated.total("distinct_tokens") == pytest.approx(exact.total("distinct_tokens"), rel=0.03)


def test_what_does_not_fit_is_counted_apart(encoder: PromptEncoder) -> None:
    fitting = encoder.encode(ask(words(20), "?").prompt).n_tokens + 32
    requests = [ask(words(20), "?"), ask(words(20), "?", reply=33), ask(words(400), "?")]
    task = count(encoder, iter(requests), limit=fitting, draws=2).tasks[0]
    assert (task.samples, task.requests, task.overflowing) == (3, 2, 4)
    assert task.longest_overflow > 4000 and task.longest_prompt == fitting - 32


def test_a_further_draw_asks_again_and_reads_nothing_new(encoder: PromptEncoder) -> None:
    one, three = count(encoder, questions(2, 3)), count(encoder, questions(2, 3), draws=3)
    assert three.total("requests") == 3 * one.total("requests")
    assert three.total("prompt_tokens") == 3 * one.total("prompt_tokens")
    assert three.total("reply_tokens") == 3 * one.total("reply_tokens")
    assert three.total("distinct_tokens") == one.total("distinct_tokens")


def test_votes_are_draws_of_one_prompt_and_groups_apart_from_single_questions(encoder: PromptEncoder) -> None:
    corpus = Segment(words(60))
    counted = LoadCount(encoder, limit=None)
    for q in range(4):
        one = ask(corpus, f"\nIs answer {q * 7} right?")
        counted.add("voted", [one] * 3)
        counted.add("asked", [one])
    load = counted.load
    voted, asked = load.tasks
    assert (voted.samples, voted.requests, asked.requests) == (4, 12, 4)
    assert voted.prompt_tokens == 3 * asked.prompt_tokens and voted.reply_tokens == 12 * 32
    assert asked.distinct_tokens == 0, "read for the votes before"
    assert sorted((g.task, g.requests, g.draws) for g in load.groups) == [("asked", 4, 1), ("voted", 4, 3)]


def test_a_load_repeated_shares_nothing_between_its_times(encoder: PromptEncoder) -> None:
    """By hand: 2 corpora with 3 questions each, three times over, are 6 corpora with 3 questions each."""
    counted = LoadCount(encoder, limit=400, draws=2)
    for request in (*questions(2, 3), ask("short")):
        counted.add("t", [request], later_turns=1)
    (long_ones,) = counted.load.tasks
    assert (long_ones.requests, long_ones.overflowing) == (2, 12)
    once = count(encoder, questions(2, 3), draws=2)
    load = once.repeated(3)
    task, one = load.tasks[0], once.tasks[0]
    assert (task.samples, task.requests, task.longest_prompt) == (6, 3 * 6 * 2, one.longest_prompt)
    assert (task.prompt_tokens, task.distinct_tokens) == (3 * one.prompt_tokens, 3 * one.distinct_tokens)
    assert task.reply_tokens == 3 * 12 * 32
    assert len(load.groups) == 6 and len({g.context for g in load.groups}) == 6
    assert [load.context_tokens(g.context) for g in load.groups] == [
        once.context_tokens(g.context) for g in once.groups
    ] * 3
    again = counted.load.repeated(2).tasks[0]
    assert (again.overflowing, again.later_turns, again.longest_overflow) == (24, 28, long_ones.longest_overflow)


def test_what_does_not_fit_is_said_to_whoever_asks(encoder: PromptEncoder) -> None:
    counted = LoadCount(encoder, limit=200, draws=2)
    assert counted.add("t", [ask("short"), ask(words(60))]) == 2 and counted.add("t", [ask("short")]) == 0


def test_later_turns_are_counted_as_such(encoder: PromptEncoder) -> None:
    counted = LoadCount(encoder, limit=None, draws=2)
    counted.add("t", [ask("hello")], later_turns=3)
    assert counted.load.tasks[0].later_turns == 6
    assert counted.load.groups[0].context == ROOT


def test_memory_grows_with_distinct_text_not_with_requests(encoder: PromptEncoder) -> None:
    def peak(each: int) -> int:
        tracemalloc.start()
        count(encoder, questions(2, each))
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(10)
    assert peak(2000) < peak(200) + 200_000  # 3,600 more requests, less than 60 bytes each
