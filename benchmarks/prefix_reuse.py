"""Forty questions on one corpus: the hf engine with prefix reuse against plain `model.generate` on each whole prompt.

Runs both on the same model and the same token ids, interleaved, and compares medians: of wall time, and of processor
time, which a busy machine distorts less. The models: the one that ships with the archive task if it is there (else a
random one of its size), and a random Qwen3 of about 25M parameters. Replies are greedy and of equal length on both
sides; how many are equal, token for token, is part of the report.

    python benchmarks/prefix_reuse.py [--repeats 3] [--plain-questions 40] [--threads 1] [--json] [--record]
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from pydoc_data import topics
from typing import Any

import torch
import transformers
from record import Figure, add_option, record
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from evalkit.engines.hf import HF
from evalkit.protocols import user
from evalkit.records import Prompt, Request, Sample, Sampling, Segment

SHIPPED = Path(__file__).resolve().parent.parent / "tasks" / "archive" / "model"
SHAPES = {
    "0.9M": {"hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 3, "num_attention_heads": 4},
    "25M": {"hidden_size": 512, "intermediate_size": 1536, "num_hidden_layers": 7, "num_attention_heads": 8},
}
CHAT = "{% for m in messages %}{{ m.content }}{% endfor %}"


def random_model(folder: Path, shape: dict[str, int]) -> Path:
    """A Qwen3 with random weights and a byte-level tokenizer trained on Python's own help pages."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        sorted(topics.topics.values()), trainers.BpeTrainer(vocab_size=1576, initial_alphabet=alphabet)
    )
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    fast.chat_template = CHAT
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    heads = shape["num_attention_heads"]
    config = transformers.Qwen3Config(
        **shape, head_dim=shape["hidden_size"] // heads, num_key_value_heads=heads, vocab_size=len(fast),
        max_position_embeddings=32_768, rope_theta=10_000, tie_word_embeddings=False, initializer_range=0.1,
        bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    transformers.Qwen3ForCausalLM(config).save_pretrained(folder)
    return folder


def requests(engine: HF, tokens: int, questions: int, new: int) -> list[Request]:
    """Questions on a corpus of about `tokens` tokens of the engine's tokenizer."""
    lines: list[str] = []
    size = 0
    while size < tokens:
        n = len(lines)
        lines.append(f"ID: {n} | Page {n * 7919 % 10_007} tells of town {n * 104_729 % 9_973}. | END ID: {n}\n")
        size += engine.encoder.count(lines[-1])
    corpus = Segment("".join(lines))
    sampling = Sampling(max_tokens=new)
    return [
        Request(
            prompt=Prompt((user(corpus, f"====== Query ======\nquery: Which page tells of town {n * 37}?\n"),)),
            sample=Sample(str(n), ("",)),
            sampling=sampling,
        )
        for n in range(questions)
    ]


def with_reuse(engine: HF, asked: list[Request]) -> dict[bytes, str]:
    """Replies by key; starts cold, as a new run does."""
    engine._reader.drop()
    return {c.key: c.text for c in engine.generate(asked)}


def plain(model: Any, engine: HF, asked: list[Request]) -> dict[bytes, str]:
    """Replies by key of transformers' own `generate`, one whole prompt after the other."""
    found = {}
    for request in asked:
        ids = torch.tensor([engine.encoder.encode(request.prompt).ids()])
        out = model.generate(ids, do_sample=False, max_new_tokens=request.sampling.max_tokens)
        found[request.key] = engine.encoder.tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True)
    return found


def timed(work: Callable[[], dict[bytes, str]]) -> tuple[float, float, dict[bytes, str]]:
    """Wall seconds, processor seconds (of all threads), and what came out."""
    wall, processor = time.perf_counter(), time.process_time()
    found = work()
    return time.perf_counter() - wall, time.process_time() - processor, found


def measure(folder: Path, name: str, args: argparse.Namespace) -> dict[str, Any]:
    """Seconds of both, their ratio, and how many replies are equal."""
    engine = HF(str(folder), HF.Options(device="cpu", threads=args.threads))
    model = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    model.generation_config.eos_token_id = None  # equal work on both sides
    engine._ends = frozenset()
    asked = requests(engine, args.tokens, args.questions, args.new)
    some = asked[: args.plain_questions]
    scale = len(asked) / len(some)
    ours: list[tuple[float, float]] = []
    theirs: list[tuple[float, float]] = []
    equal = 0
    for _ in range(args.repeats):
        wall, processor, mine = timed(lambda: with_reuse(engine, asked))
        ours.append((wall, processor))
        wall, processor, reference = timed(lambda: plain(model, engine, some))
        theirs.append((wall * scale, processor * scale))
        equal = sum(mine[key] == text for key, text in reference.items())
    plain_s, plain_cpu_s = (statistics.median(run[i] for run in theirs) for i in (0, 1))
    reuse_s, reuse_cpu_s = (statistics.median(run[i] for run in ours) for i in (0, 1))
    return {
        "model": name,
        "parameters": sum(p.numel() for p in model.parameters()),
        "prompt_tokens": engine.prompt_tokens(asked[0].prompt),
        "questions": len(asked),
        "plain_questions": len(some),
        "threads": torch.get_num_threads(),
        "plain_s": plain_s,
        "reuse_s": reuse_s,
        "ratio": plain_s / reuse_s,
        "plain_cpu_s": plain_cpu_s,
        "reuse_cpu_s": reuse_cpu_s,
        "cpu_ratio": plain_cpu_s / reuse_cpu_s,
        "equal": f"{equal}/{len(some)}",
    }


def figure(row: dict[str, Any]) -> Figure:
    """A line of the documentation's table."""
    least = 5 if row["model"] == "shipped" else 10
    what = f"`hf` with prefix reuse against plain generation, {row['questions']} questions, {row['prompt_tokens']:,}"
    return Figure(
        f"{what} prompt tokens, model {row['model']} ({row['parameters']:,} parameters)",
        f"{row['ratio']:.0f}x, replies equal {row['equal']}", f"{least}x", row["ratio"] >= least,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--questions", type=int, default=40)
    parser.add_argument("--plain-questions", type=int, default=40, help="plain is timed on so many and scaled up")
    parser.add_argument("--tokens", type=int, default=4096, help="tokens of the corpus")
    parser.add_argument("--new", type=int, default=8, help="new tokens for each question")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--only", choices=["small", "25M"], help="one of the two models")
    parser.add_argument("--json", action="store_true")
    add_option(parser)
    args = parser.parse_args()
    transformers.utils.logging.set_verbosity_error()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        if args.only != "25M":
            shipped = (SHIPPED / "model.safetensors").is_file()
            small = SHIPPED if shipped else random_model(Path(scratch) / "0.9M", SHAPES["0.9M"])
            rows.append(measure(small, "shipped" if shipped else "0.9M random", args))
        if args.only != "small":
            rows.append(measure(random_model(Path(scratch) / "25M", SHAPES["25M"]), "25M random", args))
    if args.record:
        record("prefix_reuse", list(map(figure, rows)))
    if args.json:
        print(json.dumps(rows))
        return
    print("model          parameters  prompt  plain s  reuse s  ratio  cpu ratio  equal")
    for r in rows:
        print(
            f"{r['model']:<12} {r['parameters']:>11,} {r['prompt_tokens']:>7,} {r['plain_s']:>8.2f}"
            f" {r['reuse_s']:>8.2f} {r['ratio']:>5.1f}x {r['cpu_ratio']:>9.1f}x  {r['equal']}"
        )


if __name__ == "__main__":
    main()
