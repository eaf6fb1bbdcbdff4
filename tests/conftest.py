"""What tests share: where the real data lie."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


def shared_folder() -> Path | None:
    """The folder with real data: `$EVALKIT_SHARED`, else `shared` beside the checkout; None where there is none."""
    folder = Path(os.environ.get("EVALKIT_SHARED") or REPOSITORY.parent / "shared") / "data"
    return folder if folder.is_dir() else None


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data for tests. Missing data fail in CI and are a visible skip elsewhere."""
    folder = shared_folder()
    if folder is None:
        if os.environ.get("CI"):
            pytest.fail("the shared data are missing: set EVALKIT_SHARED to the folder that holds `data/`")
        pytest.skip("no shared data here (set EVALKIT_SHARED)")
    return folder
