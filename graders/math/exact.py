r"""The rungs that need no computer algebra: text, letters, words, and numbers compared as exact fractions.

A number is read with its sign, thousands, decimals, `a/b`, `\frac`, mixed number, percent, power of ten, base and unit.
Policies, where mathematicians differ: a percent sign or a unit may be left out, a *different* unit is wrong; an exact
reference wants an exact answer (1/3 is not 0.3333333333), a decimal reference of six or more places accepts whatever
rounds to it there.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Literal, NamedTuple

Verdict = Literal["equal", "unequal", "undecided"]

DECIMAL_PLACES = 6
"""Places to which a decimal reference is compared, as in math-verify."""
MAX_TEN = 400
"""Largest power of ten that is written out."""

_WORDS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12,
}  # fmt: skip
_EMPTY = frozenset(
    ["no solution", "no solutions", "no real solution", "no real solutions", "none", r"\emptyset", r"\varnothing",
     r"\{\}", r"\{ \}", "{}", "empty set", "the empty set", "there is no solution", "there are no solutions"]
)  # fmt: skip
_CLOSED = (frozenset({"yes", "no"}), frozenset({"true", "false"}), frozenset({"odd", "even"}))
_UNITS = {
    "cm": "cm", "centimeter": "cm", "centimetre": "cm", "mm": "mm", "millimeter": "mm", "millimetre": "mm", "m": "m",
    "meter": "m", "metre": "m", "km": "km", "kilometer": "km", "kilometre": "km", "inch": "in", "inche": "in",
    "in": "in", "ft": "ft", "feet": "ft", "foot": "ft", "mile": "mi",
    "kg": "kg", "kilogram": "kg", "g": "g", "gram": "g",
    "s": "s", "second": "s", "sec": "s", "min": "min", "minute": "min", "hour": "h", "hr": "h", "h": "h", "day": "day",
    "degree": "deg", "dollar": "dollar", "cent": "cent", "unit": "", "square unit": "", "cubic unit": "",
}  # fmt: skip
_UNIT_NAMES = "|".join(sorted((u for u in _UNITS if len(u) > 1), key=len, reverse=True))
_DIGITS = r"(?:\d{1,3}(?:,\d{3})+|\d+)"
_DECIMAL = rf"(?:{_DIGITS}(?:\.\d+)?|\.\d+)"
_NUMBER = re.compile(
    rf"""(?P<sign>[+-]?)\s*(?:
        (?P<base_digits>[0-9A-Fa-f]+)\s*_\s*\{{?(?P<base>\d\d?)\}}?
      | (?P<repeat>\d*\.\d*)\\overline\{{(?P<period>\d+)\}}
      | (?P<mantissa>{_DECIMAL})\s*(?:\\times|\\cdot|\*|x)\s*10\s*\^\s*\{{?(?P<ten>[+-]?\d+)\}}?
      | (?P<mantissa_e>{_DECIMAL})[eE](?P<ten_e>[+-]?\d+)
      | (?:(?P<whole>\d+)\s*)?\\frac
        \s*(?:\{{\s*(?P<n>-?{_DECIMAL})\s*\}}|(?P<n1>\d))
        \s*(?:\{{\s*(?P<d>-?{_DECIMAL})\s*\}}|(?P<d1>\d))
      | (?:(?P<whole_p>\d+)\s+)?(?P<n_p>{_DECIMAL})\s*/\s*(?P<d_p>{_DECIMAL})
      | (?P<plain>{_DECIMAL})
    )""",
    re.X,
)
_PERCENT = re.compile(r"\s*(?:\\?%|(?:\\text\s*\{)?\s*(?:percent(?:age)?|pct)\s*\}?)$")
_DEGREE = re.compile(r"\s*\^\s*\{?\s*\\circ\s*\}?$")
_UNIT = re.compile(
    r"\s*(?:\\(?:text|mathrm|mbox|textrm|textbf)\s*\{\s*(?P<t>[A-Za-z ]+?)s?\.?\s*\}"
    rf"|(?<=[\d\s}}])(?P<b>{_UNIT_NAMES})s?)"
    r"(?:\s*\^\s*\{?(?P<p>\d)\}?)?$"
)
_LETTER = re.compile(r"(?:(?:[Oo]ption|[Cc]hoice|[Aa]nswer)\s*:?\s*)?[\[(]?([A-Z])(?:[\])]|[.:]|$)(?:\s.*|$)", re.S)


class Number(NamedTuple):
    """An exact number with what was written around it."""

    value: Fraction
    decimals: int = 0
    """Digits after the decimal point, 0 for what is exact by its form."""
    percent: bool = False
    digits: str = ""
    """The digits as written, for a number that names its base."""


def split_unit(text: str) -> tuple[str, str]:
    r"""A `core` text without its trailing unit, and the unit: canonical, with its power; "" for none or plain units."""
    if match := _DEGREE.search(text):
        return text[: match.start()], "deg"
    match = _UNIT.search(text)
    if not match or not match.start():
        return text, ""
    name = (match["t"] or match["b"]).strip().lower()
    unit = _UNITS.get(name, name if match["t"] else None)
    if unit is None or name in ("percent", "percentage", "pct", "or", "and"):
        return text, ""
    return text[: match.start()], unit + (match["p"] or "") if unit else ""


def number(text: str) -> Number | None:
    """The exact value of a `core` text without unit that is one number, None where it is anything else."""
    if text.lower() in _WORDS:
        return Number(Fraction(_WORDS[text.lower()]))
    bare = _PERCENT.sub("", text)
    match = _NUMBER.fullmatch(bare.strip())
    if not match:
        return None
    try:
        value = _value(match)
    except (ValueError, ZeroDivisionError):
        return None
    g = match.groupdict()
    written = g["plain"] or g["mantissa"] or g["mantissa_e"] or ""
    return Number(
        -value if g["sign"] == "-" else value,
        decimals=len(written.partition(".")[2]),
        percent=bare != text,
        digits=g["base_digits"] or "",
    )


def _value(match: re.Match[str]) -> Fraction:
    """The unsigned value. Raises ValueError for digits that the base does not have, or a power of ten too large."""
    g = match.groupdict()
    if g["base"]:
        if not 2 <= int(g["base"]) <= 36:
            raise ValueError(g["base"])
        return Fraction(int(g["base_digits"], int(g["base"])))
    if g["period"]:
        head, places = g["repeat"], len(g["repeat"].partition(".")[2])
        return Fraction(head + "0") + Fraction(int(g["period"]), (10 ** len(g["period"]) - 1) * 10**places)
    if ten := g["ten"] or g["ten_e"]:
        if abs(int(ten)) > MAX_TEN:
            raise ValueError(ten)
        return _fraction(g["mantissa"] or g["mantissa_e"]) * Fraction(10) ** int(ten)
    if bottom := g["d"] or g["d1"] or g["d_p"]:
        top = g["n"] or g["n1"] or g["n_p"]
        return _fraction(g["whole"] or g["whole_p"] or "0") + _fraction(top) / _fraction(bottom)
    return _fraction(g["plain"])


def _fraction(digits: str) -> Fraction:
    return Fraction(digits.replace(",", ""))


def same_number(gold: Number, pred: Number) -> bool:
    """Whether two numbers are equal under the module's policies."""
    if gold.digits and not pred.digits and _undone(gold) == _undone(pred):
        return True  # the base, which the problem states, was left out
    golds = {gold.value / 100, gold.value} if gold.percent else {gold.value}
    preds = {pred.value / 100, pred.value} if pred.percent else {pred.value}
    if golds & preds:
        return True
    if gold.decimals >= DECIMAL_PLACES:
        half = Fraction(1, 2 * 10**DECIMAL_PLACES)
        return any(abs(g - p) <= half for g in golds for p in preds)
    return False


def _undone(number: Number) -> str:
    return number.digits or str(number.value)


def letter(text: str) -> str | None:
    """The choice that a `core` text names: `D`, `(D)`, `D. 42`, `option D`; None where it names none."""
    match = _LETTER.fullmatch(text)
    return match[1] if match else None


def words(gold: str, pred: str) -> Verdict | None:
    """The verdict where the reference is a word of a closed vocabulary or both are words; None for all else."""
    g, p = gold.lower(), pred.lower()
    if g in _EMPTY:
        return "equal" if p in _EMPTY else ("unequal" if number(pred) or not pred else None)
    for vocabulary in _CLOSED:
        if g in vocabulary:
            first = re.match(r"[a-z]+", p)
            if first and first[0] in vocabulary:
                return "equal" if first[0] == g else "unequal"
            return "unequal" if number(pred) else "undecided"
    return None
