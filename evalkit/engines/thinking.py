"""A reply that marks its thinking, taken apart: what was thought, and what was said.

Models think between `<think>` and `</think>`. Some chat templates write the opening mark themselves, so that a reply
begins inside its thinking. Thinking that never closed leaves no text: it used up its budget and said nothing.
"""

from __future__ import annotations

THINK, END_THINK = "<think>", "</think>"


def split(text: str, *, opened: bool) -> tuple[str, str]:
    """Text and reasoning. `opened`: the prompt already ended in an opened mark."""
    stripped = text.lstrip()
    if not opened and not stripped.startswith(THINK):
        return text, ""
    reasoning, closed, rest = stripped.removeprefix(THINK).partition(END_THINK)
    return (rest.lstrip() if closed else ""), reasoning.strip()


def opened_before(text: str) -> bool:
    """Whether a reply closes thinking that it did not open: the prompt did, which the reply's reader cannot see."""
    before, closed, _ = text.partition(END_THINK)
    return bool(closed) and THINK not in before


__all__ = ["END_THINK", "THINK", "opened_before", "split"]
