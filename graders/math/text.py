r"""From an answer as written to a form that can be compared: no invisible characters, no wrapping, LaTeX symbols.

Nothing here computes. `core` takes away what carries no meaning (dollar signs, one box, `\left`, thin spaces); `limit`
names the cap that an input breaks; `for_parser` makes the string that math-verify's LaTeX parser gets.
"""

from __future__ import annotations

import re

MAX_TEXT = 65_536
MAX_CHARS = 4096
MAX_NESTING = 64
MAX_DIGITS = 256
MAX_EXPONENT_DIGITS = 4
"""Caps: of the whole text, then of the formula in it (characters, nesting, digits as in Inspect AI's hardened scorer).
What lies beyond them is undecided."""

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)
_SYMBOLS = str.maketrans({
    "−": "-", "–": "-", "‐": "-", "‑": "-", "×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ", "÷": "/", "∕": "/",
    "⁄": "/", "π": r"\pi ", "∞": r"\infty ", "≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ", "°": r"^\circ ", "∪": r"\cup ",
    "∩": r"\cap ", "∅": r"\emptyset ", "∈": r"\in ", "±": r"\pm ", "θ": r"\theta ",
    "α": r"\alpha ", "β": r"\beta ", "φ": r"\varphi ",
    "²": "^{2}", "³": "^{3}", "⁴": "^{4}", "½": r"\frac{1}{2}", "⅓": r"\frac{1}{3}", "¼": r"\frac{1}{4}",
    "¾": r"\frac{3}{4}", "ℝ": r"\mathbb{R}", "ℤ": r"\mathbb{Z}", "ℕ": r"\mathbb{N}", "ℚ": r"\mathbb{Q}",
    "\u00a0": " ", "\u2009": " ", "\u202f": " ",
})  # fmt: skip
_ROOT = re.compile(r"√\s*(?:\(([^()]*)\)|\{([^{}]*)\}|(\d+|[a-zA-Z]))")
_PLAIN_ROOT = re.compile(r"(?<![\\a-zA-Z])sqrt\s*(?:\(([^()]*)\)|\{([^{}]*)\})")
_PLAIN_NAME = re.compile(r"(?<![\\a-zA-Z{])(pi|sin|cos|tan|ln|log|infinity)(?![a-zA-Z])")
_DROPPED = re.compile(r"\\(?:left|right|displaystyle|textstyle|bigl?|bigr|Bigl?|Bigr)(?![a-zA-Z])|\\!")
_SPACES = re.compile(r"(?<!\\)\\[,;: ]|\\q?quad(?![a-zA-Z])|~")
_DOUBLED = re.compile(r"\\\\(?=(?:d?frac|sqrt|leq?|geq?|pi|infty|in|cdot|times|left|right|cup|theta|text)(?![a-zA-Z]))")
_FRACTION = re.compile(r"\\[dtc]frac(?![a-zA-Z])")
_GROUPED = re.compile(r"(?<=\d)(?:,\\!\s*|\\,\s*|\{,\})(?=\d{3}(?!\d))")
_DELIMITED = re.compile(r"\$\$([^$]*)\$\$|\$([^$]*)\$|\\\((.*)\\\)|\\\[(.*)\\\]|\*\*([^*]*)\*\*", re.S)
_TEXT = re.compile(r"\\(?:text|textbf|mathrm|mathbf|textrm|mbox|operatorname)\s*\{([^{}]*)\}")
_BOX = re.compile(r"\\boxed\s*\{")
_DOMAIN = re.compile(
    r"(?:[,;]|\bwhere|\bfor)\s*(?:\\text\{[^{}]*\}\s*)?[a-z]\s*\\in\s*\\mathbb\s*\{?\s*[ZNQR]\s*\}?\s*$"
)
_COMMAND = re.compile(r"\\(?:begin|end)\s*\{[^{}]*\}|\\[a-zA-Z]+|_\{[a-zA-Z]+\}")
"""What holds letters but no words: environments, commands, names in subscripts."""
_WORD = re.compile(r"[^\W\d_]{2,}")
_DELIMITER = re.compile(r"\$|\\\(|\\\[|\\boxed")
_CJK = "\u0600-\u06ff\u3000-\u9fff\uac00-\ud7af\uff00-\uffef"
_FUNCTIONS = frozenset(
    ["sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "log", "exp",
     "max", "min", "gcd", "lcm", "mod", "det", "dim", "sqrt"]
)  # fmt: skip


