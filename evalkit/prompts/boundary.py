"""Where a text may be cut so that its parts can be tokenised apart, for one tokenizer.

A cut is the place before a single space that stands between an ASCII character and an ASCII letter: `of| the`. Most
tokenizers never let a token cross it, but "most" is not a proof, so a rule is made for each tokenizer from what it
is, and tried before it is used:

* no entry of the vocabulary crosses a cut: characters that stand before a space marker inside any entry are excluded
  (a BPE or WordPiece model then works on both sides independently, whatever its pre-tokenizer does);
* no added token ends, strips or begins in a way that reaches over a cut: the last characters of all added tokens and
  the first characters of those that strip to their left are excluded;
* a Unigram model must pre-tokenise at spaces (else rounding over a long text could decide between equal scores);
* ASCII on all three places keeps Unicode normalisers from composing across;
* every remaining character, and a few hundred seeded random texts of all scripts, are tokenised whole and in two parts.

`cut_rule` returns None for a tokenizer that fails: its prompts are tokenised whole.
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Sequence
from typing import Any

MARKERS = " ▁Ġ"  # how vocabularies write a space: as it is, SentencePiece's U+2581, byte-level U+0120
FEWEST = 8  # characters allowed on either side; with fewer, cuts would be too rare to be of use
WINDOW = 512  # characters searched back from a boundary at first; grows eightfold until a cut is found
BATTERY = 250

_FRAGMENTS: tuple[str, ...] = (
    "the", "Over", "running", "x", "HTTP", "don't", "we'll", "1", "2024", "3.14", ",", ".", "!?", "...", "(", ")",
    "[", "]", "{", "}", "<", ">", "|", "==", "->", "#", "/", "\\", "\"", "'", "`", "``", "_", "-", "–", "é",
    "e\u0301", "ﬁ", "Å", "ß", "İ", "ſ", "Σ", "ς", "中文", "日本語", "、", "한국", "각", "שלום", "مرحبا", "नमस्ते", "🙂",
    "👩\u200d👩\u200d👧", "🇩🇪", "\u200b", "\u00a0", "\u3000", "\u00ad", "\ufeff", "▁",
    "Ġ", " ", " ", "  ", "   ", "\n", "\n\n", "\t", "\r\n", " \n", "\x00",
    "½", "①", "Ⅷ", "\ufffd", "<0x0A>", "##ing", "\U00010348",
)  # fmt: skip


class CutRule:
    """The characters between which a tokenizer's text may be cut."""

    def __init__(self, left: frozenset[str], right: frozenset[str]) -> None:
        self.left, self.right = left, right
        self._pattern = re.compile(f"[{_class(left)}](?= [{_class(right)}])")

    def last_cut(self, text: str, start: int, end: int) -> int | None:
        """The last place in `text[start:end]` where it may be cut, decided by that stretch alone; None without one."""
        window = WINDOW
        while True:
            low = max(start, end - window)
            found = None
            for found in self._pattern.finditer(text, low, end):  # noqa: B007 - the last one is wanted
                pass
            if found is not None:
                return found.end()
            if low == start:
                return None
            window *= 8


def cut_rule(backend: Any) -> CutRule | None:
    """The rule for a `tokenizers.Tokenizer`, or None where its texts cannot be cut with certainty."""
    kind = type(backend.model).__name__
    if getattr(backend.model, "dropout", None):
        return None
    if kind == "Unigram" and not _splits_at_spaces(backend):
        return None
    left, right = _characters(backend)
    left = {c for c in left if _agrees(backend, f"wo{c}", " be it")}
    right = {c for c in right if _agrees(backend, "won", f" {c}e it") and _agrees(backend, "4 12,", f" {c}e it")}
    if len(left) < FEWEST or len(right) < FEWEST:
        return None
    rule = CutRule(frozenset(left), frozenset(right))
    return rule if _passes_battery(backend, rule) else None


def _characters(backend: Any) -> tuple[set[str], set[str]]:
    """Characters that no vocabulary entry and no added token forbids to stand before and after a cut."""
    vocabulary = "\n".join(backend.get_vocab(with_added_tokens=True))
    crossing = re.findall(f"([!-~])(?=[{MARKERS}])", vocabulary)
    before = {variant for c in crossing for variant in (c, c.lower(), c.upper())}
    after: set[str] = set()
    for token in backend.get_added_tokens_decoder().values():
        edge = token.content[-1:]
        before |= {edge, edge.lower(), edge.upper()}
        if token.lstrip:
            edge = token.content[:1]
            after |= {edge, edge.lower(), edge.upper()}
    printable = set(string.ascii_letters + string.digits + string.punctuation)
    return printable - before, set(string.ascii_letters) - after


def _splits_at_spaces(backend: Any) -> bool:
    pre = backend.pre_tokenizer
    return pre is not None and len(pre.pre_tokenize_str("be it")) > 1


def _ids(backend: Any, text: str) -> list[int]:
    ids: list[int] = backend.encode(text, add_special_tokens=False).ids
    return ids


def _agrees(backend: Any, left: str, right: str) -> bool:
    """Whether `left + right` is tokenised as `left`, then `right` as it is after any other text."""
    alone, usual = _ids(backend, left), _ids(backend, "so")
    return _ids(backend, left + right) == alone + _ids(backend, "so" + right)[len(usual) :]


def _passes_battery(backend: Any, rule: CutRule) -> bool:
    rng = random.Random(0)
    left, right = sorted(rule.left), sorted(rule.right)
    added = [t.content for t in backend.get_added_tokens_decoder().values()]
    fragments = [*_FRAGMENTS, *rng.sample(added, min(len(added), 40))]

    def text(most: int) -> str:
        return "".join(rng.choices(fragments, k=rng.randrange(most)))

    lengths: Sequence[int] = (3, 8, 8, 40, 200)
    return all(
        _agrees(backend, text(most) + rng.choice(left), f" {rng.choice(right)}{text(most)}")
        for most in (rng.choice(lengths) for _ in range(BATTERY))
    )


def _class(characters: frozenset[str]) -> str:
    return "".join(re.escape(c) for c in sorted(characters))


__all__ = ["CutRule", "cut_rule"]
