"""The requests of one `generate` on their way: each a task in the event loop, from its slot to its completion.

A request takes a slot, passes the breaker, is sent, and is sent again while its failures may pass and attempts are
left. What comes out of it goes to a queue from which the caller's thread reads: one completion for each request, or
the one error that ends the run.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue

import msgspec

from evalkit.engines.http.body import Bodies, Pieces
from evalkit.engines.http.breaker import Breaker
from evalkit.engines.http.failures import Failure
from evalkit.engines.http.reply import read_reply
from evalkit.engines.http.retry import LONGEST_WAIT, pause
from evalkit.engines.http.session import Session
from evalkit.engines.http.slots import Slots
from evalkit.errors import DataError, EngineError
from evalkit.records import Completion, Request

PATH = "/chat/completions"


class Line(msgspec.Struct, frozen=True, eq=False):
    """What all requests to one server share; what it has learnt of the server outlasts a `generate`."""

    session: Session
    bodies: Bodies
    slots: Slots
    breaker: Breaker
    attempts: int
    """Times that a request is sent at most."""
    unknown: Callable[[], str]
    """Half a sentence to add where the server knows no such address or model."""
    gone: Callable[[], str]
    """Why the server will never answer again; empty while it may."""
    orders: Iterator[int] = msgspec.field(default_factory=itertools.count)
    rng: random.Random = msgspec.field(default_factory=random.Random)


class Dispatch:
    """Requests in, completions out."""

    def __init__(self, line: Line) -> None:
        self.results: SimpleQueue[Completion | Exception] = SimpleQueue()
        self._line = line
        self._tasks: set[asyncio.Task[None]] = set()

    def submit(self, requests: Sequence[Request]) -> None:
        """Start the requests, in order. Called in the loop."""
        for request in requests:
            task = asyncio.get_running_loop().create_task(self._answer(next(self._line.orders), request))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def cancel(self) -> None:
        """Give up what is still out; returns when nothing is. The next `generate` finds the circuit closed."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._line.breaker.reset()

    async def _answer(self, order: int, request: Request) -> None:
        try:
            self.results.put(await self._ask(order, request))
        except Exception as error:  # whatever it is, the caller must hear of it
            self.results.put(error)

    async def _ask(self, order: int, request: Request) -> Completion:
        slots = self._line.slots
        await slots.take(order)
        try:
            body = self._line.bodies.body(request)
            return await self._attempts(order, request.key, body)
        except DataError as error:
            return Completion(request.key, finish="error", error=str(error))
        finally:
            slots.give()

    async def _attempts(self, order: int, key: bytes, body: Pieces) -> Completion:
        """Send a request until it is answered, or will not be."""
        line = self._line
        clock = asyncio.get_running_loop().time
        started = clock()
        attempt = 0
        while True:
            probe = await line.breaker.admit(order)
            sent_in = line.slots.round
            try:
                answer = await self._exchange(key, body)
            except asyncio.CancelledError:
                if probe:
                    line.breaker.abandoned()
                raise
            if not isinstance(answer, Failure):
                line.breaker.succeeded()
                line.slots.succeeded()
                return msgspec.structs.replace(answer, seconds=clock() - started)
            if answer.scope != "again":
                line.breaker.succeeded()  # it is there, and says what is wrong
                return self._final(key, answer, clock() - started)
            if answer.congested:
                line.slots.congested(sent_in)
            if gone := line.gone():
                raise EngineError(f"{gone}; what came back is kept, the same command goes on with the run")
            line.breaker.failed(order, answer, probe=probe)
            if not (answer.unreachable and line.breaker.open):  # a server that is away is no fault of the request
                attempt += 1
            if attempt >= line.attempts or (answer.wait or 0.0) > LONGEST_WAIT:
                return self._given_up(key, answer, attempt, clock() - started)
            await asyncio.sleep(pause(attempt, answer.wait, line.rng))
            await line.slots.retake(order)

    async def _exchange(self, key: bytes, body: Pieces) -> Completion | Failure:
        answer = await self._line.session.exchange("POST", PATH, body)
        return answer if isinstance(answer, Failure) else read_reply(key, answer)

    def _final(self, key: bytes, failure: Failure, seconds: float) -> Completion:
        """What a failure that will not pass comes to: a completion, or the end of the run."""
        if failure.scope == "run":
            raise EngineError(f"{self._line.session.base_url}: {failure.reason}{self._line.unknown()}")
        if failure.refusal:
            return Completion(key, finish="refusal", seconds=seconds)
        return Completion(key, finish="error", error=failure.reason, seconds=seconds)

    @staticmethod
    def _given_up(key: bytes, failure: Failure, attempts: int, seconds: float) -> Completion:
        times = f"{attempts} attempts" if attempts > 1 else "1 attempt"
        asked = f", and the server asks to wait {failure.wait:,.0f} s" if (failure.wait or 0) > LONGEST_WAIT else ""
        return Completion(key, finish="error", error=f"{failure.reason} (after {times}{asked})", seconds=seconds)


__all__ = ["Dispatch", "Line"]
