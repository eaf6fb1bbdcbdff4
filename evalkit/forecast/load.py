"""What a run asks of one model, in tokens: counted on the very prompts that would be sent, none kept.

In: requests, task by task. Out: a `Load`. Each prompt is encoded as its engine would do it, measured and forgotten.
What stays is one node for each distinct shared stretch (a corpus, worked examples) and one `Group` for each context
that questions are asked about, so memory is O(distinct shared text) for any number of requests.
"""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Iterable, Iterator

import msgspec

from evalkit.prompts import EncodedPrompt, PromptEncoder
from evalkit.prompts.sharing import common_tokens, tokens_between
from evalkit.records import Prompt, Request, Segment

ROOT = -1
WORTH = 64
"""Tokens from which what two neighbours share is a context of its own, though the encoder made no chunk of it."""


class Stretch(msgspec.Struct, frozen=True):
    """A stretch of shared text in the prefix tree."""

    parent: int
    """Number of the stretch before it; ROOT at the beginning."""
    tokens: int


class Group(msgspec.Struct):
    """All requests of one task that go on from the same shared text."""

    task: str
    context: int
    """Number of the last shared stretch; ROOT where nothing is shared."""
    requests: int = 0
    """Distinct prompts; draws (and votes) of one prompt are not counted again."""
    own_tokens: int = 0
    """Prompt tokens after the shared text, of all of them together."""
    reply_tokens: int = 0
    """Most tokens that all their replies together may have (one draw each)."""
    draws: int = 1
    """How often each prompt is asked."""
    time: int = 0
    """In a load that is repeated, which time it is: the number of the adapter."""


class TaskLoad(msgspec.Struct):
    """What one task asks of a candidate, or one of its graders of a judge."""

    task: str
    """Its address; of a judge's, with the grader's name after it."""
    samples: int = 0
    """Of a judge's: the answers that it is asked about."""
    requests: int = 0
    """Requests of the first turn that fit, draws included."""
    prompt_tokens: int = 0
    """Of all of them."""
    distinct_tokens: int = 0
    """Of these, tokens that no prompt before shares: what must be read at least."""
    reply_tokens: int = 0
    """Most tokens of all replies together."""
    longest_prompt: int = 0
    overflowing: int = 0
    """Requests (draws included) that do not fit the model; they are in none of the figures above."""
    longest_overflow: int = 0
    """Tokens of prompt and reply of the longest of them."""
    later_turns: int = 0
    """Turns after the first (at least), draws included: their prompts hold replies, so they cannot be counted."""


class Load(msgspec.Struct, frozen=True):
    """What a run asks of one model, first turns only."""

    tasks: tuple[TaskLoad, ...]
    stretches: tuple[Stretch, ...]
    groups: tuple[Group, ...]

    def total(self, field: str) -> int:
        """A field of all tasks together (the largest, for a longest one)."""
        values = [int(getattr(t, field)) for t in self.tasks]
        return max(values, default=0) if field.startswith("longest") else sum(values)

    def context_tokens(self, context: int) -> int:
        """Tokens from the start of the prompt to the end of a stretch."""
        found = 0
        while context != ROOT:
            found += self.stretches[context].tokens
            context = self.stretches[context].parent
        return found

    def repeated(self, times: int) -> Load:
        """The same asked so many times, nothing of one time of use to another: a model with one adapter after another.

        Samples are no more than before, and the longest prompt is no longer.
        """
        size = len(self.stretches)

        def moved(number: int, time: int) -> int:
            return number if number == ROOT else number + time * size

        replace = msgspec.structs.replace
        tasks = (replace(t, **{field: getattr(t, field) * times for field in _SUMMED}) for t in self.tasks)
        stretches = (replace(s, parent=moved(s.parent, time)) for time in range(times) for s in self.stretches)
        groups = (replace(g, context=moved(g.context, n), time=n) for n in range(times) for g in self.groups)
        return Load(tuple(tasks), tuple(stretches), tuple(groups))


_SUMMED = ("requests", "prompt_tokens", "distinct_tokens", "reply_tokens", "overflowing", "later_turns")
"""Fields of a task's load that grow with every time that it is asked."""
_Place = tuple[str, int, int, int]
"""A group's task, context and draws, and a number that is 0 except for what only neighbours were found to share."""


