"""A whole forecast of a run file: what it counts, what it refuses, and that nothing is spent or written."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evalkit.catalogue import Catalogue
from evalkit.config import parse_config
from evalkit.engines import ENGINES
from evalkit.errors import ConfigError, DataError
from evalkit.forecast import CandidateForecast, Forecast, forecast

pytest.importorskip("transformers")

SHIPPED = Path(__file__).resolve().parent.parent.parent / "tasks" / "archive" / "model"
Plan = Callable[..., Forecast]


@pytest.fixture
def plan(folder: Path, catalogue: Catalogue, capitals: Callable[..., Path]) -> Plan:
    """Forecasts 60 capitals for an engine that is not installed; fields of the run file and arguments may be given."""
    data = capitals(60)

    def call(
        *, options: str = "{}", task: str = "capitals/one", extra: str = "", candidate: str = "{}", more: str = "",
        **arguments: Any,
    ) -> Forecast:  # fmt: skip
        text = f"""
name: big
tasks: [{{task: {task}, options: {{data: {data}/rows.jsonl, preamble: "{'A long preamble about towns. ' * 60}"}}}}]
candidates:
  - {{<<: {candidate}, name: llama, engine: served, model: {folder}, options: {options}}}
{more}
{extra}
"""
        return forecast(parse_config(text), catalogue=catalogue, **{"gpu": "h200", **arguments})

    return call


def only(found: Forecast) -> CandidateForecast:
    (candidate,) = found.candidates
    return candidate


def test_a_model_is_forecast_without_its_weights_and_without_its_engine(plan: Plan) -> None:
    found = plan(rate=2.0)
    candidate = only(found)
    assert found.can_start and candidate.requests == 60
    (task,) = candidate.tasks
    assert task.prompt_tokens > 60 * 300 > 5 * task.distinct_tokens
    assert task.reply_tokens == 60 * 256
    c, times = candidate.capacity, candidate.times
    assert c and c.kv_bytes_per_token == 131_072 and c.weight_bytes == 2 * 8_030_261_248 and c.tp == 1
    assert times and times.unshared.seconds > times.grouped.seconds > 0
    assert times.longest.seconds > 1.5 * times.grouped.seconds
    assert candidate.cost and candidate.cost.price == pytest.approx(2 * times.grouped.seconds / 3600)
    assert "not installed here" in candidate.notes[0]


def test_the_distinct_tokens_are_what_the_simulated_order_computes(plan: Plan) -> None:
    candidate = only(plan(options="{block_size: 1}"))
    assert candidate.times
    assert candidate.times.grouped.computed_tokens == pytest.approx(candidate.tasks[0].distinct_tokens, rel=0.05)


def test_a_model_that_does_not_fit_is_said_to_with_what_would_help(plan: Plan, write: Callable[..., None]) -> None:
    write(num_hidden_layers=96, hidden_size=8192, intermediate_size=28_672, num_attention_heads=64)
    found = plan(gpu="a10g", gpus=2)
    assert not found.can_start and only(found).times is None
    (problem,) = only(found).problems
    assert "the weights of llama take" in problem and "2 x a10g" in problem and "quantised" in problem
    fitting = only(plan(gpu="h200", gpus=8))
    assert fitting.capacity and (fitting.capacity.tp, fitting.capacity.replicas) == (2, 4)


def test_a_stated_tp_is_taken_and_a_wrong_one_refused(plan: Plan) -> None:
    eight = only(plan(gpus=8, tp=8)).capacity
    assert eight and (eight.tp, eight.replicas) == (8, 1)
    own = only(plan(gpus=8, options="{tensor_parallel_size: 4}")).capacity
    assert own and (own.tp, own.replicas) == (4, 2)
    with pytest.raises(ConfigError, match="--tp 3 does not divide the 8 GPUs"):
        plan(gpus=8, tp=3)


def test_a_longest_context_over_the_memory_is_said(plan: Plan) -> None:
    (problem,) = only(plan(options="{num_gpu_blocks_override: 2}")).problems
    assert "the longest context" in problem and "kv_cache_dtype" in problem


def test_overflow_is_counted_by_task_and_the_policy_decides(plan: Plan) -> None:
    stopped = plan(options="{max_model_len: 600}")
    (problem,) = only(stopped).problems
    assert "60 of 60 prompts do not fit the model's 600 tokens" in problem and "`overflow: error`" in problem
    skipped = plan(options="{max_model_len: 600}", extra="overflow: skip")
    assert skipped.can_start and only(skipped).tasks[0].overflowing == 60 and only(skipped).requests == 0


def test_draws_limits_and_overrides_are_those_of_the_run(plan: Plan) -> None:
    assert only(plan(limit=7, extra="draws: 3")).requests == 21
    reads = [only(plan(extra=f"draws: {n}")).tasks[0].distinct_tokens for n in (1, 3)]
    assert reads[0] == reads[1]


def test_later_turns_are_said_not_to_be_counted(plan: Plan) -> None:
    (task,) = only(plan(task="capitals/two", extra="draws: 2")).tasks
    assert (task.requests, task.later_turns) == (120, 120)
    assert only(plan()).tasks[0].later_turns == 0


def test_candidates_without_tokens_cost_nothing(catalogue: Catalogue, capitals: Callable[..., Path]) -> None:
    capitals(12)
    candidate = only(forecast("tiny", catalogue=catalogue, gpu="cpu"))
    assert candidate.free and candidate.times is None and candidate.samples == 12
    assert "costs nothing" in candidate.notes[0]


def test_what_is_asked_with_every_adapter_is_asked_that_often(plan: Plan, lora: Path, folder: Path) -> None:
    """By hand: 60 questions, 2 draws, 2 adapters are 240 requests; samples and the longest prompt stay."""
    both = f"{{adapters: [none, 'lora:{lora}']}}"
    once, twice = only(plan(extra="draws: 2")), only(plan(extra="draws: 2", candidate=both))
    (one,), (two,) = once.tasks, twice.tasks
    assert (twice.samples, twice.requests, two.requests) == (60, 240, 240) and once.requests == 120
    assert two.reply_tokens == 240 * 256
    assert (two.prompt_tokens, two.distinct_tokens) == (2 * one.prompt_tokens, 2 * one.distinct_tokens)
    assert (two.samples, two.longest_prompt) == (one.samples, one.longest_prompt)
    assert once.times and twice.times
    assert twice.times.grouped.computed_tokens == 2 * once.times.grouped.computed_tokens, "nothing is shared"
    assert twice.adapters == ("none", f"lora:{lora}")
    assert any(f"asked 2 times: without an adapter and with lora:{lora}" in note for note in twice.notes)
    assert not any("adapter" in note for note in once.notes)


def test_the_sum_is_of_all_engines_one_after_another(plan: Plan, folder: Path, tmp_path: Path) -> None:
    more = f"""
  - {{name: half, engine: served, model: {folder}, options: {{max_num_seqs: 8}}}}
  - {{name: far, engine: http, model: m, options: {{base_url: "http://localhost:1/v1"}}}}
  - {{name: old, engine: replay, model: {tmp_path}/replies.jsonl}}
