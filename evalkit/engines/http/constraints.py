"""What a reply must be, as a server is told it; and whether the reply is.

vLLM holds a model to a JSON schema, an expression or a choice, and is asked for no schema that its compiler would keep
in part only (`schema`). Other servers know JSON schemas only: a choice is sent as one, and its quotes are taken off
again. A reply that breaks its constraint (the server may not know the field, or pass it over) is an error, never an
answer. A whole reply to a schema is read as JSON and validated; what a `format` means is not looked at, for it is a
remark in JSON Schema that each validator reads in its own way.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from evalkit.engines.schema import unenforced_by
from evalkit.records import Completion, Constraint

SAID = 160
"""Characters of a validator's sentence that are told: it may quote a whole reply."""


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
    if constraint.json is not None:
        reason = unenforced_by(constraint) if vllm else ""
        return f"the reply cannot be held to its constraint: {reason}" if reason else _fault(constraint.json)
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
    if constraint is None or completion.finish not in {"stop", "length"}:
        return completion
    text, cut = completion.text, completion.finish == "length"
    broken = ""
    if constraint.json is not None:
        broken = "" if cut else _broken(constraint.json, text)
        kept = not broken
    elif constraint.regex:
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
    wanted = f"satisfy a JSON schema ({broken})" if broken else wanted
    error = f"the server did not hold the reply to its constraint: it had to {wanted}, and begins {text[:80]!r}"
    return Completion(completion.key, finish="error", error=error, usage=completion.usage, seconds=completion.seconds)


def _schema(schema: Any) -> dict[str, Any]:
    described = {"name": "reply", "schema": schema, "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": described}}


def _fault(schema: Mapping[str, Any]) -> str:
    """Why a schema is none, so that no reply could be validated; empty if it is one."""
    from jsonschema import SchemaError

    try:
        _validator(msgspec.json.encode(schema))
    except SchemaError as error:
        return f"the constraint is no JSON schema: {_at(error)}"
    return ""


def _broken(schema: Mapping[str, Any], text: str) -> str:
    """In what a whole reply breaks its schema; empty if it satisfies it."""
    try:
        reply = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return "it is no JSON"
    try:
        error = next(_validator(msgspec.json.encode(schema)).iter_errors(reply), None)
    except Exception as fault:  # a reference that leads nowhere, an expression of another dialect: whatever it raises
        return f"it cannot be validated: {' '.join(str(fault).split())[:SAID]}"
    return _at(error) if error is not None else ""


@functools.lru_cache(maxsize=64)
def _validator(schema: bytes) -> Any:
    """What validates replies to a schema. Raises SchemaError if it is none. It fetches nothing that a schema names."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for
    from referencing import Registry

    read = json.loads(schema)
    kind = validator_for(read, default=Draft202012Validator)
    kind.check_schema(read)
    return kind(read, registry=Registry())


def _at(error: Any) -> str:
    """A validator's sentence and the place that it is about."""
    return f"at {error.json_path}: {error.message[:SAID]}"


def _refuse(constant: str) -> Any:
    """NaN and Infinity are no JSON."""
    raise ValueError(constant)


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()


def _unquoted(text: str) -> str:
    """The string of which `text` is the JSON; `text` itself where it is none."""
    try:
        return msgspec.json.decode(text, type=str)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return text


__all__ = ["checked", "refusal", "settings"]
