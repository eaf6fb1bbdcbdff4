"""JSONL: one JSON object a line, and each remembers where it stood.

In: a file that somebody else wrote. Out: a `Row` for every line that is not blank, a dict that also knows its file,
line and offset, so that whoever finds something wrong with it later can say where. Everything that makes a line no row
is a DataError with file and line.

msgspec reads; what it refuses, the standard library tries, which takes what Python's own writer writes: halves of
surrogate pairs (models do produce them) and NaN. A byte order mark at the beginning is passed over.
"""

from __future__ import annotations

import codecs
import difflib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import msgspec

from evalkit.errors import DataError

_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)  # UTF-32 LE begins as UTF-16 LE does
_SHOWN = 60
"""Characters of a wrong value that a message shows."""


class Row(dict[str, Any]):
    """One line's object."""

    __slots__ = ("offset", "where")

    offset: int
    """Bytes before the line."""
    where: str
    """`file, line 3`, as messages begin."""


def rows(path: Path) -> Iterator[Row]:
    """Every line that is not blank. Raises DataError for a path that is no file, and for a line that is no object."""
    position = 0
    with _opened(path) as file:
        for number, line in enumerate(file, 1):
            start, position = position, position + len(line)
            if number == 1:
                start, line = _without_mark(line, path)
            if line.strip():
                where = f"{path}, line {number}"
                row = Row(decode(line, where))
                row.offset, row.where = start, where
                yield row


def decode(line: bytes, where: str) -> dict[str, Any]:
    """One line as an object. Raises DataError that begins with `where`."""
    try:
        value = msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        value = _decode_leniently(line, where)
    if not isinstance(value, dict):
        raise DataError(f"{where}: must be a JSON object, not {kind(value)}")
    return value


def place(row: Mapping[str, Any], number: int) -> str:
    """How messages name a row: its file and line, or its number from 1 where it comes from no file."""
    return row.where if isinstance(row, Row) else f"row {number}"


def kind(value: Any) -> str:
    """The type of a JSON value, in words."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
        case _:
            return "an object"


def shown(value: Any) -> str:
    """A value as JSON, short enough for a message."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _decode_leniently(line: bytes, where: str) -> Any:
    if b"\0" in line:
        raise DataError(f"{where}: not UTF-8 text: it holds zero bytes, as UTF-16 and binary files do")
    try:
        return json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: not UTF-8 text ({error.reason} at byte {error.start + 1})") from None
    except json.JSONDecodeError as error:
        said = error.msg.removesuffix(" at")
        raise DataError(f"{where}: not JSON: {said[0].lower()}{said[1:]} at column {error.colno}") from None
    except RecursionError:
        raise DataError(f"{where}: not read: nested too deeply") from None
    except ValueError as error:  # a number of thousands of digits
        raise DataError(f"{where}: not read: {error}") from None


def _opened(path: Path) -> IO[bytes]:
    if path.is_dir():
        raise DataError(f"{str(path)!r} is a folder, not a JSONL file")
    if not path.exists():
        siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        close = difflib.get_close_matches(path.name, siblings, n=1)
        raise DataError(f"no file {str(path)!r}{f'; did you mean {close[0]!r}?' if close else ''}")
    try:
        return path.open("rb")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None


def _without_mark(line: bytes, path: Path) -> tuple[int, bytes]:
    """Where the text of the first line begins, and that text."""
    if line.startswith(_WIDE):
        raise DataError(f"{path}: not UTF-8 text but UTF-16 or UTF-32, by its byte order mark: save it as UTF-8")
    text = line.removeprefix(codecs.BOM_UTF8)
    return len(line) - len(text), text


__all__ = ["Row", "decode", "kind", "place", "rows", "shown"]
