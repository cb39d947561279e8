"""The clients: one for asyncio, and one that blocks."""

from __future__ import annotations

import asyncio
import hashlib
import json
import mimetypes
import os
import re
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from concurrent.futures import wait
from functools import wraps
from pathlib import Path, PurePath
from typing import Any, Concatenate, NotRequired, ParamSpec, TypedDict, TypeVar, Unpack
from urllib.parse import urlencode

import httpx

from .confirms import Confirms
from .grants import MOST_FILES, Grants
from .line import LEAST_PART, Line
from .memory import Memory
from .models import Grant, StoredFile, UploadedFile, Usage, member, read
from .parts import upload_in_parts
from .retry import Moved, Progress, Run
from .service import Service, Token
from .source import Source, Uploadable
from .upload import Job, upload_whole

T = TypeVar("T")
P = ParamSpec("P")

# The seconds for which policies are kept.
POLICIES_LIFETIME = 300
# The seconds for which URLs are signed by default.
PUT_LIFETIME = 900
NO_POLICY: dict[str, Any] = {"extensions": {}, "checksums": []}
ADDRESS = re.compile(r".*/api/v1/orgs/[^/]+/files/|orgs/[^/]+/(?:files/)?")
# A path in which no segment leads elsewhere.
FILE_PATH = re.compile(r"(?:[\w-]+/)+[\w-]+\.[\w-]+", re.ASCII)


class ClientOptions(TypedDict):
    """Options of both clients.

    `token` is a text, or a function that returns one, also async: called at first, and for another
    each time that the service has refused the last one. `state` is a directory where uploads in
    parts are remembered. Failures are tried again for `retry_for` seconds without progress, 300 by
    default. `http` is a client of your own, for a proxy or certificates, and closed with this one.
    """

    org: str
    token: Token
    state: NotRequired[str | os.PathLike[str] | None]
    retry_for: NotRequired[float]
    http: NotRequired[httpx.AsyncClient]


