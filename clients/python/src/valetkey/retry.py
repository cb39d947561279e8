"""What is tried again, for how long, and after which pauses."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TypeVar

from .errors import ValetkeyError
from .transport import TIMEOUT, Io

T = TypeVar("T")

# In seconds. An upload idles for at most the longest of them once an outage is over.
FIRST_DELAY = 0.5
LONGEST_DELAY = 10.0
# The longest time between two looks at the clock that counts as awake while nothing is sent.
LONGEST_GAP = 5.0


@dataclass(frozen=True)
class Retrying:
    """Why something is tried again, for the how many-th time in a row, in how many seconds.

    `reason` is `network`: no answer; `busy`: a 408, 429 or 5xx; `expired`: the URL was no longer
    accepted; `copying` or `scanning`: the file has arrived, and is not ready.
    """

    attempt: int
    delay: float
    reason: str


class TransientError(Exception):
    """A failure that another attempt may mend; `error` once nothing is tried again."""

    def __init__(self, reason: str, error: ValetkeyError, after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.error = error
        self.after = after


class Run:
    """A call under way, and how far it got; the parts of a file share it."""

    def __init__(self, io: Io, retry_for: float, now: Callable[[], float] = time.monotonic) -> None:
        self.io = io
        self.retry_for = retry_for
        self.on_retry: Callable[[Retrying], None] = lambda _: None
        self.progress_at = 0.0
        # How often bodies were sent in vain since one got through.
        self.cuts = 0
        self.arrival: str | None = None
        self._now = now
        self._read_at = now()
        self._awake = 0.0

    def awake(self, most: float = TIMEOUT) -> float:
        """Counts the seconds in which the process runs, and not those asleep or stopped.

        Of the time since the last call at most `most` counts: no wait for a line is longer.
        """
        now = self._now()
        self._awake += min(now - self._read_at, most)
        self._read_at = now
        return self._awake

    def progressed(self) -> None:
        self.progress_at = self.awake()

    async def sleep(self, seconds: float) -> None:
        """Sleeps in turns that are short enough to notice that the machine slept too."""
        end = self.awake() + seconds
        while (left := end - self.awake(LONGEST_GAP)) > 0.001:
            await self.io.sleep(min(left, 1.0))


async def persist(
    run: Run,
    work: Callable[[], Awaitable[T]],
    on_retry: Callable[[Retrying], None] | None = None,
) -> T:
    """Calls `work` until it succeeds or fails for good.

    Again and again with full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"), or
    after the time that the answer asks for, as long as the run allows since the first failure or
    the last progress of any of it, which starts the count anew.
    """
    attempt = 0
    first = last = 0.0
    while True:
        try:
            return await work()
        except TransientError as failure:
            now = run.awake()
            if attempt == 0 or run.progress_at > last:
                attempt, first = 0, now
            attempt, last = attempt + 1, now
            left = run.retry_for - (now - max(first, run.progress_at))
            if (failure.after or 0) >= left:
                raise failure.error from failure.__cause__
            pause = min(_delay_after(attempt, failure), left)
            (on_retry or run.on_retry)(Retrying(attempt, pause, failure.reason))
        await run.sleep(pause)


def _delay_after(attempt: int, failure: TransientError) -> float:
    if failure.reason == "expired":
        return 0
    if failure.after is None:
        return random.uniform(0, min(LONGEST_DELAY, FIRST_DELAY * 2**attempt))  # noqa: S311
    # Many clients got the same time, so some of the jitter comes on top.
    return failure.after + random.uniform(0, FIRST_DELAY)  # noqa: S311


def is_busy(status: int) -> bool:
    """Returns True if a later request may be answered differently (RFC 9110)."""
    return status in (408, 429) or (status >= 500 and status != 501)


def retry_after(header: str | None) -> float | None:
    """Reads a `Retry-After` header, of seconds or a date, as seconds from now."""
    header = header or ""
    if header.isdecimal() and header.isascii() and len(header) < 10:
        return float(header)
    try:
        left = parsedate_to_datetime(header) - datetime.now(timezone.utc)
    except (ValueError, TypeError):
        return None
    return left.total_seconds() if left.total_seconds() >= 0 else None
