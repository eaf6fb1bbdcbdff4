"""Why an attempt gave no reply, and whose affair that is: another attempt's, the request's, or the whole run's.

`again`: it may pass by itself (a full queue, a server that restarts, a connection that broke). `request`: the server
will say the same each time (a prompt that is too long). `run`: it would say so to every request (a wrong key, an
unknown model), so that going on would burn them all.
"""

from __future__ import annotations

import json
import re
from typing import Any, Literal

import msgspec

AGAIN = frozenset({408, 409, 425, 429})
"""Client errors that may pass (RFC 9110, 8470, 6585); server errors (500 and above) all may."""
ENDS_RUN = frozenset({301, 302, 303, 307, 308, 401, 402, 403, 404, 405})
"""Wrong address, key, account or model."""
CONGESTED = frozenset({429, 503})
FILTERED = frozenset({"content_filter", "content_policy_violation"})
"""Error codes of hosted servers for a prompt that their filter does not let through."""
LONGEST_SENTENCE = 500  # characters of a server's own words in a message


class Failure(msgspec.Struct, frozen=True):
    """An attempt without a reply."""

    reason: str
    scope: Literal["again", "request", "run"] = "again"
    congested: bool = False
    """The server has more to do than it can: ask less at a time."""
    unreachable: bool = False
    """Nobody answered the call: the request was not sent."""
    wait: float | None = None
    """Seconds that the server asked to wait."""
    refusal: bool = False
    """The server's content filter refused the prompt."""
    status: int = 0
    """HTTP status of the answer, 0 where there was none."""


def refused(status: int, body: bytes, wait: float | None) -> Failure:
    """The failure that a status other than 200 stands for, in the server's own sentence."""
    sentence, code = server_sentence(body)
    reason = f"HTTP {status}: {sentence}" if sentence else f"HTTP {status}"
    if status in AGAIN or status >= 500:
        return Failure(reason, congested=status in CONGESTED, wait=wait, status=status)
    if status in ENDS_RUN:
        return Failure(reason, "run", status=status)
    return Failure(reason, "request", refusal=code in FILTERED, status=status)


def server_sentence(body: bytes) -> tuple[str, str]:
    """What a server said about an error, in one line, and its code for it; empty where it said nothing readable."""
    try:
        told = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = body[: 4 * LONGEST_SENTENCE].decode("utf-8", "replace").strip()
        return ("" if text.startswith("<") else _line(text)), ""
    return sentence_in(told)


def sentence_in(told: Any) -> tuple[str, str]:
    """The same of a body that is decoded."""
    code = ""
    for _ in range(4):  # {"error": {"message": ...}}, {"message": ...}, {"detail": ...}, {"detail": [{"msg": ...}]}
        if isinstance(told, list) and told:
            told = told[0]
        if not isinstance(told, dict):
            break
        code = str(told.get("code") or code)
        told = next((told[name] for name in ("error", "message", "detail", "msg") if told.get(name)), "")
    return _line(told if isinstance(told, str) else _short(told)), code


def _short(value: Any) -> str:
    return json.dumps(value) if value else ""


def _line(text: str) -> str:
    text = re.sub(r"\s+", " ", text).strip()
    return text if len(text) <= LONGEST_SENTENCE else text[: LONGEST_SENTENCE - 4] + " ..."


__all__ = ["Failure", "refused", "sentence_in", "server_sentence"]
