"""JSONL files: every row knows its place, and one sentence for each way a file can be none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from evalkit import jsonl
from evalkit.errors import DataError


def write(folder: Path, data: bytes) -> Path:
    path = folder / "rows.jsonl"
    path.write_bytes(data)
    return path


def test_a_row_knows_its_line_and_can_be_found_again(tmp_path: Path) -> None:
    path = write(tmp_path, '{"a": "é"}\n\n  \n{"a": 2}\r\n{"a": 3}'.encode())
    found = list(jsonl.rows(path))
    assert found == [{"a": "é"}, {"a": 2}, {"a": 3}]
    assert [row.where for row in found] == [f"{path}, line {n}" for n in (1, 4, 5)]
    with path.open("rb") as file:
        for row in found:
            file.seek(row.offset)
            assert jsonl.decode(file.readline(), "again") == row
    assert jsonl.place(found[1], 2) == f"{path}, line 4" and jsonl.place({"a": 2}, 2) == "row 2"


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    (row,) = jsonl.rows(write(tmp_path, b'\xef\xbb\xbf{"a": 1}\n'))
    assert row == {"a": 1} and row.offset == 3


def test_what_python_writes_is_read(tmp_path: Path) -> None:
    """Half of a surrogate pair, NaN and whole numbers of any size: json.dumps gives them, strict readers refuse."""
    (row,) = jsonl.rows(write(tmp_path, b'{"a": "x\\ud800y", "b": Infinity, "c": 123456789012345678901234567890}'))
    assert row == {"a": "x\ud800y", "b": float("inf"), "c": 123456789012345678901234567890}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b'{"a": 1}\n[1]\n', "rows.jsonl, line 2: must be a JSON object, not a list"),
        (b'{"a": 1}\nnull\n', "rows.jsonl, line 2: must be a JSON object, not null"),
        (b'{"a": 1}\n{"a" 2}\n', r"rows.jsonl, line 2: not JSON: expecting ':' delimiter at column 6$"),
        (b'{"a": "x\n', r"rows.jsonl, line 1: not JSON: invalid control character at column 9$"),
        (b'{"a": "x', r"rows.jsonl, line 1: not JSON: unterminated string starting at column 7$"),
        (b'{"a": 1} {"a": 2}\n', r"line 1: not JSON: extra data at column 10$"),
        (b'{"a": "\xe9"}\n', r"rows.jsonl, line 1: not UTF-8 text \(invalid continuation byte at byte 8\)$"),
        ('{"a": 1}\n'.encode("utf-16"), "rows.jsonl: not UTF-8 text but UTF-16 or UTF-32, .*: save it as UTF-8$"),
        ('{"a": 1}\n'.encode("utf-32"), "rows.jsonl: not UTF-8 text but UTF-16 or UTF-32, .*: save it as UTF-8$"),
        ('{"a": 1}\n'.encode("utf-16-le"), "rows.jsonl, line 1: not UTF-8 text: it holds zero bytes"),
        (b"[" * 100_000, "rows.jsonl, line 1: not read: nested too deeply"),
        (b'{"a": ' + b"1" * 5_000 + b"}", "rows.jsonl, line 1: not read: Exceeds the limit"),
    ],
)
def test_what_is_no_row_is_named_by_file_and_line(tmp_path: Path, data: bytes, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        list(jsonl.rows(write(tmp_path, data)))


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a folder, not a JSONL file"):
        list(jsonl.rows(tmp_path))
    path = write(tmp_path, b"{}")
    with pytest.raises(DataError, match=r"no file .*row.jsonl'; did you mean 'rows.jsonl'\?"):
        list(jsonl.rows(tmp_path / "row.jsonl"))
    if os.geteuid() != 0:  # root may read anything
        path.chmod(0)
        with pytest.raises(DataError, match="cannot be read: Permission denied"):
            list(jsonl.rows(path))


def test_a_long_value_is_shown_short() -> None:
    assert jsonl.shown(["x"]) == '["x"]'
    assert len(jsonl.shown("x" * 1_000)) == 60
