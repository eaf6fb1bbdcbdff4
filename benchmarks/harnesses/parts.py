"""Tasks and engines by themselves, made as a run makes them, for measuring what no run is around."""

from __future__ import annotations

from pathlib import Path
from typing import Any

MODEL = "tasks/archive/model"


def model_folder() -> Path:
    """The project's small model."""
    import evalkit as ek

    found = ek.Catalogue().locate(MODEL)
    assert found is not None
    return found


def make_task(
    address: str,
    options: dict[str, Any],
    *,
    seed: int = 0,
    tokenizer: Path | None = None,
    catalogue: Path | None = None,
) -> Any:
    """The task at an address. `catalogue`: a folder beside the built-in one."""
    import evalkit as ek
    from evalkit.catalogue import parse_address
    from evalkit.prompts import load_counter

    parsed = parse_address(address)
    found = ek.Catalogue([catalogue] if catalogue else []).task_class(parsed)
    counter = load_counter(str(tokenizer)) if tokenizer else None
    return found(ek.TaskContext(address, parsed.variant, parsed.length, seed, counter), found.Options(**options))


def make_engine(name: str, model: str, options: dict[str, Any]) -> Any:
    """An engine by name; it has loaded nothing yet."""
    from evalkit.engines import engine_class

    found = engine_class(name)
    return found(model, found.Options(**options))


__all__ = ["make_engine", "make_task", "model_folder"]
