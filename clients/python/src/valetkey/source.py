"""What is uploaded."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from .errors import FileChangedError

Uploadable = str | os.PathLike[str] | bytes | BinaryIO

# Bytes that are sent or hashed before others get their turn.
CHUNK = 64 * 1024


class Source:
    """A file, an open binary file from its present position, or bytes; several may read it."""

    def __init__(self, given: Uploadable, filename: str | None) -> None:
        self._is_own = isinstance(given, (str, os.PathLike))
        if isinstance(given, (str, os.PathLike)):
            given = open(given, "rb")  # noqa: SIM115
        self._file = io.BytesIO(given) if isinstance(given, bytes) else given
        name = filename or getattr(self._file, "name", None)
        self.filename = Path(name).name if isinstance(name, str) else "file"
        self._lock = threading.Lock()
        self._start = self._file.tell()
        self.size = self._file.seek(0, os.SEEK_END) - self._start
        self.modified = self._modified()

    def _modified(self) -> int | None:
        try:
            return os.fstat(self._file.fileno()).st_mtime_ns
        except (OSError, AttributeError):
            return None  # It is in memory.

    async def chunks(self, at: int, size: int) -> AsyncIterator[bytes]:
        """Reads a range. Raises `FileChangedError` if it is not there."""
        for begin in range(at, at + size, CHUNK):
            count = min(CHUNK, at + size - begin)
            data = await asyncio.to_thread(self._read, begin, count)
            if len(data) != count:
                raise self._changed()
            yield data

    def _read(self, at: int, count: int) -> bytes:
        with self._lock:
            self._file.seek(self._start + at)
            return self._file.read(count)

    def _changed(self) -> FileChangedError:
        return FileChangedError(f"{self.filename} has changed since its upload began.")

    def fail_unless_same(self) -> None:
        if self._modified() != self.modified:
            raise self._changed()

    def close(self) -> None:
        if self._is_own:
            self._file.close()

    async def checksum(self, algorithm: str, at: int, size: int) -> dict[str, str]:
        """Returns the checksum of a range as the API takes it."""
        digest = hashlib.new(algorithm, usedforsecurity=False)
        async for chunk in self.chunks(at, size):
            digest.update(chunk)
        return {"algorithm": algorithm, "value": base64.b64encode(digest.digest()).decode()}
