"""The clients: one for asyncio, and one that blocks."""

from __future__ import annotations

import mimetypes
import os
import re
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from functools import partial, wraps
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypedDict, TypeVar
from urllib.parse import urlencode

import httpx

from .models import FileState, Grant, Link, Policy, StoredFile, UploadedFile, read, read_all, url
from .retry import Run
from .service import Service, Token
from .source import Directory, Memory, Source, StateStore, Uploadable
from .transport import AsyncIo, Io, ThreadIo, finish
from .upload import MIB, Job, Progress, Tally, confirm, upload_in_parts, upload_whole

if TYPE_CHECKING:
    from typing_extensions import Unpack

T = TypeVar("T")
P = ParamSpec("P")

# The seconds for which policies are kept.
POLICIES_LIFETIME = 300
ADDRESS = re.compile(r".*/api/v1/orgs/[^/]+/files/|orgs/[^/]+/(?:files/)?")
# A path in which no segment leads elsewhere.
FILE_PATH = re.compile(r"(?:[\w-]+/)+[\w-]+\.[\w-]+", re.ASCII)


class _Required(TypedDict):
    org: str
    token: Token


class ClientOptions(_Required, total=False):
    """Options of both clients.

    `token` is a text, or a function that returns one: called at first, and for another each time
    that the service has refused the last one. `state` is where uploads in parts are remembered: a
    directory, or a `StateStore`; by default for as long as the client is there. At most
    `concurrency` parts are on their way at a time, 4 by default. Failures are tried again for
    `retry_for` seconds without progress, 300 by default.
    """

    state: str | os.PathLike[str] | StateStore | None
    concurrency: int
    retry_for: float


class _Calls:
    """What both clients do. They differ in the `Io`."""

    def __init__(
        self,
        io: Io,
        base_url: str,
        *,
        org: str,
        token: Token,
        state: str | os.PathLike[str] | StateStore | None = None,
        concurrency: int = 4,
        retry_for: float = 300,
    ) -> None:
        self._io = io
        self._service = Service(base_url, org, token)
        self._concurrency = max(1, concurrency)
        self._retry_for = retry_for
        if isinstance(state, (str, os.PathLike)):
            state = Directory(state)
        self._state: StateStore = {} if state is None else state
        self._policies: tuple[float, list[Policy]] = (0, [])

    async def upload(
        self,
        file: Uploadable,
        *,
        filename: str | None = None,
        content_type: str | None = None,
        policy: str = "files",
        metadata: Mapping[str, str] | None = None,
        checksum: bool | None = None,
        multipart: int | None = 5 * MIB,
        on_progress: Callable[[Progress], object] | None = None,
        retry_for: float | None = None,
    ) -> UploadedFile:
        """Uploads a path, bytes, or an open binary file from its present position; confirms it.

        To continue a file in parts, upload the same one again. `content_type` is by default that of
        its extension. `checksum`: True for any size, False only where the policy requires one; by
        default where it costs little. Files larger than `multipart` go in parts, where the store
        takes them; None for never. `on_progress` is called by one thread at a time; what it raises
        ends the upload.
        """
        source = Source(file, filename)
        try:
            source.fail_unless_same()
            tally = Tally(source.size, on_progress)
            run = self._run(retry_for)
            run.on_retry = tally.retry
            found = next((each for each in await self._known(run) if each.name == policy), None)
            asked = _given(
                filename=source.filename,
                content_type=content_type or _type_of(source.filename, found),
                size=source.size,
                policy=policy,
                metadata=metadata,
            )
            job = Job(run, self._service, source, tally, asked, found, checksum, self._concurrency)
            if multipart is None or source.size <= multipart or not (found and found.multipart):
                result = await upload_whole(job)
            else:
                # Without the time of its last change, another file could be taken for it.
                store = self._state if source.modified else {}
                facts = {**asked, "files": self._service.files, "modified": source.modified}
                result = await upload_in_parts(job, Memory(store, facts))
            tally.finish()
            return result
        finally:
            source.close()

    async def presign(
        self, filename: str, /, *, size: int, content_type: str, **options: Any
    ) -> Grant:
        """Asks for a URL that somebody else PUTs a file to.

        `options` are other members of the request: `policy`, `metadata`, `checksum`, `strict`.
        """
        asked = {"filename": filename, "size": size, "content_type": content_type}
        body = {**asked, "strict": True, **options}
        return await self._service.ask(self._run(), partial(read, Grant), "/presign", body)

    async def confirm(self, receipt: str) -> UploadedFile:
        """Compares what arrived with what was granted; waits while it is copied or scanned."""
        return await confirm(self._run(), self._service, receipt)

    async def remove_file(self, file: str) -> None:
        """Removes the file of a key or `file_url`, also if it is not there. Needs `remove`."""
        path = f"/{_path_of(file)}"
        await self._service.ask(self._run(), lambda _: None, path, method="DELETE")

    async def file_state(self, file: str) -> FileState:
        """Returns the state of the file of a key or `file_url`."""
        path = f"/{_path_of(file)}/state"
        return await self._service.ask(self._run(), partial(read, FileState), path)

    async def get_url(self, file: str) -> str:
        """Returns a URL that shows the file of a key or `file_url` to everyone, for a while."""
        return await self._service.ask(self._run(), url, f"/{_path_of(file)}", leads=True)

    async def make_link(
        self, receipt: str, *, expires_in: int | None = None, version: str | None = None
    ) -> Link:
        """Makes a link for everyone, for so many seconds. The policy must allow links."""
        body = _given(receipt=receipt, expires_in=expires_in, version=version)
        return await self._service.ask(self._run(), partial(read, Link), "/links", body)

    async def policies(self) -> list[Policy]:
        """Lists what the caller may upload."""
        return await self._known(self._run())

    async def _known(self, run: Run) -> list[Policy]:
        at, known = self._policies
        if not known or time.monotonic() - at > POLICIES_LIFETIME:
            decode = partial(read_all, Policy, "policies")
            known = await self._service.ask(run, decode, "/policies")
            self._policies = (time.monotonic(), known)
        return known

    async def _page(
        self, prefix: str | None, after: str | None
    ) -> tuple[list[StoredFile], str | None]:
        query = urlencode(_given(prefix=prefix, after=after))
        return await self._service.ask(self._run(), _read_page, f"?{query}")

    def _run(self, retry_for: float | None = None) -> Run:
        return Run(self._io, self._retry_for if retry_for is None else retry_for)


