"""How a single token reads: what stands beside its probability."""

from __future__ import annotations

from typing import Any

_BROKEN = "\N{REPLACEMENT CHARACTER}"
_SPACE = "\u2581"  # SentencePiece's mark for a space, which decoders leave out at the start of what they are given


class Spelling:
    """Tokens of one tokenizer as texts: those that are no whole character alone as the vocabulary writes them."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._known: dict[int, str] = {}

    def __call__(self, token: int) -> str:
        """The text of a token; empty for a place in the vocabulary that no token has."""
        found = self._known.get(token)
        if found is None:
            found = self._known[token] = self._spell(token)
        return found

    def _spell(self, token: int) -> str:
        piece: str | None = self._tokenizer.convert_ids_to_tokens(token)
        if piece is None:
            return ""
        text: str = self._tokenizer.decode([token], skip_special_tokens=False, clean_up_tokenization_spaces=False)
        if _BROKEN in text and _BROKEN not in piece:
            return piece
        return " " + text if piece.startswith(_SPACE) and not text.startswith(" ") else text


__all__ = ["Spelling"]
