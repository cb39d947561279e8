"""What is tried again, for how long, and after which pauses."""

from __future__ import annotations

import random
from asyncio import sleep
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import monotonic, time
from typing import TypeVar

from .errors import UnstableError, ValetkeyError

T = TypeVar("T")

# In seconds. An upload idles for at most the longest of them once an outage is over.
FIRST_DELAY = 0.5
LONGEST_DELAY = 10.0
# The service's code for more open uploads than may be.
TOO_MANY_OPEN = "TOO_MANY_OPEN_UPLOADS"
# A body was sent in vain if no answer came for so many seconds.
SILENCE = 45.0
MOST_IN_VAIN = 3
# A line that breaks after so many bytes makes progress, until it broke so many times in a row.
PROGRESS_BYTES = 2**20
MOST_CUTS = 40


@dataclass(frozen=True)
class Progress:
    """Bytes that were sent: all only once the upload is confirmed.

    `retrying` is why something is tried again: `network`: no answer; `busy`: a 408, 429 or 5xx;
    `expired`: the URL was no longer accepted; `pending`: the file is copied or scanned.
    """

    sent: int
    total: int
    retrying: str | None = None


class Moved:
    """When any upload of a client got further."""

    at = 0.0


class Run:
    """A call under way, and how far it got."""

    def __init__(
        self,
        retry_for: float,
        total: int = 1,
        tell: Callable[[Progress], object] = lambda _: None,
        moved: Moved | None = None,
    ) -> None:
        self._moved = moved or Moved()
        self._retry_for = retry_for
        self._total = total
        self._tell = tell
        self._progress_at = 0.0
        # The most that was ever sent of each part.
        self.sent: dict[int, int] = {}
        # The parts whose last URL was refused.
        self.refused: set[int] = set()
        # The parts whose last body was sent whole, and may have arrived: no store has answered.
        self.gone: set[int] = set()
        self._cuts = 0
        self._in_vain: dict[int, int] = {}

    def has_sent(self, part: int, count: int) -> None:
        if count > self.sent.get(part, 0):
            self.sent[part] = count
            self._progress_at = self._moved.at = monotonic()
            self._show()

    def has_carried(self, part: int) -> None:
        self._cuts = 0
        self.refused.discard(part)

    def failure_of(
        self, part: int, size: int, failure: ValetkeyError, broke_after: int, silence: float
    ) -> ValetkeyError:
        """Returns what the failure of a body of so many bytes comes to."""
        message, times = "", self._in_vain.get(part, 0)
        if silence > SILENCE:
            times = self._in_vain[part] = times + 1
            # What was before, such as an outage, is over.
            self._progress_at = max(self._progress_at, monotonic() - silence)
            message = f"sent {times} times, and no answer came within {silence:.0f} seconds"
        elif broke_after > PROGRESS_BYTES:
            self._progress_at = monotonic()
            times = self._cuts = self._cuts + 1
            if times == MOST_CUTS:
                message = f"sent {times} times, and the connection broke each time"
        if not message:
            return failure
        message = f"{size} bytes were {message}. Use a faster connection, then try again."
        retrying = "network" if times < MOST_IN_VAIN else None
        return UnstableError(message, problem={"code": "UNSTABLE"}, retrying=retrying)

    def _show(self, retrying: str | None = None) -> None:
        sent = min(sum(self.sent.values()), self._total - 1)
        self._tell(Progress(sent, self._total, retrying))

    async def persist(self, work: Callable[[], Awaitable[T]]) -> T:
        """Calls `work` until it succeeds or fails for good.

        Again and again with full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"),
        or after the time that the answer asks for, as long as the run allows since the first
        failure after the last progress.
        """
        attempt, since = 0, 0.0
        while True:
            try:
                return await work()
            except ValetkeyError as failure:
                if failure.retrying is None:
                    raise
                if attempt == 0 or self._progress_at > since:
                    attempt, since = 0, monotonic()
                attempt += 1
                asked = failure.retry_after or 0
                if failure.code == TOO_MANY_OPEN:
                    # An upload may end long before the URLs that it is about. Whoever has the
                    # places makes room: while uploads here move on, it is worth waiting.
                    asked, since = 0, max(since, self._moved.at)
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


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Reads a `Retry-After` header, as seconds from now; a date is one by the answer's clock."""
    value = headers.get("retry-after", "")
    if value.isdecimal() and value.isascii() and len(value) < 10:
        return float(value)
    seconds = _date(value) - (_date(headers.get("date", "")) or time())
    return seconds if seconds >= 0 else None


def _date(header: str) -> float:
    """Reads a date; one that is none is 0."""
    try:
        return parsedate_to_datetime(header).timestamp()
    except (ValueError, TypeError, OverflowError, OSError):
        return 0.0
