r"""Problems with lettered options: the contents of the right option are an accepted answer too.

A data set may give only the letter as its answer; a candidate who boxes the value itself is right all the same, and
no grader can know without the question. So the option's contents join the accepted answers, as a verified fact of the
problem's own text.
"""

from __future__ import annotations

import re

_LETTER = re.compile(r"\$?\\?(?:text\{)?\(?([A-J])\)?\.?\}?\$?")
_MARK = re.compile(r"\\text\s*\{\s*\(?([A-J])\)\s*\}|(?<![A-Za-z0-9\\])\(([A-J])\)|(?:^|\n)\s*([A-J])[.)]\s", re.M)
_ALIGNMENT = re.compile(r"^(?:\\\s|&|\s)+|(?:\\\\|\\(?=\s|$)|&|\s)+$")
_END = re.compile(r"\\\\\s*(?=\\end|$)|\\end\s*\{|\n\s*\n")


def options(question: str) -> dict[str, str]:
    """Contents of each lettered option, where the letters run from A without a gap; empty for any other problem."""
    marks = list(_MARK.finditer(question))
    letters = [next(g for g in m.groups() if g) for m in marks]
    if len(letters) < 2 or letters != [chr(ord("A") + i) for i in range(len(letters))]:
        return {}
    ends = [m.start() for m in marks[1:]] + [len(question)]
    return {
        letter: _contents(question[mark.end() : end])
        for letter, mark, end in zip(letters, marks, ends, strict=True)
    }


def accepted(question: str, answer: str) -> tuple[str, ...]:
    """The answer, and, if it is the letter of an option, that option's contents."""
    letter = _LETTER.fullmatch(answer.strip())
    contents = options(question).get(letter[1], "") if letter else ""
    return (answer, contents) if contents else (answer,)


def _contents(text: str) -> str:
    """An option without the alignment that surrounds it: `&`, `\\`, backslash-space."""
    return _ALIGNMENT.sub("", _END.split(text)[0])
