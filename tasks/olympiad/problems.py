"""Problem files: published formats and our own, as rows of one kind.

In: JSONL, JSON, CSV, or whatever `datasets` can load. Out: one `Problem` a row, in the order of the file. A format is a
mapping from our fields to the file's columns; a file is recognised by its columns where the address does not name it.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from evalkit import jsonl
from evalkit.errors import ConfigError, DataError
from evalkit.jsonl import kind

Row = Mapping[str, Any]


class Problem(msgspec.Struct, frozen=True):
    """One problem with everything that the file says of it."""

    id: str
    question: str
    answers: tuple[str, ...]
    """Accepted answers; empty for a problem that asks for a proof."""
    solutions: tuple[str, ...] = ()
    scheme: tuple[Any, ...] = ()
    """Marking scheme, as the file has it."""
    tags: Mapping[str, str] = {}


class Format(msgspec.Struct, frozen=True):
    """Which columns hold what. `id` may be several columns, joined by a slash."""

    id: tuple[str, ...]
    question: str
    answer: str
    solution: str = ""
    scheme: str = ""
    tags: Mapping[str, str] = {}
    """Our tag and the column it comes from; a file may lack it."""

    @property
    def required(self) -> tuple[str, ...]:
        """Columns without which the file is none of this format."""
        return (*self.id, self.question, self.answer)


FORMATS: Mapping[str, Format] = {
    "mathodyssey": Format(
        ("id",), "question", "answer", "reference_solution", tags={"level": "level", "subject": "label"}
    ),
    "answerbench": Format(
        ("Problem ID",), "Problem", "Short Answer",
        tags={"subject": "Category", "topic": "Subcategory", "source": "Source"},
    ),
    "math500": Format(
        ("unique_id",), "problem", "answer", "solution", tags={"level": "level", "subject": "subject"}
    ),
    "matharena": Format(("competition", "id"), "problem", "answer", tags={"competition": "competition"}),
    "native": Format(
        ("id",), "problem", "answer", "solution", "scheme", tags={"level": "level", "subject": "subject"}
    ),
}  # fmt: skip
"""Published formats by name; when a file is recognised by its columns, the first that fits is taken."""


def read(path: str, format: str | None, split: str) -> Iterator[Problem]:
    """The problems of a file (or data set) in the named format, or in the one its columns show.

    Raises ConfigError for a missing file, DataError naming the file and the row for what does not fit.
    """
    seen: dict[str, str] = {}
    form = FORMATS[format] if format else None
    for where, row in rows(path, split):
        if form is None:
            form = recognised(row, where)
        problem = _problem(row, form, where)
        if problem.id in seen:
            raise DataError(f"{where}: id {problem.id!r} stands in {seen[problem.id]} already")
        seen[problem.id] = where
        yield problem
    if not seen:
        raise DataError(f"{path}: no problems in it")


def recognised(row: Row, where: str) -> Format:
    """The format whose columns the row has. Raises DataError listing what was found and what each format needs."""
    for form in FORMATS.values():
        if all(column in row for column in form.required):
            return form
    needed = "; ".join(f"{name}: {', '.join(form.required)}" for name, form in FORMATS.items())
    raise DataError(f"{where}: columns {', '.join(row)} fit no known format ({needed})")


def rows(path: str, split: str) -> Iterator[tuple[str, Row]]:
    """Rows with the place where the file has them: a line of JSONL, a record of anything else, from 1."""
    file = Path(path)
    readers = {".jsonl": _jsonl, ".json": _json, ".csv": _csv}
    if not file.is_file():
        if file.suffix in readers:
            raise ConfigError(f"no file {path!r} with problems")
        yield from ((f"{path}, row {number}", row) for number, row in enumerate(_hub(path, split), 1))
        return
    if file.suffix not in readers:
        raise ConfigError(f"{path}: problems are read from .jsonl, .json and .csv files, not from {file.suffix!r}")
    try:
        yield from readers[file.suffix](file)
    except csv.Error as error:
        raise DataError(f"{path}: not CSV: {error}") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from None


def _jsonl(file: Path) -> Iterator[tuple[str, Row]]:
    yield from ((row.where, row) for row in jsonl.rows(file))


def _json(file: Path) -> Iterator[tuple[str, Row]]:
    try:
        found = json.loads(file.read_text(encoding="utf-8-sig"))
    except RecursionError:
        raise DataError(f"{file}: nested too deeply") from None
    except ValueError as error:
        if isinstance(error, UnicodeDecodeError):
            raise
        raise DataError(f"{file}: not JSON: {error}") from None
    if not isinstance(found, list):
        raise DataError(f"{file}: a JSON file of problems is a list of objects, not {kind(found)}")
    for number, row in enumerate(found, 1):
        where = f"{file}, row {number}"
        if not isinstance(row, dict):
            raise DataError(f"{where}: a problem is a JSON object, not {kind(row)}")
        yield where, row


def _csv(file: Path) -> Iterator[tuple[str, Row]]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        records = csv.reader(lines)
        header = next(records, [])
        for number, record in enumerate((r for r in records if r), 1):
            where = f"{file}, row {number}"
            fields = record if len(record) == len(header) else _mended(record)
            if len(fields) != len(header):
                raise DataError(f"{where}: {len(record)} fields, but the header names {len(header)}")
            yield where, dict(zip(header, fields, strict=True))


def _mended(record: list[str]) -> list[str]:
    """A record whose long field lost its closing quote before `,"`, as row 36 of IMO-AnswerBench v2 has it."""
    fields: list[str] = []
    for field in record:
        head, comma, tail = field.rpartition("\n,")
        fields += [head, tail[:-1]] if comma and tail.endswith('"') else [field]
    return fields


def _hub(path: str, split: str) -> Iterable[Row]:
    """Rows of a data set that `datasets` knows: a folder, or a name on the Hub."""
    try:
        from datasets import load_dataset
    except ImportError:
        raise ConfigError(f"no file {path!r}; to load it as a data set, install the `datasets` package") from None
    try:
        return load_dataset(path, split=split)  # type: ignore[no-any-return]
    except Exception as error:  # whatever the loader of that data set raises
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigError(f"{path!r} is no file, and `datasets` cannot load its split {split!r}: {said}") from error


def _problem(row: Row, form: Format, where: str) -> Problem:
    missing = [column for column in form.required if column not in row]
    if missing:
        raise DataError(f"{where}: no column {missing[0]!r}; it has {', '.join(row)}")
    question = row[form.question]
    if not isinstance(question, str) or not question.strip():
        raise DataError(f"{where}: {form.question!r} must be a text that is not empty")
    solution = row.get(form.solution)
    scheme = row.get(form.scheme)
    return Problem(
        id="/".join(str(row[column]) for column in form.id),
        question=question.strip(),
        answers=_answers(row[form.answer], f"{where}: {form.answer!r}"),
        solutions=(solution,) if isinstance(solution, str) and solution.strip() else (),
        scheme=(scheme,) if scheme else (),
        tags={tag: str(row[c]) for tag, c in form.tags.items() if row.get(c) not in (None, "")},
    )


def _answers(value: Any, where: str) -> tuple[str, ...]:
    """One answer or a list of accepted ones, as texts; null says that the problem asks for a proof."""
    if value is None:
        return ()
    found = value if isinstance(value, list) else [value]
    if any(isinstance(v, bool) or not isinstance(v, (str, int, float)) for v in found):
        raise DataError(f"{where} must be a text, a number, a list of these, or null for a proof")
    texts = tuple(str(v).strip() for v in found)
    if not texts or not all(texts):
        raise DataError(f"{where} is empty")
    return texts
