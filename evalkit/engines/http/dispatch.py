"""The requests of one `generate` on their way: each a task in the event loop, from the gate to its completion.

A request passes the gate, takes a slot, passes the breaker, is sent, and is sent again while its failures may pass and
attempts are left. A leader's reply is streamed; where that fails, it is asked for whole. What comes out of it goes to
a queue from which the caller's thread reads: one completion for each request, or the one error that ends the run.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue

import msgspec

from evalkit.engines.http import constraints, stream
from evalkit.engines.http.body import Bodies
from evalkit.engines.http.breaker import Breaker
from evalkit.engines.http.failures import Failure
from evalkit.engines.http.gate import Gate, Ticket
from evalkit.engines.http.reply import read_object, read_reply
from evalkit.engines.http.retry import LONGEST_WAIT, pause
from evalkit.engines.http.session import Session
from evalkit.engines.http.slots import Slots
from evalkit.errors import DataError, EngineError
from evalkit.plan.prefix import Prefix
from evalkit.records import Completion, Request

PATH = "/chat/completions"
NO_STREAMS = frozenset({400, 405, 415, 422, 501})
"""How a server may refuse a request for a streamed reply; or the request, which is seen by asking for it whole."""


class Line(msgspec.Struct, frozen=True, eq=False):
    """What all requests to one server share; what it has learnt of the server outlasts a `generate`."""

    session: Session
    bodies: Bodies
    gate: Gate
    slots: Slots
    breaker: Breaker
    attempts: int
    """Times that a request is sent at most."""
    unknown: Callable[[], str]
    """Half a sentence to add where the server knows no such address or model."""
    vllm: bool
    """Whether the server is vLLM."""
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
        self._tickets: set[int] = set()

    def submit(self, requests: Sequence[tuple[Request, Prefix]], more: bool) -> None:
        """Send the requests on, in order. `more`: others will follow. Called in the loop."""
        tickets = [Ticket(next(self._line.orders), request, prefix, self._start) for request, prefix in requests]
        self._tickets.update(ticket.order for ticket in tickets)
        self._line.gate.submit(tickets, more=more)

    async def cancel(self) -> None:
        """Give up what is still out; returns when nothing is. The next `generate` finds the circuit closed."""
        self._line.gate.withdraw(self._tickets)
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._line.breaker.reset()

    def _start(self, ticket: Ticket) -> None:
        task = asyncio.get_running_loop().create_task(self._answer(ticket))
        self._tasks.add(task)
        task.add_done_callback(functools.partial(self._ended, ticket))  # told of a task that never ran, too

    def _ended(self, ticket: Ticket, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._tickets.discard(ticket.order)
        self._line.gate.ended(ticket)

    async def _answer(self, ticket: Ticket) -> None:
        try:
            self.results.put(await self._ask(ticket))
        except Exception as error:  # whatever it is, the caller must hear of it, and nothing more is to be sent
            self._line.gate.withdraw(self._tickets)
            self.results.put(error)

    async def _ask(self, ticket: Ticket) -> Completion:
        slots = self._line.slots
        await slots.take(ticket.order)
        try:
            return await self._attempts(ticket)
        except DataError as error:
            return Completion(ticket.request.key, finish="error", error=str(error))
        finally:
            slots.give()

    async def _attempts(self, ticket: Ticket) -> Completion:
        """Send a request until it is answered, or will not be."""
        line, order, key = self._line, ticket.order, ticket.request.key
        clock = asyncio.get_running_loop().time
        started = clock()
        attempt, whole = 0, False  # whole: its reply is not streamed any more
        while True:
            probe = await line.breaker.admit(order)
            sent_in = line.slots.round
            line.gate.sent(ticket)
            streamed = ticket.leads and not ticket.read and not whole and line.session.streams
            try:
                answer = await self._exchange(ticket, streamed=streamed)
            except asyncio.CancelledError:
                if probe:
                    line.breaker.abandoned()
                raise
            if not isinstance(answer, Failure):
                line.gate.answered(ticket, answer.usage.completion_tokens)
                line.breaker.succeeded()
                line.slots.succeeded()
                return msgspec.structs.replace(answer, seconds=clock() - started)
            if answer.scope != "again":
                line.breaker.succeeded()  # it is there, and says what is wrong
                return self._final(key, answer, clock() - started)
            whole = whole or (streamed and not answer.status)
            if answer.congested:
                line.slots.congested(sent_in)
                if not answer.status:  # no answer in all that time
                    line.gate.step_down(ticket)
            if gone := line.gone():
                raise EngineError(f"{gone}; what came back is kept, the same command goes on with the run")
            line.breaker.failed(order, answer, probe=probe)
            if not (answer.unreachable and line.breaker.open):  # a server that is away is no fault of the request
                attempt += 1
            if attempt >= line.attempts or (answer.wait or 0.0) > LONGEST_WAIT:
                return self._given_up(key, answer, attempt, clock() - started)
            await asyncio.sleep(pause(attempt, answer.wait, line.rng))
            await line.slots.retake(order)

    async def _exchange(self, ticket: Ticket, *, streamed: bool) -> Completion | Failure:
        answer = await self._once(ticket, streamed=streamed)
        if streamed and isinstance(answer, Failure) and answer.status in NO_STREAMS and not answer.refusal:
            answer = await self._once(ticket, streamed=False)
            if not isinstance(answer, Failure):
                self._line.session.streams = False
        return answer

    async def _once(self, ticket: Ticket, *, streamed: bool) -> Completion | Failure:
        line, request = self._line, ticket.request
        body = line.bodies.body(request, streamed=streamed)
        heard = stream.Watch(functools.partial(line.gate.was_read, ticket)).feed if streamed else None
        constrained = request.constraint is not None
        answer = await line.session.exchange("POST", PATH, body, heard)
        if isinstance(answer, Failure):
            return answer
        if streamed and stream.is_stream(answer):
            told = stream.assemble(answer)
            found = told if isinstance(told, Failure) else read_object(request.key, told, constrained=constrained)
        else:
            found = read_reply(request.key, answer, constrained=constrained)
        return found if isinstance(found, Failure) else constraints.checked(found, request.constraint, vllm=line.vllm)

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
