"""Making files and folders outlive a power cut, one by one or the whole file system at once."""

import ctypes
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

#: Above so many, one flush of the whole file system is faster (20,000 files in groups of 500: 0.5 s against 3.4 s).
FEW = 8

Flush = Callable[[Iterable[str | Path]], None]


@contextmanager
def flushing(root: Path) -> Iterator[Flush]:
    """A function that returns once these files and folders below `root`, and their contents, are on the disk.

    It is made before anything is written, so that the kernel tells us of every error in between (syncfs(2), since Linux 5.8).
    """
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield lambda paths: _flush(descriptor, paths)
    finally:
        os.close(descriptor)


def _flush(root: int, paths: Iterable[str | Path]) -> None:
    distinct = set[str | Path]()
    for path in paths:  # of a large group only some are ever named
        distinct.add(path)
        if len(distinct) > FEW and sys.platform == "linux":
            _flush_file_system(root)
            return
    with ThreadPoolExecutor(min(FEW, max(1, len(distinct)))) as pool:
        list(pool.map(_flush_one, distinct))


def _flush_one(path: str | Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush_file_system(descriptor: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syncfs(descriptor) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
