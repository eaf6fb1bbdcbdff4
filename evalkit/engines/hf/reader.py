"""Two ways to read prompts with a model: from a shared trunk, or as transformers does it.

A reader extends a trunk (`extend`), then reads a batch of suffixes after it (`start`) and goes on token by token
(`step`), giving each time the logits of the next token of every sequence. `SharedReader` computes shared text once and
reads its keys once a step (`attention`, `memory`). It is used only for a model on which it was tried at the start and
gave the logits that the model gives by itself (`agrees`). `CopyingReader` serves all other models (recurrent layers,
attention of their own): one sequence at a time, each from a copy of the trunk's cache.
"""

from __future__ import annotations

import copy
import logging
from array import array
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers import AttentionInterface, DynamicCache
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from evalkit.engines.hf.attention import NAME, shared_attention
from evalkit.engines.hf.memory import Memory
from evalkit.prompts import EncodedPrompt, TokenChunk
from evalkit.prompts.sharing import common_tokens, tokens_between

CHUNK = 4096  # tokens of a trunk computed in one pass: bounds activations, costs nothing measurable

log = logging.getLogger(__name__)


class Reader(Protocol):
    """What the engine asks of a way to read."""

    width: int
    """Most sequences that it reads at a time."""

    def extend(self, prompt: EncodedPrompt, upto: int) -> int:
        """Make the first `upto` tokens of a prompt the trunk; returns how many of them were there already."""

    def start(self, suffixes: Sequence[array[int]]) -> Tensor:
        """Read a batch of suffixes (at least one token each) after the trunk; logits (batch, vocabulary)."""

    def step(self, tokens: Sequence[int]) -> Tensor:
        """Add one token to each sequence; logits (batch, vocabulary)."""

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these sequences only."""

    def drop(self) -> None:
        """Forget the trunk."""


class _Trunk:
    """Which tokens the trunk holds."""

    def __init__(self) -> None:
        self.prompt: EncodedPrompt | None = None
        self.length = 0

    def shared_with(self, prompt: EncodedPrompt, upto: int) -> int:
        """How many of the first `upto` tokens of `prompt` are there."""
        if self.prompt is None:
            return 0
        return min(common_tokens(self.prompt, prompt), self.length, upto)


class SharedReader:
    """Reads a whole batch after one trunk. Registers its attention with the model; `close` gives the old one back."""

    width = 1 << 20

    def __init__(self, model: Any) -> None:
        windows = layer_windows(model)
        if windows is None:
            raise NotImplementedError("its layers keep something else than keys and values")
        AttentionInterface.register(NAME, shared_attention)
        self._model = model
        self._attention_before = model.config._attn_implementation
        model.set_attn_implementation(NAME)
        self._memory = Memory(windows, model.device)
        self._trunk = _Trunk()
        self._last: Tensor | None = None
        head = model.get_output_embeddings()
        self._hook = head.register_forward_pre_hook(lambda _, args: (self._last_of_each(args[0]), *args[1:]))
        self._first = False

    def close(self) -> None:
        """Leave the model as it was."""
        self._hook.remove()
        self._model.set_attn_implementation(self._attention_before)
        self.drop()

    def extend(self, prompt: EncodedPrompt, upto: int) -> int:
        """See `Reader`."""
        cached = self._trunk.shared_with(prompt, upto)
        self._memory.length = self._trunk.length = cached
        self._trunk.prompt = prompt
        while self._trunk.length < upto:
            ids = tokens_between(prompt, self._trunk.length, min(self._trunk.length + CHUNK, upto))
            self._memory.grow_trunk(len(ids), upto)
            self._pass(_rows([ids], self._model.device), [len(ids)])
            self._memory.grown(len(ids))
            self._trunk.length += len(ids)
        return cached

    def start(self, suffixes: Sequence[array[int]]) -> Tensor:
        """See `Reader`."""
        lengths = [len(s) for s in suffixes]
        self._memory.branch_at(lengths)
        self._first = True
        return self._pass(_rows(suffixes, self._model.device), lengths)

    def step(self, tokens: Sequence[int]) -> Tensor:
        """See `Reader`."""
        self._memory.next_step(self._first)
        self._first = False
        return self._pass(torch.tensor(tokens, device=self._model.device).unsqueeze(1), None)

    def keep(self, rows: Sequence[int]) -> None:
        """See `Reader`."""
        self._memory.keep(torch.tensor(rows, device=self._model.device))

    def drop(self) -> None:
        """See `Reader`."""
        self._memory.drop()
        self._trunk = _Trunk()

    def _pass(self, ids: Tensor, lengths: Sequence[int] | None) -> Tensor:
        """One forward pass; logits of the last token of each row (rows of `lengths` tokens, padded on the right)."""
        positions = self._memory.positions
        if lengths is not None:
            positions = positions + torch.arange(ids.shape[1], device=ids.device)
            self._last = torch.tensor(lengths, device=ids.device) - 1
        else:
            self._last = None
        memory = self._memory
        with torch.inference_mode():
            out = self._model(
                input_ids=ids, position_ids=positions, past_key_values=memory, use_cache=True, memory=memory
            )
        logits: Tensor = out.logits[:, -1]
        return logits

    def _last_of_each(self, hidden: Tensor) -> Tensor:
        """Only the last token of each row needs logits: the output layer of a real model is its largest."""
        if self._last is None:
            return hidden
        return hidden[torch.arange(hidden.shape[0], device=hidden.device), self._last].unsqueeze(1)


class CopyingReader:
    """Reads one sequence at a time after a copy of the trunk's cache, with the model's own attention."""

    width = 1

    def __init__(self, model: Any, *, reuse: bool = True) -> None:
        self._model = model
        self._reuse = reuse
        self._trunk = _Trunk()
        self._cache: Any = None
        self._own: Any = None
        self._before: array[int] = array("i")

    def extend(self, prompt: EncodedPrompt, upto: int) -> int:
        """See `Reader`."""
        if not self._reuse:
            self.drop()
            self._before = tokens_between(prompt, 0, upto)
            return 0
        self._before = array("i")
        cached = self._trunk.shared_with(prompt, upto)
        if cached < self._trunk.length or self._cache is None:  # sliding and recurrent caches cannot be cut back
            self._cache, cached = DynamicCache(config=self._model.config), 0
        self._trunk.prompt, self._trunk.length = prompt, cached
        while self._trunk.length < upto:
            ids = tokens_between(prompt, self._trunk.length, min(self._trunk.length + CHUNK, upto))
            self._forward(_rows([ids], self._model.device), self._cache)
            self._trunk.length += len(ids)
        return cached

    def start(self, suffixes: Sequence[array[int]]) -> Tensor:
        """See `Reader`."""
        (suffix,) = suffixes
        self._own = copy.deepcopy(self._cache) if self._reuse else DynamicCache(config=self._model.config)
        return self._forward(_rows([self._before + suffix], self._model.device), self._own)

    def step(self, tokens: Sequence[int]) -> Tensor:
        """See `Reader`."""
        return self._forward(torch.tensor([tokens], device=self._model.device), self._own)

    def keep(self, rows: Sequence[int]) -> None:
        """There is one sequence only."""

    def drop(self) -> None:
        """See `Reader`."""
        self._trunk, self._cache, self._own = _Trunk(), None, None

    def _forward(self, ids: Tensor, cache: Any) -> Tensor:
        with torch.inference_mode():
            out = self._model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
        logits: Tensor = out.logits[:, -1]
        return logits


def layer_windows(model: Any) -> list[int | None] | None:
    """Each layer's sliding window (None: it sees everything); None if a layer keeps more than keys and values."""
    windows: list[int | None] = []
    for layer in DynamicCache(config=model.config).layers:
        if type(layer) is DynamicSlidingWindowLayer:
            windows.append(layer.sliding_window)
        elif type(layer) is DynamicLayer:
            windows.append(None)
        else:
            return None
    return windows or None


