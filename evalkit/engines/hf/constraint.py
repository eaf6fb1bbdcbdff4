"""Replies held to a JSON schema, a regular expression or a choice: which tokens may come next.

A constraint is compiled once to a grammar over the model's tokens (xgrammar, which vLLM uses too). Each request walks
it with a matcher of its own; before a token is chosen, all that the grammar does not allow are taken out of the
logits. The reply may end where the grammar does: only then are the model's end tokens allowed. JSON is written
without free white space, so that a model cannot fill its budget with it. Special tokens are never part of a reply.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

import torch
from torch import Tensor

from evalkit.engines.schema import compilers_reason, unenforced_by
from evalkit.records import Constraint, digest_of_object

KEPT = 64  # compiled constraints: a run has a few


class Matcher:
    """Where one reply stands in its grammar."""

    def __init__(self, grammar: Any, ends: Collection[int]) -> None:
        import xgrammar

        self._inner = xgrammar.GrammarMatcher(
            grammar, override_stop_tokens=list(ends) or None, terminate_without_stop_token=not ends
        )

    @property
    def finished(self) -> bool:
        """Whether nothing can follow: the grammar has ended, and an end token was said where there is one."""
        return bool(self._inner.is_terminated())

    def fill(self, bits: Tensor, row: int) -> None:
        """Write the bits of the tokens that may come next into a row."""
        self._inner.fill_next_token_bitmask(bits, row)

    def accept(self, token: int) -> None:
        """Go on by a token that was allowed."""
        if not self._inner.accept_token(token):
            raise RuntimeError(f"the grammar of a constraint allowed token {token} and does not take it")


class Grammars:
    """Compiles constraints for one model. `vocabulary`: how many logits it gives; `ends`: its end tokens.

    Raises ValueError for a tokenizer whose tokens have no texts of their own.
    """

    def __init__(self, tokenizer: Any, vocabulary: int, ends: Collection[int]) -> None:
        import xgrammar

        self._ends = frozenset(end for end in ends if end < vocabulary)
        try:
            info = xgrammar.TokenizerInfo.from_huggingface(
                tokenizer, vocab_size=vocabulary, stop_token_ids=sorted(self._ends) or None
            )
        except Exception as error:  # a kind of tokenizer that xgrammar does not know
            raise ValueError(f"its tokenizer does not do for grammars: {compilers_reason(error)}") from error
        self._compiler = xgrammar.GrammarCompiler(info, max_threads=1)
        self._compiled: dict[bytes, Any] = {}
        self._vocabulary = vocabulary
        special = {*tokenizer.all_special_ids, *info.stop_token_ids} - self._ends
        self._sayable = _packed(torch.tensor([i not in special for i in range(vocabulary)]))

    def matcher(self, constraint: Constraint) -> Matcher:
        """A walk from the start. Raises ValueError with the reason if a reply cannot be held to the constraint."""
        name = digest_of_object(constraint)
        if name not in self._compiled:
            if len(self._compiled) >= KEPT:
                self._compiled.clear()
            self._compiled[name] = self._compile(constraint)
        return Matcher(self._compiled[name], self._ends)

    def masked(self, logits: Tensor, matchers: Sequence[Matcher | None]) -> tuple[Tensor, list[int]]:
        """Logits of what the grammars allow, and the rows where that is nothing (left as they are)."""
        import xgrammar

        rows = [row for row, matcher in enumerate(matchers) if matcher is not None]
        bits = torch.zeros(len(matchers), len(self._sayable), dtype=torch.int32)
        for row, matcher in enumerate(matchers):
            if matcher is not None:
                matcher.fill(bits, row)
        bits &= self._sayable
        dead = [row for row in rows if not bool(bits[row].any())]
        held = [row for row in rows if row not in dead]
        if not held:
            return logits, dead
        masked = logits.clone()
        xgrammar.apply_token_bitmask_inplace(masked, bits.to(logits.device), vocab_size=self._vocabulary, indices=held)
        return masked, dead

    def _compile(self, constraint: Constraint) -> Any:
        try:
            if reason := unenforced_by(constraint):
                raise ValueError(reason)
            if constraint.json is not None:
                return self._compiler.compile_json_schema(
                    json.dumps(constraint.json), any_whitespace=False, separators=(",", ":")
                )
            if constraint.regex:
                return self._compiler.compile_regex(constraint.regex)
            return self._compiler.compile_grammar("root ::= " + " | ".join(map(_quoted, constraint.choice)))
        except (RuntimeError, TypeError) as error:  # xgrammar's own, and what is no JSON
            raise ValueError(compilers_reason(error)) from None


def _packed(flags: Tensor) -> Tensor:
    """Flags as xgrammar keeps them, 32 to an integer; what is missing in the last one is off."""
    padded = torch.zeros(-(-len(flags) // 32) * 32, dtype=torch.long)
    padded[: len(flags)] = flags
    words = (padded.view(-1, 32) << torch.arange(32)).sum(dim=-1)
    return torch.where(words >= 1 << 31, words - (1 << 32), words).to(torch.int32)


def _quoted(text: str) -> str:
    """A text in xgrammar's EBNF."""
    return '"' + "".join(c if c.isascii() and c.isalnum() else f"\\U{ord(c):08x}" for c in text) + '"'


__all__ = ["Grammars", "Matcher"]
