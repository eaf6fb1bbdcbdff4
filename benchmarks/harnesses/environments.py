"""An environment for each peer: made once, with the version that the figures name, apart from evalkit's own."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

VERSIONS = {"lm-eval": "0.4.13", "inspect-ai": "0.3.285"}
PACKAGES = {
    "lm-eval": [f"lm_eval[api]=={VERSIONS['lm-eval']}"],
    "inspect-ai": [f"inspect-ai=={VERSIONS['inspect-ai']}", "openai"],
}


def default_folder() -> Path:
    """Where they lie unless told otherwise."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "evalkit-peers"


def environment(folder: Path, peer: str) -> Path:
    """The `bin` of a peer's environment, which is made if it is not there."""
    home = folder / peer
    ready = home / f".ready-{VERSIONS[peer]}"
    binaries = home / "bin"
    if not ready.is_file():
        print(f"installing {peer} {VERSIONS[peer]} in an environment of its own", file=sys.stderr)
        venv.create(home, with_pip=True, clear=True)
        pip = [str(binaries / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        done = subprocess.run([*pip, *PACKAGES[peer]], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{peer} {VERSIONS[peer]} cannot be installed: {done.stderr.strip().splitlines()[-1]}")
        ready.touch()
    return binaries


__all__ = ["VERSIONS", "default_folder", "environment"]
