"""How each harness is driven: what it is given, the command that runs it whole, and where its replies lie afterwards.

A *way* writes its task or config into a scratch folder, names the command, and reads the replies back by question id.
All ask for eight tokens, greedily; whatever else a harness decides (order, concurrency, what it stores) is its own.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import yaml

from .environments import environment
from .parts import model_folder
from .server import AT_ONCE, BLOCK, NAME, cache_blocks

HERE = Path(__file__).resolve().parent
REPLY = 8  # tokens


class Job(NamedTuple):
    """What a way is run on; its folder is the working directory of the command."""

    rows: Path
    """The questions, as JSONL."""
    folder: Path
    """Empty; for whatever it writes."""
    url: str
    """Of the server."""


class Way(NamedTuple):
    """One way of asking."""

    name: str
    command: Callable[[Job], list[str]]
    replies: Callable[[Path], dict[str, str]]
    """From the folder, by question id."""
    served: bool = True
    """Whether it asks the server; otherwise it loads the model itself."""


def bare(*, leaders: bool) -> Way:
    """The server alone."""

    def command(job: Job) -> list[str]:
        words = [sys.executable, str(HERE / "bare.py"), job.url, str(job.rows), str(job.folder)]
        return [*words, "--leaders"] if leaders else words

    def replies(folder: Path) -> dict[str, str]:
        found: dict[str, str] = json.loads((folder / "replies.json").read_text())
        return found

    return Way("bare server, leaders first" if leaders else "bare server", command, replies)


LM_EVAL_TASK = {
    "task": "corpora", "dataset_path": "json", "test_split": "test", "output_type": "generate_until",
    "doc_to_target": "answer", "target_delimiter": "", "metric_list": [{"metric": "exact_match"}],
    "generation_kwargs": {"until": [], "max_gen_toks": REPLY, "do_sample": False},
}  # fmt: skip


def lm_eval(environments: Path, *, chat: bool) -> Way:
    """lm-eval over HTTP: `local-chat-completions` keeps the order of the file, `local-completions` sorts by length."""
    binaries = environment(environments, "lm-eval")

    def command(job: Job) -> list[str]:
        task = LM_EVAL_TASK | {
            "dataset_kwargs": {"data_files": {"test": str(job.rows)}},
            "doc_to_text": "{{prompt}}" if chat else "{{rendered}}",
        }
        (job.folder / "corpora.yaml").write_text(yaml.safe_dump(task))
        path = "chat/completions" if chat else "completions"
        model = {
            "model": NAME, "base_url": f"{job.url}/v1/{path}", "num_concurrent": AT_ONCE, "tokenizer_backend": "none",
            "tokenized_requests": False,
        }
        return [
            str(binaries / "lm-eval"), "run", "--model", "local-chat-completions" if chat else "local-completions",
            "--model_args", ",".join(f"{k}={v}" for k, v in model.items()), "--tasks", "corpora",
            "--include_path", str(job.folder), "--log_samples", "--output_path", str(job.folder / "out"),
            *(["--apply_chat_template"] if chat else []),
        ]  # fmt: skip

    def replies(folder: Path) -> dict[str, str]:
        [log] = folder.glob("out/**/samples_corpora_*.jsonl")
        samples = map(json.loads, log.read_text().splitlines())
        return {sample["doc"]["id"]: sample["resps"][0][0] for sample in samples}

    return Way("lm-eval, chat" if chat else "lm-eval, completions", command, replies)


INSPECT_TASK = '''
from inspect_ai import Task, task
from inspect_ai.dataset import FieldSpec, json_dataset
from inspect_ai.scorer import includes

@task
def corpora():
    fields = FieldSpec(id="id", input="prompt", target="answer")
    return Task(dataset=json_dataset({rows!r}, fields), scorer=includes())
'''


def inspect(environments: Path) -> Way:
    """Inspect with its defaults, through its provider for servers like this one."""
    binaries = environment(environments, "inspect-ai")

    def command(job: Job) -> list[str]:
        (job.folder / "corpora.py").write_text(INSPECT_TASK.format(rows=str(job.rows)))
        return [
            str(binaries / "inspect"), "eval", "corpora.py", "--model", f"openai-api/local/{NAME}",
            "--model-base-url", f"{job.url}/v1", "--max-tokens", str(REPLY), "--temperature", "0",
            "--log-dir", "logs",
        ]  # fmt: skip

    def replies(folder: Path) -> dict[str, str]:
        [log] = folder.glob("logs/*.eval")
        dump = subprocess.run([binaries / "inspect", "log", "dump", str(log)], check=True, capture_output=True)
        samples = json.loads(dump.stdout)["samples"]
        return {sample["id"]: sample["output"]["completion"] for sample in samples}

    return Way("Inspect", command, replies)


def evalkit(length: int, *, served: bool) -> Way:
    """`evalkit run`, against the server or with vLLM in its own process (which loads the model)."""
    tuned = {"enforce_eager": True, "max_num_seqs": AT_ONCE, "num_gpu_blocks_override": cache_blocks(length)}

    def command(job: Job) -> list[str]:
        candidate = (
            {"engine": "http", "model": NAME, "options": {"base_url": f"{job.url}/v1", "api_key_env": ""}}
            if served
            else {"engine": "vllm", "model": str(model_folder()),
                  "options": {"engine": tuned | {"block_size": BLOCK}, "max_model_len": length + 1000}}
        )  # fmt: skip
        task = {"task": "corpora", "options": {"data": str(job.rows)}}
        config = {"name": "corpora", "tasks": [task], "candidates": [{"name": "small", **candidate}]}
        (job.folder / "run.yaml").write_text(yaml.safe_dump(config))
        return [
            sys.executable, "-m", "evalkit.cli", "run", str(job.folder / "run.yaml"),
            "--out", str(job.folder / "run"), "--catalogue", str(HERE.parent / "catalogue"),
        ]  # fmt: skip

    name = "evalkit, http" if served else "evalkit, vllm in its process"
    return Way(name, command, lambda folder: stored_replies(folder / "run"), served)


def stored_replies(run: Path) -> dict[str, str]:
    """The replies of a run directory, by sample id."""
    from evalkit.store import unpack

    sql = "SELECT s.id, c.text FROM completion c JOIN sample s ON s.task = c.task AND s.ordinal = c.ordinal"
    with closing(sqlite3.connect(run / "run.db")) as db:
        return {name: unpack(body) for name, body in db.execute(sql)}


def computed(folder: Path) -> tuple[int, int]:
    """Prompt tokens of a finished evalkit run, and those of them that the engine computed."""
    from evalkit.results import Run

    rows = Run(folder / "run").scores().to_pylist()
    total = sum(row["prompt_tokens"] for row in rows)
    return total, total - sum(row["cached_tokens"] for row in rows)


__all__ = ["REPLY", "Job", "Way", "bare", "computed", "evalkit", "inspect", "lm_eval", "stored_replies"]
