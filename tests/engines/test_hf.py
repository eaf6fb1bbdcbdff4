"""The transformers engine gives what `model.generate` gives on each whole prompt, and reads shared text once."""

from __future__ import annotations

import functools
import itertools
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from tiny import CONTEXT, QUESTIONS, Feed, answers, ask, tokenizer  # noqa: E402

from evalkit.engines.hf import HF  # noqa: E402
from evalkit.engines.hf.groups import groups  # noqa: E402
from evalkit.engines.hf.reader import CopyingReader, SharedReader  # noqa: E402
from evalkit.engines.intake import Job  # noqa: E402
from evalkit.errors import ConfigError  # noqa: E402
from evalkit.prompts import load_encoder  # noqa: E402
from evalkit.protocols import user  # noqa: E402
from evalkit.records import Lora, Prompt, Request, Sample, Segment  # noqa: E402

FAMILIES = ("llama", "qwen3", "gemma2", "gemma3", "mistral")


@pytest.fixture(scope="module")
def engines(folders: Any) -> Iterator[Any]:
    @functools.cache
    def engine(family: str) -> HF:
        return HF(str(folders(family)), HF.Options(threads=1))

    yield engine


def plain(folder: Path, requests: Sequence[Request]) -> list[str]:
    """What transformers itself generates, greedily, on each whole prompt (its sdpa drops Gemma 2's soft-capping)."""
    attention = "eager" if "gemma2" in folder.name else None
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, attn_implementation=attention).eval()
    encoder = load_encoder(folder)
    texts = []
    for request in requests:
        ids = torch.tensor([encoder.encode(request.prompt).ids()])
        out = model.generate(ids, do_sample=False, max_new_tokens=request.sampling.max_tokens)
        texts.append(tokenizer().decode(out[0, ids.shape[1] :], skip_special_tokens=True))
    return texts


@pytest.mark.parametrize("family", FAMILIES)
def test_greedy_replies_equal_those_of_generate(family: str, folders: Any, engines: Any) -> None:
    """Suffixes and replies of many lengths in one batch, a second context, a prompt with nothing shared."""
    requests = [ask(CONTEXT, q) for q in QUESTIONS]
    requests += [ask(CONTEXT, "A second part follows here. " * 9, q, max_tokens=70) for q in QUESTIONS[:3]]
    requests += [ask("Nothing shared."), ask("Other words " * 60, "end?"), ask("Other words " * 60, "the end?")]
    completions = answers(engines(family), requests)
    assert [c.text for c in completions] == plain(folders(family), requests)
    assert len({c.text for c in completions}) > 6, "the replies differ, so that mixing them up would show"
    assert isinstance(engines(family)._reader, SharedReader)


@pytest.mark.parametrize("family", ["qwen3", "gemma3", "mamba"])
@pytest.mark.parametrize("options", [{"attention": "eager"}, {"prefix_reuse": False}, {"batch_size": 2}])
def test_every_way_of_reading_gives_the_same(family: str, options: dict[str, Any], folders: Any) -> None:
    context = Segment(CONTEXT.text[:280]) if family == "mamba" else CONTEXT  # its scan is a slow loop on a CPU
    requests = [ask(context, q) for q in QUESTIONS[:4]] + [ask(context, "More. " * 9, QUESTIONS[0], max_tokens=20)]
    engine = HF(str(folders(family)), HF.Options(threads=1, **options))
    found = answers(engine, requests)
    assert [c.text for c in found] == plain(folders(family), requests)
    cached = [c.usage.cached_tokens for c in found]
    if options.get("prefix_reuse", True):
        length = engine.prompt_tokens(Prompt((user(context),)))
        assert min(cached[1:]) > 0.8 * length, "the context is read once, by whatever reader"
    else:
        assert not any(cached)
    if family == "mamba":
        assert isinstance(engine._reader, CopyingReader)


def test_positions_that_scale_with_the_text_are_not_reused(folders: Any) -> None:
    """Dynamic rotary scaling, past the length it was made for: a prefix read by itself would have other keys."""
    requests = [ask(CONTEXT, q) for q in QUESTIONS[:3]]
    engine = HF(str(folders("dynamic")), HF.Options(threads=1, max_model_len=1000))
    assert [c.text for c in answers(engine, requests)] == plain(folders("dynamic"), requests)
    assert all(c.usage.cached_tokens == 0 for c in answers(engine, requests))


