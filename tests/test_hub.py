"""What a model's name names, said at once."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from evalkit.errors import ConfigError
from evalkit.hub import check_model


@pytest.fixture(autouse=True)
def _nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # the port of a service that nobody runs


def test_a_directory_is_a_model(tmp_path: Path) -> None:
    check_model(tmp_path)
    check_model(str(tmp_path))


def test_a_mistyped_directory_gets_the_nearest_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models" / "llama").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    for name in ("models/lama", "./models/lama", str(tmp_path / "models" / "lama")):
        with pytest.raises(ConfigError, match=r"no model directory '.*lama'; did you mean 'llama'\?"):
            check_model(name)


@pytest.mark.parametrize("name", ["./nothing", "/nowhere/at/all", "a/b/c", "../x y"])
def test_what_cannot_be_a_repository_is_never_looked_for(name: str) -> None:
    with pytest.raises(ConfigError, match="no model directory"):
        check_model(name)


def test_a_file_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_text("")
    with pytest.raises(ConfigError, match="is a file: name the directory"):
        check_model(tmp_path / "weights.bin")


@pytest.mark.parametrize("name", ["llama", "some-org/llama-3.2"])
def test_a_hub_that_cannot_be_reached_is_said_in_one_sentence_and_at_once(name: str) -> None:
    begun = time.monotonic()
    with pytest.raises(ConfigError, match=r"no directory here, and the model hub \(127\.0\.0\.1\) cannot be reached"):
        check_model(name)
    assert time.monotonic() - begun < 6


def test_offline_only_the_cache_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ConfigError, match="HF_HUB_OFFLINE"):
        check_model("some-org/llama")
