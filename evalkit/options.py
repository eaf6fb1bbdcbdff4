"""What an options class takes, in words: `evalkit show` prints it.

In: the pydantic model of a task, grader or engine. Out: one `Option` a field. What a field means is its description,
else the docstring below it in the source.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from pydantic import BaseModel
from pydantic.fields import FieldInfo

_BOUNDS = (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<"))


class Option(msgspec.Struct, frozen=True):
    """One field."""

    name: str
    type: str
    """As `int or none`, `auto | float32`."""
    default: str
    meaning: str
    """Empty where the source does not say."""


def options(model: type[BaseModel]) -> list[Option]:
    """The fields of an options class, in its own order."""
    said = _docstrings(model)
    return [
        Option(
            name=name,
            type=_type(field.annotation, _bounds(field.metadata)),
            default=_default(field),
            meaning=field.description or said.get(name, ""),
        )
        for name, field in model.model_fields.items()
    ]


def _type(annotation: Any, bounds: str = "") -> str:
    """A type in words; `bounds` are those of its numbers, which a `none` beside them does not share."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " | ".join(str(value) for value in inner)
    if origin is Annotated:
        return _type(inner[0], _bounds(inner[1:]) + bounds)
    if origin in {Union, UnionType}:
        return " or ".join(_type(each, "" if each is NoneType else bounds) for each in inner)
    if origin in {dict, Mapping}:
        return f"mapping of {_type(inner[0])} to {_type(inner[1])}"
    if origin in {list, tuple, Sequence}:
        return f"list of {_type(inner[0])}"
    words = {NoneType: "none", Path: "path", Any: "any", dict: "mapping", list: "list", tuple: "list"}
    return f"{words.get(annotation) or getattr(annotation, '__name__', annotation)}{bounds}"


def _bounds(metadata: Sequence[Any]) -> str:
    """Limits of a number, as ` >= 1`; a FieldInfo carries its own."""
    found = [m for each in metadata for m in (each.metadata if isinstance(each, FieldInfo) else [each])]
    return "".join(
        f" {sign} {getattr(m, name)}" for m in found for name, sign in _BOUNDS if getattr(m, name, None) is not None
    )


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "(required)"
    match field.get_default(call_default_factory=True, validated_data={}):
        case None:
            return "none"
        case bool() as value:
            return str(value).lower()
        case str() as value if value:
            return value
        case value:
            return repr(value)


def _docstrings(model: type[BaseModel]) -> dict[str, str]:
    """The text below each field, in the class and its bases; nothing where there is no source to look at."""
    found: dict[str, str] = {}
    for each in reversed(model.__mro__):
        if not issubclass(each, BaseModel) or each is BaseModel:
            continue
        try:
            (tree,) = ast.parse(textwrap.dedent(inspect.getsource(each))).body
        except (OSError, TypeError, SyntaxError, ValueError):
            continue
        body = tree.body if isinstance(tree, ast.ClassDef) else []
        for field, below in pairwise(body):
            match field, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str() as text)):
                    found[name] = inspect.cleandoc(text)
    return found


__all__ = ["Option", "options"]
