"""What a prompt shares with others whose tokens are not known: by its texts, in tokens as far as those can be guessed.

A token is taken for three bytes of UTF-8: rather too many tokens than too few (English has four and more to a token,
most other scripts about three), for the guess is held against what a cache has room for.
"""

from __future__ import annotations

from collections.abc import Iterator

from evalkit.plan.prefix import Mark, Prefix, root
from evalkit.records import Lora, Prompt, Segment, digest_of

BYTES = 3  # to a token
SIZES = 100_000  # texts whose size is remembered


class Estimate:
    """Makes the marks of prompts from their texts. Sizes of long texts are remembered, texts are not."""

    def __init__(self, step: int) -> None:
        """`step`: tokens between two marks in the last text of a prompt, which no other prompt shares as a whole."""
        self._step = step * BYTES
        self._sizes: dict[bytes, int] = {}

    def prefix(self, prompt: Prompt, adapter: Lora | None = None) -> Prefix:
        """The marks of a prompt, at the ends of its segments and within the last one."""
        size = sum(map(self._size, prompt.segments))
        marks = self._marks(prompt, root(adapter)) if size >= self._step else ()
        return Prefix(tuple(marks), size // BYTES)

    def _marks(self, prompt: Prompt, digest: bytes) -> Iterator[Mark]:
        at = 0
        last = len(prompt.segments)
        for message in prompt.messages:
            digest = digest_of(digest, message.role.encode())
            for segment in message.segments:
                last -= 1
                if not last:
                    yield from self._within(segment, at, digest)
                    return
                at += self._size(segment)
                digest = digest_of(digest, segment.digest)
                yield Mark(digest, at // BYTES)

    def _within(self, segment: Segment, at: int, digest: bytes) -> Iterator[Mark]:
        if len(segment.text) * 4 < self._step:  # a character is four bytes at most
            return
        text = segment.text.encode("utf-8", "surrogatepass")
        for start in range(0, len(text) - self._step + 1, self._step):
            digest = digest_of(digest, text[start : start + self._step])
            yield Mark(digest, (at + start + self._step) // BYTES)

    def _size(self, segment: Segment) -> int:
        """Bytes of a text."""
        if segment.text.isascii():
            return len(segment.text)
        found = self._sizes.get(segment.digest)
        if found is None:
            if len(self._sizes) >= SIZES:
                self._sizes.clear()
            found = self._sizes[segment.digest] = len(segment.text.encode("utf-8", "surrogatepass"))
        return found


__all__ = ["Estimate"]
