"""One exchange over HTTP, and waiting, by threads or by tasks.

Everything else is written once, as coroutines that await nothing but an `Io`. `AsyncIo` suspends
them as usual. The methods of `ThreadIo` block and never suspend, so that `finish` runs a coroutine
in the thread that calls it.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import aclosing, closing, suppress
from socket import SHUT_RDWR, socket
from typing import Any, NamedTuple, TypeVar

import httpx

T = TypeVar("T")

# Seconds. The system may have taken more of a body than a slow line carries in a minute, and some
# stores copy parts to put them together.
TIMEOUT = 120.0
TIMEOUTS = {"connect": 20.0, "read": TIMEOUT, "write": TIMEOUT, "pool": TIMEOUT}
CHUNK = 64 * 1024
# The longest answer that is read, in bytes.
LONGEST_ANSWER = 8 * 2**20


class LostError(Exception):
    """A request was not answered."""


class StoppedError(Exception):
    """The upload of this part was interrupted."""


class Answer(NamedTuple):
    status: int
    headers: httpx.Headers
    body: bytes


class _Url(httpx.URL):
    """A URL that logs and messages have without its query, which is a signature or a token."""

    def __str__(self) -> str:
        return super().__str__().partition("?")[0]

    __repr__ = __str__


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """Bytes that `read` gives from any position, so that they can be sent again."""

    def __init__(
        self, size: int, read: Callable[[int, int], bytes], on_sent: Callable[[int], None]
    ) -> None:
        self.size = size
        self._read = read
        self._on_sent = on_sent

    def __iter__(self) -> Iterator[bytes]:
        for at in range(0, self.size, CHUNK):
            fail_if_stopped()
            yield self._read(at, min(CHUNK, self.size - at))
            self._on_sent(min(at + CHUNK, self.size))

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for at in range(0, self.size, CHUNK):
            yield await asyncio.to_thread(self._read, at, min(CHUNK, self.size - at))
            self._on_sent(min(at + CHUNK, self.size))


def make_request(
    method: str, url: str, headers: dict[str, str], content: bytes | Body = b""
) -> httpx.Request:
    """Makes a request by hand: it has nothing that a client adds, such as headers and cookies."""
    if isinstance(content, bytes):
        request = httpx.Request(method, url, headers=headers, content=content)
    else:
        # With a stream httpx adds nothing by itself.
        own = {"Host": httpx.URL(url).netloc.decode(), "Content-Length": str(content.size)}
        request = httpx.Request(method, url, headers={**own, **headers}, stream=content)
    request.url = _Url(request.url)
    request.extensions["timeout"] = TIMEOUTS
    return request


_thread = threading.local()


def fail_if_stopped() -> None:
    stop = getattr(_thread, "stop", None)
    if stop is not None and stop.is_set():
        raise StoppedError


class ThreadIo:
    """Blocks the thread that calls it."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._sockets: weakref.WeakSet[socket] = weakref.WeakSet()

    async def send(self, request: httpx.Request) -> Answer:
        """Sends a request. Raises `LostError` if it is not answered."""
        fail_if_stopped()
        request.extensions["trace"] = self._note_socket
        body = b""
        try:
            response = self._client.send(request, auth=None, stream=True, follow_redirects=False)
            end = time.monotonic() + TIMEOUT
            with closing(response):
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > LONGEST_ANSWER or time.monotonic() > end:
                        raise LostError("The answer does not end.")
        except httpx.RequestError as cause:
            fail_if_stopped()
            raise LostError(str(cause)) from cause
        return Answer(response.status_code, response.headers, body)

    def _note_socket(self, event: str, info: dict[str, Any]) -> None:
        """Sees new connections: https://www.python-httpx.org/advanced/extensions/#trace."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._sockets.add(info["return_value"].get_extra_info("socket"))

    async def sleep(self, seconds: float) -> None:
        stop = getattr(_thread, "stop", None) or threading.Event()
        stop.wait(seconds)
        fail_if_stopped()

    async def call(self, work: Callable[[], T | Awaitable[T]]) -> T:
        """Calls what may block."""
        fail_if_stopped()
        result = work()
        if inspect.isawaitable(result):
            raise TypeError("A Client calls no async function: use AsyncClient.")
        return result

    async def together(self, works: Sequence[Coroutine[Any, Any, None]]) -> None:
        """Runs all at the same time, to their ends; then raises what one of them has raised."""
        stop = threading.Event()

        def begin() -> None:
            _thread.stop = stop

        with ThreadPoolExecutor(len(works), "valetkey", begin) as pool:
            running = []
            try:
                running += [pool.submit(finish, work) for work in works]
                # In turns: Windows interrupts no wait.
                while wait(running, timeout=0.5).not_done:
                    pass
            except BaseException:
                stop.set()
                # Those that send or sleep notice it. Others wait for a line that stands still.
                if wait(running, timeout=1).not_done:
                    for known in list(self._sockets):
                        with suppress(OSError):
                            # That of a TLS socket would also forget that it is encrypted.
                            socket.shutdown(known, SHUT_RDWR)
                raise
        for each in running:
            each.result()


class AsyncIo:
    """Suspends the task that calls it."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def send(self, request: httpx.Request) -> Answer:
        body = b""
        try:
            response = await self._client.send(
                request, auth=None, stream=True, follow_redirects=False
            )
            end = time.monotonic() + TIMEOUT
            async with aclosing(response):
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > LONGEST_ANSWER or time.monotonic() > end:
                        raise LostError("The answer does not end.")
        except httpx.RequestError as cause:
            raise LostError(str(cause)) from cause
        return Answer(response.status_code, response.headers, body)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def call(self, work: Callable[[], T | Awaitable[T]]) -> T:
        result = await asyncio.to_thread(work)
        return await result if inspect.isawaitable(result) else result

    async def together(self, works: Sequence[Coroutine[Any, Any, None]]) -> None:
        for outcome in await asyncio.gather(*works, return_exceptions=True):
            if outcome is not None:
                raise outcome


def finish(work: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine to its end that awaits nothing but a `ThreadIo`."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise RuntimeError("It waits for something else than a ThreadIo.")


Io = ThreadIo | AsyncIo
