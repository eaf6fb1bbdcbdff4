"""The order of requests, and the budget."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit import plan
from evalkit.errors import BudgetError
from evalkit.protocols import Engine
from evalkit.records import Completion, Lora, Message, Prompt, Request, Sample, Sampling, Segment


def request(*parts: str, draw: int = 0) -> Request:
    prompt = Prompt((Message("user", tuple(Segment(p) for p in parts)),))
    return Request(prompt, Sample("/".join(parts), ("q",)), draw=draw)


def switches(requests: list[Request], depth: int) -> int:
    heads = [r.prompt.path[: depth + 1] for r in requests]
    return 1 + sum(a != b for a, b in pairwise(heads))


paths = st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=4), min_size=1, max_size=40)


@given(paths)
def test_every_branch_of_the_prefix_tree_is_visited_once(found: list[list[str]]) -> None:
    requests = [request(*path) for path in found]
    ordered = plan.depth_first(requests)
    assert sorted(r.sample.id for r in ordered) == sorted(r.sample.id for r in requests)
    for depth in range(1, 5):
        deep = [r for r in ordered if len(r.prompt.path) > depth]
        assert switches(deep, depth) == len({r.prompt.path[: depth + 1] for r in deep}) or not deep


def test_branches_keep_the_order_in_which_they_appear_and_draws_theirs() -> None:
    requests = [request("b", "1"), request("a", "1"), request("b", "2", draw=1), request("b", "2"), request("a", "2")]
    assert [(r.sample.id, r.draw) for r in plan.depth_first(requests)] == [
        ("b/1", 0), ("b/2", 1), ("b/2", 0), ("a/1", 0), ("a/2", 0),
    ]


def test_the_branch_with_the_longest_prompt_comes_first_and_adapters_stay_together() -> None:
    short, long = request("short", "1"), request("a much longer corpus", "1")
    tuned = msgspec.structs.replace(request("the longest corpus of them all", "1"), adapter=Lora("a", "00"))
    also = request("short", "a long question about it")
    ordered = plan.depth_first([short, tuned, long, also])
    assert [r.prompt.segments[0].text for r in ordered] == [
        "short", "short", "a much longer corpus", "the longest corpus of them all",
    ]
    assert [r.prompt.segments[1].text for r in ordered[:2]] == ["a long question about it", "1"]


class Small(Engine):
    """A model of 20 characters."""

    fingerprint = "small"
    limit = 20

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        raise AssertionError("nothing may be generated")

    def prompt_tokens(self, prompt: Prompt) -> int:
        return sum(len(m.text) for m in prompt.messages)


def test_a_prompt_over_the_limit_is_found_and_refused_in_one_sentence() -> None:
    from msgspec.structs import replace

    fits = replace(request("x" * 15), sampling=Sampling(max_tokens=5))
    over = replace(request("x" * 16), sampling=Sampling(max_tokens=5))
    found = list(plan.overflows([fits, over], Small(None)))
    assert [o.request for o in found] == [over]
    with pytest.raises(BudgetError, match=r"1 prompt is too long.* 16 prompt tokens and 5 for the reply exceed .* 20"):
        plan.refuse(found, "small")
    plan.refuse([], "small")
