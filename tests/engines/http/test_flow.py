"""How many requests are out at a time, in which order, and how it all ends."""

from __future__ import annotations

import asyncio
import gc
import random
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from evalkit.engines.http import HTTP
from evalkit.engines.http.body import Bodies
from evalkit.engines.http.breaker import Breaker
from evalkit.engines.http.failures import Failure
from evalkit.engines.http.retry import pause, retry_after
from evalkit.engines.http.slots import Slots
from evalkit.protocols import user
from evalkit.records import Prompt, Request, Sample, Segment

Ask = Callable[..., Request]
Connect = Callable[..., HTTP]
Serve = Callable[..., Any]


def test_no_more_than_concurrency_requests_are_out_and_all_of_them_are_used(
    serve: Serve, connect: Connect, ask: Ask
) -> None:
    server = serve()
    server.delay = 0.02
    assert len(list(connect(server, concurrency=5).generate(ask(i) for i in range(60)))) == 60
    assert server.most_busy == 5


def test_concurrency_grows_to_its_bound_while_the_server_takes_it(serve: Serve, connect: Connect, ask: Ask) -> None:
    server = serve()
    server.delay = 0.1
    assert len(list(connect(server, concurrency=128).generate(ask(i) for i in range(700)))) == 700
    assert 100 <= server.most_busy <= 128


def test_concurrency_falls_to_what_the_server_has_room_for(serve: Serve, connect: Connect, ask: Ask) -> None:
    server = serve()
    server.delay, server.room = 0.02, 10
    engine = connect(server, concurrency=64, attempts=30, failures=100)
    found = list(engine.generate(ask(i) for i in range(300)))
    assert {c.finish for c in found} == {"stop"} and len(found) == 300
    assert engine._line.slots.limit < 20


def test_requests_are_sent_in_the_callers_order(serve: Serve, connect: Connect, ask: Ask) -> None:
    server = serve()
    list(connect(server, concurrency=1).generate(ask(i) for i in range(50)))
    assert [b["messages"][0]["content"][-3:-1].strip("d") for b in server.asked] == [
        f"{i}"[-2:] if i > 9 else f"{i}" for i in range(50)
    ]


def test_requests_are_pulled_only_as_there_is_room_for_them(serve: Serve, connect: Connect, ask: Ask) -> None:
    pulled = 0

    def source() -> Iterator[Request]:
        nonlocal pulled
        for i in range(2_000):
            pulled += 1
            yield ask(i)

    given = 0
    for _ in connect(serve(), concurrency=16).generate(source()):
        given += 1
        assert pulled - given <= 32
    assert given == 2_000


def test_a_source_that_breaks_ends_generation_with_its_own_error(serve: Serve, connect: Connect, ask: Ask) -> None:
    def source() -> Iterator[Request]:
        yield ask(1)
        raise ZeroDivisionError

    engine = connect(serve())
    with pytest.raises(ZeroDivisionError):
        list(engine.generate(source()))
    assert len(list(engine.generate([ask(2)]))) == 1


def test_generation_that_is_closed_early_leaves_nothing_out(serve: Serve, connect: Connect, ask: Ask) -> None:
    server = serve()
    server.delay = 0.3
    engine = connect(server, concurrency=8)
    generation = engine.generate(ask(i) for i in range(1000))
    next(generation)
    start = time.monotonic()
    generation.close()  # type: ignore[attr-defined]
    assert time.monotonic() - start < 5
    asked = len(server.asked)
    time.sleep(0.8)
    assert len(server.asked) - asked <= 8 and server.busy == 0
    assert next(iter(engine.generate([ask(5)]))).text == "City5", "the engine can be asked again"


def test_a_closed_engine_leaves_no_thread(serve: Serve, connect: Connect, ask: Ask) -> None:
    engine = connect(serve())
    list(engine.generate([ask(1)]))
    engine.close()
    engine.close()
    assert not [t for t in threading.enumerate() if t.name == "evalkit http" and t.is_alive()]


def test_an_engine_can_be_asked_from_within_a_running_event_loop(serve: Serve, connect: Connect, ask: Ask) -> None:
    server = serve()

    async def notebook() -> str:
        return next(iter(connect(server).generate([ask(3)]))).text

    assert asyncio.run(notebook()) == "City3"


def test_two_generations_at_a_time_keep_their_answers_apart(serve: Serve, connect: Connect, ask: Ask) -> None:
    engine = connect(serve(), concurrency=4)
    one, two = engine.generate(ask(i) for i in range(30)), engine.generate(ask(i) for i in range(100, 130))
    texts: tuple[list[str], list[str]] = ([], [])
    for a, b in zip(one, two, strict=True):
        texts[0].append(a.text)
        texts[1].append(b.text)
    assert set(texts[0]) == {f"City{i}" for i in range(30)} and set(texts[1]) == {f"City{i}" for i in range(100, 130)}


