"""What graders will ask a model, as far as it can be known before a candidate has answered.

A grader's question holds the candidate's answer. In its place the task's own gold reply is read and judged: its rubric,
problem and reference (the shared prefix) are then exact, and the answer's length is that of a short right answer. A
grader that would ask nothing about a right answer, or cannot be asked about it, is counted as such, never guessed.
References are opened as in grading itself and nothing of them leaves this module but counts.
"""

from __future__ import annotations

from collections.abc import Sequence

from evalkit.errors import FirewallError
from evalkit.forecast.records import GraderLoad
from evalkit.participants import Bench
from evalkit.privileged import Privileged, grading
from evalkit.protocols import GradeItem, Grader, TokenCounter
from evalkit.records import Completion, Request, Sample, Segment


def grader_loads(bench: Bench, answers_each: int, counter: TokenCounter | None) -> list[GraderLoad]:
    """What each of a task's graders that ask will ask, each sample being answered `answers_each` times."""
    asking = {label: g for label, g in bench.graders.items() if g.asks()}
    if not asking or not answers_each:
        return []
    counts = {label: _Count(GraderLoad(bench.address, label), counter) for label in asking}
    for _, sample, privileged in bench.items():
        for label, grader in asking.items():
            counts[label].add(_asked(bench, grader, sample, privileged), answers_each)
    return [count.load for count in counts.values()]


def _asked(bench: Bench, grader: Grader, sample: Sample, privileged: Privileged) -> Sequence[Request] | None:
    """The grader's first requests about a right answer; None where the task or the grader cannot be asked."""
    with grading(grader.name, grader.needs) as context:
        reference = context.open(privileged)
        try:
            reply = Completion(b"", text=bench.task.gold_reply(sample, reference))
            answer = bench.task.read(sample, (reply,))
            return list(grader.ask(GradeItem(sample, answer, reference)))
        except FirewallError:
            raise
        except Exception:  # a task without gold replies, a reader that wants more turns: nothing is known then
            return None


class _Count:
    """Adds up one grader's requests; a segment's length is measured once."""

    def __init__(self, load: GraderLoad, counter: TokenCounter | None) -> None:
        self.load = load
        self._counter = counter
        self._sizes: dict[bytes, int] = {}
        self._paths: set[tuple[bytes, ...]] = set()

    def add(self, requests: Sequence[Request] | None, times: int) -> None:
        self.load.answers += times
        if requests is None:
            self.load.unknown += times
            return
        for request in requests:
            self.load.requests += times
            self.load.reply_tokens += request.sampling.max_tokens * times
            *shared, last = request.prompt.segments
            path: tuple[bytes, ...] = ()
            for segment in shared:
                path = (*path, segment.digest)
                size = self._sizes.get(segment.digest)
                if size is None:
                    size = self._sizes[segment.digest] = self._size(segment)
                self.load.prompt_tokens += size * times
                if path not in self._paths:
                    self._paths.add(path)
                    self.load.distinct_tokens += size
            self.load.prompt_tokens += self._size(last) * times
            self.load.distinct_tokens += self._size(last) * times

    def _size(self, segment: Segment) -> int:
        return self._counter.count(segment.text) if self._counter else 0


__all__ = ["grader_loads"]