class AsyncClient:
    """Uploads of an organization, for asyncio. See `ClientOptions`.

    Of a task that is cancelled only what `state` remembers is left, and can be continued.
    """

    def __init__(self, base_url: str, **options: Unpack[ClientOptions]) -> None:
        http = options.get("http") or httpx.AsyncClient()
        self._service = Service(http, base_url, options["org"], options["token"])
        self._state = options.get("state")
        self._retry_for = options.get("retry_for", 300)
        self._policies: tuple[float, list[dict[str, Any]]] = (0, [])
        self._asking: asyncio.Task[Any] | None = None
        self._line = Line()
        self._grants, self._confirms = Grants(self._service), Confirms(self._service)
        self._moved = Moved()
        # Of more than so many at a time each would only wait, with its file open.
        self._uploading = asyncio.Semaphore(MOST_FILES)

    async def upload(
        self,
        file: Uploadable,
        *,
        filename: str | None = None,
        path: str | None = None,
        content_type: str | None = None,
        policy: str = "files",
        metadata: Mapping[str, str] | None = None,
        multipart: int | None = LEAST_PART,
        on_progress: Callable[[Progress], object] = lambda _: None,
    ) -> UploadedFile:
        """Uploads a path, bytes, an `UploadFile`, or an open binary file from where it is.

        To continue a file in parts, upload the same one again. `path` is its place in a folder,
        such as `holidays/a.png`, which the result has again. `content_type` is by default that of
        its extension. Files larger than `multipart` go in parts, where the store takes them; None
        for never. What `on_progress` raises ends the upload.
        """
        async with self._uploading:
            source = Source(file, filename)
            try:
                # The service refuses what is none.
                known = (each for each in await self.policies() if each["name"] == policy)
                found = next(known, NO_POLICY)
                asked = _given(
                    filename=source.filename,
                    path=path,
                    content_type=content_type or _type_of(source.filename, found),
                    size=source.size,
                    policy=policy,
                    metadata=metadata,
                )
                parts = found.get("multipart")
                is_large = parts and multipart is not None and source.size > multipart
                offered = member(parts if is_large else found, "checksums", list)
                # No store verifies CRC-32C alone.
                algorithm = next((each for each in ("sha256", "md5") if each in offered), None)
                lifetime = member(found, "put_lifetime", int, is_optional=True)
                run = Run(self._retry_for, source.size, on_progress, self._moved)
                shared = self._service, self._grants, self._confirms, self._line
                job = Job(run, *shared, source, asked, algorithm, lifetime or PUT_LIFETIME)
                if is_large:
                    result = await upload_in_parts(job, self._memory_of(source, policy))
                else:
                    result = await upload_whole(job)
                on_progress(Progress(source.size, source.size))
                return result
            finally:
                source.close()

    def _memory_of(self, source: Source, policy: str) -> Memory:
        """Returns the memory by which this upload, and no other, is continued."""
        # Without the time of its last change, another file could be taken for it.
        if self._state is None or source.modified is None:
            return Memory(None)
        facts = [self._service.files, source.filename, source.size, source.modified, policy]
        name = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
        return Memory(Path(self._state) / f"{name[:40]}.json")

    async def presign(
        self,
        filename: str,
        /,
        *,
        size: int,
        content_type: str,
        policy: str | None = None,
        metadata: Mapping[str, str] | None = None,
        checksum: Mapping[str, str] | None = None,
    ) -> Grant:
        """Asks for a URL that somebody else PUTs a file to. It binds all that the store can."""
        asked = _given(filename=filename, size=size, content_type=content_type, policy=policy)
        asked |= _given(metadata=metadata, checksum=checksum, strict=True)
        return await self._grants.ask(Run(self._retry_for, moved=self._moved), asked)

    async def confirm(self, receipt: str) -> UploadedFile:
        """Compares what arrived with what was granted; waits while it is copied or scanned."""
        return await self._confirms.ask(Run(self._retry_for), receipt)

    async def remove_file(self, file: str) -> None:
        """Removes the file of a key or `file_url`, also if it is not there. Needs `remove`."""
        await self._ask(f"/{_path_of(file)}", method="DELETE")

    async def file_state(self, file: str) -> str:
        """Returns `missing`, `waiting` (it has arrived and is not confirmed) or `ready`."""
        return str(member(await self._ask(f"/{_path_of(file)}/state"), "state", str))

    async def get_url(self, file: str) -> str:
        """Returns a URL that shows the file of a key or `file_url` to everyone, for a while."""
        answer = await self._ask(f"/{_path_of(file)}", method="OPEN")
        return str(member(answer, "get_url", str))

    async def make_link(
        self, receipt: str, *, expires_in: int | None = None, version: str | None = None
    ) -> str:
        """Makes a link for everyone, for so many seconds. The policy must allow links."""
        body = _given(receipt=receipt, expires_in=expires_in, version=version)
        return str(member(await self._ask("/links", body), "link_url", str))

    async def policies(self) -> list[dict[str, Any]]:
        """Lists what the caller may upload, as the API does."""
        at, known = self._policies
        if not known or time.monotonic() - at > POLICIES_LIFETIME:
            # Of uploads that begin together one asks.
            if self._asking is None or self._asking.done():
                self._asking = asyncio.create_task(self._ask("/policies"))
            known = member(await asyncio.shield(self._asking), "policies", list)
            for each in known:
                member(each, "name", str)
            self._policies = (time.monotonic(), known)
        return known

    async def list_files(
        self, prefix: str | None = None, *, mine: bool = False, details: bool = False
    ) -> AsyncIterator[StoredFile]:
        """Lists files by their keys, page after page. Needs the scope `list`.

        With `mine`, those in the caller's own folder, for which the scope `mine` suffices. With
        `details`, the names of files, for which the service asks the store.
        """
        flags = {"mine": mine, "details": details}
        asked = _given(prefix=prefix) | {name: "true" for name in flags if flags[name]}
        while True:
            answer = await self._ask(f"?{urlencode(asked)}")
            for each in member(answer, "files", list):
                yield read(StoredFile, each)
            asked["after"] = member(answer, "next", str, is_optional=True)
            if asked["after"] is None:
                return

    async def usage(self, *, mine: bool = False) -> Usage:
        """Tells how much is stored, of all or with `mine` in one's own folder. Needs `read`."""
        return read(Usage, await self._ask("../usage?mine=true" if mine else "../usage"))

    async def _ask(self, path: str, body: object = None, method: str = "") -> Any:
        return await self._service.ask(Run(self._retry_for), path, body, method)

    async def aclose(self) -> None:
        if self._asking:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)
        await self._service.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _blocking(
    method: Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Client, P], T]:
    @wraps(method)
    def call(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._run(method(self._client, *args, **kwargs))

    return call


class Client:
    """As `AsyncClient`, by calls that block, for any number of threads.

    `on_progress` is called by a thread of the client. Ctrl-C leaves what a cancelled task does.
    """

    def __init__(self, base_url: str, **options: Unpack[ClientOptions]) -> None:
        self._client = AsyncClient(base_url, **options)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="valetkey", daemon=True)
        self._thread.start()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop.is_closed():
            work.close()
            raise ValueError("The client is closed. Make another one.")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            # Ctrl-C does not end a wait if another thread has got the signal, and on Windows.
            while not future.done():
                wait([future], timeout=0.5)
        except BaseException:
            future.cancel()
            # It removes the parts that nobody can continue.
            wait([asyncio.run_coroutine_threadsafe(_cancelled(), self._loop)])
            raise
        return future.result()

    upload = _blocking(AsyncClient.upload)
    presign = _blocking(AsyncClient.presign)
    confirm = _blocking(AsyncClient.confirm)
    remove_file = _blocking(AsyncClient.remove_file)
    file_state = _blocking(AsyncClient.file_state)
    get_url = _blocking(AsyncClient.get_url)
    make_link = _blocking(AsyncClient.make_link)
    policies = _blocking(AsyncClient.policies)
    usage = _blocking(AsyncClient.usage)

    def list_files(
        self, prefix: str | None = None, *, mine: bool = False, details: bool = False
    ) -> Iterator[StoredFile]:
        """Lists files by their keys, page after page, as `AsyncClient` does."""
        files = self._client.list_files(prefix, mine=mine, details=details)
        while file := self._run(_next(files)):
            yield file

    def close(self) -> None:
        if self._loop.is_closed():
            return
        self._run(self._end())
        self._run(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        # What was interrupted, or is under way in another thread.
        for each in asyncio.all_tasks() - {asyncio.current_task()}:
            each.cancel()
        await _cancelled()
        await self._client.aclose()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


async def _cancelled() -> None:
    """Returns once what was cancelled has ended."""
    ending = [each for each in asyncio.all_tasks() if each.cancelling()]
    await asyncio.gather(*ending, return_exceptions=True)


async def _next(files: AsyncIterator[StoredFile]) -> StoredFile | None:
    return await anext(files, None)


def _given(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _type_of(filename: str, policy: dict[str, Any]) -> str:
    known = member(policy, "extensions", dict).get(PurePath(filename).suffix.lower())
    return known or mimetypes.guess_type(filename)[0] or "application/octet-stream"


def _path_of(file: str) -> str:
    path = ADDRESS.sub("", file.partition("?")[0], count=1)
    if path == file or not FILE_PATH.fullmatch(path):
        raise ValueError(f'This is no key and no file_url: "{file}".')
    return path