def test_the_prefix_is_computed_once_and_kept_for_the_next_call(folders: Any) -> None:
    engine = HF(str(folders("qwen3")), HF.Options(threads=1))
    first = answers(engine, [ask(CONTEXT, q) for q in QUESTIONS])
    context = max(c.usage.cached_tokens for c in first)
    assert first[0].usage.cached_tokens == 0
    assert all(c.usage.cached_tokens == context for c in first[1:])
    assert context > 0.9 * min(c.usage.prompt_tokens for c in first)
    again = answers(engine, [ask(CONTEXT, q, draw=1) for q in QUESTIONS])
    assert all(c.usage.cached_tokens == context for c in again)
    assert [c.text for c in again] == [c.text for c in first]


def test_usage_counts_every_token(engines: Any) -> None:
    request = ask(CONTEXT, "Who?", max_tokens=5)
    (completion,) = answers(engines("qwen3"), [request])
    assert completion.usage.prompt_tokens == engines("qwen3").prompt_tokens(request.prompt)
    assert completion.usage.completion_tokens == 5
    assert completion.finish == "length"
    assert completion.seconds > 0


def test_draws_do_not_depend_on_the_batch_or_its_order(folders: Any, engines: Any) -> None:
    sampled = {"temperature": 1.5, "top_p": 0.9, "top_k": 40, "seed": 3}
    requests = [ask(CONTEXT, q, draw=d, **sampled) for q in QUESTIONS[:4] for d in range(3)]
    together = [c.text for c in answers(engines("qwen3"), requests)]
    assert len(set(together)) == len(together), "other draws, other texts"
    backwards = answers(engines("qwen3"), requests[::-1])[::-1]
    assert [c.text for c in backwards] == together
    alone = HF(str(folders("qwen3")), HF.Options(threads=1, batch_size=1))
    assert [c.text for c in answers(alone, requests)] == together
    other_seed = [ask(CONTEXT, q, draw=d, **{**sampled, "seed": 4}) for q in QUESTIONS[:4] for d in range(3)]
    assert [c.text for c in answers(engines("qwen3"), other_seed)] != together


def test_draws_follow_the_distribution() -> None:
    """2,000 draws against the probabilities that temperature, top_k and top_p leave."""
    from evalkit.engines.hf.sampling import Draws, next_tokens

    logits = torch.log(torch.tensor([0.05, 0.4, 0.1, 0.3, 0.15]))
    cases: list[tuple[dict[str, Any], list[float]]] = [
        ({"temperature": 1.0}, [0.05, 0.4, 0.1, 0.3, 0.15]),
        ({"temperature": 0.5}, [0.0025, 0.16, 0.01, 0.09, 0.0225]),
        ({"temperature": 1.0, "top_k": 2}, [0, 0.4, 0, 0.3, 0]),
        ({"temperature": 1.0, "top_p": 0.75}, [0, 0.4, 0, 0.3, 0.15]),
        ({"temperature": 1.0, "top_k": 3, "top_p": 0.5}, [0, 0.4, 0, 0.3, 0]),
        ({"temperature": 1.0, "top_p": 0.01}, [0, 1, 0, 0, 0]),
    ]
    for sampling, weights in cases:
        draws = Draws(ask("x", max_tokens=2_000, seed=1, **sampling))
        tokens = torch.tensor([next_tokens(logits[None], [draws], i)[0] for i in range(2_000)])
        share = torch.bincount(tokens, minlength=5) / 2_000
        expected = torch.tensor(weights) / sum(weights)
        assert (share[expected == 0] == 0).all()
        assert (share - expected).abs().max() < 0.045  # four standard deviations of a share of 0.5


