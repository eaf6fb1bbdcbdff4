"""`engine: loaded`: vLLM that is loaded and warm as soon as it is made, so that a clock can start without that.

Two clocks: wall time, and the processor time of this process and all its children, which other work on the machine
disturbs less.
"""

from __future__ import annotations

import time
from typing import ClassVar, NamedTuple

import psutil

from evalkit.engines import ENGINES
from evalkit.engines.vllm import VLLM
from evalkit.protocols import user
from evalkit.records import Prompt, Request, Sample, Sampling


class Clock(NamedTuple):
    """A moment, or a span, on both clocks; seconds."""

    wall: float
    processor: float

    def since(self, before: Clock) -> Clock:
        """The span between two moments."""
        return Clock(self.wall - before.wall, self.processor - before.processor)


def own() -> Clock:
    """This moment, of this process alone."""
    return Clock(time.perf_counter(), time.process_time())


def now() -> Clock:
    """This moment, of this process and all its children."""
    own = psutil.Process()
    used = 0.0
    for process in (own, *own.children(recursive=True)):
        times = process.cpu_times()
        used += times.user + times.system
    return Clock(time.perf_counter(), used)


class Loaded(VLLM):
    """vLLM, having answered one question."""

    ready: ClassVar[Clock] = Clock(0.0, 0.0)
    """When the last one made was ready."""
    done: ClassVar[Clock] = Clock(0.0, 0.0)
    """When it was no longer needed."""
    ended: ClassVar[Clock] = Clock(0.0, 0.0)
    """When its processes were gone; of this process alone."""

    def __init__(self, model: str | None, options: VLLM.Options | None = None) -> None:
        super().__init__(model, options)
        question = Prompt((user("Is anybody there?"),))
        list(self.generate([Request(question, Sample("warm", ("",)), sampling=Sampling(max_tokens=4))]))
        Loaded.ready = now()

    def close(self) -> None:
        """End vLLM, by the clock; a second time it does nothing."""
        if Loaded.done < Loaded.ready:
            Loaded.done = now()
        super().close()
        if Loaded.ended < Loaded.ready:
            Loaded.ended = own()


def register() -> None:
    """Make it known to run files."""
    ENGINES["loaded"] = (f"{__name__}:Loaded", "vLLM, loaded at once")


__all__ = ["Clock", "Loaded", "now", "own", "register"]
