"""What is sent: a chat completion request as JSON, in pieces.

A text that many prompts share is turned into JSON once, and its bytes are one object for all requests that hold it:
256 requests over a corpus of 4 MB keep one copy of it, not 256. JSON strings are made to be cut: the escaped form of
two texts is the escaped forms of each, one after the other.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from aiohttp import payload
from aiohttp.abc import AbstractStreamWriter

from evalkit.engines.http import constraints
from evalkit.errors import DataError
from evalkit.records import Message, Prompt, Request, Segment

SHARED = 16_384  # characters from which a segment's JSON is kept
KEPT_BYTES = 64 << 20
SLICE = 1 << 16  # bytes handed to the socket at a time: its buffer never holds more than about one

OURS = ("model", "messages", "n", "stream", "stream_options")
"""Fields of the request that `extra_body` must leave alone: the engine reads one reply to the prompt it sent."""
STREAMED = {"stream": True, "stream_options": {"include_usage": True}}


class Pieces(payload.Payload):
    """A request body whose bytes are never joined; it can be sent any number of times."""

    _autoclose = True

    def __init__(self, pieces: Sequence[bytes]) -> None:
        super().__init__(pieces, content_type="application/json")
        self._size = sum(map(len, pieces))

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Send everything, waiting whenever the socket is full."""
        for piece in self._value:
            if len(piece) <= SLICE:
                await writer.write(piece)
            else:
                view = memoryview(piece)
                for start in range(0, len(piece), SLICE):
                    await writer.write(view[start : start + SLICE])

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        """The same: the stated length is always the whole."""
        await self.write(writer)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """The whole body as text, for debugging."""
        return b"".join(self._value).decode(encoding, errors)


class Bodies:
    """Makes request bodies for one model."""

    def __init__(
        self,
        model: str,
        max_tokens_field: str,
        extra: Mapping[str, Any],
        messages: Callable[[Prompt], Sequence[Message]],
        *,
        vllm: bool = False,
    ) -> None:
        """`messages`: a prompt's messages as the model's template takes them. `vllm`: the server is one."""
        self._model = model
        self._vllm = vllm
        self._max_tokens_field = max_tokens_field
        self._extra = dict(extra)
        self._messages = messages
        self._kept: OrderedDict[bytes, bytes] = OrderedDict()
        self._kept_bytes = 0

    def body(self, request: Request, *, streamed: bool = False) -> Pieces:
        """The body of a request. Raises DataError for a prompt that is no text."""
        pieces: list[bytes] = []
        model = request.adapter.digest if request.adapter is not None else self._model  # as the server names adapters
        small = bytearray(b'{"model":' + msgspec.json.encode(model) + b',"messages":[')
        for number, message in enumerate(self._messages(request.prompt)):
            small += b',{"role":"' if number else b'{"role":"'
            small += message.role.encode() + b'","content":"'
            for segment in message.segments:
                if len(segment.text) < SHARED:
                    small += _escaped(segment.text)
                else:
                    pieces += (bytes(small), self._shared(segment))
                    small.clear()
            small += b'"}'
        small += b"]," + msgspec.json.encode(self._settings(request, streamed))[1:]
        pieces.append(bytes(small))
        return Pieces(pieces)

    def _settings(self, request: Request, streamed: bool) -> dict[str, Any]:
        sampling = request.sampling
        settings: dict[str, Any] = {
            self._max_tokens_field: sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,  # stated even where it is 1: servers have defaults of their own
        }
        if sampling.top_k:
            settings["top_k"] = sampling.top_k
        if sampling.stop:
            settings["stop"] = sampling.stop
        if sampling.temperature > 0:
            settings["seed"] = request.seed
        if sampling.logprobs is not None:
            settings |= {"logprobs": True, "top_logprobs": sampling.logprobs}
        if request.constraint is not None:
            settings |= constraints.settings(request.constraint, vllm=self._vllm)
        if streamed:
            settings |= STREAMED
        settings.update(self._extra)
        return {name: value for name, value in settings.items() if value is not None}

    def _shared(self, segment: Segment) -> bytes:
        """A long text as JSON; the one unused for longest makes room."""
        found = self._kept.get(segment.digest)
        if found is None:
            found = self._kept[segment.digest] = _escaped(segment.text)
            self._kept_bytes += len(found)
            while self._kept_bytes > KEPT_BYTES and len(self._kept) > 1:
                self._kept_bytes -= len(self._kept.popitem(last=False)[1])
        self._kept.move_to_end(segment.digest)
        return found


def _escaped(text: str) -> bytes:
    try:
        return msgspec.json.encode(text)[1:-1]
    except UnicodeEncodeError as error:
        half = ord(text[error.start])
        raise DataError(
            f"the prompt holds half of a surrogate pair (U+{half:04X}) after {text[:error.start][-20:]!r}:"
            " it is no text and cannot be sent"
        ) from None


__all__ = ["OURS", "Bodies", "Pieces"]
