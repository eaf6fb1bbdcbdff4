"""The run file: what it accepts, and the one sentence with which it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.config import load_config, parse_config, parse_overrides
from evalkit.errors import ConfigError

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
        (("name: demo", "name: demo\nseed: soon"), "seed: input should be a valid integer"),
        (("name: demo", "name: demo\nname: again"), "line 3: key 'name' is written twice"),
        (("name: demo", "name: ../demo"), "name: string should match pattern"),
        (("archive/rag@1k", "loft/rag_nq@4k"), "task 'loft/rag_nq@4k' is listed twice"),
        (("name: demo", "name: ${NOT_THERE_AT_ALL}"), "the environment has no NOT_THERE_AT_ALL"),
        (("tasks:", "tasks: ["), "not YAML"),
        (("name: demo", "overflow: cut\nname: demo"), "overflow: input should be 'error' or 'skip', not 'cut'"),
    ],
)
def test_a_mistake_is_one_sentence_that_says_where(change: tuple[str, str], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(GOOD.replace(*change, 1), where="my.yaml")
    assert sentence in str(caught.value)
    assert str(caught.value).startswith("my.yaml") and "\n" not in str(caught.value)


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
