"""Replies held to a schema, an expression or a choice, whatever the model would say by itself."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("xgrammar")

from tiny import CONTEXT, QUESTIONS, SHAPE, answers, ask  # noqa: E402
from tokenizers import Tokenizer, models, pre_tokenizers  # noqa: E402

from evalkit.engines.hf import HF  # noqa: E402
from evalkit.engines.schema import FORMATS, unenforced  # noqa: E402
from evalkit.records import Constraint  # noqa: E402

SHIPPED = Path(__file__).resolve().parents[2] / "tasks" / "archive" / "model"
MARK = {"type": "integer", "minimum": 0, "maximum": 7}
VERDICT = {
    "type": "object",
    "properties": {
        "marks": {"type": "array", "items": MARK, "minItems": 2, "maxItems": 3},
        "verdict": {"enum": ["correct", "incorrect", "cannot assess"]},
    },
    "required": ["marks", "verdict"],
    "additionalProperties": False,
}
CHOICE = ("yes", 'no, "never"', "vielleicht, später \N{SNOWMAN}\n", "yes and no")
REGEX = r"(mill|river)( [0-9]{2,4}){1,3}\."


@pytest.fixture(scope="module", params=["a byte-level tokenizer", "the shipped model"])
def engine(request: pytest.FixtureRequest, folders: Any) -> HF:
    folder = SHIPPED if request.param == "the shipped model" else folders("qwen3")
    return HF(str(folder), HF.Options(threads=1))


@pytest.mark.parametrize("how", [{}, {"temperature": 1.5, "seed": 1}, {"temperature": 1.0, "top_p": 0.5, "top_k": 5}])
def test_a_reply_is_what_its_constraint_says(how: dict[str, Any], engine: HF) -> None:
    """Constrained and free requests in one batch; the free ones reply as they do alone."""
    how = {"max_tokens": 80, **how}
    held = {
        "json": Constraint(json=VERDICT), "regex": Constraint(regex=REGEX), "choice": Constraint(choice=CHOICE),
        "free": None,
    }  # fmt: skip
    asked = [(kind, ask(CONTEXT, q, constraint=c, **how)) for q in QUESTIONS[:5] for kind, c in held.items()]
    found = answers(engine, [request for _, request in asked])
    texts: dict[str, list[str]] = {kind: [] for kind in held}
    for (kind, _), completion in zip(asked, found, strict=True):
        texts[kind].append(completion.text)
        assert kind == "free" or completion.finish == "stop", completion
    for text in texts["json"]:
        reply = json.loads(text)
        assert json.dumps(reply, separators=(",", ":")) == text, "no free white space"
        assert list(reply) == ["marks", "verdict"] and 2 <= len(reply["marks"]) <= 3
        assert all(0 <= mark <= 7 for mark in reply["marks"])
        assert reply["verdict"] in VERDICT["properties"]["verdict"]["enum"]  # type: ignore[index]
    assert all(re.fullmatch(REGEX, text) for text in texts["regex"])
    assert set(texts["choice"]) <= set(CHOICE)
    alone = answers(engine, [request for kind, request in asked if kind == "free"])
    assert [c.text for c in alone] == texts["free"]


def test_a_choice_is_the_likeliest_of_its_first_tokens(engine: HF) -> None:
    """Against a plain forward pass: of the tokens that may come first, the one with the highest logit."""
    letters = ("A", "B", "C", "D")
    requests = [ask(CONTEXT, q, constraint=Constraint(choice=letters)) for q in QUESTIONS]
    found = answers(engine, requests)
    model = transformers.AutoModelForCausalLM.from_pretrained(engine._model.config._name_or_path).eval()
    places = [engine.encoder.tokenizer(letter, add_special_tokens=False)["input_ids"][0] for letter in letters]
    for request, completion in zip(requests, found, strict=True):
        with torch.no_grad():
            logits = model(torch.tensor([engine.encoder.encode(request.prompt).ids()])).logits[0, -1]
        assert completion.text == letters[int(logits[places].argmax())]


def test_stop_strings_and_limits_end_a_constrained_reply(engine: HF) -> None:
    held = Constraint(regex="[0-9]{40}")
    requests = [ask("Who?", constraint=held, max_tokens=3), ask("Who?", constraint=held, stop=tuple("0123456789"))]
    cut, stopped = answers(engine, requests)
    assert cut.finish == "length" and cut.text.isdigit() and cut.usage.completion_tokens == 3
    assert stopped.finish == "stop" and stopped.text == ""


def test_a_model_without_an_end_token_stops_where_the_grammar_does(folders: Any, tmp_path: Path) -> None:
    shutil.copytree(folders("llama"), tmp_path / "m")
    for name in ("generation_config.json", "config.json", "tokenizer_config.json"):
        file = tmp_path / "m" / name
        settings = json.loads(file.read_text())
        file.write_text(json.dumps({k: v for k, v in settings.items() if k not in {"eos_token_id", "eos_token"}}))
    engine = HF(str(tmp_path / "m"), HF.Options(threads=1))
    assert engine._ends == frozenset()
    (completion,) = answers(engine, [ask("Who?", constraint=Constraint(choice=("yes", "no")))])
    assert completion.text in {"yes", "no"} and completion.finish == "stop"


def test_thinking_that_the_prompt_opens_hides_no_constrained_reply(folders: Any, tmp_path: Path) -> None:
    shutil.copytree(folders("qwen3"), tmp_path / "m")
    for file in (tmp_path / "m").glob("chat_template.jinja"):
        file.write_text(file.read_text().replace("assistant\n", "assistant\n<think>\n"))
    engine = HF(str(tmp_path / "m"), HF.Options(threads=1))
    assert engine._intake.opens_thinking(engine.encoder.encode(ask("Who?").prompt))
    free, held = answers(engine, [ask("Who?"), ask("Who?", constraint=Constraint(choice=("yes", "no")))])
    assert free.text == "" and free.reasoning
    assert held.text in {"yes", "no"} and held.reasoning == ""


@pytest.mark.parametrize("said", ["it says </think> and 4", "<think>4</think>", "<think>"])
def test_a_constrained_reply_may_quote_marks_of_thinking(said: str, engine: HF) -> None:
    held, free = answers(engine, [ask("Who?", constraint=Constraint(choice=(said,)), max_tokens=80), ask("Who?")])
    assert (held.text, held.reasoning, held.finish) == (said, "", "stop") and free.text


@pytest.mark.parametrize(
    ("constraint", "reason"),
    [
        ({"json": {"type": "no such type"}}, 'Unsupported type "no such type"'),
        ({"json": {"enum": []}}, "enum array must not be empty"),
        ({"json": {"type": "integer", "minimum": 5, "maximum": 3}}, "minimum greater than maximum"),
        ({"json": {"type": "object", "required": ["a"]}}, "'a' is required by a JSON schema and not among its"),
        ({"json": {"type": "integer", "multipleOf": 3}}, "cannot be held to 'multipleOf'"),
        ({"json": {"type": "array", "items": {"oneOf": [{"const": 1}]}}}, "cannot be held to 'oneOf'"),
        ({"json": {"minLength": 2}}, "only beside a `type`"),
        ({"json": {"anyOf": [{"type": "integer"}], "minimum": 1, "type": "integer"}}, "'minimum' beside 'anyOf'"),
        ({"json": {"type": "string", "enum": ["a", 1]}}, "'type' beside 'enum'"),
        ({"json": {"type": "string", "pattern": "a*", "maxLength": 2}}, "put the length into the pattern"),
        ({"json": {"type": "string", "format": "nonsense"}}, "cannot be held to the format 'nonsense'"),
        ({"json": {"type": "array", "items": {"type": "string", "format": "iri"}}}, "to the format 'iri'"),
        ({"json": {"$ref": "#/$defs/none"}}, "Cannot find field"),
        ({"regex": "(a"}, "The parenthesis is not closed"),
        ({"regex": "(?=a)b"}, "Lookahead is not supported"),
    ],
)
def test_what_no_reply_can_be_held_to_is_refused(constraint: dict[str, Any], reason: str, folders: Any) -> None:
    engine = HF(str(folders("qwen3")), HF.Options(threads=1))
    bad, good = answers(engine, [ask("Who?", constraint=Constraint(**constraint)), ask("Who?")])
    assert bad.finish == "error" and bad.text == ""
    assert reason in bad.error and "\n" not in bad.error and "project/cpp" not in bad.error
    assert good.text


@pytest.mark.parametrize(
    "schema",
    [
        VERDICT,
        {"type": "string", "enum": ["a", "b"], "title": "Grade", "default": "a"},
        {"$defs": {"mark": MARK}, "type": "array", "items": {"$ref": "#/$defs/mark"}, "maxItems": 2},
        {"anyOf": [{"type": "null"}, {"type": "number", "exclusiveMinimum": 0}], "description": "or nothing"},
        {"type": "object", "properties": {"required": {"const": True}}, "required": ["required"]},
    ],
)
def test_usual_schemas_are_kept_whole(schema: dict[str, Any]) -> None:
    assert unenforced(schema) == ""


SPELT = {
    "date": ("2024-02-28", "2024-13-01"), "date-time": ("2024-02-28T10:20:30Z", "2024-02-28"),
    "duration": ("P3D", "3 days"), "email": ("a@b.org", "a b.org"), "hostname": ("a.org", "a b"),
    "ipv4": ("1.2.3.4", "1.2.3.400"), "ipv6": ("::1", ":::1"), "json-pointer": ("/a/b", "a/b"),
    "relative-json-pointer": ("0/a", "a"), "time": ("10:20:30Z", "25:00:00Z"), "uri": ("https://a.org/b", "no uri"),
    "uri-reference": ("/b", "a b"), "uri-template": ("/{a}", "/{a"),
    "uuid": ("123e4567-e89b-12d3-a456-426614174000", "123"),
}  # fmt: skip
"""A text that is of a format, and one that is not."""


def test_each_format_that_is_let_through_is_one_that_the_compiler_keeps() -> None:
    from xgrammar import Grammar
    from xgrammar.testing import _is_grammar_accept_string as accepts

    assert set(SPELT) == set(FORMATS)
    for name, (good, bad) in SPELT.items():
        schema = {"type": "string", "format": name}
        grammar = Grammar.from_json_schema(json.dumps(schema), any_whitespace=False)
        assert unenforced(schema) == "" and accepts(grammar, json.dumps(good)), name
        assert not accepts(grammar, json.dumps(bad)), name
    unknown = Grammar.from_json_schema('{"type": "string", "format": "iri"}', any_whitespace=False)
    assert accepts(unknown, '"no iri"'), "why others are refused"


def test_a_dead_end_is_an_error_and_no_reply(tmp_path: Path) -> None:
    """A vocabulary of whole words can say `mill` and has nothing to say `mint` with."""
    words = {word: n for n, word in enumerate(["<unk>", "<end>", "m", "mi", "mill", "l", "yes"])}
    tok = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tok.pre_tokenizer = pre_tokenizers.Whitespace()
    transformers.PreTrainedTokenizerFast(tokenizer_object=tok, eos_token="<end>", unk_token="<unk>").save_pretrained(
        tmp_path
    )
    config = transformers.LlamaConfig(**{**SHAPE, "vocab_size": len(words), "eos_token_id": 1, "num_hidden_layers": 1})
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    engine = HF(str(tmp_path), HF.Options(threads=1))
    held = [ask("yes", constraint=Constraint(choice=choice)) for choice in (("mint",), ("mill",))]
    never, ends = answers(engine, held)
    assert never.finish == "error" and never.text == "" and "no token of the model can go on" in never.error
    assert ends.finish == "stop" and ends.text.replace(" ", "") == "mill"
