"""What of a prompt is new: its tokens that no prompt asked before it shares, the least that must be computed for it."""

from __future__ import annotations

from evalkit.prompts import EncodedPrompt
from evalkit.prompts.sharing import common_tokens


class Fresh:
    """Remembers what was asked, by the digests of its shared stretches; the texts themselves are not kept."""

    def __init__(self) -> None:
        self._last: EncodedPrompt | None = None
        self._chunks: set[bytes] = set()

    def count(self, prompt: EncodedPrompt) -> int:
        """Tokens of `prompt` that are new, which from now on are known."""
        known = common_tokens(self._last, prompt) if self._last is not None else 0
        self._last = prompt
        at = 0
        for chunk in prompt.chunks[:-1]:
            at += len(chunk)
            if chunk.digest in self._chunks:
                known = max(known, at)
            self._chunks.add(chunk.digest)
        return prompt.n_tokens - known


__all__ = ["Fresh"]