class AsyncClient(_Calls):
    """Uploads of an organization, for asyncio. See `ClientOptions`; `token` may be async.

    `http` is a client of your own, for a proxy or certificates. A task that is cancelled leaves an
    upload that can be continued.
    """

    def __init__(
        self,
        base_url: str,
        *,
        http: httpx.AsyncClient | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        self._http = http or httpx.AsyncClient()
        self._is_own = http is None
        super().__init__(AsyncIo(self._http), base_url, **options)

    async def list_files(self, prefix: str | None = None) -> AsyncIterator[StoredFile]:
        """Lists files by their keys, page after page. Needs the scope `list`."""
        after = None
        while True:
            files, after = await self._page(prefix, after)
            for file in files:
                yield file
            if after is None:
                return

    async def aclose(self) -> None:
        if self._is_own:
            await self._http.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _blocking(
    method: Callable[Concatenate[_Calls, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Client, P], T]:
    @wraps(method)
    def call(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return finish(method(self._calls, *args, **kwargs))

    return call


class Client:
    """As `AsyncClient`, by calls that block. Several threads may use it; `token` is not async.

    Ctrl-C leaves an upload that can be continued, and no thread.
    """

    def __init__(
        self,
        base_url: str,
        *,
        http: httpx.Client | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        self._http = http or httpx.Client()
        self._is_own = http is None
        self._calls = _Calls(ThreadIo(self._http), base_url, **options)

    upload = _blocking(_Calls.upload)
    presign = _blocking(_Calls.presign)
    confirm = _blocking(_Calls.confirm)
    remove_file = _blocking(_Calls.remove_file)
    file_state = _blocking(_Calls.file_state)
    get_url = _blocking(_Calls.get_url)
    make_link = _blocking(_Calls.make_link)
    policies = _blocking(_Calls.policies)

    def list_files(self, prefix: str | None = None) -> Iterator[StoredFile]:
        """Lists files by their keys, page after page. Needs the scope `list`."""
        after = None
        while True:
            files, after = finish(self._calls._page(prefix, after))
            yield from files
            if after is None:
                return

    def close(self) -> None:
        if self._is_own:
            self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _read_page(answer: Any) -> tuple[list[StoredFile], str | None]:
    return read_all(StoredFile, "files", answer), answer.get("next")


def _given(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _type_of(filename: str, policy: Policy | None) -> str:
    known = policy.extensions.get(PurePath(filename).suffix.lower()) if policy else None
    return known or mimetypes.guess_type(filename)[0] or "application/octet-stream"


def _path_of(file: str) -> str:
    path = ADDRESS.sub("", file.partition("?")[0], count=1)
    if path == file or not FILE_PATH.fullmatch(path):
        raise ValueError(f'This is no key and no file_url: "{file}".')
    return path
