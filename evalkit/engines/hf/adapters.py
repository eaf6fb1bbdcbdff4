"""LoRA adapters laid into one model: the base weights are in memory once, and one adapter or none is at work.

PEFT puts its layers round the model's own, in place; with all adapters off the model computes what it did before.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from evalkit.adapters.lora import check_unchanged
from evalkit.errors import EngineError
from evalkit.records import Lora


class Layers:
    """A model's adapters, all off at first. Raises ConfigError or EngineError for one that cannot be laid in."""

    def __init__(self, model: Any, adapters: Iterable[Lora]) -> None:
        laid: Any = None
        for lora in adapters:
            check_unchanged(lora)
            laid = _laid(model if laid is None else laid, lora, first=laid is None)
        self._laid = laid
        self._now: Lora | None = None
        self._laid.base_model.disable_adapter_layers()
        model.eval()

    def use(self, lora: Lora | None) -> bool:
        """Answer with an adapter, or with none; whether that is a change."""
        if lora == self._now:
            return False
        if lora is None:
            self._laid.base_model.disable_adapter_layers()
        else:
            if self._now is None:
                self._laid.base_model.enable_adapter_layers()
            self._laid.set_adapter(lora.digest)
            self._laid.requires_grad_(False)
        self._now = lora
        return True


def _laid(model: Any, lora: Lora, *, first: bool) -> Any:
    """PEFT's model round a plain one, or the same again, with one adapter more."""
    from peft import PeftConfig, PeftModel

    try:
        if first:
            config = PeftConfig.from_pretrained(lora.path)
            config.inference_mode = True
            model = PeftModel(model, config, adapter_name=lora.digest)
        missing = model.load_adapter(lora.path, adapter_name=lora.digest).missing_keys
    except Exception as error:  # peft raises nearly anything
        reason = (str(error).strip() or type(error).__name__).split("\n")[0]
        raise EngineError(f"the adapter {lora.path!r} could not be loaded: {reason}") from error
    if missing:
        raise EngineError(
            f"the adapter {lora.path!r} lacks {len(missing)} tensors that its config promises, the first: {missing[0]}"
        )
    return model


__all__ = ["Layers"]
