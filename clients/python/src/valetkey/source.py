"""What is uploaded."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import os
import threading
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from .errors import FileChangedError


class UploadFile(Protocol):
    """That of Starlette and FastAPI."""

    file: BinaryIO
    filename: str | None


Uploadable = str | os.PathLike[str] | bytes | bytearray | BinaryIO | UploadFile
Checksum = dict[str, str]

# Bytes that are sent or hashed before others get their turn.
CHUNK = 64 * 1024


class Source:
    """A file, an open binary file from its present position, or bytes; several may read it."""

    def __init__(self, given: Uploadable, filename: str | None) -> None:
        self._is_own = isinstance(given, (str, os.PathLike))
        file: Any = given
        if isinstance(given, (str, os.PathLike)):
            file = open(given, "rb")  # noqa: SIM115
        elif isinstance(given, (bytes, bytearray)):
            file = io.BytesIO(given)
        name = filename or getattr(file, "filename", None) or getattr(file, "name", None)
        self.filename = Path(name).name if isinstance(name, str) else "file"
        self._file: BinaryIO = getattr(file, "file", file)
        self._lock = threading.Lock()
        try:
            self._start: int = self._file.tell()
            self.size = self._size()
            if self._file.read(0) != b"":
                raise TypeError("It has text.")
        except (AttributeError, TypeError, OSError) as cause:
            self.close()
            message = "file must be a path, bytes, or an open binary file that can be sought"
            raise ValueError(f"{message}, not {type(given).__name__}.") from cause
        self._stat = self._facts()
        self.modified = self._stat and self._stat[0]

    def _size(self) -> int:
        return self._file.seek(0, os.SEEK_END) - self._start

    def _facts(self) -> tuple[int, ...] | None:
        try:
            stat = os.fstat(self._file.fileno())
        except (OSError, AttributeError):
            return None  # It is in memory.
        return stat.st_mtime_ns, stat.st_ctime_ns

    async def chunks(self, at: int, size: int) -> AsyncIterator[bytes]:
        """Reads a range. Raises `FileChangedError` if it is not there."""
        for begin in range(at, at + size, CHUNK):
            count = min(CHUNK, at + size - begin)
            data = await asyncio.to_thread(self._read, begin, count)
            if len(data) != count:
                raise self.changed()
            yield data

    def _read(self, at: int, count: int) -> bytes:
        with self._lock:
            self._file.seek(self._start + at)
            return self._file.read(count)

    def changed(self) -> FileChangedError:
        message = f"{self.filename} has changed since its upload began. Upload it again."
        return FileChangedError(message, problem={"code": "FILE_CHANGED"})

    async def fail_unless_same(self, sums: Mapping[tuple[int, int], Checksum]) -> None:
        """Raises `FileChangedError` unless ranges of the file, by offset and size, have these sums.

        They are compared unless the system says that nothing has changed: the time of its status
        (ctime) cannot be set back. Windows has none.
        """
        if self._size() != self.size:
            raise self.changed()
        if self._stat and self._stat == self._facts() and os.name == "posix":
            return
        for (at, size), known in sums.items():
            if await self.checksum(known["algorithm"], at, size) != known:
                raise self.changed()

    def close(self) -> None:
        if self._is_own:
            self._file.close()

    async def checksum(self, algorithm: str, at: int, size: int) -> Checksum:
        """Returns the checksum of a range as the API takes it."""
        digest = hashlib.new(algorithm, usedforsecurity=False)
        async for chunk in self.chunks(at, size):
            digest.update(chunk)
        return {"algorithm": algorithm, "value": base64.b64encode(digest.digest()).decode()}