"""
    found = plan(more=more, gpus=2, rate=3.0)
    big, half, *_ = found.candidates
    assert found.total and big.times and half.times and big.cost and half.cost
    assert found.total.seconds == pytest.approx(big.times.grouped.seconds + half.times.grouped.seconds)
    assert found.total.longest_seconds == pytest.approx(big.times.longest.seconds + half.times.longest.seconds)
    assert found.total.cost.gpu_hours == pytest.approx(big.cost.gpu_hours + half.cost.gpu_hours)
    assert found.total.cost.price == pytest.approx(3 * found.total.cost.gpu_hours)
    assert found.total.missing == ("far",), "what costs nothing is not missing"


def test_models_that_are_one_engine_in_the_run_are_said_to(plan: Plan, folder: Path) -> None:
    twin = f"  - {{name: twin, engine: served, model: {folder}, sampling: {{temperature: 0.5}}}}"
    other = f"  - {{name: other, engine: served, model: {folder}, options: {{max_num_seqs: 8}}}}"
    found = plan(more=f"{twin}\n{other}")
    notes = {c.name: " ".join(c.notes) for c in found.candidates}
    assert "one engine together with twin" in notes["llama"] and "one engine together with llama" in notes["twin"]
    assert "one engine" not in notes["other"]


def test_a_wrong_option_of_an_engine_that_is_here_is_the_same_mistake_as_in_the_run(
    catalogue: Catalogue, capitals: Callable[..., Path]
) -> None:
    capitals(3)
    with pytest.raises(ConfigError, match="text_feld"):
        forecast("tiny", overrides=["candidates.0.options.text_feld=a"], catalogue=catalogue, gpu="cpu")
    with pytest.raises(ConfigError, match="no engine 'replya'"):
        forecast("tiny", overrides=["candidates.0.engine=replya"], catalogue=catalogue, gpu="cpu")
    with pytest.raises(ConfigError, match="no task of the run matches"):
        forecast("tiny", overrides=["candidates.0.tasks=[loft/*]"], catalogue=catalogue, gpu="cpu")
    with pytest.raises(ConfigError, match="a CPU is counted once"):
        forecast("tiny", catalogue=catalogue, gpu="cpu", gpus=2)


def test_an_empty_task_is_the_users_mistake(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("", encoding="utf-8")
    with pytest.raises(DataError, match="capitals/one: the task has no samples"):
        plan()


def test_a_model_that_is_nowhere_is_said_so(plan: Plan, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    shutil.rmtree(folder)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ConfigError, match="no model directory"):
        plan()


def test_a_model_directory_without_a_config_is_said_so(plan: Plan, folder: Path) -> None:
    (folder / "config.json").unlink()
    with pytest.raises(ConfigError, match=r"config\.json is missing"):
        plan()


def test_a_servers_tokens_are_counted_where_a_tokenizer_is_named(
    plan: Plan, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ENGINES, "http", ("no_such_package.engine:HTTP", "an engine that is not installed here"))
    as_http = "candidates: [{{name: far, engine: http, model: gpt, options: {options}}}]"
    data = folder.parent / "rows.jsonl"
    texts = [
        f"name: far\ntasks: [{{task: capitals/one, options: {{data: {data}}}}}]\n" + as_http.format(options=options)
        for options in ("{base_url: http://x/v1}", f"{{base_url: http://x/v1, tokenizer: {folder}}}")
    ]
    catalogue = Catalogue([Path(__file__).parent.parent / "catalogue"])
    blind, counted = (only(forecast(parse_config(text), catalogue=catalogue, gpu="cpu")) for text in texts)
    assert blind.requests == counted.requests == 60 and not blind.tasks and not blind.free
    assert "name a `tokenizer:`" in blind.notes[0]
    assert counted.tasks[0].prompt_tokens > 60 * 10 and counted.times is None and counted.capacity is None


def test_options_passed_through_to_vllm_are_found(plan: Plan) -> None:
    for options in ("{engine: {max_model_len: 600}}", "{serve: {max_model_len: 600}}"):
        assert not plan(options=options).can_start


def test_a_forecast_loads_no_weights_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare, here = tmp_path / "bare", tmp_path / "here"
    bare.mkdir()
    here.mkdir()
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):  # everything but the weights
        shutil.copy(SHIPPED / name, bare)
    monkeypatch.chdir(here)
    found = forecast("quickstart", limit=2, gpu="cpu", overrides=[f"candidates.0.model={bare}"])
    assert [c.free for c in found.candidates] == [False, True, True, True]
    small = found.candidates[0]
    assert small.times and small.times.grouped.seconds > 0
    assert small.capacity and small.capacity.weight_bytes == 4 * 1_123_648  # float32 on a CPU
    assert not list(here.iterdir()) and len(list(bare.iterdir())) == 3


def test_a_forecast_is_plain_data(plan: Plan) -> None:
    found = plan()
    assert msgspec.json.decode(msgspec.json.encode(found), type=Forecast) == found


def test_what_is_forecast_is_what_the_engine_then_reads(tmp_path: Path) -> None:
    """The shipped model on a small archive: tokens asked and tokens computed, foretold and counted by the engine."""
    pytest.importorskip("torch")
    from evalkit.evaluation import run

    text = f"""
name: small
tokenizer: {SHIPPED}
tasks: [{{task: archive/rag@1k, options: {{worlds: 3, questions: 6}}}}]
candidates: [{{name: small, engine: hf, model: {SHIPPED}, sampling: {{max_tokens: 4}}}}]
"""
    config = parse_config(text)
    (task,) = only(forecast(config, gpu="cpu")).tasks
    scores = run(config, out=tmp_path / "run").scores().to_pylist()
    asked = [row for row in scores if row["primary"]]
    assert task.requests == len(asked) == 18
    assert task.prompt_tokens == sum(row["prompt_tokens"] for row in asked)
    computed = sum(row["prompt_tokens"] - row["cached_tokens"] for row in asked)
    assert task.distinct_tokens <= computed < 1.1 * task.distinct_tokens
