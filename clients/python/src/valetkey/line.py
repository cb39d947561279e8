"""How many bodies go at a time, so that a break of the line costs little."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

MOST_AT_ONCE = 4
# Bytes of the least part of most stores, which may always be on their way.
LEAST_PART = 5 * 2**20
# Seconds in which a quick line takes a part, and in which it is answered then.
QUICK = 2.0
PROMPT = 30.0


class Line:
    """The line to a store.

    One part goes at a time at first and once it broke, one more with every two that were quick,
    and half as many after a slow one (additive increase, multiplicative decrease).
    """

    def __init__(self) -> None:
        # How many parts may be on their way.
        self.most = 1.0
        self._going: list[int] = []
        self._waiting = 0
        self._ended = asyncio.Event()

    @asynccontextmanager
    async def room(self, size: int) -> AsyncIterator[None]:
        """Waits until a body of so many bytes may go."""
        most = max(size, LEAST_PART)
        while self._going and (
            len(self._going) == MOST_AT_ONCE or sum(self._going) + size > self.most * most
        ):
            self._waiting += 1
            try:
                await self._ended.wait()
            finally:
                self._waiting -= 1
        self._going.append(size)
        try:
            yield
        finally:
            self._going.remove(size)
            self._ended.set()
            self._ended.clear()

    async def is_wanting(self) -> None:
        """Returns once few bodies wait: those of others are asked for together then."""
        while self._waiting >= MOST_AT_ONCE:
            await self._ended.wait()

    def has_carried(self, size: int, taken_in: float, answered_in: float) -> None:
        """Counts a body that was taken in so many seconds, and answered in so many more."""
        if taken_in > QUICK or answered_in > PROMPT:
            self.most = max(1.0, self.most / 2)
        # A small body is soon taken on any line.
        elif size >= LEAST_PART or (taken_in + answered_in) * LEAST_PART < QUICK * size:
            self.most = min(MOST_AT_ONCE, self.most + 0.5)

    def has_broken(self) -> None:
        self.most = 1.0
