"""Somebody's data as an instance of a pydantic model, or one sentence that says what is wrong with it.

Run files, options of tasks, graders and engines, `--set` values: all are checked here, and all mistakes are told in the
same words, with the place, what was found there and the nearest valid name. pydantic's own words are never shown.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from evalkit.errors import ConfigError, nearest

Model = TypeVar("Model", bound=BaseModel)


_WORDS = {
    "missing": "is missing",
    "int_type": "must be a whole number", "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number", "int_parsing_size": "must be a smaller number",
    "float_type": "must be a number", "float_parsing": "must be a number", "finite_number": "must be a finite number",
    "bool_type": "must be true or false", "bool_parsing": "must be true or false",
    "string_type": "must be a text", "path_type": "must be a path",
    "list_type": "must be a list", "tuple_type": "must be a list",
    "dict_type": "must be a mapping of keys to values", "mapping_type": "must be a mapping of keys to values",
    "model_type": "must be a mapping of keys to values", "model_attributes_type": "must be a mapping of keys to values",
    "literal_error": "must be {expected}",
    "greater_than": "must be above {gt}", "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}", "less_than_equal": "must be at most {le}",
    "too_short": "must hold at least {min_length}", "too_long": "must hold at most {max_length}",
}  # fmt: skip
"""What pydantic finds wrong, by its type of error, in the words of this tool."""
_KEYS = ("extra_forbidden", "invalid_key")
"""Errors that are about a key itself."""
_SHOWN = 60
"""Characters of a wrong value that a message shows."""


def validate(model: type[Model], data: Mapping[str, Any], *, where: str) -> Model:
    """`data` as an instance of a pydantic model; the first thing wrong with it is a ConfigError that says where."""
    try:
        return model.model_validate(dict(data))
    except ValidationError as error:
        raise ConfigError(f"{where}: {_sentence(error.errors(), data, model)}") from None


def _sentence(errors: Sequence[Any], data: Any, model: type[BaseModel]) -> str:
    """The first thing that is wrong, with its place. A misspelt key is also missing: it comes first."""
    first = next((e for e in errors if e["type"] in _KEYS), errors[0])
    if first["type"] in _KEYS or first["loc"][-1:] == ("[key]",):
        *parents, key = (step for step in first["loc"] if step != "[key]")
        inside = f" in {'.'.join(str(p) for p in parents)}" if parents else ""
        if not isinstance(key, str):
            return f"key {_short(key)}{inside} must be a text"
        holder = _model_at(model, parents)
        return f"unknown key {_short(key)}{inside}{nearest(key, holder.model_fields) if holder else ''}"
    if first["type"] == "missing":
        return f"{'.'.join(str(s) for s in first['loc'])} is missing"
    steps = _steps(first["loc"], data)
    # each way in which a value may be given has its own complaint, at a place that goes on below the value's
    several = [_complaint(e) for e in errors if e["type"] != "missing" and _steps(e["loc"], data) == steps]
    said = " or ".join(dict.fromkeys(several)).replace(" or must be ", " or ")
    place = ".".join(str(s) for s in steps)
    return f"{place}: {said}{_not(first)}" if place else f"{said}{_not(first)}"


def _complaint(error: Any) -> str:
    """What is wrong with one value, as a half sentence that begins with `must be` wherever that is possible."""
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    message: str = error["msg"]
    words = _WORDS.get(error["type"], message[0].lower() + message[1:])
    return words.format_map({k: f"{v:g}" if isinstance(v, float) else v for k, v in error.get("ctx", {}).items()})


def _not(error: Any) -> str:
    """What stands there instead; nothing where the complaint is not about the value's type or size alone."""
    match error["input"]:
        case _ if error["type"] == "too_short":
            return ""
        case dict():
            wrong = "a mapping"
        case list() | tuple():
            wrong = "a list"
        case None:
            wrong = "null"
        case value:
            wrong = _short(value)
    return "" if error["type"] == "value_error" and wrong.startswith("a ") else f", not {wrong}"


def _steps(loc: Sequence[Any], data: Any) -> tuple[Any, ...]:
    """The part of an error's location that leads through the data: below it pydantic names its own alternatives."""
    steps: list[Any] = []
    for step in loc:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            break
        steps.append(step)
    return tuple(steps)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _model_at(model: type[BaseModel], loc: Sequence[Any]) -> type[BaseModel] | None:
    """The section model that an error's location lies in, by walking the annotations."""
    current: type[BaseModel] | None = model
    for step in loc:
        if isinstance(step, int) or current is None:
            continue
        field = current.model_fields.get(str(step))
        current = _model_in(field.annotation) if field else None
    return current


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _model_in(inner))), None)


__all__ = ["validate"]
