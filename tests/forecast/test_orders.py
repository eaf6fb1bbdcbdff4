"""The blended order of a forecast is the one that a run with `blend: true` has."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

import msgspec
import pytest

from evalkit import plan
from evalkit.forecast import orders
from evalkit.forecast.hardware import TABLE
from evalkit.forecast.load import Load, LoadCount
from evalkit.forecast.roofline import Assumptions, Replica, Serving
from evalkit.forecast.shape import shape_of
from evalkit.prompts import PromptEncoder, load_encoder
from evalkit.protocols import user
from evalkit.records import Lora, Prompt, Request, Sample, Sampling, Segment

MODEL = Path(__file__).resolve().parent.parent.parent / "tasks" / "archive" / "model"
CONFIGS = json.loads((Path(__file__).parent / "configs.json").read_text(encoding="utf-8"))
SERVER = Replica(shape_of(CONFIGS["Llama-3-8B"], name="llama"), TABLE["h100"], 1, Serving(), Assumptions())


@pytest.fixture(scope="module")
def encoder() -> PromptEncoder:
    pytest.importorskip("transformers")
    return load_encoder(MODEL)


def asked(name: str, words: int, questions: int, reply: int) -> list[Request]:
    """Questions on a text of so many words."""
    text = Segment(f"{name} " + "word of the town " * (words // 4))
    return [
        Request(Prompt((user(text, f"\nWhich is number {q}?"),)), Sample(f"{name}{q}", ("",)), sampling=Sampling(reply))
        for q in range(questions)
    ]


def kinds() -> list[Request]:
    """Texts that are read, of three lengths, and texts over which is written, a little and a lot."""
    read = [*asked("a", 8000, 6, 8), *asked("b", 4000, 5, 8), *asked("c", 2000, 4, 8)]
    return [*read, *asked("d", 200, 12, 300), *asked("e", 100, 12, 2000)]


def counted(encoder: PromptEncoder, requests: Iterable[Request]) -> Load:
    count = LoadCount(encoder, limit=None)
    for request in requests:
        count.add("t", [request])
    return count.load


def names(load: Load, ordered: Iterable[orders.Job], of: str = "abcde") -> str:
    """The texts that jobs are about: the groups of a load stand in the order in which they were counted."""
    contexts = {group.context: of[number % len(of)] for number, group in enumerate(load.groups)}
    return "".join(contexts[job.context] for job in ordered)


def test_the_forecasts_blended_order_is_the_plans(encoder: PromptEncoder) -> None:
    load = counted(encoder, kinds())
    foretold = names(load, orders.blended(orders.works(load, SERVER, 0.5)))
    planned = "".join(request.sample.id[0] for request in plan.blended(kinds()))
    assert sorted(foretold) == sorted(planned)
    assert foretold == planned


def test_adapters_are_blended_one_after_another(encoder: PromptEncoder) -> None:
    load = counted(encoder, kinds()).repeated(2)
    foretold = names(load, orders.blended(orders.works(load, SERVER, 0.5)))
    tuned = [msgspec.structs.replace(r, adapter=Lora("x", "00")) for r in kinds()]
    planned = "".join(request.sample.id[0] for request in plan.blended([*kinds(), *tuned]))
    assert foretold == planned
    half = len(planned) // 2
    assert planned[:half] == planned[half:] and len(list(groupby(planned[:half]))) > 5
