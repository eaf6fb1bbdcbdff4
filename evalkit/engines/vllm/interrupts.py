"""Ctrl-C while vLLM loads ends the run, as it does anywhere else.

vLLM (0.32) swallows the KeyboardInterrupt that comes while it waits for its engine process. That process has had the
signal too and is gone, and vLLM would wait for it for ten minutes more. So the signals raise something else meanwhile.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator


class _Stopped(BaseException):
    """A signal came."""


@contextlib.contextmanager
def heard() -> Iterator[None]:
    """SIGINT and SIGTERM, where they would end the run, end what happens here with a KeyboardInterrupt."""

    def stop(*_: object) -> None:
        raise _Stopped

    before = {}
    if threading.current_thread() is threading.main_thread():
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {n: signal.signal(n, stop) for n in numbers if callable(signal.getsignal(n))}
    try:
        yield
    except _Stopped:
        raise KeyboardInterrupt from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


__all__ = ["heard"]
