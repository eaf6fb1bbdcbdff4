"""Log-probabilities of generated tokens against a plain forward pass of transformers over prompt and reply."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from tiny import CONTEXT, QUESTIONS, answers, ask  # noqa: E402

from evalkit.engines.hf import HF  # noqa: E402
from evalkit.engines.spelling import Spelling  # noqa: E402
from evalkit.records import Constraint  # noqa: E402


@pytest.mark.parametrize("how", [{}, {"temperature": 1.3, "top_k": 20, "seed": 1}])
def test_they_are_those_of_the_plain_model(how: dict[str, Any], folders: Any) -> None:
    """Whatever was done to choose a token: temperature and a limit leave its probability alone."""
    engine = HF(str(folders("qwen3")), HF.Options(threads=1))
    tok = engine.encoder.tokenizer
    model = transformers.AutoModelForCausalLM.from_pretrained(folders("qwen3")).eval()
    spell = Spelling(tok)
    ids_of = {spell(i): i for i in range(len(tok))}
    assert len(ids_of) == len(tok), "every token of this vocabulary reads differently"
    wanted = [0, 3, 5, None]
    requests = [ask(CONTEXT, q, logprobs=n, **how) for q, n in zip(QUESTIONS, wanted, strict=False)]
    found = answers(engine, requests)
    assert found[3].logprobs == ()
    for request, completion, most in zip(requests[:3], found, wanted, strict=False):
        assert len(completion.logprobs) == completion.usage.completion_tokens > 5
        prompt = engine.encoder.encode(request.prompt).ids()
        reply = [ids_of[t.token] for t in completion.logprobs]
        with torch.no_grad():
            logs = torch.log_softmax(model(torch.tensor([prompt + reply])).logits[0].float(), dim=-1)
        for place, (token, told) in enumerate(zip(reply, completion.logprobs, strict=True)):
            here = logs[len(prompt) - 1 + place]
            assert told.logprob == pytest.approx(float(here[token]), abs=1e-4)
            best = here.topk(most)
            assert [value for _, value in told.top] == pytest.approx(best.values.tolist(), abs=1e-4)
            assert [text for text, _ in told.top] == [spell(i) for i in best.indices.tolist()]
    if how:
        assert any(t.token != t.top[0][0] for t in found[1].logprobs), "not always the likeliest was chosen"


def test_under_a_constraint_they_are_over_what_it_allows(folders: Any) -> None:
    engine = HF(str(folders("qwen3")), HF.Options(threads=1))
    tok, letters = engine.encoder.tokenizer, ("A", "B", "C")
    model = transformers.AutoModelForCausalLM.from_pretrained(folders("qwen3")).eval()
    request = ask(CONTEXT, "Which?", constraint=Constraint(choice=letters), logprobs=5)
    (completion,) = answers(engine, [request])
    with torch.no_grad():
        logits = model(torch.tensor([engine.encoder.encode(request.prompt).ids()])).logits[0, -1]
    expected = torch.log_softmax(logits[[tok(letter)["input_ids"][0] for letter in letters]], dim=-1)
    first, end = completion.logprobs
    assert dict(first.top) == pytest.approx(dict(zip(letters, expected.tolist(), strict=True)), abs=1e-4)
    assert first.token == completion.text == first.top[0][0] and first.logprob == first.top[0][1]
    assert end.top == (("<|im_end|>", 0.0),), "what cannot come is not listed"


def test_tokens_read_as_they_stand_in_the_text(folders: Any) -> None:
    engine = HF(str(folders("qwen3")), HF.Options(threads=1))
    tok = engine.encoder.tokenizer
    text = "Where is the mill, and why?"
    spell = Spelling(tok)
    assert "".join(map(spell, tok(text)["input_ids"])) == text
    halves = [spell(i) for i in tok("\N{SNOWMAN}")["input_ids"]]
    assert len(halves) == 3 and all(halves) and not any("\N{REPLACEMENT CHARACTER}" in half for half in halves)
    assert spell(len(tok) + 5) == ""
