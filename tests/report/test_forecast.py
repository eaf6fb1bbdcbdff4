"""A forecast on the terminal: what a reader must find in it."""

from __future__ import annotations

import io
import json
from typing import Any

import msgspec
import pytest
from rich.console import Console

from evalkit.forecast.hardware import TABLE, cpu
from evalkit.forecast.load import TaskLoad
from evalkit.forecast.records import CandidateForecast, Capacity, Cost, Forecast, JudgeForecast, Times, Total
from evalkit.forecast.roofline import Assumptions
from evalkit.forecast.simulate import Outcome
from evalkit.report.forecast import print_forecast, to_json

TASKS = (
    TaskLoad("loft/rag_nq@128k", 100, 100, 12_000_000, 130_000, 25_600, 121_000),
    TaskLoad("olympiad/[bold]", 50, 50, 20_000, 18_000, 800_000, 900),
)
CAPACITY = Capacity(
    parameters=8_030_261_248, active_parameters=7.5e9, weight_bytes=16.06e9, tp=2, replicas=4, usable_bytes=2.7e11,
    kv_bytes_per_token=344_064, kv_bytes_per_late_token=172_032, longest_context=121_256, context_bytes=15.9e9,
    contexts=7, cache_tokens=900_000,
)  # fmt: skip
GROUPED = Outcome(1200.0, 200.0, 1000.0, 700.0, 12_020_000, 148_000, 5000)
TIMES = Times(
    grouped=GROUPED, longest=GROUPED.times(2), shuffled=GROUPED.times(3), unshared=GROUPED.times(6),
    blended=GROUPED.times(0.9), blend_bound=1.25,
)  # fmt: skip


