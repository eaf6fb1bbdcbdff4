r"""Olympiad problems with one final answer each: the candidate puts it in a box.

In: a problem file (MathOdyssey, IMO-AnswerBench, MATH-500, MathArena, or our own format), or the shipped set. Out: one
sample a problem; answers, solutions and marking schemes travel apart, for graders only. Addresses: `olympiad/sample`,
`olympiad/FORMAT`, or `olympiad/auto` with the option `problems`. Scored by `math`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from evalkit import protocols
from evalkit.errors import ConfigError
from evalkit.privileged import Privileged, Reference
from evalkit.protocols import Item, user
from evalkit.records import Answer, Completion, Request, Sample, Sampling, Segment

from . import boxed, choices, problems

SAMPLE = "sample"
AUTO = "auto"
SAMPLE_FILE = Path(__file__).parent / "sample" / "problems.jsonl"

INSTRUCTION = Segment(
    "Solve the problem below. Reason step by step, and check your result before you commit to it.\n"
    "Finish with the final answer alone inside \\boxed{}, exact (no rounded decimals) and as simple as it gets. Where"
    " the problem has lettered options, box the letter of the right one; where several values answer it, box them all"
    " in one box, separated by commas.\n\nProblem:\n"
)
"""What is asked of a candidate; the same text before every problem, so that it is read once."""


class Olympiad(protocols.Task):
    """Problems whose final answer can be checked."""

    family = "olympiad"
    graders = ("math",)
    sampling = Sampling(max_tokens=4096)

    class Options(protocols.Options):
        """Where the problems are, and what counts as an answer."""

        problems: str | None = None
        """A .jsonl, .json or .csv file, or what `datasets` can load; left out for the shipped set only."""
        split: str = "test"
        """Split of a data set loaded by `datasets`."""
        fallback: boxed.Fallback = "none"
        """What else counts where a reply has no box: nothing, its last "answer" field in JSON, or its last line."""

    @classmethod
    def variants(cls) -> tuple[str, ...]:
        """The shipped set, every known format, and `auto` for a file that its columns show."""
        return (SAMPLE, AUTO, *problems.FORMATS)

    def load(self) -> Iterator[Item]:
        for problem in problems.read(*self._source()):
            answers = tuple(a for given in problem.answers for a in choices.accepted(problem.question, given))
            sample = Sample(problem.id, (problem.question,), tags=problem.tags, cluster=problem.id)
            yield sample, Privileged(problem.id, answers=answers, solutions=problem.solutions, scheme=problem.scheme)

    def ask(self, sample: Sample, replies: Sequence[Completion]) -> Sequence[Request]:
        return () if replies else (self.request(sample, [user(INSTRUCTION, sample.question[0])]),)

    def read(self, sample: Sample, replies: Sequence[Completion]) -> Answer:
        return boxed.read(replies[-1], self.options.fallback)

    def gold_reply(self, sample: Sample, reference: Reference) -> str:
        return rf"\boxed{{{next(iter(reference.answers), '')}}}"

    def _source(self) -> tuple[str, str | None, str]:
        """Path, format (None: by its columns) and split."""
        if self.context.length is not None:
            raise ConfigError(f"task {self.context.name!r}: problems have no length: leave out what follows the @")
        variant, path = self.context.variant or SAMPLE, self.options.problems
        if variant == SAMPLE:
            if path is not None:
                raise ConfigError(f"{self.context.name} is the shipped set: for {path} write olympiad/auto or a format")
            return str(SAMPLE_FILE), "native", ""
        if path is None:
            raise ConfigError(f"task {self.context.name!r} needs the option problems: the file with the problems")
        return path, None if variant == AUTO else variant, self.options.split