@pytest.mark.parametrize("family", ["qwen3", "gemma2"])
def test_text_ends_before_the_first_stop_string(family: str, folders: Any, engines: Any) -> None:
    """Stop strings taken from the reply itself, at every place and length, so that most span tokens."""
    whole = answers(engines(family), [ask(CONTEXT, "Who?", max_tokens=24)])[0].text
    cuts = [(i, i + n) for i, n in itertools.product(range(1, len(whole) - 6, 5), (1, 3, 6))]
    stops = [whole[a:b] for a, b in cuts if "\ufffd" not in whole[a:b]]
    requests = [ask(CONTEXT, "Who?", max_tokens=24, stop=(s, "never ever")) for s in dict.fromkeys(stops)]
    assert len(requests) > 7
    for request, completion in zip(requests, answers(engines(family), requests), strict=True):
        assert completion.text == whole[: whole.index(request.sampling.stop[0])]
        assert completion.finish == "stop"
        assert completion.usage.completion_tokens <= 24


def test_an_end_token_ends_a_reply(folders: Any, tmp_path: Path) -> None:
    """The token that a greedy reply holds at its sixth place is declared to be an end token."""
    request = ask(CONTEXT, "Who?")
    engine = HF(str(folders("llama")), HF.Options(threads=1))
    ids = torch.tensor([engine.encoder.encode(request.prompt).ids()])
    model = transformers.AutoModelForCausalLM.from_pretrained(folders("llama"))
    reply = model.generate(ids, do_sample=False, max_new_tokens=12)[0, ids.shape[1] :].tolist()
    at = next(i for i in range(2, 12) if reply[i] not in reply[:i])
    shutil.copytree(folders("llama"), tmp_path / "m")
    transformers.GenerationConfig(eos_token_id=[reply[at], 1]).save_pretrained(tmp_path / "m")
    (completion,) = answers(HF(str(tmp_path / "m"), HF.Options(threads=1)), [request])
    assert completion.finish == "stop"
    assert completion.usage.completion_tokens == at + 1
    assert completion.text == tokenizer().decode(reply[:at], skip_special_tokens=True)


@pytest.mark.parametrize(
    ("generated", "opened", "text", "reasoning"),
    [
        ("<think>\nfirst\n</think>\n\nFour.", False, "Four.", "first"),
        ("first\n</think>\nFour.", True, "Four.", "first"),
        ("<think>\nfirst, and", False, "", "first, and"),
        ("Four. <think>", False, "Four. <think>", ""),
        ("Four.", False, "Four.", ""),
    ],
)
def test_a_leading_think_block_is_reasoning(generated: str, opened: bool, text: str, reasoning: str) -> None:
    from evalkit.engines.hf.reply import Reply

    reply = Reply(ask("x", max_tokens=200), tokenizer(), frozenset(), open_thinking=opened)
    for token in tokenizer()(generated)["input_ids"]:
        reply.add(token)
    assert reply.split() == (text, reasoning)


def test_a_request_that_cannot_be_read_is_a_completion_with_an_error(engines: Any) -> None:
    good = ask(CONTEXT, "Who?")
    bad = [ask("word " * 3000), ask("half a pair \ud800"), ask("x", max_tokens=2048)]
    completions = answers(engines("qwen3"), [bad[0], good, *bad[1:]])
    errors = [completions[0].error, completions[2].error, completions[3].error]
    assert [c.finish == "error" for c in completions] == [True, False, True, True]
    assert "exceed the model's 2,048" in errors[0]
    assert "U+D800" in errors[1]
    assert completions[1].text


def test_an_adapter_that_was_never_named_is_refused_not_ignored(engines: Any) -> None:
    request = Request(prompt=Prompt((user("x"),)), sample=Sample("s", ("q",)), adapter=Lora("a", "00"))
    (completion,) = answers(engines("qwen3"), [request])
    assert completion.finish == "error"
    assert "was not told of the adapter 'a'" in completion.error


def test_requests_are_pulled_as_they_are_needed(folders: Any) -> None:
    engine = HF(str(folders("qwen3")), HF.Options(threads=1, batch_size=2))
    pulled = 0

    def requests() -> Iterator[Request]:
        nonlocal pulled
        for number in range(40):
            pulled += 1
            yield ask(CONTEXT, f"Question {number}?", max_tokens=2)

    completions = engine.generate(requests())
    next(completions)
    assert pulled <= 4