def scales_with_length(model: Any) -> bool:
    """Whether rotary positions depend on how long the whole text is: then a prefix has no keys of its own."""
    found = getattr(model.config.get_text_config(), "rope_parameters", None) or {}
    kinds = [found, *(kind for kind in found.values() if isinstance(kind, dict))]
    return any(kind.get("rope_type") in {"dynamic", "longrope"} for kind in kinds)


def _rows(ids: Sequence[array[int]], device: torch.device) -> Tensor:
    """Rows of token ids, padded on the right with 0 (padding is never seen by a token before it)."""
    longest = max(map(len, ids))
    rows = torch.zeros(len(ids), longest, dtype=torch.long)
    for row, own in zip(rows, ids, strict=True):
        row[: len(own)] = torch.frombuffer(own, dtype=torch.int32)
    return rows.to(device)


def best_reader(model: Any) -> Reader:
    """The shared reader where it gives this model's own logits, else the copying one."""
    if scales_with_length(model):
        log.warning("%s turns its positions by the length of the text: prompts are read whole", type(model).__name__)
        return CopyingReader(model, reuse=False)
    ids = _sample_ids(model)
    with torch.inference_mode():
        plain = model(input_ids=_rows([ids], model.device)).logits[0]
    try:
        reader = SharedReader(model)
    except Exception as error:  # whatever an unknown architecture does not like
        reason = _first_line(error)
    else:
        try:
            if _agrees(reader, ids, plain):
                return reader
            reason = "its logits come out differently"
        except Exception as error:
            reason = _first_line(error)
        reader.close()
    log.warning("%s cannot read a batch after one shared prefix (%s): one at a time", type(model).__name__, reason)
    return CopyingReader(model)


def _sample_ids(model: Any) -> array[int]:
    size = model.get_input_embeddings().weight.shape[0]
    return array("i", torch.randint(size, (64,), generator=torch.Generator().manual_seed(0)).tolist())


def _agrees(reader: SharedReader, ids: array[int], plain: Tensor) -> bool:
    """Try a trunk, two branches of different lengths and one more token against the model's own logits."""
    ends = (40, 61)
    reader.extend(EncodedPrompt((TokenChunk(ids, b""),)), 32)
    passes = (reader.start([ids[32:end] for end in ends]), reader.step([ids[end] for end in ends]))
    reader.drop()
    # Float32 differs by rounding only; half precision by about 2 ** -8 for every layer's sums.
    tolerance = (1e-3 if plain.dtype == torch.float32 else 6e-2) * plain.abs().max()
    expected = (plain[[end - 1 for end in ends]], plain[list(ends)])
    return all(bool((got - wanted).abs().max() <= tolerance) for got, wanted in zip(passes, expected, strict=True))


def _first_line(error: Exception) -> str:
    return str(error).split("\n")[0] or type(error).__name__


__all__ = ["CopyingReader", "Reader", "SharedReader", "best_reader", "layer_windows", "scales_with_length"]
