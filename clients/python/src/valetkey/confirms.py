"""Uploads that are confirmed at the same time, with few requests."""

from __future__ import annotations

import asyncio
from copy import copy
from typing import Any

import httpx

from .errors import ValetkeyError
from .models import UploadedFile, invalid, member, read
from .retry import Run
from .service import Service
from .transport import Answer

# Of one request.
MOST_RECEIPTS = 50
# Requests at a time: some of them wait for copies and scans.
MOST_REQUESTS = 4

_Waiting = tuple[asyncio.Future[Any], str]


class Confirms:
    """Confirms those together that wait while requests are under way."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._waiting: list[_Waiting] = []
        self._asking: set[asyncio.Task[None]] = set()

    async def ask(self, run: Run, receipt: str) -> UploadedFile:
        """Confirms an upload, once it is ready. The result has the receipt that was sent."""

        async def once() -> UploadedFile:
            own = asyncio.get_running_loop().create_future()
            self._waiting.append((own, receipt))
            self._begin()
            outcome = await own
            if isinstance(outcome, Exception):
                raise outcome
            return read(UploadedFile, {**outcome, "receipt": receipt})

        return await run.persist(once)

    def _begin(self) -> None:
        # Of those whose task was cancelled nobody asks.
        self._waiting = [each for each in self._waiting if not each[0].done()]
        while self._waiting and len(self._asking) < MOST_REQUESTS:
            batch, self._waiting = self._waiting[:MOST_RECEIPTS], self._waiting[MOST_RECEIPTS:]
            asking = asyncio.create_task(self._ask(batch))
            self._asking.add(asking)
            asking.add_done_callback(self._end)

    def _end(self, asking: asyncio.Task[None]) -> None:
        self._asking.discard(asking)
        if not asking.cancelled():
            self._begin()

    async def _ask(self, batch: list[_Waiting]) -> None:
        try:
            outcomes = await self._outcomes([receipt for _, receipt in batch])
        except Exception as failure:
            outcomes = [
                copy(failure) if isinstance(failure, ValetkeyError) else failure for _ in batch
            ]
        for (own, _), outcome in zip(batch, outcomes, strict=True):
            if not own.done():
                own.set_result(outcome)

    async def _outcomes(self, receipts: list[str]) -> list[Any]:
        if len(receipts) == 1:
            return [await self._service.ask_once("/confirm", {"receipt": receipts[0]})]
        answer = await self._service.ask_once("/confirm/batch", {"receipts": receipts})
        uploads = member(answer, "uploads", list)
        if len(uploads) != len(receipts):
            raise invalid("uploads")
        return [self._outcome(each) for each in uploads]

    def _outcome(self, upload: Any) -> Any:
        found = upload if isinstance(upload, dict) else {}
        if "problem" not in found:
            return found.get("file") or {}
        problem = found["problem"]
        after = httpx.Headers({"retry-after": str(found.get("retry_after", ""))})
        return self._service.refusal(Answer(member(problem, "status", int), after, b""), problem)
