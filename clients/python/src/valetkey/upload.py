"""Uploads of whole files, and of files in parts."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from .errors import MismatchError, StoreRefusedError, ValetkeyError
from .models import Grant, UploadedFile, member, read
from .retry import Run, is_busy, retry_after
from .service import Service
from .source import Source
from .transport import send

MIB = 2**20
PARTS_AT_ONCE = 4
# The store's codes for a body that did not arrive.
BROKEN = ("IncompleteBody", "RequestTimeout")


def algorithm_of(rules: Mapping[str, Any]) -> str | None:
    """Chooses a checksum that the store verifies. No store verifies CRC-32C alone."""
    return next((each for each in ("sha256", "md5") if each in rules.get("checksums", ())), None)


class Job(NamedTuple):
    """An upload. `asked` are the members of each request for it."""

    run: Run
    service: Service
    source: Source
    asked: Mapping[str, object]
    policy: Mapping[str, Any]


async def put(
    job: Job, url: str, headers: Mapping[str, str], at: int, size: int, part: int = 0
) -> None:
    """Sends a body once."""

    async def body() -> AsyncIterator[bytes]:
        sent = 0
        async for chunk in job.source.chunks(at, size):
            yield chunk
            sent += len(chunk)
            job.run.has_sent(part, sent)

    whole = {**headers, "Content-Length": str(size)}
    answer = await send(job.service.http, "PUT", url, whole, body())
    # The XML of S3, which Google Cloud Storage and Azure have too.
    found = re.search(rb"<Code>(\w{1,99})</Code>", answer.body)
    code = found.group(1).decode() if found else ""
    if answer.status // 100 != 2:
        raise StoreRefusedError(
            f"The store refused the upload: {answer.status} {code}.",
            status=answer.status,
            problem={"code": code},
            retry_after=retry_after(answer.headers.get("retry-after")),
            retrying="busy" if is_busy(answer.status) or code in BROKEN else None,
        )


async def upload_whole(job: Job) -> UploadedFile:
    """Uploads a file with one PUT."""
    size = job.source.size
    asked: dict[str, object] = {**job.asked, "strict": True}
    if algorithm := algorithm_of(job.policy):
        asked["checksum"] = await job.source.checksum(algorithm, 0, size)
    grant: Grant | None = None

    async def once() -> UploadedFile:
        nonlocal grant
        is_fresh = grant is None
        grant = grant or read(Grant, await job.service.ask(job.run, "/presign", asked))
        receipt = grant.receipt
        try:
            await put(job, grant.put_url, grant.put_headers, 0, size)
        except StoreRefusedError as error:
            # An attempt whose answer was lost had arrived.
            if error.status != 412 and error.code != "UnauthorizedBlobOverwrite":
                if error.status == 403 and not is_fresh:
                    grant, error.retrying = None, "expired"
                raise
        job.source.fail_unless_same()
        try:
            return await confirm(job.run, job.service, receipt)
        except MismatchError as error:
            # Something else, such as a captive portal, has answered the PUT.
            if error.code == "UPLOAD_INCOMPLETE":
                error.retrying = "network"
            raise

    return await job.run.persist(once)


async def confirm(run: Run, service: Service, receipt: str) -> UploadedFile:
    """Confirms an upload, once it is ready. The receipt is the one that was sent."""
    answer = await service.ask(run, "/confirm", {"receipt": receipt})
    return read(UploadedFile, {**(answer or {}), "receipt": receipt})


async def upload_in_parts(job: Job, state: Path | None) -> UploadedFile:
    """Uploads a file in parts, from where it was left as the file `state` remembers it."""
    if state and state.exists():
        try:
            return await _finish(job, json.loads(state.read_text(encoding="utf-8")), state)
        except ValetkeyError as error:
            # It was completed, aborted, changed or is too old: the file is sent again.
            if error.code not in ("INVALID_UPLOAD", "UPLOAD_MISMATCH"):
                raise
            job.run.sent.clear()
    begun = await job.service.ask(job.run, "/multipart", job.asked)
    if state:
        # It has the token of the upload.
        state.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        written = state.with_suffix(".new")
        written.write_text(json.dumps(begun), encoding="utf-8")
        written.replace(state)
    return await _finish(job, begun, state)


async def _finish(job: Job, begun: Any, state: Path | None) -> UploadedFile:
    result = await job.run.persist(_Parts(job, begun).finish)
    if state:
        state.unlink(missing_ok=True)
    return result


class _Parts:
    """An upload in parts that was begun."""

    def __init__(self, job: Job, begun: Any) -> None:
        self._job = job
        self._upload = member(begun, "upload", str)
        self._part_size = member(begun, "part_size", int)
        # One part goes at a time at first and after a break, and more the longer it goes well.
        self._width = 1

    async def finish(self) -> UploadedFile:
        """Sends the parts that the store does not have, and completes the upload."""
        numbers = range(1, ceil(self._job.source.size / self._part_size) + 1)
        etags = await self._stored()
        missing = [number for number in numbers if number not in etags]
        while batch := missing[: self._width]:
            del missing[: self._width]
            wider = min(2 * self._width, PARTS_AT_ONCE)
            self._width = 1
            await self._send(batch)
            self._width = wider
            etags = {} if missing else await self._stored()
        if any(number not in etags for number in numbers):
            # Something else, such as a captive portal, has answered.
            message = "The store has not got all parts that it was sent."
            raise MismatchError(message, retrying="network")
        self._job.source.fail_unless_same()
        parts = [{"part_number": number, "etag": etags[number]} for number in numbers]
        return read(UploadedFile, await self._ask("/complete", {"parts": parts}))

    async def _stored(self) -> dict[int, str]:
        """Returns the ETags of the parts that the store has."""
        query = urlencode({"upload": self._upload})
        answer = await self._job.service.ask(self._job.run, f"/multipart/parts?{query}")
        etags: dict[int, str] = {}
        for each in member(answer, "parts", list):
            number = member(each, "part_number", int)
            etags[number] = member(each, "etag", str)
            self._job.run.has_sent(number, self._span(number)[1])
        return etags

    async def _send(self, numbers: list[int]) -> None:
        body: dict[str, object] = {"part_numbers": numbers}
        if algorithm := algorithm_of(self._job.policy["multipart"]):
            body["checksums"] = [
                await self._job.source.checksum(algorithm, *self._span(number))
                for number in numbers
            ]
        signed = member(await self._ask("/parts", body), "parts", list)
        puts = [
            put(self._job, member(part, "url", str), part["headers"], *self._span(number), number)
            for number, part in zip(numbers, signed, strict=True)
        ]
        outcomes = await asyncio.gather(*puts, return_exceptions=True)
        failures = [each for each in outcomes if each is not None]
        if failures:
            raise min(failures, key=lambda each: getattr(each, "retrying", None) is not None)

    async def _ask(self, path: str, body: Mapping[str, object]) -> Any:
        asked = {"upload": self._upload, **body}
        return await self._job.service.ask(self._job.run, f"/multipart{path}", asked)

    def _span(self, number: int) -> tuple[int, int]:
        at = (number - 1) * self._part_size
        return at, min(self._part_size, self._job.source.size - at)
