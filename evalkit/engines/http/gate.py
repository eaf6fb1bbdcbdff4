"""Who may be sent now: leaders before their followers, and together no more than the server's cache holds.

Requests come in the plan's order. The first one over a context leads: it is sent, its reply streamed, and whoever
shares its context waits until the first word of it has come, for then the prompt has been read and is in the server's
cache (`plan.admission`). Others go past those that wait for a leader, so that contexts are read side by side and a
server of many users is not asked one thing at a time; but nobody goes past a request for which the cache has no room.
A leader that fails for good passes the lead to the next, and so does one that the server leaves without an answer. How
much room a reply takes is guessed by those that came before (`plan.length`). All of it runs in one event loop.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

import msgspec

from evalkit.plan.admission import Admission
from evalkit.plan.length import ReplyLength
from evalkit.plan.prefix import Prefix
from evalkit.records import Request

LEAST = 256
"""Tokens. What is shorter is read sooner than it takes to hear that it was: nobody waits for it."""


class Ticket(msgspec.Struct, eq=False):
    """A request on its way, in the plan's order."""

    order: int
    request: Request
    prefix: Prefix
    start: Callable[[Ticket], Any]
    """Sends it on; called when it may go."""
    leads: bool = False
    """Whether others wait, or may come to wait, until its prompt has been read: its reply is streamed."""
    read: bool = False
    """Whether the server has read its prompt, as far as is known."""

    def __lt__(self, other: Ticket) -> bool:
        return self.order < other.order


class Gate:
    """Holds requests back, and lets them go."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._queue: list[Ticket] = []
        """Those for which there may be room next, the first one on top."""
        self._followers: dict[Hashable, list[Ticket]] = {}
        """Those that wait for a leader, by its order."""
        self._started: dict[Hashable, Ticket] = {}
        self._lengths = ReplyLength()

    def submit(self, tickets: Sequence[Ticket], *, more: bool) -> None:
        """Let go whoever may, in order. `more`: others come behind them, who may share the last one's context."""
        for ticket in tickets:
            heapq.heappush(self._queue, ticket)
        last = tickets[-1] if tickets else None
        leads = last is not None and more and self._admission.may_lead(last.prefix)
        self._drain()
        if last is not None and leads and last.order in self._started:
            last.leads = True

    def sent(self, ticket: Ticket) -> None:
        """It goes over the wire now; nobody will wait for it unless it is known by now that it leads."""
        if not ticket.leads:
            self.step_down(ticket)

    def was_read(self, ticket: Ticket) -> None:
        """The server has read its prompt."""
        if not ticket.read:
            ticket.read = True
            self._admission.was_read(ticket.order)
            self._release(ticket.order)

    def answered(self, ticket: Ticket, tokens: int) -> None:
        """Its reply came, and took so many tokens; 0 where that is not told."""
        self.was_read(ticket)
        self._lengths.saw(tokens)

    def step_down(self, ticket: Ticket) -> None:
        """It leads no more, though it is sent again: nobody knows when it will be read."""
        ticket.leads = False
        self._admission.unwatched(ticket.order)
        self._release(ticket.order)

    def ended(self, ticket: Ticket) -> None:
        """It is done, in whatever way."""
        if self._started.pop(ticket.order, None) is not None:
            self._admission.ended(ticket.order, read=ticket.read)
            self._release(ticket.order)

    def withdraw(self, orders: Iterable[int]) -> None:
        """These are not to be let go any more; those that were are told of by `ended`."""
        gone = set(orders)
        self._queue = [ticket for ticket in self._queue if ticket.order not in gone]
        heapq.heapify(self._queue)
        for leader, waiting in list(self._followers.items()):
            self._followers[leader] = [ticket for ticket in waiting if ticket.order not in gone]

    def _release(self, leader: int) -> None:
        """A leader keeps nobody waiting any more."""
        for ticket in self._followers.pop(leader, ()):
            heapq.heappush(self._queue, ticket)
        if self._queue:
            self._drain()

    def _drain(self) -> None:
        while self._queue:
            ticket = self._queue[0]
            leader = self._admission.leader(ticket.prefix)
            if leader is not None:
                heapq.heappop(self._queue)
                self._started[leader].leads = True
                self._followers.setdefault(leader, []).append(ticket)
                continue
            reply = self._lengths.guess(ticket.request.sampling.max_tokens)
            if not self._admission.fits(ticket.prefix, reply):
                return
            heapq.heappop(self._queue)
            self._started[ticket.order] = ticket
            self._admission.started(ticket.order, ticket.prefix, reply)
            ticket.start(ticket)


__all__ = ["LEAST", "Gate", "Ticket"]
