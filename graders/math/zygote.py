"""The program that runs math-verify, outside the parent process: one zygote that forks workers and replaces dead ones.

math-verify and sympy can hang for ever in C code, and their own timeouts are signals that fail outside the main
thread. So they run here, in processes that the parent may kill at any moment. Importing them takes a second or more;
the zygote pays that once, warms the LaTeX parser, and forks a worker for each pair of pipes it was given. A killed
worker is replaced by another fork within milliseconds.

Protocol, one line of JSON each way. A worker greets with `{"pid": P}`, then answers `[n, gold, pred, rounding]` by
`[n, verdict, retires]`: `equal`, `unequal` or the reason why it is undecided, and whether this was its last answer.
Parent and zygote share no lock and no memory, so a kill at any moment leaves nothing behind: a half-read question is
answered by no one.

Nobody outlives the parent: an idle worker reads the end of its pipe and leaves, a busy one is ended by its own alarm
(default disposition: the kernel ends it even inside C code). The zygote leaves when its last worker has left in peace.

Run by path, with `-P` so that this folder never shadows a module: `python -P zygote.py MEMORY LIFE ALARM R,W R,W ...`.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import resource
import signal
import sys
from typing import Any

FLOAT_DIGITS = 15
"""Decimal places that a float can have: who asks for more wants exact equality."""
DIGITS = 30
SURELY = 1e-9
"""Relative distance of two constants, evaluated to `DIGITS` digits, from which on they are different numbers."""
RECYCLED = 3
"""Exit code of a worker that has served its life and asks for a successor."""


def judge(gold: str, pred: str, rounding: int) -> str:
    """math-verify's verdict, gold first (it is not symmetric). An unreadable side is a reason, not a verdict."""
    from math_verify import parse, verify

    golds = parse(gold, fallback_mode="no_fallback", parsing_timeout=None)
    if not golds:
        return "gold unreadable"
    preds = parse(pred, fallback_mode="no_fallback", parsing_timeout=None)
    if not preds:
        return "prediction unreadable"
    if len(golds) == len(preds) == 1:
        exact = rounding > FLOAT_DIGITS
        if differ(golds[0], preds[0]) or (exact and is_rounded(golds[0], preds[0])):
            return "unequal"
    same = verify(
        golds, preds, float_rounding=rounding, allow_set_relation_comp=True, timeout_seconds=None, raise_on_error=True
    )
    return "equal" if same else "unequal"


def differ(gold: Any, pred: Any) -> bool:
    """Whether two values are certainly different: a disproof that spares `simplify` its vain search.

    Values are constants, tuples of them place by place, and sets of them. Decimals, percentages and whatever has a
    variable are left to math-verify.
    """
    from sympy import Expr, FiniteSet, Tuple

    if isinstance(gold, Tuple) and isinstance(pred, Tuple) and len(gold) == len(pred):
        return any(differ(g, p) for g, p in zip(gold, pred, strict=True))
    if isinstance(gold, FiniteSet) and isinstance(pred, FiniteSet) and len(gold) == len(pred):
        return any(all(differ(g, p) for p in pred) for g in gold)
    if not isinstance(gold, Expr) or not isinstance(pred, Expr):
        return False
    a, b = constant(gold), constant(pred)
    return a is not None and b is not None and abs(a - b) > SURELY * max(1.0, abs(a), abs(b))


def is_rounded(gold: Any, pred: Any) -> bool:
    """Whether a decimal stands for an irrational number, which no decimal is equal to."""
    from sympy import Expr, Float

    return isinstance(pred, Float) and isinstance(gold, Expr) and gold.is_irrational is True


def constant(value: Any) -> complex | None:
    """The value of an exact expression without variables, None for any other."""
    from sympy import Float, UnevaluatedExpr

    if value.free_symbols or value.has(Float, UnevaluatedExpr):
        return None
    try:
        return complex(value.evalf(DIGITS))
    except (TypeError, ValueError, OverflowError):  # no number after all
        return None


def answer(gold: str, pred: str, rounding: int) -> str:
    """`judge`, with whatever math-verify raises turned into a reason."""
    try:
        return judge(gold, pred, rounding)
    except MemoryError:
        return "out of memory"
    except RecursionError:
        return "nested too deeply"
    except Exception as error:  # sympy raises almost anything on hostile input
        return f"math-verify failed: {type(error).__name__}"


def serve(read: int, write: int, memory: int, life: int, alarm: float) -> int:
    """Answer questions from `read` on `write` until the pipe ends (0) or `life` questions were answered (RECYCLED)."""
    with contextlib.suppress(ValueError, OSError):  # macOS has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    os.write(write, b'\n{"pid": %d}\n' % os.getpid())
    with os.fdopen(read, "rb", closefd=False) as questions:
        for served in range(1, life + 1):
            line = questions.readline()
            if not line:
                return 0
            try:
                number, gold, pred, rounding = json.loads(line)
            except ValueError:  # the rest of a question whose first reader was killed
                continue
            signal.setitimer(signal.ITIMER_REAL, alarm)
            verdict = answer(gold, pred, rounding)
            signal.setitimer(signal.ITIMER_REAL, 0)
            os.write(write, json.dumps([number, verdict, served == life]).encode() + b"\n")
    return RECYCLED


def fork(slot: tuple[int, int], slots: list[tuple[int, int]], **limits: Any) -> int:
    """Start a worker on one pair of pipes; it keeps none of the others open. Returns its process id."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        for read, write in slots:
            if (read, write) != slot:
                os.close(read)
                os.close(write)
        code = serve(*slot, **limits)
    except OSError:  # the parent is gone
        code = 0
    finally:
        os._exit(code)


def main(arguments: list[str]) -> None:
    """Import, warm up, fork one worker for each pair of pipes, and replace those that die."""
    limits = {"memory": int(arguments[0]), "life": int(arguments[1]), "alarm": float(arguments[2])}
    slots = [(int(r), int(w)) for r, w in (pair.split(",") for pair in arguments[3:])]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business: it closes the pipes
    logging.disable(logging.CRITICAL)
    sys.setrecursionlimit(2000)
    judge(r"$\frac{1}{2}+\sqrt{x}$", r"$(0,1]$", 6)  # builds the parser's tables once, before the forks
    workers = {fork(slot, slots, **limits): slot for slot in slots}
    while workers:
        pid, status = os.wait()
        slot = workers.pop(pid)
        if os.waitstatus_to_exitcode(status) != 0:
            workers[fork(slot, slots, **limits)] = slot


if __name__ == "__main__":
    main(sys.argv[1:])
