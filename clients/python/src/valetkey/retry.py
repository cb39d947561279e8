"""What is tried again, for how long, and after which pauses."""

from __future__ import annotations

import random
from asyncio import sleep
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import TypeVar

from .errors import ValetkeyError

T = TypeVar("T")

# In seconds. An upload idles for at most the longest of them once an outage is over.
FIRST_DELAY = 0.5
LONGEST_DELAY = 10.0


@dataclass(frozen=True)
class Progress:
    """Bytes that were sent: all only once the upload is confirmed.

    `retrying` is why something is tried again: `network`: no answer; `busy`: a 408, 429 or 5xx;
    `expired`: the URL was no longer accepted; `pending`: the file is copied or scanned.
    """

    sent: int
    total: int
    retrying: str | None = None


class Run:
    """A call under way, and how far it got."""

    def __init__(
        self, retry_for: float, total: int = 1, tell: Callable[[Progress], object] = lambda _: None
    ) -> None:
        self._retry_for = retry_for
        self._total = total
        self._tell = tell
        self._progress_at = 0.0
        # The most that was ever sent of each part.
        self.sent: dict[int, int] = {}

    def has_sent(self, part: int, count: int) -> None:
        if count > self.sent.get(part, 0):
            self.sent[part] = count
            self._progress_at = monotonic()
            self._show()

    def _show(self, retrying: str | None = None) -> None:
        sent = min(sum(self.sent.values()), self._total - 1)
        self._tell(Progress(sent, self._total, retrying))

    async def persist(self, work: Callable[[], Awaitable[T]]) -> T:
        """Calls `work` until it succeeds or fails for good.

        Again and again with full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"),
        or after the time that the answer asks for, as long as the run allows since the start or
        the last progress, which starts the count anew.
        """
        attempt, since = 0, monotonic()
        while True:
            try:
                return await work()
            except ValetkeyError as failure:
                if failure.retrying is None:
                    raise
                asked = failure.retry_after or 0
                attempt += 1
                if self._progress_at > since:
                    attempt, since = 1, self._progress_at
                left = self._retry_for - (monotonic() - since)
                if asked >= left:
                    failure.retrying = None
                    raise
                # Many clients got the same time, so some of the jitter comes on top.
                longest = FIRST_DELAY if asked else min(LONGEST_DELAY, FIRST_DELAY * 2**attempt)
                pause = min(asked + random.uniform(0, longest), left)  # noqa: S311
                self._show(failure.retrying)
            await sleep(pause)


def is_busy(status: int) -> bool:
    """Returns True if a later request may be answered differently (RFC 9110)."""
    return status in (408, 429) or (status >= 500 and status != 501)


def retry_after(header: str | None) -> float | None:
    """Reads a `Retry-After` header, as seconds from now."""
    is_valid = header and header.isdecimal() and header.isascii() and len(header) < 10
    return float(header) if header and is_valid else None