def test_requests_that_follow_from_a_completion_are_asked_too(folders: Any) -> None:
    """The requests run dry and fill again, even where the one taken last was refused."""
    engine = HF(str(folders("qwen3")), HF.Options(threads=1))
    follow_up, refused, last = ask(CONTEXT, "And why?"), ask("word " * 3000), ask("The end?")
    first = [ask(CONTEXT, q) for q in QUESTIONS[:3]]
    next_turn = {first[1].key: [follow_up], follow_up.key: [refused], refused.key: [last]}
    feed = Feed(first, lambda completion: next_turn.get(completion.key, []))
    found = []
    for completion in engine.generate(feed):
        found.append(completion.key)
        feed.taken(completion)
    assert sorted(found[:3]) == sorted(r.key for r in first)
    assert found[3:] == [follow_up.key, refused.key, last.key]


def test_batches_that_do_not_fit_are_halved(folders: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory that runs out with more than two sequences: the same replies, in smaller batches, and no request lost."""
    requests = [ask(CONTEXT, q) for q in QUESTIONS]
    engine = HF(str(folders("qwen3")), HF.Options(threads=1))
    expected = [c.text for c in answers(engine, requests)]
    start = SharedReader.start

    def small(self: SharedReader, suffixes: Sequence[Any]) -> Any:
        if len(suffixes) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 TiB")
        return start(self, suffixes)

    monkeypatch.setattr(SharedReader, "start", small)
    assert [c.text for c in answers(engine, requests)] == expected


def test_unrelated_contexts_are_not_read_as_one_batch(folders: Any) -> None:
    """Eight questions on each of three contexts: three groups, whose trunk is the context."""
    encoder = load_encoder(folders("qwen3"))
    contexts = [Segment(f"Context {n} says that the mill stands by the river. " * 30) for n in range(3)]
    jobs = [Job(r, encoder.encode(r.prompt), 0.0) for c in contexts for r in (ask(c, f"{i}?") for i in range(8))]
    found = list(groups(jobs, size=64, own_tokens=100_000))
    assert [len(g.jobs) for g in found] == [8, 8, 8]
    assert all(g.shared > 300 for g in found)


def test_the_fingerprint_names_weights_and_precision(folders: Any, tmp_path: Path) -> None:
    first = HF(str(folders("llama")), HF.Options(threads=1))
    assert HF(str(folders("llama"))).fingerprint == first.fingerprint
    assert HF(str(folders("llama")), HF.Options(dtype="bfloat16")).fingerprint != first.fingerprint
    shutil.copytree(folders("llama"), tmp_path / "other")
    weights = tmp_path / "other" / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert HF(str(tmp_path / "other")).fingerprint != first.fingerprint


def test_what_is_missing_in_a_model_directory_is_named(folders: Any, tmp_path: Path) -> None:
    def broken(name: str, *remove: str) -> str:
        shutil.copytree(folders("llama"), tmp_path / name)
        for file in remove:
            (tmp_path / name / file).unlink()
        return str(tmp_path / name)

    with pytest.raises(ConfigError, match=r"needs a `model:`"):
        HF(None)
    with pytest.raises(ConfigError, match=r"is no model directory: config\.json is missing"):
        HF(broken("a", "config.json"))
    with pytest.raises(ConfigError, match=r"a config but no weights: model\.safetensors"):
        HF(broken("b", "model.safetensors"))
    with pytest.raises(ConfigError, match="no tokenizer in"):
        HF(broken("c", "tokenizer.json", "tokenizer_config.json"))
    with pytest.raises(ConfigError, match="finds no GPU" if not torch.cuda.is_available() else "no device"):
        HF(broken("d"), HF.Options(device="cuda" if not torch.cuda.is_available() else "gpu"))


def test_incomplete_weights_are_refused_rather_than_made_up(folders: Any, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(folders("llama"), tmp_path / "m")
    file = tmp_path / "m" / "model.safetensors"
    tensors = load_file(file)
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(ConfigError, match=r"lack 1 tensors, the first: .*layers\.1\.mlp\.up_proj"):
        _ = HF(str(tmp_path / "m"))._model