class LoadCount:
    """Counts the requests to a model; `load` is what was counted so far.

    `limit` is the most tokens of prompt and reply together, None for no limit; every request is drawn `draws` times.
    """

    def __init__(self, encoder: PromptEncoder, *, limit: int | None, draws: int = 1) -> None:
        self._encoder = encoder
        self._limit = limit
        self._draws = draws
        self._tasks: dict[str, TaskLoad] = {}
        self._stretches: list[Stretch] = []
        self._numbers: dict[bytes, int] = {}
        self._groups: dict[_Place, Group] = {}
        self._alike: dict[_Place, array[int]] = {}
        """Token ids with which all questions of a group begin, after its context."""
        self._sizes: dict[bytes, int] = {}
        self._last: EncodedPrompt | None = None
        self._last_place: _Place = ("", ROOT, 1, 0)
        self._last_own = self._last_reply = 0
        self._fresh = itertools.count(1)

    @property
    def load(self) -> Load:
        """What was counted so far. Words with which all questions of a group begin are a shared stretch too."""
        stretches, groups = list(self._stretches), []
        for place, group in self._groups.items():
            if not group.requests:
                continue
            alike = len(self._alike[place]) if group.requests > 1 else 0
            if alike:
                stretches.append(Stretch(group.context, alike))
                own = group.own_tokens - alike * group.requests
                group = msgspec.structs.replace(group, context=len(stretches) - 1, own_tokens=own)
            groups.append(group)
        return Load(tuple(self._tasks.values()), tuple(stretches), tuple(groups))

    def add(self, task: str, requests: Iterable[Request], *, later_turns: int = 0) -> int:
        """Count one sample's (or answer's) first requests. Returns how many of them do not fit, draws included."""
        counted = self._tasks.setdefault(task, TaskLoad(task))
        counted.samples += 1
        counted.later_turns += later_turns * self._draws
        before = counted.overflowing
        for request, times in _distinct(requests):
            self._add(counted, request, times * self._draws)
        return counted.overflowing - before

    def _add(self, counted: TaskLoad, request: Request, draws: int) -> None:
        encoded, reply = self._encoder.encode(request.prompt), request.sampling.max_tokens
        if self._limit is not None and encoded.n_tokens + reply > self._limit:
            counted.overflowing += draws
            counted.longest_overflow = max(counted.longest_overflow, encoded.n_tokens + reply)
            return
        context, shared, known = ROOT, 0, 0
        for digest, tokens in self._shared(request.prompt, encoded):
            number = self._numbers.get(digest)
            if number is None:
                number = self._numbers[digest] = len(self._stretches)
                self._stretches.append(Stretch(context, tokens))
            else:
                known = shared + tokens
            context, shared = number, shared + tokens
        common = common_tokens(self._last, encoded) if self._last is not None else 0
        known = max(known, common)
        counted.requests += draws
        counted.prompt_tokens += encoded.n_tokens * draws
        counted.distinct_tokens += encoded.n_tokens - known
        counted.reply_tokens += reply * draws
        counted.longest_prompt = max(counted.longest_prompt, encoded.n_tokens)
        own = tokens_between(encoded, shared, encoded.n_tokens - 1)
        place = self._place((counted.task, context, draws), own, common - shared)
        self._put(place, own, encoded.n_tokens - shared, reply)
        self._last, self._last_place = encoded, place
        self._last_own, self._last_reply = encoded.n_tokens - shared, reply

    def _place(self, kind: tuple[str, int, int], own: array[int], common: int) -> _Place:
        """The group of a request: that of its context, or of its neighbour where the two share more than that."""
        last = self._last_place
        if last[:3] != kind or common < WORTH:
            return self._base(kind, own)
        if last[3]:
            return last if len(_common(self._alike[last], own)) >= WORTH else self._base(kind, own)
        if len(self._alike[last]) >= WORTH:  # the whole group shares that much already
            return last
        place = (*kind, next(self._fresh))
        before = self._groups[last]
        before.requests, before.own_tokens = before.requests - 1, before.own_tokens - self._last_own
        before.reply_tokens -= self._last_reply
        self._put(place, own[:common], self._last_own, self._last_reply)
        return place

    def _base(self, kind: tuple[str, int, int], own: array[int]) -> _Place:
        """The group of a context; if it shares much that this request does not, it goes on under a number instead."""
        base = (*kind, 0)
        group = self._groups.get(base)
        if group and group.requests > 1 and len(self._alike[base]) >= WORTH > len(_common(self._alike[base], own)):
            numbered = (*kind, next(self._fresh))
            self._groups[numbered], self._alike[numbered] = self._groups.pop(base), self._alike.pop(base)
        return base

    def _put(self, place: _Place, own: array[int], tokens: int, reply: int) -> None:
        group = self._groups.setdefault(place, Group(place[0], place[1], draws=place[2]))
        self._alike[place] = _common(self._alike.get(place), own)
        group.requests += 1
        group.own_tokens += tokens
        group.reply_tokens += reply

    def _shared(self, prompt: Prompt, encoded: EncodedPrompt) -> Iterator[tuple[bytes, int]]:
        """The stretches of a prompt that others may share: a digest of everything up to their end, and their length.

        A tokenizer without safe cuts gives one chunk for the whole prompt; its segments are measured by themselves
        then, which is right to a token or two at each border.
        """
        if self._encoder.shares_prefixes:
            yield from ((chunk.digest, len(chunk)) for chunk in encoded.chunks[:-1])
            return
        path, at = b"", 0
        for segment in prompt.segments[:-1]:
            path += segment.digest
            tokens = min(self._size(segment), encoded.n_tokens - 1 - at)
            if tokens > 0:
                at += tokens
                yield path, tokens

    def _size(self, segment: Segment) -> int:
        known = self._sizes.get(segment.digest)
        if known is None:
            known = self._sizes[segment.digest] = self._encoder.count(segment.text)
        return known


def _distinct(requests: Iterable[Request]) -> Iterable[tuple[Request, int]]:
    """Requests whose prompts differ, and how often each is asked: a grader's votes are draws of one prompt."""
    found: dict[tuple[tuple[bytes, ...], int], tuple[Request, int]] = {}
    for request in requests:
        key = request.prompt.path, request.sampling.max_tokens
        found[key] = request, found[key][1] + 1 if key in found else 1
    return found.values()


def _common(known: array[int] | None, ids: array[int]) -> array[int]:
    """The ids with which both begin."""
    if known is None:
        return ids
    size = next((i for i, (a, b) in enumerate(zip(known, ids, strict=False)) if a != b), min(len(known), len(ids)))
    return known[:size]


__all__ = ["ROOT", "Group", "Load", "LoadCount", "Stretch", "TaskLoad"]
