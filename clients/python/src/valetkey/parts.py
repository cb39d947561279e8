"""Uploads of files in parts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from time import time
from typing import Any
from urllib.parse import urlencode

from .errors import FileChangedError, MismatchError, StoreRefusedError, ValetkeyError
from .line import LEAST_PART, MOST_AT_ONCE
from .memory import Memory
from .models import UploadedFile, invalid, member, read
from .retry import Run
from .source import Checksum
from .upload import ETAG, MOST_RESENDS, Job, put

MOST_PARTS = 10_000
# Bytes of parts that are hashed, and asked for, with one request, and the most parts of it.
SIGNED_AHEAD = 12 * LEAST_PART
MOST_SIGNED = 100
# An upload that was completed, aborted, is too old or of another file.
OVER = ("INVALID_UPLOAD", "NoSuchUpload")
# Seconds in which the parts of one that nobody can continue are removed.
REMOVE_TIMEOUT = 10.0


async def upload_in_parts(job: Job, memory: Memory) -> UploadedFile:
    """Uploads a file in parts, from where it was left as the memory has it."""
    if known := memory.recall():
        try:
            return await _finish(job, known, memory)
        except ValetkeyError as error:
            if error.code not in OVER:
                raise
        # It is sent anew.
        job.run.sent.clear()
        await _remove(job, known, memory)
    begun = await job.service.ask(job.run, "/multipart", job.asked)
    return await _finish(job, {**begun, "asked": job.asked}, memory)


async def _finish(job: Job, known: Mapping[str, Any], memory: Memory) -> UploadedFile:
    try:
        parts = _Parts(job, known, memory)
        if memory.recall():
            await parts.recover()
        else:
            memory.keep(known)
        result = await job.run.persist(parts.finish)
    except BaseException as error:
        if isinstance(error, FileChangedError) or not memory.recall():
            await _remove(job, known, memory)
        raise
    memory.forget()
    return result


async def _remove(job: Job, known: Mapping[str, Any], memory: Memory) -> None:
    memory.forget()
    with suppress(ValetkeyError, TimeoutError):
        async with asyncio.timeout(REMOVE_TIMEOUT):
            body = {"upload": known.get("upload")}
            await job.service.ask(Run(REMOVE_TIMEOUT), "/multipart", body, "DELETE")


class _Parts:
    """An upload in parts that was begun."""

    def __init__(self, job: Job, known: Mapping[str, Any], memory: Memory) -> None:
        self._job, self._known, self._memory = job, known, memory
        self._upload = member(known, "upload", str)
        self._part_size = member(known, "part_size", int)
        self._numbers = range(1, (job.source.size - 1) // max(self._part_size, 1) + 2)
        if len(self._numbers) > MOST_PARTS:
            raise invalid("part_size")
        # Of parts that may have been sent, and of those that were.
        self._sums: dict[int, Checksum] = {}
        self._etags: dict[int, str | None] = {}
        # When they were asked for, URLs and headers.
        self._signed: dict[int, tuple[float, str, Mapping[str, str]]] = {}
        self._signing = asyncio.Lock()
        self._has_failed = False
        self._resends = 0

    async def recover(self) -> None:
        """Takes the parts that another process has sent, if they are of this file."""
        other = "The parts in the store are of another file, or of other metadata."
        changed = MismatchError(other, problem={"code": "INVALID_UPLOAD"})
        if self._known.get("asked") != self._job.asked:
            raise changed
        self._sums = {int(name): known for name, known in self._known.items() if name.isdecimal()}
        if "etags" in self._known:
            # It was to be completed, and may be: to complete it again has the same answer.
            self._etags = {int(name): etag for name, etag in self._known["etags"].items()}
        else:
            await self._compare()
        for number, known in self._sums.items():
            if await self._checksum(number, known["algorithm"]) != known:
                raise changed

    async def finish(self) -> UploadedFile:
        """Sends the parts that the store does not have, and completes the upload."""
        if self._has_failed:
            await self._compare()
        self._has_failed = True
        missing = iter([number for number in self._numbers if number not in self._etags])
        failures: list[Exception] = []

        async def send_others() -> None:
            while not failures and (number := next(missing, None)):
                try:
                    await self._send(number)
                except Exception as failure:
                    failures.append(failure)

        await asyncio.gather(*(send_others() for _ in range(MOST_AT_ONCE)))
        if failures:
            raise min(failures, key=lambda each: getattr(each, "retrying", None) is not None)
        # Not every store answers a part with its ETag.
        if None in self._etags.values():
            await self._compare()
        try:
            if len(self._etags) < len(self._numbers):
                # Something else, such as a captive portal, has answered.
                raise MismatchError("The store has not got all parts that it was sent.")
            sums = {self._span(number): known for number, known in self._sums.items()}
            await self._job.source.fail_unless_same(sums)
            self._memory.keep({"etags": self._etags})
            parts = [{"part_number": number, "etag": etag} for number, etag in self._etags.items()]
            return read(UploadedFile, await self._ask("/complete", {"parts": parts}))
        except MismatchError as error:
            try:
                await self._compare()
            except ValetkeyError as failure:
                if failure.code not in OVER:
                    raise
                # The service has refused the file, and ended its upload.
                self._memory.forget()
                raise error from None
            self._has_failed = False
            self._resends += 1
            error.retrying = "network" if self._resends <= MOST_RESENDS else None
            raise

    async def _compare(self) -> None:
        """Drops the parts that the store does not have as they were sent."""
        query = urlencode({"upload": self._upload})
        answer = await self._job.service.ask(self._job.run, f"/multipart/parts?{query}")
        stored = {
            member(each, "part_number", int): member(each, "etag", str)
            for each in member(answer, "parts", list)
        }
        if not all(ETAG.fullmatch(etag) for etag in stored.values()):
            raise invalid("etag")
        for number in self._sums:
            etag = stored.get(number, "")
            known = self._etags.pop(number, None) or etag
            if etag and known.strip('"') == etag.strip('"'):
                self._etags[number] = etag
                self._job.run.has_sent(number, self._span(number)[1])

    async def _send(self, number: int) -> None:
        at, size = self._span(number)
        async with self._job.line.room(size):
            async with self._signing:
                if not self._is_signed(number):
                    await self._sign(number)
            _, url, headers = self._signed[number]
            try:
                self._etags[number] = await put(self._job, url, headers, at, size, number)
            except StoreRefusedError as error:
                if error.retrying == "expired":
                    # Soon the others have too.
                    self._signed.clear()
                raise

    def _is_signed(self, number: int) -> bool:
        return number in self._signed and not self._job.has_ended(self._signed[number][0])

    async def _sign(self, first: int) -> None:
        """Signs a part, and those after it that are not."""
        count = min(MOST_SIGNED, max(1, SIGNED_AHEAD // self._part_size))
        others = [number for number in self._numbers[first:] if number not in self._etags]
        numbers = [first, *(each for each in others[: count - 1] if not self._is_signed(each))]
        for number in numbers:
            # The first one counts: the file may change.
            if number not in self._sums:
                self._sums[number] = await self._checksum(number, self._job.algorithm or "sha256")
        sums = {number: self._sums[number] for number in numbers}
        # Before they are sent, since a process may end at any time.
        self._memory.keep(sums)
        bound = {"checksums": list(sums.values())} if self._job.algorithm else {}
        asked_at = time()
        answer = await self._ask("/parts", {"part_numbers": numbers, **bound})
        parts = member(answer, "parts", list)
        if [member(each, "part_number", int) for each in parts] != numbers:
            raise invalid("parts")
        for number, each in zip(numbers, parts, strict=True):
            target = member(each, "url", str), member(each, "headers", dict)
            self._signed[number] = asked_at, *target

    async def _ask(self, path: str, body: Mapping[str, object]) -> Any:
        asked = {"upload": self._upload, **body}
        return await self._job.service.ask(self._job.run, f"/multipart{path}", asked)

    async def _checksum(self, number: int, algorithm: str) -> Checksum:
        return await self._job.source.checksum(algorithm, *self._span(number))

    def _span(self, number: int) -> tuple[int, int]:
        at = (number - 1) * self._part_size
        return at, min(self._part_size, self._job.source.size - at)
