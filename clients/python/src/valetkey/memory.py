"""What the next process has to know of an upload in parts."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any


class Memory:
    """Lines of JSON in a file, of which the first has the token of the upload."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def recall(self) -> dict[str, Any]:
        """Returns the members of all lines; nothing if no upload is remembered."""
        found: dict[str, Any] = {}
        if self._path and self._path.exists():
            for line in self._path.read_text(encoding="utf-8", errors="replace").split("\n"):
                # The process may have ended while it wrote one.
                with suppress(ValueError, TypeError):
                    found.update(json.loads(line))
        return found if found.keys() >= {"upload", "part_size", "asked"} else {}

    def keep(self, members: Mapping[Any, object]) -> None:
        if self._path:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with open(descriptor, "a", encoding="utf-8") as file:
                file.write(f"\n{json.dumps(members)}")

    def forget(self) -> None:
        if self._path:
            self._path.unlink(missing_ok=True)