def candidate(**changes: Any) -> CandidateForecast:
    made = CandidateForecast(
        "llama", "vllm", "m/llama", TASKS, requests=150, samples=150, limit=131_072, capacity=CAPACITY, times=TIMES,
        cost=Cost(2.7, 8.0), longest_cost=Cost(5.3, 16.0),
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def judge(**changes: Any) -> JudgeForecast:
    tasks = (TaskLoad("olympiad/x verdict", 24, 72, 90_000, 9_100, 36_864, 1_371),)
    made = JudgeForecast(
        "wise", "vllm", "m/judge", tasks, requests=72, limit=8_192, capacity=CAPACITY, times=TIMES,
        cost=Cost(1.3, 4.0), longest_cost=Cost(2.7, 8.0), answers=24,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def forecast(*candidates: CandidateForecast, **changes: Any) -> Forecast:
    made = Forecast("big", TABLE["h200"], 8, 1, "error", Assumptions(), candidates, rate=3.0)
    return msgspec.structs.replace(made, **changes)


def shown(found: Forecast, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width)
    print_forecast(console, found)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("width", [80, 100])
def test_everything_that_decides_is_there(width: int) -> None:
    text = shown(forecast(candidate()), width)
    assert all(len(line) <= width for line in text.splitlines())
    for part in (
        "12,020,000", "148,000", "121,000", "825,600", "8.0B parameters", "16.1 GB", "344,064 bytes a token",
        "172,032 beyond the sliding windows", "7 of that length", "20 min", "40 min", "2.0 h", "6.0x", "2.7 to 5.3",
        "$8.00 to $16.00", "1.11x faster", "1.25x", "NVIDIA H200 data sheet", "2 GPUs, 4 copies",
    ):  # fmt: skip
        assert part in words(text), part
    assert "olympiad/[bold]" in text  # names are no markup
    assert "replies of 50% of the tokens" in words(text) and "lose nothing in their links" in words(text)


def test_reading_contexts_again_is_said_only_where_it_binds() -> None:
    sentence = "Writing is bound by re-reading"
    assert sentence in shown(forecast(candidate()))
    light = msgspec.structs.replace(TIMES, grouped=msgspec.structs.replace(GROUPED, reread_seconds=100.0))
    assert sentence not in shown(forecast(candidate(times=light)))


def test_what_keeps_a_run_from_starting_stands_before_its_tables() -> None:
    broken = candidate(problems=("the weights do not fit",), times=None, cost=None, longest_cost=None)
    text = shown(forecast(broken))
    assert text.index("Cannot start: the weights do not fit.") < text.index("prompt tokens")
    assert "wall" not in text and not forecast(broken).can_start


def test_overflow_has_a_column_named_by_its_policy() -> None:
    long = candidate(tasks=(msgspec.structs.replace(TASKS[0], overflowing=4321),))
    assert "do not fit" in words(shown(forecast(long))) and "4,321" in shown(forecast(long))
    assert "left out" in words(shown(forecast(long, overflow="skip")))
    assert "do not fit" not in words(shown(forecast(candidate())))


def test_assumptions_about_turns_draws_and_judges_are_stated() -> None:
    turns = candidate(tasks=(msgspec.structs.replace(TASKS[0], later_turns=40),))
    text = words(shown(forecast(turns, judges=(judge(),), draws=3)))
    assert "at least 40 later turns will follow" in text
    assert "drawn 3 times" in text and "own gold reply in place of each answer" in text
    assert "gold reply" not in words(shown(forecast(turns)))


@pytest.mark.parametrize("width", [80, 100])
def test_a_judge_is_shown_like_a_candidate_after_them(width: int) -> None:
    text = shown(forecast(candidate(), judges=(judge(notes=("something that is worth a word",)),)), width)
    assert all(len(line) <= width for line in text.splitlines())
    assert words(text).index("Judge wise (vllm, m/judge)") > words(text).index("llama (vllm, m/llama)")
    for part in ("24 answers to judge", "task and grader", "verdict", "90,000", "9,100", "36,864", "1.3 to 2.7",
                 "Note: something that is worth a word."):  # fmt: skip
        assert part in words(text), part


def test_what_does_not_fit_a_judge_is_unscored_whatever_becomes_of_samples() -> None:
    long = judge(tasks=(TaskLoad("olympiad/x verdict", overflowing=4_321),), times=None, cost=None, longest_cost=None)
    text = words(shown(forecast(candidate(), judges=(long,)), 80))
    assert "unscored" in text and "4,321" in text and "do not fit" not in text


def test_the_sum_of_all_engines_is_shown_where_there_are_several() -> None:
    both = Total(1800.0, 3600.0, Cost(4.0, 12.0), Cost(8.0, 24.0), missing=("far",))
    text = words(shown(forecast(candidate(), judges=(judge(),), total=both)))
    assert "wall 30 min; 60 min at the longest replies" in text
    assert "4.0 to 8.0, $12.00 to $24.00" in text and "far: no time is known" in text
    free = CandidateForecast("bm25", "baseline", "", free=True)
    assert "All together" not in shown(forecast(candidate(), free, total=both))


def test_a_judge_without_tokens_is_a_line() -> None:
    plain = JudgeForecast("far", "http", "", requests=48, answers=24)
    assert "24 answers to judge, 48 requests." in shown(forecast(candidate(), judges=(plain,)))


def test_a_free_candidate_is_a_line_and_a_cpu_has_no_price() -> None:
    free = CandidateForecast("bm25", "baseline", "", samples=12, requests=1, free=True, notes=("it costs nothing",))
    text = shown(forecast(free, candidate(), hardware=cpu(2), gpus=1))
    assert "12 samples, 1 request." in text and "it costs nothing" in text
    assert "on a CPU" in text and "$" not in text


def test_json_holds_every_figure() -> None:
    whole = forecast(candidate(), judges=(judge(),), total=Total(1.0, 2.0, Cost(4.0, 12.0), Cost(8.0, 24.0)))
    found = json.loads(json.dumps(to_json(whole)))
    assert found["can_start"] is True
    assert found["candidates"][0]["tasks"][0]["distinct_tokens"] == 130_000
    assert found["candidates"][0]["times"]["unshared"]["seconds"] == 7200
    assert found["assumptions"]["prefill_efficiency"] == 0.5
    assert found["candidates"][0]["adapters"] == ["none"]
    assert found["judges"][0]["answers"] == 24 and found["judges"][0]["tasks"][0]["requests"] == 72
    assert found["total"]["longest_cost"]["price"] == 24.0
