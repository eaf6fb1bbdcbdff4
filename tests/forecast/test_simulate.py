"""The simulator against what can be worked out by hand, and what an order is worth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from evalkit.forecast import orders
from evalkit.forecast.hardware import TABLE
from evalkit.forecast.load import ROOT, Group, Load, Stretch, TaskLoad
from evalkit.forecast.roofline import Assumptions, Replica, Serving
from evalkit.forecast.shape import shape_of
from evalkit.forecast.simulate import Job, Outcome, simulate

CONFIGS: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "configs.json").read_text(encoding="utf-8"))
LLAMA = shape_of(CONFIGS["Llama-3-8B"], name="Llama-3-8B")


def replica(**serving: Any) -> Replica:
    return Replica(LLAMA, TABLE["h100"], 1, Serving(**serving), Assumptions())


def corpora(count: int, tokens: int, questions: int, own: int = 50, reply: int = 8, draws: int = 1) -> Load:
    """So many contexts, each asked so many questions."""
    groups = tuple(Group("t", c, questions, own * questions, reply * questions, draws) for c in range(count))
    return Load((TaskLoad("t"),), tuple(Stretch(ROOT, tokens) for _ in range(count)), groups)


def jobs(load: Load, server: Replica) -> list[orders.Work]:
    return orders.works(load, server, 1.0)


def run(load: Load, server: Replica, order: Any = orders.grouped, **how: bool) -> Outcome:
    return simulate(server, load, order(jobs(load, server)), **how)


def test_one_request_takes_its_reading_and_its_steps() -> None:
    server = replica(step_tokens=100_000)
    load = corpora(1, 5_000, 1, own=100, reply=11)
    found = run(load, server)
    reading = server.linear_seconds(5_100, 1) + server.attention_seconds(5_100, 0) + server.serving.step_seconds
    writing = sum(server.decode_seconds(np.array([5_100 + n])) for n in range(1, 11))  # the reading gives the first
    assert found.seconds == pytest.approx(reading + writing, rel=1e-3)
    assert found.prefill_seconds == pytest.approx(reading, rel=1e-3)
    assert (found.steps, found.prompt_tokens, found.computed_tokens) == (11, 5_100, 5_100)


def test_a_context_is_read_once_for_all_its_questions() -> None:
    load, server = corpora(8, 8_000, 12), replica()
    shared, whole = run(load, server), run(load, replica(reuses=False))
    assert shared.computed_tokens == 8 * (8_000 + 12 * 50)
    assert whole.computed_tokens == whole.prompt_tokens == shared.prompt_tokens == 96 * 8_050
    assert whole.prefill_seconds > 8 * shared.prefill_seconds


def test_a_cache_that_holds_two_of_eight_contexts_is_no_loss_in_the_plans_order() -> None:
    load, server = corpora(8, 8_000, 12), replica(cache_tokens=20_000)
    grouped, shuffled = run(load, server), run(load, server, orders.shuffled)
    assert grouped.computed_tokens == 8 * (8_000 + 12 * 50)
    assert shuffled.computed_tokens > 5 * grouped.computed_tokens
    assert shuffled.seconds > 2 * grouped.seconds
    assert run(load, replica(), orders.shuffled).computed_tokens == grouped.computed_tokens  # all eight fit


def test_orders_cost_what_real_vllm_was_measured_to_compute() -> None:
    """8 corpora of 8k tokens, 12 questions each, a cache for two, blocks of 128: of 771k, 75k and 627k."""
    load, server = corpora(8, 7_970, 12, own=61), replica(cache_tokens=18_000, block=128)
    grouped, shuffled = run(load, server), run(load, server, orders.shuffled)
    assert grouped.prompt_tokens == 770_976
    assert grouped.computed_tokens == pytest.approx(75_000, rel=0.05)
    assert shuffled.computed_tokens == pytest.approx(627_000, rel=0.15)  # one random order of the engine's, one of ours


def test_nobody_waits_for_a_leader_as_in_vllm() -> None:
    """All in one step, and the shared text is read once: so vLLM 0.32 does it."""
    found = run(corpora(1, 3_200, 8, reply=1), replica())
    assert (found.steps, found.computed_tokens) == (1, 3_200 + 8 * 50)


def test_memory_bounds_how_many_run_side_by_side() -> None:
    load = corpora(1, 1_000, 64, own=1_000, reply=500)
    wide, narrow = run(load, replica()), run(load, replica(cache_tokens=1_000 + 4 * 1_500))
    assert narrow.steps > 10 * wide.steps
    with pytest.raises(ValueError, match="does not fit"):
        run(load, replica(cache_tokens=2_000))


def test_more_sequences_than_allowed_wait() -> None:
    load = corpora(1, 100, 10, reply=20)
    assert run(load, replica(sequences=5)).steps == 2 * 20
    assert run(load, replica(sequences=10)).steps == 20


def test_reading_a_long_context_again_at_every_step_is_counted() -> None:
    load, server = corpora(1, 100_000, 50, reply=1_000), replica()
    found = run(load, server)
    assert 0.5 * found.decode_seconds < found.reread_seconds < found.decode_seconds
    sharing = run(load, replica(continuous=False, shares_reads=True))
    assert sharing.reread_seconds == 0
    assert sharing.decode_seconds < 0.6 * found.decode_seconds
    assert run(corpora(50, 2_000, 1, reply=1_000), server).reread_seconds == 0


def test_a_further_draw_reads_one_token() -> None:
    load = corpora(2, 1_000, 3, own=50, draws=4)
    assert run(load, replica()).computed_tokens == 2 * (1_000 + 3 * (50 + 3))


def test_an_engine_that_holds_one_prefix_loses_it_to_the_next() -> None:
    load = corpora(3, 1_000, 4)
    server = replica(continuous=False, shares_reads=True)
    assert run(load, server).computed_tokens == 3 * (1_000 + 4 * 50)
    in_turn = [Job(c, 50, 8, 50) for _ in range(4) for c in range(3)]
    assert simulate(server, load, in_turn).computed_tokens == 12 * 1_050


def test_every_order_serves_every_job_once() -> None:
    load = corpora(5, 3_000, 7, draws=2)
    works = jobs(load, replica())
    expected = sorted((j.context, j.fresh) for j in orders.grouped(works))
    assert len(expected) == 5 * 7 * 2
    for order in (orders.shuffled, orders.blended):
        assert sorted((j.context, j.fresh) for j in order(works)) == expected


def two_kinds() -> Load:
    """Long contexts with short answers, and short problems with long ones."""
    reading, writing = corpora(40, 30_000, 10, reply=4), corpora(1, 100, 1200, reply=3_000)
    moved = [msgspec.structs.replace(g, task="u", context=40) for g in writing.groups]
    stretches = (*reading.stretches, *writing.stretches)
    return Load((TaskLoad("t"), TaskLoad("u")), stretches, (*reading.groups, *moved))


def test_blending_reads_and_writes_side_by_side_without_reading_more() -> None:
    load, server = two_kinds(), replica()
    grouped, blended = run(load, server), run(load, server, orders.blended)
    assert blended.computed_tokens == grouped.computed_tokens
    assert blended.seconds < grouped.seconds
    hidden = [run(load, server, order, overlap=True).seconds for order in (orders.grouped, orders.blended)]
    assert hidden[0] / hidden[1] > grouped.seconds / blended.seconds > 1
    assert blended.steps < grouped.steps


def test_blending_one_kind_of_work_changes_nothing_to_speak_of() -> None:
    load, server = corpora(20, 8_000, 12), replica()
    assert run(load, server, orders.blended).seconds == pytest.approx(run(load, server).seconds, rel=0.05)


def test_whole_contexts_go_to_one_replica_and_what_shares_nothing_is_dealt_out() -> None:
    server = replica()
    given = orders.shares(jobs(corpora(6, 5_000, 10), server), 4)
    contexts = [{j.context for w in part for j in w.jobs} for part in given]
    assert sum(map(len, contexts)) == 6 and max(map(len, contexts)) == 2
    loose = Load((TaskLoad("t"),), (), (Group("t", ROOT, 100, 5_000, 800),))
    assert [sum(len(w.jobs) for w in part) for part in orders.shares(jobs(loose, server), 4)] == [25] * 4


def test_a_part_of_a_large_load_stands_for_the_whole() -> None:
    load, server = corpora(600, 2_000, 20), replica()
    works = jobs(load, server)
    part, factor = orders.thinned(works, most=1_000)
    assert sum(len(w.jobs) for w in part) <= 1_000 and factor > 10
    whole = simulate(server, load, orders.grouped(works))
    scaled = simulate(server, load, orders.grouped(part)).times(factor)
    assert scaled.seconds == pytest.approx(whole.seconds, rel=0.1)
    assert scaled.computed_tokens == pytest.approx(whole.computed_tokens, rel=0.05)
