r"""Reading the final answer of a reply: the last `\boxed{...}` after the thinking is over.

Braces are matched as LaTeX matches them (`\{` and `\}` do not count). Of several boxes the last one wins; of nested
boxes the innermost. A box that never closes makes the whole reply unparsed, however many boxes came before it: what
the candidate was about to answer is not known.
"""

from __future__ import annotations

import json
import re
from typing import Literal

from evalkit.records import Answer, AnswerStatus, Completion

Fallback = Literal["none", "json", "last_line"]

_THOUGHT = re.compile(r"<think>.*?</think>", re.S | re.I)
_THOUGHT_END = re.compile(r"</think>", re.I)
_THOUGHT_START = re.compile(r"<think>", re.I)
_TOKEN = re.compile(r"\\(?:boxed|fbox)\s*\{|\\.|[{}]", re.S)
_FIELD = re.compile(r'"(?:final_?)?answer"\s*:\s*', re.I)
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"', re.S)
_BARE = re.compile(r"[^\s,{}\[\]\"]+(?=[\s,}]|$)")
_SAYS = re.compile(r"^(?:.*\banswer(?:\s+is)?\s*[:=]|.*\banswer\s+is)\s*", re.I)


def read(reply: Completion, fallback: Fallback = "none") -> Answer:
    """The answer of one reply, with its status; `value` is the text within the box, stripped."""
    if reply.finish == "refusal":
        return Answer(status="refused", text=reply.text)
    no_answer: AnswerStatus = "truncated" if reply.finish == "length" else "unparsed"
    said = after_thinking(reply.text)
    if said is None:
        return Answer(status="truncated", text=reply.text)
    value = last_box(said)
    if value is None and fallback == "json":
        value = last_field(said)
    if value is None and fallback == "last_line" and reply.finish != "length":
        value = last_line(said)
    if not value:
        return Answer(status=no_answer, text=reply.text)
    return Answer(value, text=reply.text)


def after_thinking(text: str) -> str | None:
    """The text without its `<think>` blocks; None if one is still open at the end. The opening tag may be missing."""
    text = _THOUGHT.sub("", text)
    ends = list(_THOUGHT_END.finditer(text))
    if ends:
        text = text[ends[-1].end() :]
    return None if _THOUGHT_START.search(text) else text


def last_box(text: str) -> str | None:
    r"""Content of the last `\boxed{...}` or `\fbox{...}`, stripped; None if there is none, or one never closes."""
    open_braces: list[tuple[bool, int]] = []
    found: tuple[int, int] | None = None
    for token in _TOKEN.finditer(text):
        if token[0].endswith("{") and token[0] != r"\{":
            open_braces.append((len(token[0]) > 1, token.end()))
        elif token[0] == "}" and open_braces:
            is_box, start = open_braces.pop()
            if is_box and (found is None or start > found[0] or found[1] < start):
                found = (start, token.start())
    if found is None or any(is_box for is_box, _ in open_braces):
        return None
    return text[found[0] : found[1]].strip()


def last_field(text: str) -> str | None:
    """Value of the last complete `"answer"` field in JSON, or what was meant as JSON (undoubled backslashes)."""
    value = None
    for field in _FIELD.finditer(text):
        if string := _STRING.match(text, field.end()):
            value = _unescaped(string[1])
        elif bare := _BARE.match(text, field.end()):
            value = bare[0]
        else:
            value = _json_value(text, field.end())
    return value.strip() if value else None


def _json_value(text: str, start: int) -> str | None:
    """A JSON list, or the values of an object, at `start` as a comma list; None for anything else."""
    try:
        found, _ = json.JSONDecoder(strict=False).raw_decode(text, start)
    except ValueError:
        return None
    values = list(found.values()) if isinstance(found, dict) else found
    return ", ".join(str(v) for v in values) if isinstance(values, list) else None


def _unescaped(string: str) -> str:
    r"""JSON string content, where a lone backslash before a LaTeX command stays one (`\frac` is no form feed)."""
    string = re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), string)
    string = re.sub(r"\\n(?![a-zA-Z])", "\n", string)
    return re.sub(r'\\(["\\/])', r"\1", string)


def last_line(text: str) -> str | None:
    """The last line that is not blank, without a leading `answer:` or `the answer is`."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return _SAYS.sub("", lines[-1]).strip() if lines else None
