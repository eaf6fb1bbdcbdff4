"""What a reply must be: sent as the server understands it, refused where it does not, and looked at when it comes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from evalkit.engines.http import HTTP
from evalkit.errors import ConfigError
from evalkit.protocols import user
from evalkit.records import Completion, Constraint, Lora, Prompt, Request, Sample, Sampling

Ask = Callable[..., Request]
Connect = Callable[..., HTTP]
Serve = Callable[..., Any]
VLLM = {"data": [{"id": "m", "owned_by": "vllm"}]}
CHOICE, REGEX = Constraint(choice=("right", 'not "right"')), Constraint(regex="[A-D]{2}")
VERDICT = Constraint(json={
    "type": "object",
    "properties": {"reasoning": {"type": "string"}, "verdict": {"enum": ["right", "wrong"]}},
    "required": ["reasoning", "verdict"],
    "additionalProperties": False,
})  # fmt: skip


@pytest.fixture
def answered(scripted: Any, serve: Serve, connect: Connect, ask: Ask) -> Callable[..., tuple[Completion, list[Any]]]:
    """What comes of a constrained request, and what the server was asked."""

    def answer(constraint: Constraint, text: str, finish: str = "stop", models: Any = None) -> Any:
        server = serve()
        server.models = models or server.models
        server.replies["Land1"] = scripted.reply(text, finish)
        (completion,) = connect(server).generate([ask(1, constraint=constraint)])
        return completion, server.asked

    return answer


def test_vllm_is_told_of_choices_and_expressions_in_its_own_field(answered: Any) -> None:
    completion, asked = answered(CHOICE, "right", models=VLLM)
    assert completion.text == "right"
    assert asked[0]["structured_outputs"] == {"choice": list(CHOICE.choice)} and "response_format" not in asked[0]
    completion, asked = answered(REGEX, "AD", models=VLLM)
    assert completion.text == "AD" and asked[0]["structured_outputs"] == {"regex": REGEX.regex}


def test_other_servers_are_told_of_a_choice_as_a_schema_and_its_quotes_are_taken_off(answered: Any) -> None:
    completion, asked = answered(CHOICE, ' "not \\"right\\"" ')
    assert completion.text == 'not "right"' and completion.finish == "stop"
    assert asked[0]["response_format"]["json_schema"]["schema"] == {"type": "string", "enum": list(CHOICE.choice)}
    assert answered(CHOICE, "right")[0].text == "right", "some leave the quotes out themselves"


@pytest.mark.parametrize(("constraint", "text", "models"), [
    (CHOICE, "wrong", None),
    (CHOICE, '"wrong"', None),
    (CHOICE, "[1]", None),
    (CHOICE, "", None),
    (CHOICE, "right.", VLLM),
    (CHOICE, '"right"', VLLM),
    (REGEX, "ADA", VLLM),
    (REGEX, "", VLLM),
])  # fmt: skip
def test_a_reply_that_breaks_its_constraint_is_an_error_and_no_answer(
    constraint: Constraint, text: str, models: Any, answered: Any
) -> None:
    completion, _ = answered(constraint, text, models=models)
    assert completion.finish == "error" and not completion.text
    assert completion.error.startswith("the server did not hold the reply to its constraint: it had to ")
    assert completion.usage.completion_tokens == 3


@pytest.mark.parametrize(("text", "models", "finish"), [
    ("rig", VLLM, "length"), ("wro", VLLM, "error"), ('"rig', None, "length"), ("wro", None, "error"),
])  # fmt: skip
def test_a_reply_that_was_cut_is_one_as_far_as_it_goes(text: str, models: Any, finish: str, answered: Any) -> None:
    assert answered(CHOICE, text, "length", models)[0].finish == finish


@pytest.mark.parametrize("models", [None, VLLM])
@pytest.mark.parametrize(("text", "why"), [
    ("Sure! I think it is right.", "(it is no JSON)"),
    ("", "(it is no JSON)"),
    ("[" * 100_000, "(it is no JSON)"),
    ('{"reasoning":NaN,"verdict":"right"}', "(it is no JSON)"),
    ('["right"]', "(at $: ['right'] is not of type 'object')"),
    ('{"verdict":"right"}', "(at $: 'reasoning' is a required property)"),
    ('{"reasoning":"","verdict":"Right"}', "(at $.verdict: 'Right' is not one of ['right', 'wrong'])"),
    ('{"reasoning":"","verdict":"right","more":1}', "('more' was unexpected)"),
])  # fmt: skip
def test_a_whole_reply_that_breaks_its_schema_is_an_error_and_no_answer(
    text: str, why: str, models: Any, answered: Any
) -> None:
    completion, _ = answered(VERDICT, text, models=models)
    assert completion.finish == "error" and not completion.text
    begins = "the server did not hold the reply to its constraint: it had to satisfy a JSON schema ("
    assert completion.error.startswith(begins) and why.strip("()") in completion.error
    assert len(completion.error) < 500 and completion.usage.completion_tokens == 3


@pytest.mark.parametrize("models", [None, VLLM])
def test_a_reply_that_satisfies_its_schema_is_kept_as_it_is_and_a_cut_one_as_far_as_it_goes(
    models: Any, answered: Any
) -> None:
    text = ' {"reasoning": "so \\ud800",\n "verdict": "right"}'
    completion, asked = answered(VERDICT, text, models=models)
    assert (completion.text, completion.finish) == (text, "stop")
    assert asked[0]["response_format"]["json_schema"]["schema"] == VERDICT.json
    cut, _ = answered(VERDICT, '{"reasoning": "so', "length", models)
    assert (cut.text, cut.finish) == ('{"reasoning": "so', "length")


@pytest.mark.parametrize("models", [None, VLLM])
@pytest.mark.parametrize("text", [
    '{"reasoning":"it says </think> and 4","verdict":"right"}',
    '{"reasoning":"<think>4</think>","verdict":"wrong"}',
])  # fmt: skip
def test_a_constrained_reply_may_quote_marks_of_thinking(text: str, models: Any, answered: Any) -> None:
    completion, _ = answered(VERDICT, text, models=models)
    assert (completion.text, completion.reasoning, completion.finish) == (text, "", "stop")


def test_a_streamed_constrained_reply_may_quote_marks_of_thinking(
    scripted: Any, serve: Serve, connect: Connect
) -> None:
    server = serve()
    text = '{"reasoning":"it says </think> and 4","verdict":"right"}'
    server.replies["Land1"] = scripted.reply(text)
    shared = "All the lands there are have a capital. " * 100
    requests = [
        Request(Prompt((user(shared, tail),)), Sample(tail, ("q",)), constraint=held)
        for tail, held in (("Land1?", VERDICT), ("Land9?", None))
    ]
    found = {c.key: c for c in connect(server).generate(requests)}
    assert server.asked[0]["stream"] is True
    assert (found[requests[0].key].text, found[requests[0].key].reasoning) == (text, "")


@pytest.mark.parametrize(("schema", "models", "reason"), [
    ({"type": "integer", "multipleOf": 3}, VLLM, "the reply cannot be held to its constraint: .*'multipleOf'"),
    ({"type": "no such type"}, None, "the constraint is no JSON schema: at "),
    ({"type": "no such type"}, VLLM, "the constraint is no JSON schema: at "),
])  # fmt: skip
def test_a_schema_that_a_reply_cannot_be_held_to_is_refused(
    schema: dict[str, Any], models: Any, reason: str, answered: Any
) -> None:
    completion, asked = answered(Constraint(json=schema), "6", models=models)
    assert completion.finish == "error" and re.match(reason, completion.error) and not asked


def test_other_servers_may_be_asked_for_any_schema_as_the_reply_is_validated(answered: Any) -> None:
    thirds = Constraint(json={"type": "integer", "multipleOf": 3})
    assert answered(thirds, "6")[0].text == "6"
    assert "7 is not a multiple of 3" in answered(thirds, "7")[0].error
    lost = Constraint(json={"$ref": "https://example.com/none.json"})
    assert "cannot be validated: " in answered(lost, "7")[0].error, "and nothing is fetched"


def test_an_expression_is_refused_where_no_server_would_hold_to_it(answered: Any) -> None:
    completion, asked = answered(REGEX, "AD")
    assert completion.error.startswith("only a vLLM server holds a reply to a regular expression") and not asked
    completion, asked = answered(Constraint(regex="[A"), "AD", models=VLLM)
    assert completion.error.startswith("'[A' is no regular expression: ") and not asked


def test_logprobs_are_asked_for_as_many_as_wanted(serve: Serve, connect: Connect, ask: Ask) -> None:
    server = serve()
    completions = list(connect(server).generate([ask(1, sampling=Sampling(logprobs=5)), ask(2)]))
    assert [(b.get("logprobs"), b.get("top_logprobs")) for b in server.asked] == [(True, 5), (None, None)]
    assert all(c.text and c.logprobs == () for c in completions), "a server that gives none has given a reply"


def test_a_server_that_is_not_ours_serves_no_adapters(serve: Serve, connect: Connect) -> None:
    engine = connect(serve())
    engine.use_adapters(())
    with pytest.raises(ConfigError, match="serves no adapters, and 'some/lora' was asked for"):
        engine.use_adapters([Lora("some/lora", "00")])
