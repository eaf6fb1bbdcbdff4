"""LoRA adapters on transformers: what peft itself generates, one model in memory, nothing shared between weights."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
peft = pytest.importorskip("peft")

from safetensors.torch import load_file, save_file  # noqa: E402
from tiny import CONTEXT, QUESTIONS, TARGETS, answers, ask, make_lora, tokenizer  # noqa: E402

from evalkit.adapters import read_lora  # noqa: E402
from evalkit.engines.hf import HF  # noqa: E402
from evalkit.errors import ConfigError, EngineError  # noqa: E402
from evalkit.prompts import load_encoder  # noqa: E402
from evalkit.records import Lora, Request  # noqa: E402


def by_peft(base: Path, requests: Sequence[Request]) -> list[str]:
    """What peft generates, greedily, on each whole prompt with each request's own adapter."""
    encoder = load_encoder(base)
    models: dict[Lora | None, Any] = {}
    texts = []
    for request in requests:
        if request.adapter not in models:
            model = transformers.AutoModelForCausalLM.from_pretrained(base)
            path = request.adapter.path if request.adapter else None
            models[request.adapter] = (peft.PeftModel.from_pretrained(model, path) if path else model).eval()
        ids = torch.tensor([encoder.encode(request.prompt).ids()])
        most = request.sampling.max_tokens
        out = models[request.adapter].generate(input_ids=ids, do_sample=False, max_new_tokens=most)
        texts.append(tokenizer().decode(out[0, ids.shape[1] :], skip_special_tokens=True))
    return texts


@pytest.mark.parametrize("family", ["llama", "qwen3"])
@pytest.mark.parametrize("options", [{}, {"attention": "eager"}])
def test_base_and_adapters_in_one_run_reply_as_peft_does(
    family: str, options: dict[str, Any], folders: Any, tmp_path: Path
) -> None:
    base = folders(family)
    loras = [
        make_lora(tmp_path / "one", base, seed=1),
        make_lora(tmp_path / "two", base, seed=2, rank=3, targets=(*TARGETS, "lm_head")),
    ]
    order = [None, loras[0], loras[1], None, loras[0]]
    requests = [ask(CONTEXT, q, adapter=lora, draw=n) for n, lora in enumerate(order) for q in QUESTIONS[:4]]
    engine = HF(str(base), HF.Options(threads=1, **options))
    engine.use_adapters(loras)
    found = [c.text for c in answers(engine, requests)]
    assert found == by_peft(base, requests)
    assert found[:4] != found[4:8] != found[8:12] and found[:4] == found[12:16], "the adapters change the replies"
    alone = HF(str(base), HF.Options(threads=1, **options))
    assert [c.text for c in answers(alone, requests[:4])] == found[:4]


def test_adapters_read_a_context_each_for_itself(folders: Any, tmp_path: Path) -> None:
    """Keys and values belong to weights: the first question with another adapter finds nothing cached."""
    lora = make_lora(tmp_path / "one", folders("qwen3"), seed=1)
    engine = HF(str(folders("qwen3")), HF.Options(threads=1))
    engine.use_adapters([lora])
    requests = [ask(CONTEXT, q, adapter=a, draw=n) for n, a in enumerate([None, lora, None]) for q in QUESTIONS[:3]]
    usage = [c.usage for c in answers(engine, requests)]
    context = usage[1].cached_tokens
    assert context > 200
    assert [u.cached_tokens for u in usage] == [0, context, context] * 3
    assert [u.fresh_tokens > 200 for u in usage] == [True, False, False, True, False, False, False, False, False]


def test_an_adapter_for_another_model_is_refused_before_anything_is_loaded(folders: Any, tmp_path: Path) -> None:
    lora = make_lora(tmp_path / "one", folders("qwen3"), seed=1)
    other = tmp_path / "other"
    shutil.copytree(folders("qwen3"), other)
    settings = json.loads((other / "config.json").read_text())
    for change, sentence in (({"intermediate_size": 128}, "its size is 96, the model's 128"),
                             ({"num_hidden_layers": 1, "layer_types": ["full_attention"]}, "has no layer 'model.layers.1")):  # fmt: skip  # noqa: E501
        (other / "config.json").write_text(json.dumps({**settings, **change}))
        engine = HF(str(other), HF.Options(threads=1))
        with pytest.raises(ConfigError, match=sentence):
            engine.use_adapters([lora])
        assert "_model" not in vars(engine)


def test_an_adapter_that_lacks_weights_or_was_written_anew_is_refused(folders: Any, tmp_path: Path) -> None:
    base = folders("qwen3")
    whole = make_lora(tmp_path / "one", base, seed=1)
    file = tmp_path / "one" / "adapter_model.safetensors"
    tensors = load_file(file)
    del tensors[next(name for name in tensors if "layers.1" in name and "lora_B" in name)]
    save_file(tensors, file)
    for lora, error, sentence in (
        (whole, ConfigError, "written anew since the run began"),
        (read_lora(tmp_path / "one"), EngineError, "lacks 1 tensors that its config promises"),
    ):
        engine = HF(str(base), HF.Options(threads=1))
        engine.use_adapters([lora])
        with pytest.raises(error, match=sentence):
            list(engine.generate([ask("Who?", adapter=lora)]))
