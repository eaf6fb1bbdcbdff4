"""What a reply must be, as a server is told it; and whether the reply is.

vLLM holds a model to a JSON schema, an expression or a choice. Other servers know JSON schemas only: a choice is sent
as one, and its quotes are taken off again. A reply that breaks its choice or expression (the server may not know the
field, or pass it over) is an error, never an answer.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from evalkit.records import Completion, Constraint


def settings(constraint: Constraint, *, vllm: bool) -> dict[str, Any]:
    """Fields of the request's body."""
    if constraint.json is not None:
        return _schema(constraint.json)
    if vllm:
        asked = {"choice": constraint.choice} if constraint.choice else {"regex": constraint.regex}
        return {"structured_outputs": asked}
    return _schema({"type": "string", "enum": constraint.choice})


def refusal(constraint: Constraint, *, vllm: bool) -> str:
    """Why a server cannot be asked for this, in one sentence; empty where it can."""
    if not constraint.regex:
        return ""
    if not vllm:
        return "only a vLLM server holds a reply to a regular expression, and this is none: state a choice or a schema"
    try:
        re.compile(constraint.regex)
    except re.error as error:
        return f"{constraint.regex!r} is no regular expression: {error}"
    return ""


def checked(completion: Completion, constraint: Constraint | None, *, vllm: bool) -> Completion:
    """The completion, or the error that it is for breaking its constraint. One that was cut need not be complete."""
    if constraint is None or constraint.json is not None or completion.finish not in {"stop", "length"}:
        return completion
    text, cut = completion.text, completion.finish == "length"
    if constraint.regex:
        kept = cut or re.fullmatch(constraint.regex, text) is not None
    elif vllm:
        kept = text in constraint.choice or (cut and any(each.startswith(text) for each in constraint.choice))
    elif cut:
        kept = any(_quoted(each).startswith(text.strip()) for each in constraint.choice)
    else:
        text = _unquoted(text)
        kept = text in constraint.choice
    if kept:
        return msgspec.structs.replace(completion, text=text)
    wanted = f"match {constraint.regex!r}" if constraint.regex else f"be one of {', '.join(constraint.choice)}"
    error = f"the server did not hold the reply to its constraint: it had to {wanted}, and begins {text[:80]!r}"
    return Completion(completion.key, finish="error", error=error, usage=completion.usage, seconds=completion.seconds)


def _schema(schema: Any) -> dict[str, Any]:
    described = {"name": "reply", "schema": schema, "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": described}}


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()


def _unquoted(text: str) -> str:
    """The string of which `text` is the JSON; `text` itself where it is none."""
    try:
        return msgspec.json.decode(text, type=str)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return text


__all__ = ["checked", "refusal", "settings"]
