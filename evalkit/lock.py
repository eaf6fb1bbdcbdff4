"""One process at a time in a run directory: a lock file that the kernel frees with the process, however that ends."""

from __future__ import annotations

import fcntl
from pathlib import Path

from evalkit.errors import RunExistsError, StorageError

NAME = "run.lock"


class RunLock:
    """An exclusive lock on a run directory, which must exist.

    Raises RunExistsError if another process has it, StorageError if the directory cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._file = (folder / NAME).open("a")
        except OSError as error:
            raise StorageError(f"{folder} cannot be written: {error.strerror}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise RunExistsError(f"{folder} is in use by another evalkit process") from None
        except OSError as error:
            self._file.close()
            raise StorageError(f"{folder} cannot be locked: {error.strerror}") from error

    def release(self) -> None:
        """Let others have it; harmless the second time."""
        self._file.close()


__all__ = ["NAME", "RunLock"]
