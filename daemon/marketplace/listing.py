"""The elements of one answer, on their way from bytes to orders."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from msgspec import Raw

from daemon.ports import Element


@dataclass(frozen=True, slots=True)
class Listing(Sequence[Element]):
    """Each element is read when it is asked for and kept by nobody, so that an answer costs little more than its bytes."""

    raws: Sequence[bytes | Raw]
    read: Callable[[bytes], Element]

    def __len__(self) -> int:
        return len(self.raws)

    @overload
    def __getitem__(self, at: int) -> Element: ...
    @overload
    def __getitem__(self, at: slice) -> "Listing": ...
    def __getitem__(self, at: int | slice) -> "Element | Listing":
        return Listing(self.raws[at], self.read) if isinstance(at, slice) else self.read(bytes(self.raws[at]))

    def __iter__(self) -> Iterator[Element]:
        return map(self.read, map(bytes, self.raws))
