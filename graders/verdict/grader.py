"""Correct, incorrect or cannot assess, by a model that is shown the reference.

The judge's reply is held to a form, so nothing is searched for in free text: with reasons a JSON object whose last
field is the verdict, without them one of three words. Several votes are counted; what cannot be read is no vote, and
where half of them cannot be read, or two verdicts have equally many, the answer is unscored, never wrong.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from evalkit import protocols
from evalkit.judgement import plurality
from evalkit.protocols import GradeItem
from evalkit.records import Completion, Constraint, Grade, Prompt, Request, Sampling

from . import prompt

CHARACTERS_A_TOKEN = 2
"""Of reasons, cautiously (English prose has four): they are bounded so that the verdict still fits."""
ROOM = 48  # tokens of a reply beside its reasons: a verdict, braces and names, even a character a token


class Verdict(protocols.Grader):
    """A judge's yes or no with the reference in hand."""

    name = "verdict"
    judges = ("answered", "unparsed")

    class Options(protocols.Options):
        """What the judge is shown, and how it replies."""

        privileged: tuple[Literal["answers", "solutions", "guidelines"], ...] = ("answers", "solutions", "guidelines")
        """Kinds of privileged information that it is shown, where a sample has them."""
        reasons: bool = True
        """It reasons before its verdict; without, it says one word (for models that think by themselves)."""
        votes: int = Field(default=1, ge=1)
        """How often it is asked about each answer; more than one are drawn at temperature 0.7."""
        max_tokens: int = Field(default=512, ge=ROOM + 16)
        """Most tokens of a reply with reasons."""

    options: Options

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self.needs = tuple(self.options.privileged)

    @property
    def metrics(self) -> tuple[str, ...]:
        return ("correct",)

    def ask(self, item: GradeItem) -> Sequence[Request]:
        if item.replies:
            return ()
        known: dict[str, Sequence[Any]] = {k: getattr(item.reference, k) for k in self.options.privileged}
        text = item.answer.text or str(item.answer.value)
        asked = Prompt(tuple(prompt.messages(item.sample, known, text, reasons=self.options.reasons)))
        temperature = 0.7 if self.options.votes > 1 else 0.0
        room = self.options.max_tokens if self.options.reasons else ROOM
        sampling = Sampling(max_tokens=room, temperature=temperature)
        votes = range(self.options.votes)
        return [Request(asked, item.sample, sampling=sampling, constraint=self._form(), draw=n) for n in votes]

    def read(self, item: GradeItem) -> Grade:
        said = [self._vote(reply) for reply in item.replies]
        votes = [verdict for verdict, _ in said if verdict]
        counts: dict[str, int] = {**Counter(votes), "unread": len(said) - len(votes)}
        numbers = tuple(float(v == "correct") for v in votes if v != "cannot_assess")
        winner = plurality(votes)
        if 2 * len(votes) <= len(said):
            why = f"{len(votes):,} of {len(said):,} votes could be read: {_ends(item.replies)}"
            return Grade(status="unscored", raw=counts, votes=numbers, reason=why)
        if winner is None:
            return Grade(status="unscored", raw=counts, votes=numbers, reason="the votes are tied")
        reason = next(reason for verdict, reason in said if verdict == winner)
        if winner == "cannot_assess":
            return Grade(status="abstained", raw=counts, votes=numbers, reason=reason)
        value = float(winner == "correct")
        return Grade(value=value, metrics={"correct": value}, raw=counts, votes=numbers, reason=reason)

    def _form(self) -> Constraint:
        if not self.options.reasons:
            return Constraint(choice=prompt.VERDICTS)
        return Constraint(json=prompt.schema((self.options.max_tokens - ROOM) * CHARACTERS_A_TOKEN))

    def _vote(self, reply: Completion) -> tuple[str, str]:
        """Verdict and reasons in one reply; an empty verdict where there is none."""
        if reply.finish != "stop":
            return "", ""
        if not self.options.reasons:
            verdict = reply.text.strip()
            return (verdict if verdict in prompt.VERDICTS else ""), ""
        try:
            found = json.loads(reply.text)
            verdict, reason = found["verdict"], found["reasoning"]
        except (ValueError, KeyError, TypeError):
            return "", ""
        return (verdict, str(reason)) if verdict in prompt.VERDICTS else ("", "")


def _ends(replies: Sequence[Completion]) -> str:
    """How unreadable replies ended, in words."""
    names = {"stop": "not in the form asked for", "length": "cut by the token limit", "refusal": "refused"}
    counts = Counter(names.get(r.finish, r.finish) for r in replies)
    return ", ".join(f"{n:,} {name}" for name, n in counts.items())
