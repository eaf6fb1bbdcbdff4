"""A forecast against reality: the shipped model with engine hf on the CPU, at lengths that it was not calibrated on.

Only the two stated efficiencies are calibrated, on the first length given: prefill on one prompt with one new token,
decode on eight questions with 64 new tokens. Everything else (the shape of the model, the prefix tree, the batches, the
least time of a step) is the forecast's own. Then eight questions on one corpus are forecast and measured at each
length, and the same with every prompt read whole. Medians of `--repeats`; a busy machine shows in the error.

    python benchmarks/forecast.py [--lengths 4000 1000 12000] [--repeats 3] [--threads 1] [--json] [--record]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import transformers
from record import Figure, add_option, record

from evalkit.config import CandidateSpec
from evalkit.engines.hf import HF
from evalkit.forecast.hardware import cpu
from evalkit.forecast.load import Load, LoadCount
from evalkit.forecast.orders import grouped, works
from evalkit.forecast.roofline import Assumptions, Replica
from evalkit.forecast.shape import load_shape
from evalkit.forecast.simulate import simulate
from evalkit.forecast.source import serving_for
from evalkit.protocols import user
from evalkit.records import Prompt, Request, Sample, Sampling, Segment

MODEL = Path(__file__).resolve().parent.parent / "tasks" / "archive" / "model"
QUESTIONS, NEW = 8, 64


def requests(engine: HF, tokens: int, questions: int, new: int) -> list[Request]:
    """Questions on a corpus of about `tokens` tokens."""
    lines: list[str] = []
    size = 0
    while size < tokens:
        n = len(lines)
        lines.append(f"ID: {n} | Page {n * 7919 % 10_007} tells of town {n * 104_729 % 9_973}. | END ID: {n}\n")
        size += engine.encoder.count(lines[-1])
    corpus = Segment("".join(lines))
    return [
        Request(
            prompt=Prompt((user(corpus, f"====== Query ======\nquery: Which page tells of town {n * 37}?\n"),)),
            sample=Sample(str(n), ("",)),
            sampling=Sampling(max_tokens=new),
        )
        for n in range(questions)
    ]


def measured(engine: HF, asked: Sequence[Request], repeats: int) -> float:
    """Median seconds, each run starting cold."""
    times = []
    for _ in range(repeats):
        engine._reader.drop()
        start = time.perf_counter()
        list(engine.generate(asked))
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def counted(engine: HF, asked: Sequence[Request]) -> Load:
    """The load of these requests."""
    count = LoadCount(engine.encoder, limit=engine.limit)
    for request in asked:
        count.add("", [request])
    return count.load


def expected(replica: Replica, load: Load) -> float:
    """Forecast seconds, every reply being as long as it may."""
    return simulate(replica, load, grouped(works(load, replica, 1.0))).seconds


def fitted(seconds: float, forecast: Callable[[float], float]) -> float:
    """The efficiency at which a forecast comes to these seconds, by bisection; 0.001 or 1 if none between does."""
    low, high = 0.001, 1.0
    for _ in range(30):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if forecast(middle) > seconds else (low, middle)
    return (low * high) ** 0.5


def calibrated(engine: HF, replica: Replica, tokens: int, repeats: int) -> Replica:
    """The replica with both efficiencies as found at one length."""

    def at(**values: float) -> Replica:
        return msgspec.structs.replace(replica, assumptions=msgspec.structs.replace(replica.assumptions, **values))

    for name, questions, new in (("prefill_efficiency", 1, 1), ("decode_efficiency", QUESTIONS, NEW)):
        asked = requests(engine, tokens, questions, new)
        load, seconds = counted(engine, asked), measured(engine, asked, repeats)
        replica = at(**{name: fitted(seconds, lambda e, n=name, load=load: expected(at(**{n: e}), load))})
    return replica


def figure(row: dict[str, Any]) -> Figure:
    """A line of the documentation's table."""
    what = f"forecast of {QUESTIONS} questions x {NEW} new tokens on {row['tokens']:,}, contexts {row['kind']}, `hf`"
    return Figure(what, f"{row['forecast_s']:.2f} s foretold, {row['measured_s']:.2f} s taken: {row['error']:+.0%}")


def main() -> None:
    """Calibrate, forecast, measure, print the error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lengths", type=int, nargs="+", default=[4000, 1000, 12000], help="the first one calibrates")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    add_option(parser)
    args = parser.parse_args()
    transformers.utils.logging.set_verbosity_error()
    engine = HF(str(MODEL), HF.Options(device="cpu", threads=args.threads))
    engine._ends = frozenset()  # every reply takes all its tokens
    plain = HF(str(MODEL), HF.Options(device="cpu", threads=args.threads, prefix_reuse=False))
    plain._ends = frozenset()
    machine = cpu(args.threads)
    shape = load_shape(MODEL, dtype="float32")
    spec = CandidateSpec(name="small", engine="hf", model=str(MODEL))
    stated = Replica(shape, machine, 1, serving_for(spec, shape, machine), Assumptions())
    measured(engine, requests(engine, args.lengths[0], 2, 4), 1)  # loads the weights
    measured(plain, requests(engine, args.lengths[0], 1, 1), 1)
    replica = calibrated(engine, stated, args.lengths[0], args.repeats)
    alone = msgspec.structs.replace(replica, serving=replica.serving.without_reuse)
    rows: list[dict[str, Any]] = []
    for tokens in args.lengths:
        asked = requests(engine, tokens, QUESTIONS, NEW)
        load = counted(engine, asked)
        for kind, server, found in (("shared", engine, replica), ("unshared", plain, alone)):
            took, said = measured(server, asked, args.repeats), expected(found, load)
            here = tokens == args.lengths[0] and found is replica
            rows.append({"tokens": load.total("longest_prompt"), "kind": kind, "measured_s": took, "forecast_s": said,
                         "error": said / took - 1, "calibrated": here})  # fmt: skip
    if args.record:
        record("forecast", [figure(row) for row in rows if not row["calibrated"]])
    figures = replica.assumptions
    if args.json:
        print(json.dumps({"load": os.getloadavg()[0], "assumptions": msgspec.to_builtins(figures), "rows": rows}))
        return
    print(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, {args.threads} threads used")
    print(f"calibrated: prefill {figures.prefill_efficiency:.3f}, decode {figures.decode_efficiency:.3f} of the peak")
    print("prompt  kind      measured s  forecast s   error")
    for row in rows:
        note = "  (calibrated here)" if row["calibrated"] else ""
        print(
            f"{row['tokens']:>6,}  {row['kind']:<8}  {row['measured_s']:>10.2f}  {row['forecast_s']:>10.2f}"
            f"  {row['error']:>+6.0%}{note}"
        )


if __name__ == "__main__":
    main()
