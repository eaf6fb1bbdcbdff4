"""Which JSON schemas a reply can be held to, as a whole.

The grammar compiler that `hf` and vLLM share (xgrammar) leaves out what it does not know and goes on: a reply could
then satisfy less than was asked, unseen. So a schema that says more than the compiler keeps is refused, and the reason
names the keyword. What is kept was tried, keyword by keyword, with xgrammar 0.2.8.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from evalkit.records import Constraint

_PLACE = re.compile(r"\[\d+:\d+:\d+\]\s+\S+:\d+:\s+")
_REMARKS = {"title", "description", "default", "examples", "deprecated", "$schema", "$id", "$comment", "$defs"}
_REMARKS |= {"definitions", "readOnly", "writeOnly", "discriminator"}
_WHOLE = ("enum", "const", "anyOf", "allOf", "$ref")
"""Keywords beside which the compiler sees no other."""
_PARTS = {"type", "properties", "required", "additionalProperties", "items", "prefixItems"}
_BOUNDS = {
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "pattern", "format",
    "minItems", "maxItems", "minProperties", "maxProperties",
}  # fmt: skip
"""Keywords that count only beside a type."""
FORMATS = (
    "date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "json-pointer", "relative-json-pointer",
    "time", "uri", "uri-reference", "uri-template", "uuid",
)  # fmt: skip
"""Formats whose spelling the compiler knows; it passes over all others."""
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,), "null": (type(None),),
    "array": (list, tuple), "object": (dict,),
}  # fmt: skip


def compilers_reason(error: BaseException) -> str:
    """What the compiler has against a constraint, without the time and the place in its source, on one line."""
    return _PLACE.sub("", str(error)).strip().split("\n")[0] or type(error).__name__


def unenforced_by(constraint: Constraint) -> str:
    """What of a constraint a reply would not be held to; empty if there is nothing, or it is no schema."""
    return unenforced(constraint.json) if constraint.json is not None else ""


def unenforced(schema: Any) -> str:
    """What of a schema a reply would not be held to, as the reason for a refusal; empty if there is nothing."""
    if isinstance(schema, bool):
        return ""
    if not isinstance(schema, Mapping):
        return f"{schema!r} is no JSON schema"
    own = [key for key in schema if key not in _REMARKS]
    found = _unenforced_here(schema, own)
    return found or next(filter(None, map(unenforced, _below(schema))), "")


def _unenforced_here(schema: Mapping[str, Any], own: list[str]) -> str:
    unknown = [key for key in own if key not in _WHOLE and key not in _PARTS and key not in _BOUNDS]
    if unknown:
        return f"a reply cannot be held to {unknown[0]!r} of a JSON schema"
    whole = next((key for key in own if key in _WHOLE), "")
    if whole:
        return _beside(schema, own, whole)
    bounds = [key for key in own if key in _BOUNDS]
    if bounds and "type" not in schema:
        return f"a reply is held to {bounds[0]!r} of a JSON schema only beside a `type`"
    if "format" in schema and schema["format"] not in FORMATS:
        return f"a reply cannot be held to the format {schema['format']!r} of a JSON schema: state a `pattern`"
    if ("pattern" in schema or "format" in schema) and ("minLength" in schema or "maxLength" in schema):
        return "a reply cannot be held to a pattern and a length of one text: put the length into the pattern"
    loose = [name for name in schema.get("required", ()) if name not in schema.get("properties", {})]
    return f"{loose[0]!r} is required by a JSON schema and not among its `properties`" if loose else ""


def _beside(schema: Mapping[str, Any], own: list[str], whole: str) -> str:
    """What stands beside a keyword that is seen alone. A type that all values have anyway says nothing new."""
    if whole == "allOf" and len(schema[whole]) > 1:
        return "a reply cannot be held to several schemas at once (`allOf`)"
    values = schema["enum"] if whole == "enum" else [schema["const"]] if whole == "const" else []
    others = [key for key in own if key != whole]
    if others == ["type"] and values and all(_has_type(value, schema["type"]) for value in values):
        return ""
    return f"a reply cannot be held to {others[0]!r} beside {whole!r} of a JSON schema" if others else ""


def _has_type(value: Any, types: str | list[str]) -> bool:
    names = [types] if isinstance(types, str) else types
    if isinstance(value, bool):
        return "boolean" in names
    return any(isinstance(value, _TYPES.get(name, ())) for name in names)


def _below(schema: Mapping[str, Any]) -> Iterator[Any]:
    """The schemas inside a schema."""
    for key in ("properties", "$defs", "definitions"):
        yield from schema.get(key, {}).values()
    for key in ("anyOf", "allOf", "prefixItems"):
        yield from schema.get(key, ())
    for key in ("items", "additionalProperties"):
        if key in schema:
            yield schema[key]


__all__ = ["FORMATS", "compilers_reason", "unenforced", "unenforced_by"]
