"""The run file: what it accepts, and the one sentence with which it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from evalkit.config import load_config, parse_config, parse_overrides, validate
from evalkit.errors import ConfigError
from evalkit.protocols import Options

GOOD = """
name: demo
tasks:
  - archive/rag@1k
  - task: loft/rag_nq@4k
    graders: [match, {grader: math, options: {deadline: 2}}]
candidates:
  - {name: a, engine: hf, model: some/model}
"""


def test_a_short_run_file_gets_the_documented_defaults() -> None:
    config = parse_config(GOOD)
    assert (config.seed, config.draws, config.overflow, config.tokenizer) == (0, 1, "error", None)
    assert config.tasks[0].task == "archive/rag@1k" and config.tasks[0].graders is None
    assert [g.grader for g in config.tasks[1].graders or ()] == ["match", "math"]
    assert config.candidates[0].tasks == ("*",)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("name: demo", "name: demo\nsede: 3"), "unknown key 'sede'; did you mean 'seed'?"),
        (("engine: hf", "engin: hf"), "unknown key 'engin' in candidates.0; did you mean 'engine'?"),
        (
            ("{name: a,", "{name: a, sampling: {max_token: 3},"),
            "'max_token' in candidates.0.sampling; did you mean 'max_tokens'?",
        ),
        (("name: demo", "name: demo\nseed: soon"), "seed: must be a whole number, not 'soon'"),
        (("name: demo", "name: demo\nname: again"), "line 3: key 'name' is written twice"),
        (("name: demo", "name: ../demo"), "name: must be letters, digits and . _ - (at most 100, a"),
        (("archive/rag@1k", "loft/rag_nq@4k"), "task 'loft/rag_nq@4k' is listed twice"),
        (("name: demo", "name: ${NOT_THERE_AT_ALL}"), "the environment has no NOT_THERE_AT_ALL"),
        (("tasks:", "tasks: ["), "not YAML"),
        (("name: demo", "overflow: cut\nname: demo"), "overflow: must be 'error' or 'skip', not 'cut'"),
        (("name: demo", "name: demo\nseed: 1.5"), "seed: must be a whole number, not 1.5"),
        (("name: demo", "name: demo\ndraws: 0"), "draws: must be at least 1, not 0"),
        (("name: demo", "name: 3"), "name: must be a text, not 3"),
        (("- archive/rag@1k", "- 3"), "tasks.0: must be a mapping of keys to values, not 3"),
        (("[match,", "match #"), "tasks.1.graders: must be a list, not 'match'"),
        (("{name: a,", "{name: a, sampling: {top_p: 2},"), "candidates.0.sampling.top_p: must be at most 1, not 2"),
        (("{name: a,", "{name: a, sampling: {stop: x},"), "candidates.0.sampling.stop: must be a list, not 'x'"),
        (("{name: a,", "{name: a, options: [1],"), "options: must be a mapping of keys to values, not a list"),
        (("{name: a,", "{name: a, options: {1: 2},"), "key 1 in candidates.0.options must be a text"),
        (("{name: a,", "{name: 'a\\nb',"), "candidates.0.name: must be letters, digits and . _ - + @ / : ("),
        (("{name: a,", "{name: '<b>',"), "a letter or digit first), not '<b>'"),
        (("{grader: math,", "{grader: math, name: a b,"), "tasks.1.graders.1.name: must be letters, digits and"),
        (("name: demo", "name: 2020-13-45"), "not YAML: month must be in 1..12"),
        (("name: demo", "name: " + "[" * 5_000), "not read: nested too deeply"),
        (("name: demo", "name: \0"), "not YAML: unacceptable character #x0000"),
    ],
)
def test_a_mistake_is_one_sentence_that_says_where(change: tuple[str, str], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(GOOD.replace(*change, 1), where="my.yaml")
    assert sentence in str(caught.value)
    assert str(caught.value).startswith("my.yaml") and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a", "Qwen/Qwen3-8B", "org/model@v1.2:q4_K+lora", "7b"])
def test_the_usual_names_of_models_are_names_of_candidates(name: str) -> None:
    assert parse_config(GOOD.replace("{name: a,", f"{{name: '{name}',")).candidates[0].name == name


class Shelf(Options):
    """Options whose values may be given in two ways."""

    size: Literal["auto"] | Annotated[int, Field(ge=1)] = "auto"
    only: dict[str, str] = {}


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"size": "x"}, "o: size: must be 'auto' or a whole number, not 'x'"),
        ({"size": 0}, "o: size: must be 'auto' or at least 1, not 0"),
        ({"size": [1]}, "o: size: must be 'auto' or a whole number, not a list"),
        ({"only": {"a": 3}}, "o: only.a: must be a text, not 3"),
        ({"size": "x" * 1_000}, f"o: size: must be 'auto' or a whole number, not '{'x' * 56}..."),
    ],
)
def test_an_option_that_may_be_given_in_two_ways_is_refused_in_one_sentence(value: Any, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        validate(Shelf, value, where="o")
    assert str(caught.value) == sentence


def test_a_run_file_in_another_encoding_is_refused_and_a_byte_order_mark_is_not(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert load_config(path).name == "demo"
    path.write_bytes(GOOD.encode("utf-16"))
    with pytest.raises(ConfigError, match=r"my.yaml: not UTF-8 text \(invalid start byte at byte 1\)"):
        load_config(path)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ConfigError, match="candidates is missing"):
        parse_config("name: demo\ntasks: [archive/rag]\n")
    with pytest.raises(ConfigError, match="no run file"):
        load_config(Path("nowhere.yaml"))
    with pytest.raises(ConfigError, match="a run file is a mapping"):
        parse_config("- a\n- b\n")


def test_two_candidates_of_one_name_are_refused() -> None:
    text = GOOD + "  - {name: a, engine: replay}\n"
    with pytest.raises(ConfigError, match="two candidates are called 'a'"):
        parse_config(text)


def test_set_changes_single_values_and_reads_them_as_yaml() -> None:
    config = parse_config(GOOD, ["seed=7", "candidates.0.sampling.max_tokens=9", "candidates.0.options={dtype: auto}"])
    assert config.seed == 7
    assert config.candidates[0].sampling.max_tokens == 9
    assert config.candidates[0].options == {"dtype": "auto"}
    assert parse_overrides(["a.b=1", "a.c=[x]"]) == {"a": {"b": 1, "c": ["x"]}}


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("seed", "write KEY=VALUE"),
        ("candidates.3.model=x", "'3' is not one of the 1 items"),
        ("name.x=1", "'name' is a single value"),
        ("sed=1", "unknown key 'sed'; did you mean 'seed'?"),
    ],
)
def test_a_wrong_set_is_refused(override: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(GOOD, [override])
    assert sentence in str(caught.value)


def test_the_environment_fills_in_with_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALKIT_TEST_NAME", "fromenv")
    monkeypatch.delenv("EVALKIT_TEST_MODEL", raising=False)
    text = GOOD.replace("demo", "${EVALKIT_TEST_NAME}").replace("some/model", "${EVALKIT_TEST_MODEL:-other/model}")
    config = parse_config(text)
    assert config.name == "fromenv" and config.candidates[0].model == "other/model"
