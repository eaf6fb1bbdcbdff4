"""A prompt as the one string that a model was trained to read.

The model's own chat template, where it has one. A template without a system role (Gemma 2's refuses it, others drop it
without a word) gets the system text folded into the first user turn; which of them it is, is found by trying.

A model without a template (a base model) gets this plain one: a lone user message stands as it is, so that the text
is simply continued; system text comes first, with an empty line after it; a conversation of several turns is written
as `User: …` and `Assistant: …` with empty lines between and ends in `Assistant:`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evalkit.errors import DataError
from evalkit.records import Message, Prompt, Segment

_PROBE = "evalkit probe"
_FOLD = Segment("\n\n")
_LABELS = {"user": "User: ", "assistant": "Assistant: "}


class ChatTemplate:
    """Renders prompts for one tokenizer. `name` is what messages to the user call the model."""

    def __init__(self, tokenizer: Any, name: str) -> None:
        self._tokenizer = tokenizer
        self.name = name
        self.plain = not tokenizer.chat_template
        self.folds_system = self.plain or not self._takes_system()

    def messages(self, prompt: Prompt) -> tuple[Message, ...]:
        """The messages as they are rendered: system text moved into the first user turn where it must be."""
        messages = prompt.messages
        if not self.folds_system or not messages or messages[0].role != "system":
            return messages
        system, *rest = messages
        if not rest or rest[0].role != "user":
            return (Message("user", system.segments), *rest)
        return (Message("user", (*system.segments, _FOLD, *rest[0].segments)), *rest[1:])

    def render(self, messages: Sequence[Message]) -> str:
        """The whole string, up to where the reply begins. Raises DataError if the template refuses the messages."""
        if self.plain:
            return _plain(messages)
        try:
            return self._apply([{"role": m.role, "content": m.text} for m in messages])
        except Exception as error:  # templates raise what they like
            roles = ", ".join(m.role for m in messages) or "no messages"
            raise DataError(f"the chat template of {self.name} refuses this conversation ({roles}): {error}") from None

    def _apply(self, chat: list[dict[str, str]]) -> str:
        rendered: str = self._tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        return rendered

    def _takes_system(self) -> bool:
        try:
            rendered = self._apply([{"role": "system", "content": _PROBE}, {"role": "user", "content": "Hello"}])
        except Exception:  # templates raise what they like
            return False
        return _PROBE in rendered


def _plain(messages: Sequence[Message]) -> str:
    if len(messages) == 1:
        return messages[0].text
    turns = [f"{_LABELS[m.role]}{m.text}\n\n" for m in messages]
    return "".join(turns) + "Assistant:"


__all__ = ["ChatTemplate"]
