"""Creating the folder, and proving that its protocol can work there."""

import errno
import os
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from daemon.erp.files.folder import Folder
from daemon.errors import AdapterError

#: What a document takes.
_A_LITTLE = bytes(4096)


def prepare(folder: Folder, replies: Sequence[Path]) -> None:
    """Create what is missing and try what the protocol needs. Raises `AdapterError` with a remedy; the ERP sees no trace."""
    places = (folder.inbox, folder.staging, folder.receipts, *replies)
    _create(folder, replies)
    for place in places:
        _must_be_writable(place)
    _must_be_one_file_system(folder, places)
    _must_have_room(folder)
    _must_have_links(folder)


def inspect(folder: Folder, replies: Sequence[Path]) -> None:
    """Look whether `prepare` could do its work, touching nothing. Raises `AdapterError` with a remedy."""
    for place in (folder.root, folder.inbox, folder.staging, folder.receipts, *replies):
        _must_be_writable(next(each for each in (place, *place.parents) if each.exists()))


def _create(folder: Folder, replies: Sequence[Path]) -> None:
    shards = [folder.receipts / f"{number:02x}" for number in range(256)]
    for place in (folder.root, folder.inbox, folder.staging, folder.receipts, *replies, *shards):
        try:
            place.mkdir(exist_ok=True, parents=place in (folder.inbox, *replies))
        except OSError as problem:
            raise AdapterError(f"cannot create {place}: {problem.strerror}", remedy=_rights_to(folder.root)) from problem


def _must_be_writable(place: Path) -> None:
    effective = os.access in os.supports_effective_ids
    if not os.access(place, os.R_OK | os.W_OK | os.X_OK, effective_ids=effective):
        raise AdapterError(f"cannot write into {place}", remedy=_rights_to(place))


def _rights_to(place: Path) -> str:
    return f"Check `folder`, and let user id {os.geteuid()} read and write {place}; in a container, mount it writable."


def _must_be_one_file_system(folder: Folder, places: Sequence[Path]) -> None:
    devices = {place.stat().st_dev for place in places}
    if len(devices) > 1 or _crosses_mounts(folder.staging, folder.inbox) or _crosses_mounts(places[-2], places[-3]):
        remedy = (
            f"Mount {folder.root} as a whole, not the folders in it: a document can only then appear in the inbox in one step."
        )
        names = ", ".join(str(place.relative_to(folder.root)) for place in places)
        raise AdapterError(f"the folders {names} below {folder.root} are not on one file system", remedy=remedy)


def _crosses_mounts(source: Path, target: Path) -> bool:
    # The kernel compares the mounts before it looks for the file, so nothing has to be moved to learn it.
    try:
        (source / ".nothing").rename(target / ".nothing")
    except OSError as problem:
        return problem.errno == errno.EXDEV
    return False


def _must_have_room(folder: Folder) -> None:
    """A little is written through to the disk: a full one still takes empty files."""
    probe = _probe(folder)
    try:
        with probe.open("wb") as file:
            file.write(_A_LITTLE)
            file.flush()
            os.fsync(file.fileno())
    except OSError as problem:
        remedy = f"Make room on the disk of {folder.root}, or look at its quota and at the disk itself."
        raise AdapterError(f"cannot write a document into {folder.staging}: {problem.strerror}", remedy=remedy) from problem
    finally:
        _quietly(probe.unlink)


def _must_have_links(folder: Folder) -> None:
    probe = _probe(folder)
    link = folder.receipts / "00" / probe.name
    try:
        probe.touch()
        os.link(probe, link)
    except OSError as problem:
        remedy = "It must have room, and be a file system with hard links (ext4, xfs, btrfs, NFS, NTFS; not FAT)."
        raise AdapterError(f"cannot make a hard link in {folder.receipts}: {problem.strerror}", remedy=remedy) from problem
    finally:
        _quietly(probe.unlink)
        _quietly(link.unlink)


def _probe(folder: Folder) -> Path:
    return folder.staging / f"probe.{secrets.token_hex(4)}"


def _quietly(remove: Callable[[], None]) -> None:
    with suppress(OSError):
        remove()
