"""How many requests are out at a time: found by trying, as TCP finds its window.

Each success lets one more out until the server first says that it has too much (429, 503, a timeout); the limit is then
halved, and from there on grows by one for every round of successes (additive increase, multiplicative decrease). Many
requests may fail in one burst: only those sent since the last cut may cut again. A request keeps its slot while it
waits to be repeated, so that a server which is short of room is not sent others in its place.

Slots are given in the plan's order. All of it runs in one event loop.
"""

from __future__ import annotations

import asyncio
import heapq

START = 32  # requests; a server for one user takes as many, and three rounds of successes make 256 of them


class Slots:
    """At most `ceiling` requests out at once, and fewer where the server cannot take as many."""

    def __init__(self, ceiling: int) -> None:
        self.ceiling = ceiling
        self.limit = float(min(START, ceiling))
        self.used = 0
        self.round = 0
        """Number of cuts so far; a request remembers it as of its sending."""
        self._steep = True
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    async def take(self, order: int) -> None:
        """Wait for a slot; the lowest order is served first."""
        if self.used < int(self.limit) and not self._waiting:
            self.used += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (order, turn))
        self._serve()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give()
            raise

    def give(self) -> None:
        """Give a slot back."""
        self.used -= 1
        self._serve()

    async def retake(self, order: int) -> None:
        """Before a request is repeated: give the slot back and queue again if the limit has fallen below what is used.

        The caller has a slot before and after, even if it is cancelled meanwhile.
        """
        if self.used > int(self.limit):
            self.give()
            try:
                await self.take(order)
            except asyncio.CancelledError:
                self.used += 1
                raise

    def succeeded(self) -> None:
        """A reply came. The limit grows only while it is what holds requests back."""
        if self._waiting and self.limit < self.ceiling:
            self.limit = min(self.ceiling, self.limit + (1.0 if self._steep else 1.0 / self.limit))
            self._serve()

    def congested(self, sent_in: int) -> None:
        """The server has too much to do, says a request that was sent in the round `sent_in`."""
        if sent_in == self.round:
            self.round += 1
            self._steep = False
            self.limit = max(1.0, self.limit / 2.0)

    def _serve(self) -> None:
        while self._waiting and self.used < int(self.limit):
            _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                self.used += 1
                turn.set_result(None)


__all__ = ["Slots"]
