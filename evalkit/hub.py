"""What a model's name names: a directory here, or a repository on the model hub.

Whoever mistypes a directory, or has no network, shall hear so at once, and not after a minute of retries.
"""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from urllib.parse import urlsplit

from evalkit.errors import ConfigError, nearest

ANSWERS_WITHIN = 5.0
"""Seconds that the hub has to take a connection."""
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


def check_model(model: str | Path) -> None:
    """Raise ConfigError where a model's name is no directory, nor a hub's repository that is cached or can be asked."""
    path = Path(model)
    if path.is_dir():
        return
    if path.exists():
        raise ConfigError(f"the model {str(model)!r} is a file: name the directory that holds it")
    if _HUB_ID.fullmatch(str(model)) and not (path.parent != Path() and path.parent.is_dir()):
        _reach(str(model))
        return
    parent = next(p for p in path.absolute().parents if p.is_dir())
    missing = path.absolute().relative_to(parent).parts[0]
    hint = nearest(missing, (p.name for p in parent.iterdir() if p.is_dir())) if parent != Path("/") else ""
    raise ConfigError(f"no model directory {str(model)!r}{hint if 'valid:' not in hint else ''}")


def _reach(model: str) -> None:
    """Raise ConfigError where a repository is neither cached nor can be fetched. What stands behind a proxy is left to
    the hub's own client."""
    from huggingface_hub import constants, try_to_load_from_cache

    try:
        cached = try_to_load_from_cache(model, "config.json")
    except ValueError:  # HFValidationError: two dots or dashes, an end in .git
        raise ConfigError(f"no model directory {model!r}, and it cannot be the name of one on the model hub") from None
    if isinstance(cached, str):
        return
    if constants.HF_HUB_OFFLINE:
        raise ConfigError(f"the model {model!r} is neither a directory here nor in the hub's cache (HF_HUB_OFFLINE)")
    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")):
        return
    hub = urlsplit(constants.ENDPOINT)
    port = hub.port or (443 if hub.scheme == "https" else 80)
    try:
        socket.create_connection((hub.hostname or "", port), timeout=ANSWERS_WITHIN).close()
    except OSError:
        raise ConfigError(
            f"the model {model!r} is no directory here, and the model hub ({hub.hostname}) cannot be reached"
        ) from None


__all__ = ["check_model"]
