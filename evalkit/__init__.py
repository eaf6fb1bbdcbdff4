"""evalkit: an LLM grader and long-context evaluation harness.

The public names, loaded on first use so that `import evalkit` and the command line stay light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evalkit.catalogue import Catalogue
    from evalkit.config import RunConfig, load_config
    from evalkit.errors import (
        BudgetError, ConfigError, DataError, EngineError, EvalkitError, FirewallError, RunExistsError, StorageError,
        UserError,
    )
    from evalkit.privileged import Privileged, Reference, grading
    from evalkit.protocols import Engine, Grader, GradeItem, Item, Options, Task, TaskContext, TokenCounter, user
    from evalkit.records import (
        Answer, Completion, Corpus, Demonstration, Document, Grade, Message, Prompt, Request, Sample, Sampling, Segment,
        Usage, scored,
    )
    from evalkit.results import Run
    from evalkit.evaluation import resume, run

_WHERE = {
    "evalkit.catalogue": ("Catalogue",),
    "evalkit.config": ("RunConfig", "load_config"),
    "evalkit.errors": (
        "BudgetError", "ConfigError", "DataError", "EngineError", "EvalkitError", "FirewallError", "RunExistsError",
        "StorageError", "UserError", "nearest",
    ),
    "evalkit.privileged": ("Privileged", "Reference", "grading"),
    "evalkit.protocols": (
        "Engine", "GradeItem", "Grader", "Item", "Options", "Task", "TaskContext", "TokenCounter", "user",
    ),
    "evalkit.records": (
        "Answer", "Completion", "Corpus", "Demonstration", "Document", "Grade", "Message", "Prompt", "Request", "Sample",
        "Sampling", "Segment", "Usage", "scored",
    ),
    "evalkit.results": ("Run",),
    "evalkit.evaluation": ("resume", "run"),
}
_MODULE_OF = {name: module for module, names in _WHERE.items() for name in names}

__all__ = sorted(_MODULE_OF)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'evalkit' has no attribute {name!r}")
    value = getattr(importlib.import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
