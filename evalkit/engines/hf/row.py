"""A sequence of the batch that is being generated: its reply so far, and what decides on its next token."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from torch import Tensor

from evalkit.engines.hf.constraint import Grammars, Matcher
from evalkit.engines.hf.logprobs import probabilities
from evalkit.engines.hf.reply import Reply
from evalkit.engines.hf.sampling import Draws, next_tokens
from evalkit.engines.intake import Job, refused
from evalkit.records import Completion, TokenLogprob, Usage

DEAD_END = "no token of the model can go on with the reply under its constraint"


class Row:
    """One request while it is answered. `cached`: of its prompt's tokens, those that were not computed for it."""

    def __init__(self, job: Job, reply: Reply, matcher: Matcher | None, cached: int) -> None:
        self.job, self.reply, self.matcher = job, reply, matcher
        self.draws = Draws(job.request)
        self._cached = cached
        self._logprobs: list[TokenLogprob] = []
        self._error = ""

    def add(self, token: int, probable: TokenLogprob | None) -> bool:
        """Add a token; True if the reply has ended with it."""
        if probable is not None:
            self._logprobs.append(probable)
        ended = self.reply.add(token)
        if self.matcher is not None and not ended:
            self.matcher.accept(token)
            if self.matcher.finished:  # a model without end tokens
                self.reply.finish = "stop"
                return True
        return ended

    def fail(self, reason: str) -> None:
        """Give the reply up."""
        self._error = reason

    def completion(self) -> Completion:
        """What came of it, once it has ended."""
        if self._error:
            return refused(self.job.request, self._error)
        text, reasoning = self.reply.split()
        usage = Usage(
            prompt_tokens=self.job.encoded.n_tokens,
            cached_tokens=self._cached,
            completion_tokens=len(self.reply.tokens),
            fresh_tokens=self.job.fresh,
        )
        return Completion(
            key=self.job.request.key,
            text=text,
            finish=self.reply.finish or "stop",
            reasoning=reasoning,
            usage=usage,
            seconds=time.monotonic() - self.job.submitted,
            logprobs=tuple(self._logprobs),
        )


def choose(
    rows: Sequence[Row], logits: Tensor, index: int, grammars: Grammars | None, spell: Callable[[int], str]
) -> tuple[list[int], list[int]]:
    """Give every row its token `index`. Returns the tokens, and the numbers of the rows that go on."""
    allowed, dead = grammars.masked(logits, [row.matcher for row in rows]) if grammars is not None else (logits, [])
    tokens = next_tokens(allowed, [row.draws for row in rows], index)
    probable = probabilities(allowed, tokens, [row.job.request.sampling.logprobs for row in rows], spell)
    live = []
    for number, row in enumerate(rows):
        if number in dead:
            row.fail(DEAD_END)
        elif not row.add(tokens[number], probable[number]):
            live.append(number)
    return tokens, live


__all__ = ["Row", "choose"]
