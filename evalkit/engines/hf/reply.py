"""One reply while it is generated: when it ends, and what of it is text, reasoning or neither.

A stop string may span tokens, and a token may end in the middle of a character, so stops are looked for in decoded
text: after each token in the end of the reply, as far back as a stop string can reach; once found, in the whole.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal

from evalkit.engines import thinking
from evalkit.engines.thinking import THINK
from evalkit.records import Request

_MARGIN = 4  # tokens more than a stop string has bytes: a decoder may trim the first token of what it is given


class Reply:
    """Tokens generated for one request. `open_thinking`: the prompt already ends in an opened <think>.

    A reply under a constraint is held to it from its first token on, whatever the prompt opened: it is all text, and a
    mark of thinking in it is one that it quotes.
    """

    def __init__(self, request: Request, tokenizer: Any, ends: Collection[int], *, open_thinking: bool) -> None:
        self.tokens: list[int] = []
        self.finish: Literal["stop", "length"] | None = None
        self._most = request.sampling.max_tokens
        self._stops = request.sampling.stop
        self._reach = max((len(s.encode()) for s in self._stops), default=0) + _MARGIN
        self._tokenizer = tokenizer
        self._ends = ends
        self._open_thinking = open_thinking
        self._constrained = request.constraint is not None

    def add(self, token: int) -> bool:
        """Add a token; True if the reply has ended with it."""
        self.tokens.append(token)
        if token in self._ends or (self._stops and self._stopped()):
            self.finish = "stop"
        elif len(self.tokens) >= self._most:
            self.finish = "length"
        return self.finish is not None

    def split(self) -> tuple[str, str]:
        """Text and reasoning of an ended reply. Thinking that never closed leaves no text."""
        text = self._decode(self.tokens[:-1] if self.tokens and self.tokens[-1] in self._ends else self.tokens)
        at = self._first_stop(text)
        if at is not None:
            text = text[:at]
        return (text, "") if self._constrained else thinking.split(text, opened=self._open_thinking)

    def _stopped(self) -> bool:
        if self._first_stop(self._decode(self.tokens[-self._reach :])) is None:
            return False
        return self._first_stop(self._decode(self.tokens)) is not None

    def _first_stop(self, text: str) -> int | None:
        found = [at for at in (text.find(stop) for stop in self._stops if stop) if at >= 0]
        return min(found, default=None)

    def _decode(self, tokens: list[int]) -> str:
        text: str = self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text


__all__ = ["THINK", "Reply"]