def test_a_long_text_is_held_once_for_all_requests_that_share_it() -> None:
    corpus = Segment("word " * 800_000)
    bodies = Bodies("m", "max_tokens", {}, lambda prompt: prompt.messages)
    prompts = [Prompt((user(corpus, f"Question {i}?"),)) for i in range(200)]
    bodies.body(Request(prompts[0], Sample("s", ("q",))))
    gc.collect()
    tracemalloc.start()
    made = [bodies.body(Request(p, Sample("s", ("q",)))) for p in prompts]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert all(m.size and m.size > 4_000_000 for m in made)
    assert peak < 1_000_000


def test_a_prompt_of_four_megabytes_arrives_whole(serve: Serve, connect: Connect) -> None:
    server = serve()
    corpus = Segment("wörd\n" * 800_000)
    requests = [Request(Prompt((user(corpus, f"Land{i}?"),)), Sample(f"{i}", ("q",))) for i in range(4)]
    assert {c.text for c in connect(server).generate(requests)} == {f"City{i}" for i in range(4)}
    assert {b["messages"][0]["content"] for b in server.asked} == {corpus.text + f"Land{i}?" for i in range(4)}


def test_a_burst_of_failures_halves_the_limit_once() -> None:
    slots = Slots(64)
    before, sent_in = slots.limit, slots.round
    for _ in range(20):
        slots.congested(sent_in)
    assert slots.limit == before / 2
    slots.congested(slots.round)
    assert slots.limit == before / 4
    for _ in range(20):
        slots.congested(slots.round)
    assert slots.limit == 1


def test_slots_are_given_in_order_and_come_back_from_those_that_gave_up() -> None:
    async def play() -> list[int]:
        slots = Slots(1)
        served: list[int] = []

        async def hold(order: int) -> None:
            await slots.take(order)
            served.append(order)
            await asyncio.sleep(0)
            slots.give()

        await slots.take(0)
        tasks = {order: asyncio.create_task(hold(order)) for order in (3, 1, 2, 4)}
        await asyncio.sleep(0)
        tasks[1].cancel()
        slots.give()
        tasks[2].cancel()  # the slot may be on its way to it
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        assert slots.used == 0
        return served

    assert asyncio.run(play()) == [3, 4]


def test_pauses_are_drawn_from_a_range_that_doubles_and_never_undercut_the_servers_wish() -> None:
    rng = random.Random(1)
    for attempt in range(1, 12):
        drawn = [pause(attempt, None, rng) for _ in range(300)]
        widest = min(60.0, 0.5 * 2 ** (attempt - 1))
        assert 0 <= min(drawn) < 0.1 * widest and 0.9 * widest < max(drawn) <= widest
        assert min(pause(attempt, 7.0, rng) for _ in range(50)) >= 7


def test_a_probe_that_is_given_up_is_taken_over_by_the_next_and_a_reply_lets_all_go() -> None:
    async def play() -> list[tuple[int, bool]]:
        breaker = Breaker("server", failures=2, patience=60)
        for order in (1, 2):
            breaker.failed(order, Failure("HTTP 500"), probe=False)
        assert breaker.open
        admitted: list[tuple[int, bool]] = []

        async def pass_through(order: int) -> None:
            probe = await breaker.admit(order)
            admitted.append((order, probe))
            if probe and order == 5:
                breaker.abandoned()
            elif probe:
                breaker.succeeded()

        await asyncio.wait_for(asyncio.gather(*(pass_through(order) for order in (8, 6, 7, 5))), 10)
        return admitted

    admitted = asyncio.run(play())
    assert admitted[:2] == [(5, True), (6, True)] and set(admitted[2:]) == {(7, False), (8, False)}


def test_failures_of_one_request_alone_open_no_circuit_unless_nobody_answers() -> None:
    breaker = Breaker("server", failures=3, patience=60)

    async def fail(*failures: Failure) -> bool:
        for failure in failures:
            breaker.failed(1, failure, probe=False)
        return breaker.open

    assert not asyncio.run(fail(*[Failure("HTTP 500")] * 10))
    assert asyncio.run(fail(Failure("nobody", unreachable=True)))


NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(("headers", "seconds"), [
    ({}, None),
    ({"Retry-After": "3"}, 3),
    ({"Retry-After": " 0.5 "}, 0.5),
    ({"Retry-After": "-4"}, 0),
    ({"Retry-After": "soon"}, None),
    ({"Retry-After": "nan"}, None),
    ({"Retry-After": format_datetime(NOON + timedelta(seconds=90), usegmt=True), "Date": format_datetime(NOON)}, 90),
    ({"Retry-After": format_datetime(NOON), "Date": format_datetime(NOON + timedelta(hours=1))}, 0),
    ({"Retry-After": format_datetime(datetime(2000, 1, 1, tzinfo=UTC))}, 0),
])  # fmt: skip
def test_retry_after_is_read_as_seconds_or_as_a_date_by_the_servers_own_clock(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after(headers) == seconds
