"""The terminal, as every command uses it: what is typed, and how results and mistakes are told.

Two consoles: tables on standard output, everything else on standard error. A mistake is one sentence, whoever finds it;
JSON is UTF-8 whatever the terminal. The commands themselves are in `cli`.
"""

from __future__ import annotations

import functools
import json
import re
import sys
from typing import Any, NoReturn, cast

import typer
from rich.console import Console
from typer.core import TyperCommand, TyperGroup

from evalkit.errors import ConfigError

out = Console()
err = Console(stderr=True)
UsageError = cast(type[Exception], typer.BadParameter.__base__)
"""What typer raises for words that fit no command; it lies in click or in typer, by typer's version."""


def _as_it_stands(parameter: Any, context: Any, value: Any) -> Any:
    return parameter.callback(context, parameter, value) if parameter.callback else value


class _Plain:
    """Takes words as they stand. Typer would load pydantic to convert them: longer than all else that `list` does."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, those of typer's own (`--help`) with them."""
        found: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for parameter in found:
            parameter.process_value = functools.partial(_as_it_stands, parameter)
        return found


class PlainCommand(_Plain, TyperCommand):
    """A command none of whose words needs converting."""


class PlainGroup(_Plain, TyperGroup):
    """A group likewise."""


def hint(sentence: str, command: str = "") -> None:
    """What the user can do next."""
    err.print(f"{sentence} {command}".rstrip(), markup=False, highlight=False, soft_wrap=True)


def fail(message: str, code: int) -> NoReturn:
    """Ends the process with one sentence."""
    style = "red" if err.is_terminal else ""
    err.print(f"evalkit: {message}", style=style, markup=False, highlight=False, soft_wrap=True)
    sys.exit(code)


def refuse(error: Any) -> NoReturn:
    """Words of the command line that fit no command: typer's complaint as a sentence of ours."""
    said, context = error.format_message().strip(), error.ctx
    if context is not None and said == context.get_help().strip():  # a command group on its own
        print(said, file=sys.stderr)
        sys.exit(2)
    if possible := getattr(error, "possibilities", None):
        said = f"no such option: {error.option_name}; did you mean {possible[0]!r}?"
    said = (said[0].lower() + said[1:]).rstrip(".").replace(". Did you mean", "; did you mean")
    fail(f"{said} (see `{context.command_path if context else 'evalkit'} --help`)", 2)


def print_json(value: Any) -> None:
    """A result for programs."""
    write(json.dumps(value, ensure_ascii=False, indent=2))


def write(text: str) -> None:
    """A line of JSON, in UTF-8 whatever the terminal; half a surrogate pair becomes the escape that JSON has for it."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace") + b"\n")


def whole(option: str, text: str | None) -> int | None:
    """A number given on the command line. Raises ConfigError for anything that is none from 1 on."""
    if text is None:
        return None
    if not re.fullmatch(r"0*[1-9][0-9]{0,11}", text):
        raise ConfigError(f"{option} takes a whole number from 1, not {text!r}")
    return int(text)


def amount(option: str, text: str | None) -> float | None:
    """A sum given on the command line. Raises ConfigError for anything that is no number from 0 on."""
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", text):
        raise ConfigError(f"{option} takes a number from 0, as 2.50, not {text!r}")
    return float(text)


__all__ = [
    "PlainCommand", "PlainGroup", "UsageError", "amount", "err", "fail", "hint", "out", "print_json", "refuse", "whole",
    "write",
]
