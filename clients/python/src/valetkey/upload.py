"""Uploads of whole files, and of files in parts."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import ceil
from urllib.parse import urlencode

from .errors import (
    InvalidAnswerError,
    MismatchError,
    RefusedError,
    StoreRefusedError,
    ValetkeyError,
)
from .models import Grant, Part, Policy, Signed, Started, UploadedFile, read, read_all
from .retry import Retrying, Run, TransientError, is_busy, persist, retry_after
from .service import Service, unanswered
from .source import Memory, Source
from .transport import Answer, Body, LostError, make_request

MIB = 2**20
# A line is quick if it carries a part in so many seconds.
QUICK = 2.0
# Larger files are only hashed where it is asked for: it takes longer than anybody would wait.
HASHED_UNASKED = 64 * MIB
# Bytes of the parts that are hashed, and asked for, with one request: their URLs are used long
# before they expire.
SIGNED_AHEAD = 60 * MIB
# The most times that something is sent again that the store has not got.
MOST_RESENDS = 5
# A line that breaks after so many bytes makes progress, until it broke so many times in a row.
PROGRESS_BYTES = MIB
MOST_CUTS = 40
# A URL that is refused within so many seconds did not expire.
EXPIRY_GRACE = 60.0

ETAG = re.compile(r'"?[!#-~]{1,255}"?')
# The store's codes for a body that did not arrive, and for one of another checksum.
BROKEN = ("IncompleteBody", "RequestTimeout")
OTHER_BYTES = re.compile(r"BadDigest|XAmzContent\w{1,20}Mismatch")


@dataclass(frozen=True)
class Progress:
    """Bytes that were sent: fewer than before only if something is `retrying`."""

    sent: int
    total: int
    retrying: Retrying | None = None


class Tally:
    """Counts what was sent, by part: all of it only once the upload is confirmed."""

    def __init__(self, total: int, on_progress: Callable[[Progress], object] | None) -> None:
        self._on_progress = on_progress or (lambda _: None)
        self._lock = threading.RLock()
        self._sent: dict[int, int] = {}
        self._most: dict[int, int] = {}
        self._total = total
        self._shown = 0

    def sent(self, part: int, count: int) -> bool:
        """Returns True if that is more of the part than ever before."""
        with self._lock:
            is_more = count > self._most.get(part, 0)
            self._most[part] = max(count, self._most.get(part, 0))
            self._sent[part] = count
            self._show()
            return is_more

    def retry(self, retrying: Retrying, part: int | None = None) -> None:
        """Shows a break, by which what was sent of the part is lost."""
        with self._lock:
            self._sent.pop(-1 if part is None else part, None)
            self._show(retrying)

    def restart(self) -> None:
        self._sent.clear()
        self._show(Retrying(1, 0, "expired"))

    def finish(self) -> None:
        self._on_progress(Progress(self._total, self._total))

    def _show(self, retrying: Retrying | None = None) -> None:
        sent = min(sum(self._sent.values()), self._total - 1)
        self._shown = sent if retrying else max(sent, self._shown)
        self._on_progress(Progress(self._shown, self._total, retrying))


@dataclass(frozen=True)
class Job:
    """An upload. `asked` are the members of each request for it."""

    run: Run
    service: Service
    source: Source
    tally: Tally
    asked: Mapping[str, object]
    policy: Policy | None
    checksum: bool | None
    concurrency: int

    def algorithm(self, offered: list[str], size: int) -> str | None:
        """Chooses a checksum that the store verifies, if it is needed or costs little."""
        is_needed = self.checksum or (self.policy is not None and self.policy.require_checksum)
        if not is_needed and (self.checksum is False or size > HASHED_UNASKED):
            return None
        # No store verifies CRC-32C alone, which would be slow here.
        chosen = next((each for each in ("sha256", "md5") if each in offered), None)
        if chosen is None and is_needed:
            raise RefusedError(f"The store verifies none of our checksums: {offered}.")
        return chosen


async def put(
    job: Job,
    signed: Signed,
    renew: Callable[[], Awaitable[Signed]],
    at: int,
    size: int,
    *,
    is_alone: bool = True,
) -> str:
    """Sends a body, and returns its ETag. A 403 gets one fresh URL.

    If it is alone on its way, until it is there; otherwise once, since a line that breaks carries
    one body at most.
    """
    number = signed.part_number
    signed_at = time.monotonic()
    was_renewed = False
    run = job.run

    def on_sent(count: int) -> None:
        is_carrying = count > PROGRESS_BYTES and run.cuts < MOST_CUTS
        if job.tally.sent(number, count) or is_carrying:
            run.progressed()

    async def once() -> str:
        nonlocal signed, signed_at, was_renewed
        body = Body(size, lambda begin, count: job.source.read(at + begin, count), on_sent)
        try:
            answer = await run.io.send(make_request("PUT", signed.url, signed.headers, body))
        except LostError as cause:
            run.cuts += 1
            raise unanswered(signed.url, cause) from cause
        error = _refusal(answer)
        # An attempt whose answer was lost had arrived.
        is_there = answer.status == 412 or error.store_code == "UnauthorizedBlobOverwrite"
        if answer.status // 100 == 2 or (number == 0 and is_there):
            run.cuts = 0
            etag = ETAG.fullmatch(answer.headers.get("etag", ""))
            return etag.group() if etag else ""
        if OTHER_BYTES.fullmatch(error.store_code or ""):
            raise job.source.changed()
        if is_busy(answer.status) or error.store_code in BROKEN:
            raise TransientError("busy", error, error.retry_after)
        # It has expired, or the store's clock is another.
        is_fresh = was_renewed and time.monotonic() - signed_at < EXPIRY_GRACE
        if answer.status != 403 or is_fresh:
            raise error
        signed, signed_at, was_renewed = await renew(), time.monotonic(), True
        raise TransientError("expired", error)

    if is_alone:
        return await persist(run, once, partial(job.tally.retry, part=number))
    try:
        return await once()
    except TransientError as failure:
        job.tally.retry(Retrying(1, 0, failure.reason), number)
        raise


def _refusal(answer: Answer) -> StoreRefusedError:
    """Reads the XML of S3, which Google Cloud Storage has too."""
    text = answer.body[: 2**14].decode(errors="replace")
    code = re.search(r"<Code>(\w{1,99})</Code>", text)
    said = re.search(r"<Message>([^<\x00-\x1f\x7f-\x9f]{1,999})</Message>", text)
    return StoreRefusedError(
        f"The store refused the upload: {said.group(1) if said else answer.status}.",
        status=answer.status,
        store_code=code.group(1) if code else None,
        retry_after=retry_after(answer.headers.get("retry-after")),
    )


async def upload_whole(job: Job) -> UploadedFile:
    """Uploads a file with one PUT."""
    run, service, size = job.run, job.service, job.source.size
    asked: dict[str, object] = {**job.asked, "strict": True}
    receipt = ""
    if algorithm := job.algorithm(job.policy.checksums if job.policy else [], size):
        value = await job.source.checksum(run.io, algorithm, 0, size)
        asked["checksum"] = {"algorithm": algorithm, "value": value}

    async def sign() -> Signed:
        nonlocal receipt
        grant = await service.ask(run, partial(read, Grant), "/presign", asked)
        receipt = grant.receipt
        return Signed(0, grant.put_url, grant.put_headers)

    signed = await sign()
    for resends_left in reversed(range(MOST_RESENDS + 1)):
        await put(job, signed, sign, 0, size)
        job.source.fail_unless_same()
        try:
            return await confirm(run, service, receipt)
        except MismatchError as error:
            # Something else, such as a captive portal, has answered the PUT.
            if error.problem.get("code") != "UPLOAD_INCOMPLETE" or not resends_left:
                raise
    raise AssertionError


async def confirm(run: Run, service: Service, receipt: str) -> UploadedFile:
    """Confirms an upload, once it is ready. The receipt is the one that was sent."""
    asked = {"receipt": receipt}
    return await service.ask(
        run, lambda answer: read(UploadedFile, {**answer, **asked}), "/confirm", asked
    )


async def upload_in_parts(job: Job, memory: Memory) -> UploadedFile:
    """Uploads a file in parts, from where it was left."""
    remembered = memory.recall()
    if remembered is not None:
        try:
            return await _Parts(job, memory, remembered[0]).resume(remembered[1])
        except ValetkeyError as error:
            # It was completed, aborted or is too old: the file is sent again.
            if error.problem.get("code") != "INVALID_UPLOAD" and error.store_code != "NoSuchUpload":
                raise
            job.tally.restart()
    ask = partial(read, Started)
    begun = await job.service.ask(job.run, ask, "/multipart", job.asked)
    return await _Parts(job, memory, begun).upload()


class _Parts:
    def __init__(self, job: Job, memory: Memory, begun: Started) -> None:
        self._job = job
        self._memory = memory
        self._begun = begun
        self._total = ceil(job.source.size / max(begun.part_size, 1))
        if self._total > 10_000:
            raise InvalidAnswerError(f"Parts of {begun.part_size} bytes are too many.")
        # The parts that are in the store as they are in the file.
        self._sent: dict[int, Part] = {}
        self._lock = threading.Lock()
        self._signed: dict[int, Signed] = {}
        self._hashes: dict[int, str] = {}
        rules = job.policy.multipart if job.policy else None
        self._algorithm = job.algorithm(rules.checksums if rules else [], begun.part_size)

    async def resume(self, remembered: list[Part]) -> UploadedFile:
        for part in remembered:
            # A file can change under its name, size and date.
            if part.checksum == await self._hash(part.part_number, "sha256"):
                self._sent[part.part_number] = part
                self._job.tally.sent(part.part_number, self._range(part.part_number)[1])
        if len(self._sent) < self._total:
            await self._compare()
        return await self.upload()

    async def upload(self) -> UploadedFile:
        """Sends the parts that the store does not have, and completes the upload."""
        self._memory.keep(self._begun, self._sent)
        for resends_left in reversed(range(MOST_RESENDS + 1)):
            await self._send_missing()
            if not all(part.etag for part in self._sent.values()):
                await self._compare()
            try:
                result = await self._complete()
            except MismatchError:
                if not resends_left:
                    raise
                # The store says what it has, unless the service has ended the upload.
                await self._compare()
                continue
            self._memory.forget()
            return result
        raise AssertionError

    async def _send_missing(self) -> None:
        """Sends one part at a time at first, and more the quicker the line is."""
        io, most = self._job.run.io, self._job.concurrency
        width = 1
        while missing := [n for n in range(1, self._total + 1) if n not in self._sent]:
            batch = missing[:width]
            if not all(number in self._signed for number in batch):
                await self._sign(missing[: ceil(SIGNED_AHEAD / self._begun.part_size)])
            begun = time.monotonic()
            await io.together([self._send(number, len(batch) == 1) for number in batch])
            if not all(number in self._sent for number in batch):
                width = 1
            elif time.monotonic() - begun < QUICK:
                width = min(most, width + 1)
            else:
                width = max(1, width // 2)

    async def _send(self, number: int, is_alone: bool) -> None:
        async def renew() -> Signed:
            await self._sign([number])
            return self._signed[number]

        signed, at, size = self._signed[number], *self._range(number)
        try:
            etag = await put(self._job, signed, renew, at, size, is_alone=is_alone)
        except TransientError:
            return  # It is sent alone.
        with self._lock:
            self._sent[number] = Part(number, etag, self._hashes[number])
            # Of all of them too: if the answer to the completion is lost, it is only asked again.
            self._memory.keep(self._begun, self._sent)

    async def _sign(self, numbers: list[int]) -> None:
        body: dict[str, object] = {"upload": self._begun.upload, "part_numbers": numbers}
        for number in numbers:
            self._hashes[number] = await self._hash(number, "sha256")
        if algorithm := self._algorithm:
            values = [self._hashes[number] for number in numbers]
            if algorithm != "sha256":
                values = [await self._hash(number, algorithm) for number in numbers]
            body["checksums"] = [{"algorithm": algorithm, "value": value} for value in values]

        decode = partial(read_all, Signed, "parts")
        signed = await self._job.service.ask(self._job.run, decode, "/multipart/parts", body)
        if [each.part_number for each in signed] != numbers:
            raise InvalidAnswerError("The answer has other parts than were asked for.")
        self._signed.update(zip(numbers, signed, strict=True))

    async def _compare(self) -> None:
        """Drops the parts that the store does not have as sent, and takes ETags that it hid."""
        path = f"/multipart/parts?{urlencode({'upload': self._begun.upload})}"
        decode = partial(read_all, Part, "parts")
        stored = await self._job.service.ask(self._job.run, decode, path)
        etags = {part.part_number: part.etag for part in stored}
        for number, part in list(self._sent.items()):
            etag = etags.get(number, "")
            # Some stores leave the quotes out in lists.
            if etag and (part.etag or etag).strip('"') == etag.strip('"'):
                self._sent[number] = replace(part, etag=etag)
            else:
                del self._sent[number]

    async def _complete(self) -> UploadedFile:
        if len(self._sent) < self._total:
            raise MismatchError("The store has not got all parts that it was sent.")
        self._job.source.fail_unless_same()
        parts = [{"part_number": n, "etag": part.etag} for n, part in sorted(self._sent.items())]
        body = {"upload": self._begun.upload, "parts": parts}
        decode = partial(read, UploadedFile)
        return await self._job.service.ask(self._job.run, decode, "/multipart/complete", body)

    async def _hash(self, number: int, algorithm: str) -> str:
        return await self._job.source.checksum(self._job.run.io, algorithm, *self._range(number))

    def _range(self, number: int) -> tuple[int, int]:
        at = (number - 1) * self._begun.part_size
        return at, min(self._begun.part_size, self._job.source.size - at)