def visible(text: str) -> str:
    """The text without invisible characters (zero-width, direction marks), Unicode mathematics written as LaTeX."""
    text = _INVISIBLE.sub("", text)
    text = _ROOT.sub(lambda m: rf"\sqrt{{{m[1] or m[2] or m[3] or ''}}}", text)
    return text.translate(_SYMBOLS).strip()


def core(text: str) -> str:
    r"""A visible text reduced to its one formula: a single `\boxed` or the whole within one pair of delimiters."""
    text = only_box(text)
    while True:
        text = text.rstrip(".,; \n\t").lstrip()
        match = _DELIMITED.fullmatch(text) or _TEXT.fullmatch(text)
        if not match or r"\(" in (inner := next(g for g in match.groups() if g is not None)) or r"\[" in inner:
            break
        text = inner
    if r"\begin" not in text:
        text = _DOUBLED.sub(r"\\", text)
    text = _GROUPED.sub("", text)
    text = _FRACTION.sub(r"\\frac", _SPACES.sub(" ", _DROPPED.sub("", text)))
    text = _DOMAIN.sub("", text).replace(r"\$", "")
    return " ".join(text.split())


def only_box(text: str) -> str:
    r"""The content of the one `\boxed{...}` in the text; the text itself where there is none, or more than one."""
    boxes = list(_BOX.finditer(text))
    if len(boxes) != 1:
        return text
    depth = 1
    for i in range(boxes[0].end(), len(text)):
        depth += (text[i] == "{") - (text[i] == "}")
        if depth == 0:
            return text[boxes[0].end() : i]
    return text


def squeezed(text: str) -> str:
    """`core` text without the spaces that separate nothing: those next to anything but letters and digits."""
    return re.sub(r"(?<![A-Za-z0-9]) | (?![A-Za-z0-9])", "", text)


def limit(text: str) -> str | None:
    """The cap that a string for the parser breaks, None where it breaks none."""
    if len(text) > MAX_CHARS:
        return f"longer than {MAX_CHARS} characters"
    depth = deepest = 0
    for char in text:
        depth += (char in "{([") - (char in "})]")
        deepest = max(deepest, depth)
    if deepest > MAX_NESTING:
        return f"nested deeper than {MAX_NESTING}"
    if text.count("{") != text.count("}") and not _DELIMITER.search(text):
        return "unbalanced braces"
    if re.search(rf"\d{{{MAX_DIGITS + 1}}}", text):
        return f"a number of more than {MAX_DIGITS} digits"
    if re.search(rf"(?:\^|\*\*)\s*\{{?\s*\d{{{MAX_EXPONENT_DIGITS + 1}}}", text):
        return f"an exponent of more than {MAX_EXPONENT_DIGITS} digits"
    if re.search(r"\^\s*\{[^{}^]*\^\s*\{?[^{}^]*\^", text):
        return "a tower of powers"
    return None


def is_prose(text: str) -> bool:
    """Whether a text has words outside of `\\text{}` and function names, so that it is no formula."""
    bare = _COMMAND.sub(" ", _TEXT.sub(" ", text))
    return any(len(w) > 2 and w not in _FUNCTIONS for w in _WORD.findall(bare))


def is_words(text: str) -> bool:
    """Whether a `core` text is nothing but words: letters, spaces and light punctuation, one word of three letters."""
    return bool(re.fullmatch(r"[^\W\d_]+(?:[ ,.'-]+[^\W\d_]+)*[.!]?", text)) and is_prose(text)


def for_parser(text: str, formula: str) -> str:
    """The string for math-verify: prose as it stands (it looks for the answer itself), a bare formula in dollars."""
    if len(_BOX.findall(text)) > 1 or (is_prose(formula) and _DELIMITER.search(text)):
        return text
    if is_prose(formula):
        return re.sub(rf"(?<=[{_CJK}])(?=[\d\\(-])|(?<=\d)(?=[{_CJK}])", " ", text)
    formula = _PLAIN_ROOT.sub(lambda m: rf"\sqrt{{{m[1] or m[2]}}}", formula)
    formula = _PLAIN_NAME.sub(lambda m: rf"\{m[1].replace('infinity', 'infty')} ", formula).replace("**", "^")
    return f"${formula.replace('$', ' ')}$"
