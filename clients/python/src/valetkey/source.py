"""What is uploaded, and what an upload in parts is continued by."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import threading
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO, Protocol

from .errors import FileChangedError, RefusedError
from .models import Part, Started, read, read_all
from .transport import Io

Uploadable = str | os.PathLike[str] | bytes | BinaryIO

# Bytes that are hashed before others get their turn.
SLICE = 4 * 2**20


class Source:
    """A file, an open binary file from its present position, or bytes; several may read it."""

    def __init__(self, given: Uploadable, filename: str | None) -> None:
        self._is_own = isinstance(given, (str, os.PathLike))
        self._file = _opened(given)
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

    def read(self, at: int, count: int) -> bytes:
        """Reads so many bytes. Raises `FileChangedError` if they are not there."""
        with self._lock:
            self._file.seek(self._start + at)
            data = self._file.read(count)
        if len(data) != count:
            raise self.changed()
        return data

    def changed(self) -> FileChangedError:
        return FileChangedError(f"{self.filename} has changed since its upload began.")

    def fail_unless_same(self) -> None:
        if self._modified() != self.modified:
            raise self.changed()
        if self.size <= 0:
            raise RefusedError(f"{self.filename} is empty.")

    def close(self) -> None:
        if self._is_own:
            self._file.close()

    async def checksum(self, io: Io, algorithm: str, at: int, size: int) -> str:
        """Returns the checksum of a range as the API takes it: in base64."""
        digest = hashlib.new(algorithm, usedforsecurity=False)
        for begin in range(at, at + size, SLICE):
            digest.update(await io.call(partial(self.read, begin, min(SLICE, at + size - begin))))
        return base64.b64encode(digest.digest()).decode()


def _opened(given: Uploadable) -> BinaryIO:
    if isinstance(given, (str, os.PathLike)):
        return open(given, "rb")
    return io.BytesIO(given) if isinstance(given, bytes) else given


class StateStore(Protocol):
    """Where uploads in parts are remembered, as text by key. A `dict` will do."""

    def get(self, key: str, /) -> str | None: ...
    def pop(self, key: str, default: None, /) -> str | None: ...
    def __setitem__(self, key: str, value: str, /) -> None: ...


class Directory:
    """A `StateStore` of files that are replaced as a whole, and that only their owner reads."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _file(self, key: str) -> Path:
        return self._path / f"{hashlib.sha256(key.encode()).hexdigest()[:40]}.json"

    def get(self, key: str) -> str | None:
        try:
            return self._file(key).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def pop(self, key: str, default: None) -> None:
        self._file(key).unlink(missing_ok=True)

    def __setitem__(self, key: str, value: str) -> None:
        with NamedTemporaryFile("w", encoding="utf-8", dir=self._path, delete=False) as file:
            file.write(value)
        os.replace(file.name, self._file(key))


class Memory:
    """The memory of one upload. `facts` tell the file, its policy and the service from others."""

    def __init__(self, store: StateStore, facts: Mapping[str, object]) -> None:
        self._store = store
        self._facts = facts
        self._key = json.dumps(facts)

    def recall(self) -> tuple[Started, list[Part]] | None:
        """Returns what was begun, and what of it has arrived; None if it cannot be used."""
        try:
            kept = json.loads(self._store.get(self._key) or "null")
            if kept["file"] == self._facts:
                return read(Started, kept["begun"]), read_all(Part, "parts", kept)
        except (ValueError, TypeError, KeyError):
            pass
        return None

    def keep(self, begun: Started, parts: Mapping[int, Part]) -> None:
        known = [asdict(part) for part in parts.values()]
        kept = {"file": self._facts, "begun": asdict(begun), "parts": known}
        self._store[self._key] = json.dumps(kept)

    def forget(self) -> None:
        self._store.pop(self._key, None)
