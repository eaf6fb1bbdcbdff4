"""The circuit breaker: a server that fails every request is not sent the whole run.

After so many failures in a row, of at least two requests (one may be at fault itself, unless nobody answers at all),
the circuit opens: all requests wait. After a pause one of them, the first in the plan's order, is sent as a probe; a
reply closes the circuit, a failure doubles the pause. Where nothing has come back within `patience` seconds, the run
ends: what it has is stored, and the same command goes on with it. Times are the event loop's, which is monotonic.
"""

from __future__ import annotations

import asyncio
import heapq
import logging

from evalkit.engines.http.failures import Failure
from evalkit.errors import EngineError

FIRST_PAUSE = 0.5  # seconds
LONGEST_PAUSE = 30.0  # seconds

log = logging.getLogger(__name__)


class Breaker:
    """Lets requests pass, holds them, or ends the run. All of it runs in one event loop."""

    def __init__(self, server: str, *, failures: int, patience: float) -> None:
        self._server = server
        self._failures = failures
        self._patience = patience
        self._in_a_row = 0
        self._failed: set[int] = set()
        self._opened: float | None = None
        self._pause = FIRST_PAUSE
        self._timer: asyncio.TimerHandle | None = None
        self._due = False
        self._waiting: list[tuple[int, asyncio.Future[bool]]] = []

    @property
    def open(self) -> bool:
        """Whether requests are held."""
        return self._opened is not None

    async def admit(self, order: int) -> bool:
        """Wait until a request may be sent; True if it is the probe, whose end must be told."""
        while self.open:
            if self._due:
                self._due = False
                return True
            turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (order, turn))
            try:
                if await turn:
                    return True
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled() and turn.result():
                    self.abandoned()
                raise
        return False

    def succeeded(self) -> None:
        """The server answered: the circuit closes, and everybody goes on."""
        self._in_a_row = 0
        self._failed.clear()
        if self._opened is None:
            return
        log.warning("%s answers again after %.0f s", self._server, asyncio.get_running_loop().time() - self._opened)
        self.reset()

    def failed(self, order: int, failure: Failure, *, probe: bool) -> None:
        """A request failed in a way that may pass. Raises EngineError when patience has run out."""
        if self.open:
            if probe:
                self._pause = min(LONGEST_PAUSE, 2.0 * self._pause)
                self._schedule(failure)
            return
        self._in_a_row += 1
        self._failed.add(order)
        if self._in_a_row >= self._failures and (failure.unreachable or len(self._failed) > 1):
            log.warning("%s: %d failures in a row, the last: %s; the run pauses and probes with one request at a time",
                        self._server, self._in_a_row, failure.reason)  # fmt: skip
            self._opened = asyncio.get_running_loop().time()
            self._schedule(failure)

    def abandoned(self) -> None:
        """The probe was given up by its caller: another request takes its place."""
        if self.open:
            self._probe()

    def reset(self) -> None:
        """Close the circuit and let all go that wait."""
        self._opened, self._due, self._pause = None, False, FIRST_PAUSE
        self._in_a_row = 0
        self._failed.clear()
        if self._timer is not None:
            self._timer.cancel()
        waiting, self._waiting = self._waiting, []
        for _, turn in waiting:
            if not turn.done():
                turn.set_result(False)

    def _schedule(self, failure: Failure) -> None:
        loop = asyncio.get_running_loop()
        opened = self._opened or loop.time()
        pause = max(self._pause, failure.wait or 0.0)
        if loop.time() + pause > opened + self._patience:
            raise EngineError(
                f"{self._server} has failed every request for {loop.time() - opened:.0f} s, the last: {failure.reason};"
                " what came back is kept, the same command goes on with the run"
            )
        self._timer = loop.call_later(pause, self._probe)

    def _probe(self) -> None:
        while self._waiting:
            _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(True)
                return
        self._due = True


__all__ = ["Breaker"]
