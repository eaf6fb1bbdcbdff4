"""Whether prompts fit, checked on every one of them before anything is generated. A prompt is never cut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from evalkit.errors import BudgetError
from evalkit.protocols import Engine
from evalkit.records import Request


class Overflow(msgspec.Struct, frozen=True):
    """A request that does not fit the model."""

    request: Request
    prompt_tokens: int
    limit: int

    def __str__(self) -> str:
        asked = self.request.sampling.max_tokens
        return (
            f"sample {self.request.sample.id!r} of {self.request.task}: {self.prompt_tokens:,} prompt tokens and"
            f" {asked:,} for the reply exceed the model's {self.limit:,}"
        )


def overflows(requests: Iterable[Request], engine: Engine) -> Iterable[Overflow]:
    """The requests whose prompt and reply together exceed the engine's limit."""
    if engine.limit is None:
        return
    for request in requests:
        tokens = engine.prompt_tokens(request.prompt)
        if tokens is not None and tokens + request.sampling.max_tokens > engine.limit:
            yield Overflow(request, tokens, engine.limit)


def refuse(found: Sequence[Overflow], candidate: str) -> None:
    """Raise BudgetError, naming the longest, if anything overflows."""
    if not found:
        return
    worst = max(found, key=lambda o: o.prompt_tokens + o.request.sampling.max_tokens)
    count = f"{len(found)} prompts are" if len(found) > 1 else "1 prompt is"
    raise BudgetError(
        f"candidate {candidate!r}: {count} too long, nothing was generated; the longest: {worst}"
        " (set `overflow: skip` to leave such samples out and count them)"
    )


__all__ = ["Overflow", "overflows", "refuse"]
