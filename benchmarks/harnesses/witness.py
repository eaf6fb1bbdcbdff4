"""Sits inside the server and notes what it is asked: which prompts, drawn how, from when until when.

So all harnesses are measured from the same place, and one that sent other prompts is found out. Loaded by vLLM's
`--middleware`. Requests are kept as they came and read when somebody asks at `/witness`, which also forgets them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from .questions import digest

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Witness:
    """ASGI middleware."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._app = app
        self._bodies: list[bytes] = []
        self._first = self._last = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; of what asks for a completion, keep a copy."""
        path = scope.get("path", "")
        if scope["type"] == "http" and path == "/witness":
            await self._tell(send)
        elif scope["type"] == "http" and path.endswith("/completions"):
            await self._watch(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _watch(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._first = self._first or time.perf_counter()
        parts: list[bytes] = []

        async def listen() -> MutableMapping[str, Any]:
            message = await receive()
            parts.append(message.get("body", b""))
            return message

        await self._app(scope, listen, send)
        self._bodies.append(b"".join(parts))
        self._last = time.perf_counter()

    async def _tell(self, send: Send) -> None:
        asked = [json.loads(body) for body in self._bodies]
        told = {
            "prompts": [_prompt(body) for body in asked],
            "drawing": sorted({_drawing(body) for body in asked}),
            "seconds": self._last - self._first,
        }
        self._bodies, self._first, self._last = [], 0.0, 0.0
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(told).encode()})


def _prompt(body: dict[str, Any]) -> str:
    """Digest of what a request asks."""
    if "messages" not in body:
        return digest(body["prompt"])
    return digest([[message["role"], _text(message["content"])] for message in body["messages"]])


def _drawing(body: dict[str, Any]) -> tuple[int, float]:
    """Tokens and temperature that a request wants."""
    return body.get("max_completion_tokens") or body.get("max_tokens") or 0, float(body.get("temperature", 1.0))


def _text(content: str | list[dict[str, str]]) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


__all__ = ["Witness"]
