"""What came back: the body of a chat completion, read as a `Completion`, or as the reason why it is none.

Nothing but the candidate's own words becomes a text. A refusal and a content filter are the candidate's way not to
answer (`refusal`), a reply cut by its length is `length`; a tool call, a reply without a choice or without content
is an `error` of that request that says so. A body that is not what it should be may be read again: `Failure`. Tokens'
probabilities that are not what they should be are left out, for the reply is none the worse.

A constrained reply is never parted at marks of thinking: it may quote them, as a judge does whose candidate wrote one.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from evalkit.engines import thinking
from evalkit.engines.http.failures import AGAIN, Failure, sentence_in
from evalkit.records import Completion, FinishReason, TokenLogprob, Usage

FINISHES: dict[str, FinishReason] = {
    "": "stop",  # some servers do not say
    "stop": "stop",
    "eos": "stop",
    "length": "length",
    "content_filter": "refusal",
}


class _Alternative(msgspec.Struct):
    token: str
    logprob: float


class _Token(_Alternative):
    top_logprobs: list[_Alternative] | None = None

    def best(self) -> tuple[tuple[str, float], ...]:
        """The alternatives in order; vLLM puts the token that was drawn before the best ones."""
        pairs = [(each.token, each.logprob) for each in self.top_logprobs or ()]
        return tuple(sorted(pairs, key=lambda pair: -pair[1]))


class _Logprobs(msgspec.Struct):
    content: list[_Token]


def read_reply(key: bytes, body: bytes, *, constrained: bool = False) -> Completion | Failure:
    """The completion in a reply of status 200; its `seconds` are the caller's to add."""
    try:
        told = decode(body)
    except ValueError as error:
        return Failure(f"the reply is not JSON ({error}): {start(body)}" if body else "the reply is empty")
    if not isinstance(told, dict):
        return Failure(f"the reply is not a completion: {start(body)}")
    return read_object(key, told, constrained=constrained)


def read_object(key: bytes, told: dict[str, Any], *, constrained: bool = False) -> Completion | Failure:
    """The completion in what a reply says."""
    if told.get("error"):  # some gateways answer 200 and say here that they failed
        return _gateway(told)
    choices = told.get("choices")
    usage = _usage(told.get("usage"))
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        return _error(key, "the reply has no choice", usage)
    choice = choices[0]
    message = choice.get("message")
    if not isinstance(message, dict):
        return _error(key, "the reply has no message", usage)
    said = str(choice.get("finish_reason") or "")
    if message.get("tool_calls") or message.get("function_call") or said in {"tool_calls", "function_call"}:
        return _error(key, "the reply is a tool call, not a text", usage)
    if said not in FINISHES:
        return Failure(f"the server ended the reply for a reason of its own: {said!r}")
    completion = _completion(key, message, FINISHES[said], usage, constrained=constrained)
    logprobs = choice.get("logprobs")
    return msgspec.structs.replace(completion, logprobs=_logprobs(logprobs)) if logprobs else completion


def _completion(
    key: bytes, message: dict[str, Any], finish: FinishReason, usage: Usage, *, constrained: bool
) -> Completion:
    content = message.get("content")
    reasoning = message.get("reasoning_content") or message.get("reasoning") or ""
    refusal = message.get("refusal")
    if refusal:
        return Completion(key, str(refusal), "refusal", usage=usage)
    if isinstance(content, list):  # parts, as some servers write it
        content = "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    if content is None:
        if finish == "stop" and not reasoning:
            return _error(key, "the reply's content is null", usage)
        content = ""  # thinking that used up its budget, or a filter that left nothing
    if not isinstance(content, str) or not isinstance(reasoning, str):
        return _error(key, f"the reply's content is not a text but a {type(content).__name__}", usage)
    if not reasoning and not constrained:
        content, reasoning = thinking.split(content, opened=thinking.opened_before(content))
    return Completion(key, content, finish, reasoning, usage)


def decode(body: bytes) -> Any:
    """JSON, or ValueError; what holds half of a surrogate pair (models do produce it) is read by the slower decoder."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return json.loads(body)


def _logprobs(told: Any) -> tuple[TokenLogprob, ...]:
    """Each token's, the best alternatives first; none at all where they are not as they should be."""
    try:
        tokens = msgspec.convert(told, _Logprobs).content
    except msgspec.ValidationError:
        return ()
    return tuple(TokenLogprob(each.token, each.logprob, each.best()) for each in tokens)


def _gateway(told: dict[str, Any]) -> Failure:
    error = told["error"]
    sentence, code = sentence_in(told)
    status = error.get("code") if isinstance(error, dict) else None
    again = not isinstance(status, int) or status in AGAIN or status >= 500
    said = f" ({code})" if code else ""
    return Failure(f"the server answered with an error{said}: {sentence}", "again" if again else "request")


def _usage(told: Any) -> Usage:
    if not isinstance(told, dict):
        return Usage()
    details = told.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else 0
    return Usage(_count(told.get("prompt_tokens")), _count(cached), _count(told.get("completion_tokens")))


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _error(key: bytes, reason: str, usage: Usage) -> Completion:
    return Completion(key, finish="error", error=reason, usage=usage)


def start(body: bytes) -> str:
    """How a body begins, for a message."""
    return repr(body[:80].decode("utf-8", "replace"))


__all__ = ["decode", "read_object", "read_reply", "start"]
