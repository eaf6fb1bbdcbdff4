"""The questions that every harness is given: a few corpora, a dozen questions on each, as JSONL and with their digests.

They are the archive task's own, rendered by it. A row has the prompt in the forms that the harnesses want: whole
(`prompt`), cut where the questions on one corpus part (`context`, `question`), and with the chat template applied
(`rendered`, for those that send raw text).
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

from .parts import make_task, model_folder

SEED = 3


class Question(BaseModel, frozen=True):
    """One row."""

    id: str
    context: str
    question: str
    rendered: str
    answer: str

    @property
    def row(self) -> str:
        """A line of JSONL."""
        return json.dumps({**self.model_dump(), "prompt": self.context + self.question})

    @property
    def digests(self) -> tuple[str, str]:
        """What the server sees of it: as chat messages, and as a raw prompt."""
        return digest([["user", self.context + self.question]]), digest(self.rendered)


def digest(prompt: object) -> str:
    """Name of a prompt: a list of role and text pairs, or one text."""
    return hashlib.blake2b(json.dumps(prompt).encode(), digest_size=16).hexdigest()


def questions(length: int, corpora: int, each: int) -> list[Question]:
    """All questions, grouped by corpus."""
    from evalkit.privileged import grading
    from evalkit.prompts import load_encoder

    model = model_folder()
    encoder = load_encoder(str(model))
    sizes = {"worlds": corpora, "questions": each}
    task = make_task(f"archive/rag@{length}", sizes, seed=SEED, tokenizer=model)
    found = []
    with grading("match", ("answers",)) as key:
        for sample, privileged in task.load():
            [request] = task.ask(sample, ())
            [message] = request.prompt.messages
            *context, question = (segment.text for segment in message.segments)
            found.append(
                Question(
                    id=sample.id, context="".join(context), question=question,
                    rendered=encoder.render(request.prompt), answer=str(key.open(privileged).answers[0]),
                )
            )  # fmt: skip
    return found


def write(asked: Sequence[Question], folder: Path) -> dict[str, Path]:
    """The questions as JSONL in both orders."""
    shuffled = list(asked)
    random.Random(1).shuffle(shuffled)
    files = {}
    for order, rows in {"grouped": asked, "shuffled": shuffled}.items():
        files[order] = folder / f"{order}.jsonl"
        files[order].write_text("".join(q.row + "\n" for q in rows))
    return files


__all__ = ["Question", "digest", "questions", "write"]
