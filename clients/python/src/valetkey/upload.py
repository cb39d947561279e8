"""Uploads of whole files, with one PUT."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from time import monotonic, time
from typing import Any, NamedTuple

from .confirms import Confirms
from .errors import MismatchError, OfflineError, StoreRefusedError, ValetkeyError
from .grants import Grants
from .line import Line
from .models import Grant, UploadedFile
from .retry import Run, is_busy, retry_after
from .service import Service
from .source import Source
from .transport import Answer, send

# How often something is sent again that the store has not got, or not as it was sent.
MOST_RESENDS = 5
# The store's codes for a body that did not arrive, and for one of another checksum.
BROKEN = ("IncompleteBody", "RequestTimeout")
OTHER_BYTES = re.compile(r"BadDigest|XAmzContent\w{1,20}Mismatch")
# The service's codes for a file that has to be sent, though all of it was.
NOT_ARRIVED = ("UPLOAD_INCOMPLETE", "UPLOAD_MISMATCH", "INVALID_RECEIPT")
# As the service takes one.
ETAG = re.compile(r'"?[!#-~]{1,255}"?')


class Job(NamedTuple):
    """An upload. `asked` are the members of each request for it."""

    run: Run
    service: Service
    grants: Grants
    confirms: Confirms
    line: Line
    source: Source
    asked: Mapping[str, Any]
    algorithm: str | None  # of a checksum that the store verifies
    lifetime: int  # of signed URLs, in seconds

    def has_ended(self, asked_at: float) -> bool:
        """Returns True for a URL of that time. A monotonic one does not count sleep on Linux."""
        return time() - asked_at >= self.lifetime


async def put(
    job: Job, url: str, headers: Mapping[str, str], at: int, size: int, part: int = 0
) -> str | None:
    """Sends a body once, and returns its ETag."""
    run, line = job.run, job.line
    run.gone.discard(part)
    sent = 0
    taken_at = begun = monotonic()

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent, taken_at
        async for chunk in job.source.chunks(at, size):
            yield chunk
            sent += len(chunk)
            taken_at = monotonic()
            run.has_sent(part, sent)

    whole = {**headers, "Content-Length": str(size)}
    try:
        answer = await send(job.service.http, "PUT", url, whole, body(), size)
        if answer.status // 100 != 2:
            raise _refusal(job, answer, part)
    except (OfflineError, StoreRefusedError) as failure:
        run.refused.discard(part)
        if failure.retrying == "expired":
            run.refused.add(part)
        # What has no code may be from something on the way.
        if sent == size and not failure.code:
            run.gone.add(part)
        if failure.retrying not in ("network", "busy"):
            raise
        is_broken = failure.code in BROKEN or isinstance(failure, OfflineError)
        if is_broken:
            line.has_broken()
        broke_after = sent if is_broken else 0
        silence = monotonic() - taken_at if sent == size else 0
        failed = run.failure_of(part, size, failure, broke_after, silence)
        if failed is failure:
            raise
        raise failed from failure
    line.has_carried(size, taken_at - begun, monotonic() - taken_at)
    run.has_carried(part)
    etag = ETAG.fullmatch(answer.headers.get("etag", ""))
    return etag and etag.group()


def _refusal(job: Job, answer: Answer, part: int) -> ValetkeyError:
    # The XML of S3, which Google Cloud Storage and Azure have too.
    found = re.search(rb"<Code>(\w{1,99})</Code>", answer.body)
    code = found.group(1).decode() if found else ""
    if OTHER_BYTES.fullmatch(code):
        return job.source.changed()
    retrying = "busy" if is_busy(answer.status) or code in BROKEN else None
    if answer.status < 400:
        # It would lead elsewhere, such as to the page of a captive portal.
        retrying = "network"
    elif answer.status == 403 or code == "ExpiredToken":
        # It has expired, or the store's clock is another: another URL may do, once.
        retrying = None if part in job.run.refused else "expired"
    return StoreRefusedError(
        f"The store refused the upload: {answer.status} {code}.",
        status=answer.status,
        problem={"code": code} if code else {},
        retry_after=retry_after(answer.headers),
        retrying=retrying,
    )


async def upload_whole(job: Job) -> UploadedFile:
    """Uploads a file with one PUT."""
    run, size = job.run, job.source.size
    checksum = await job.source.checksum(job.algorithm or "sha256", 0, size)
    bound = {"checksum": checksum} if job.algorithm else {}
    asked = {**job.asked, **bound, "strict": True}
    # Before it has room, so that others are asked for with it.
    await job.line.is_wanting()
    grant: Grant | None
    asked_at, grant = time(), await job.grants.ask(run, asked)
    receipt, resends = "", 0

    async def finish() -> UploadedFile:
        await job.source.fail_unless_same({(0, size): checksum})
        return await job.confirms.ask(run, receipt)

    async def once() -> UploadedFile:
        nonlocal asked_at, grant, receipt, resends
        if 0 in run.gone:
            try:
                return await finish()
            except ValetkeyError as error:
                if error.code not in NOT_ARRIVED:
                    raise
        async with job.line.room(size):
            if grant is None or job.has_ended(asked_at):
                asked_at, grant = time(), await job.grants.ask(run, asked)
            receipt = grant.receipt
            try:
                await put(job, grant.put_url, grant.put_headers, 0, size)
            except StoreRefusedError as error:
                # An attempt whose answer was lost had arrived.
                if error.status != 412 and error.code != "UnauthorizedBlobOverwrite":
                    if error.retrying == "expired":
                        grant = None
                    raise
        try:
            return await finish()
        except MismatchError as error:
            # Something else, such as a captive portal, has answered the PUT.
            if error.code == "UPLOAD_INCOMPLETE":
                resends += 1
                error.retrying = "network" if resends <= MOST_RESENDS else None
            raise

    return await run.persist(once)
