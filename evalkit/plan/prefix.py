"""A prompt as the marks along its way, from which it can be told what two prompts share without looking at either.

A mark stands at the end of each stretch that prompts share as a whole, and at every `step` tokens of what follows the
last of these; a prompt shorter than a step has none. Its digest is of everything before it: equal marks are equal
prefixes. Prompts for different adapters have no mark in common: the same text has other keys and values under each.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from evalkit.prompts import EncodedPrompt
from evalkit.records import Lora, digest_of


class Mark(msgspec.Struct, frozen=True):
    """A place in a prompt."""

    digest: bytes
    """Of the adapter, and of everything before the mark."""
    end: int
    """Tokens before the mark."""


class Prefix(msgspec.Struct, frozen=True):
    """The marks of a prompt, in order."""

    marks: tuple[Mark, ...]
    size: int
    """Tokens of the whole prompt."""


def root(adapter: Lora | None) -> bytes:
    """Where the prompts of an adapter begin."""
    return adapter.digest.encode() if adapter is not None else b""


def of_tokens(prompt: EncodedPrompt, step: int, adapter: Lora | None = None) -> Prefix:
    """The marks of a prompt whose tokens are known."""
    marks = _marks(prompt, step, root(adapter)) if prompt.n_tokens >= step else ()
    return Prefix(tuple(marks), prompt.n_tokens)


def _marks(prompt: EncodedPrompt, step: int, digest: bytes) -> Iterator[Mark]:
    at = 0
    for chunk in prompt.chunks[:-1]:
        at += len(chunk)
        digest = digest_of(digest, chunk.digest)
        yield Mark(digest, at)
    tail, begin = prompt.chunks[-1].ids, 0
    for end in range(step - at % step, len(tail) + 1, step):
        digest = digest_of(digest, tail[begin:end].tobytes())
        begin = end
        yield Mark(digest, at + end)


__all__ = ["Mark", "Prefix", "of_tokens", "root"]
