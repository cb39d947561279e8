"""Uploads that are asked for at the same time, with one request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from copy import copy

from .errors import RefusedError, ValetkeyError
from .models import Grant, member, read
from .retry import TOO_MANY_OPEN, Run
from .service import Service

# Of one request, whose body may have 64 KiB.
MOST_FILES = 50
MOST_BYTES = 60_000

_Waiting = asyncio.Future[Grant | ValetkeyError]


class Grants:
    """Asks for those together that wait while a request is under way."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._asking = asyncio.Lock()
        self._waiting: dict[_Waiting, Mapping[str, object]] = {}

    async def ask(self, run: Run, asked: Mapping[str, object]) -> Grant:
        async def once() -> Grant:
            own: _Waiting = asyncio.get_running_loop().create_future()
            self._waiting[own] = asked
            try:
                async with self._asking:
                    if not own.done():
                        await self._ask(own)
            finally:
                del self._waiting[own]
            if isinstance(outcome := own.result(), ValetkeyError):
                raise outcome
            return outcome

        return await run.persist(once)

    async def _ask(self, own: _Waiting) -> None:
        others = [each for each in self._waiting if each is not own and not each.done()]
        batch = [own, *others][:MOST_FILES]
        files = [self._waiting[each] for each in batch]
        if len(batch) > 1 and len(json.dumps(files)) < MOST_BYTES:
            try:
                answer = await self._service.ask_once("/batch", {"files": files})
                uploads = [read(Grant, each) for each in member(answer, "uploads", list)]
                for each, grant in zip(batch, uploads, strict=False):
                    each.set_result(grant)
            except ValetkeyError as failure:
                # One of them is refused, or they are too many: each is asked for in its turn.
                if not isinstance(failure, RefusedError) or _is_busy(failure):
                    for each in batch:
                        each.set_result(copy(failure))
        if not own.done():
            own.set_result(read(Grant, await self._service.ask_once("/presign", files[0])))


def _is_busy(failure: RefusedError) -> bool:
    """Returns True if all of them may be granted later, and not only fewer together."""
    return failure.retrying is not None and failure.code != TOO_MANY_OPEN
