"""A reply that comes in pieces (server-sent events), put together as if it had come whole.

A leader's reply is streamed only to learn when its prompt has been read: `Watch` looks at the pieces until the first
of them says something. When all have come, `assemble` makes of them the object that the server would have sent as
one, and `reply` reads that. A stream that ends before its reply does is no reply; whether `[DONE]` stands at its end
does not matter where the reply says that it ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from evalkit.engines.http.failures import Failure
from evalkit.engines.http.reply import decode, start

DONE = b"[DONE]"
TEXTS = ("content", "reasoning_content", "reasoning", "refusal")
CALLS = ("tool_calls", "function_call")
FIELDS = (b"data:", b":", b"event:", b"id:", b"retry:")
"""How a line of a stream may begin; that of a whole reply begins with a brace."""


class Watch:
    """Calls `said` once, when a reply begins to say something: its prompt has been read."""

    def __init__(self, said: Callable[[], None]) -> None:
        self._said: Callable[[], None] | None = said
        self._rest = b""

    def feed(self, piece: bytes) -> None:
        """Look at what has come."""
        if self._said is None:
            return
        *lines, self._rest = (self._rest + piece).split(b"\n")
        if any(map(_says, lines)):
            self._said()
            self._said, self._rest = None, b""


def is_stream(body: bytes) -> bool:
    """Whether a body came in pieces; a server may answer whole though it was asked to stream."""
    return body.lstrip(b"\r\n\xef\xbb\xbf").startswith(FIELDS)


def assemble(body: bytes) -> dict[str, Any] | Failure:
    """The whole reply of a stream."""
    message: dict[str, Any] = {}
    logprobs: list[Any] = []
    choice: dict[str, Any] = {}
    usage, ended = None, False
    for data in _events(body):
        if data == DONE:
            ended = True
            continue
        try:
            told = decode(data)
        except ValueError as error:
            return Failure(f"a piece of the reply is not JSON ({error}): {start(data)}")
        if not isinstance(told, dict):
            return Failure(f"a piece of the reply is no piece of a completion: {start(data)}")
        if told.get("error"):
            return told
        usage = told.get("usage") or usage
        choices = told.get("choices")
        for part in choices if isinstance(choices, list) else ():
            if isinstance(part, dict) and not part.get("index"):
                choice["message"] = message
                choice["finish_reason"] = part.get("finish_reason") or choice.get("finish_reason")
                _add(message, part.get("delta"))
                given = part.get("logprobs")
                content = given.get("content") if isinstance(given, dict) else None
                logprobs += content if isinstance(content, list) else []
    if not ended and not choice.get("finish_reason"):
        return Failure("the stream ended before the reply did")
    if logprobs:
        choice["logprobs"] = {"content": logprobs}
    return {"choices": [choice] if choice else [], "usage": usage}


def _add(message: dict[str, Any], delta: Any) -> None:
    """Add a piece to a message."""
    if not isinstance(delta, dict):
        return
    for name in TEXTS:
        value = delta.get(name)
        if isinstance(value, str) and isinstance(message.get(name, ""), str):
            message[name] = message.get(name, "") + value
        elif value is not None:
            message[name] = value  # no text: `reply` says what it is
    for name in CALLS:
        if delta.get(name):
            message[name] = delta[name]


def _events(body: bytes) -> Iterator[bytes]:
    """What each event carries."""
    data: list[bytes] = []
    for line in (*body.splitlines(), b""):
        if line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
        elif not line and data:
            yield b"\n".join(data)
            data = []


def _says(line: bytes) -> bool:
    """Whether a line holds a word of the reply, or its end. Some servers send a role as soon as they are asked."""
    if not line.startswith(b"data:"):
        return False
    try:
        choices = decode(line[5:])["choices"]
        delta = choices[0].get("delta") or {}
        return bool(choices[0].get("finish_reason") or any(delta.get(name) for name in (*TEXTS, *CALLS)))
    except (ValueError, LookupError, TypeError, AttributeError):
        return False  # `assemble` says what is wrong


__all__ = ["Watch", "assemble", "is_stream"]
