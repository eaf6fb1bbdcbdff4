"""Every failure evalkit names, in one tree.

    EvalkitError
    ├── UserError            exit 2: bad input or config; the message is one clear sentence
    │   ├── ConfigError      a run file, an option or a --set that does not fit
    │   ├── DataError        a data file that cannot be read as what it should be
    │   ├── BudgetError      a prompt that does not fit the model's context
    │   └── RunExistsError   a run directory that belongs to another config, or is in use
    ├── FirewallError        privileged information was about to cross to the candidate side
    ├── StorageError         exit 2: the run directory cannot be written or read; what was committed is kept
    └── EngineError          exit 3: a candidate or grader model failed as a whole (not on one request)

A failure inside one sample is none of these: it is data on that sample (`Completion.error`, `Grade.status`).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class EvalkitError(Exception):
    """The root: catch this to catch everything evalkit raises on purpose."""

    exit_code = 1


class UserError(EvalkitError):
    """The user can mend this: says what is wrong, where, and the nearest valid name."""

    exit_code = 2


class ConfigError(UserError):
    """A run file, an option or a `--set` that does not fit."""


class DataError(UserError):
    """A data file that cannot be read as what it should be; names the file and, where there is one, the line."""


class BudgetError(UserError):
    """A prompt that does not fit into the model's context, found before anything was generated."""


class RunExistsError(UserError):
    """A run directory that holds the results of another config, or that another process is writing."""


class FirewallError(EvalkitError):
    """Privileged information was about to leave the grading side. Never carries the information itself."""


class StorageError(EvalkitError):
    """The run directory cannot be written or read (disk full, read-only, damaged); everything committed is kept."""

    exit_code = 2


class EngineError(EvalkitError):
    """An engine failed as a whole: it could not start, or it died."""

    exit_code = 3


def nearest(name: str, valid: Iterable[str]) -> str:
    """A half sentence that helps with a wrong name: the nearest valid one, else the list of all.

    >>> nearest("mach", ["match", "math"])
    "; did you mean 'match'?"
    """
    names = sorted(valid)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; valid: {', '.join(names)}" if names else ""
