"""Folders for what lives no longer than a test: in memory, where the machine has room there."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder with a drawn name is made in it
_ROOM = 4 * 1024**3


@contextmanager
def scratch(name: str) -> Iterator[Path]:
    """Make a folder that is gone afterwards; databases in it are copied in no time.

    Not in pytest's own folder: another run of pytest closes that to the database's account. On a
    disk that others write to, a copy of a database takes up to a second, in memory 40 ms; with
    less than 4 GB free there (a container has 64 MB) it is the disk's folder all the same.
    """
    roomy = _MEMORY.is_mount() and shutil.disk_usage(_MEMORY).free > _ROOM
    with tempfile.TemporaryDirectory(prefix=name, dir=_MEMORY if roomy else None) as folder:
        yield Path(folder)
