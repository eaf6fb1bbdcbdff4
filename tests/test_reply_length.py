"""How much room a reply is given."""

from __future__ import annotations

from evalkit.plan.length import FIRST_GUESS, ReplyLength


def test_a_reply_is_given_what_others_took_and_never_more_than_it_may_have() -> None:
    lengths = ReplyLength()
    assert lengths.guess(32_000) == FIRST_GUESS and lengths.guess(8) == 8
    lengths.saw(100)
    assert lengths.guess(32_000) == 100, "what was seen replaces the guess"
    lengths.saw(0)
    assert lengths.guess(32_000) == 100, "a reply whose length nobody tells says nothing"
    for _ in range(2_000):
        lengths.saw(4_000)
    assert 3_900 < lengths.guess(32_000) <= 4_000, "the mean follows"
