"""The program that tests/clients/scenarios.ts runs, which describes its options.

With `--async` it uses the client for asyncio.
"""

import argparse
import asyncio
import inspect
import json
import selectors
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Coroutine
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

parser = argparse.ArgumentParser()
parser.add_argument("command")
for name in ("base", "org", "token-file", "state", "type"):
    parser.add_argument(f"--{name}", default="")
parser.add_argument("--policy", default="files")
parser.add_argument("--path", default=None)
parser.add_argument("--retry-for", type=float, default=300)
parser.add_argument("--hasten", type=float, default=1)
parser.add_argument("--metadata", type=json.loads, default={"from": "a-client"})
parser.add_argument("--async", action="store_true", dest="by_tasks")
parser.add_argument("--apart", action="store_true")
parser.add_argument("arguments", nargs="*")
given = parser.parse_intermixed_args()

# The clocks of the client and of its loop, before it is loaded.
monotonic = time.monotonic
time.monotonic = lambda: monotonic() * given.hasten


class Hastened(selectors.DefaultSelector):
    def select(self, timeout: float | None = None) -> Any:
        return super().select(timeout and timeout / given.hasten)


class Loops(asyncio.DefaultEventLoopPolicy):
    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.SelectorEventLoop(Hastened())


asyncio.set_event_loop_policy(Loops())

import httpx  # noqa: E402

from valetkey import (  # noqa: E402
    AsyncClient,
    Client,
    Progress,
    ValetkeyError,
    Webhook,
    WebhookError,
)
from valetkey import parts as sending  # noqa: E402

# Nobody waits for the removal of parts, so it has the time that it has without haste.
sending.REMOVE_TIMEOUT *= given.hasten

# Of errors without a code of the service or the store.
CODES = {
    "CancelledError": "ABORTED",
    "KeyboardInterrupt": "ABORTED",
    "OfflineError": "OFFLINE",
    "ServiceFailedError": "SERVICE_FAILED",
    "StoreRefusedError": "STORE_REFUSED",
}
sent = 0


class Counting(httpx.AsyncHTTPTransport):
    """Counts the bytes of bodies as they go."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "PUT":
            request.stream = Counted(request.stream)
        return await super().handle_async_request(request)


class Counted(httpx.AsyncByteStream):
    def __init__(self, body: Any) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        global sent
        async for chunk in self._body:
            sent += len(chunk)
            yield chunk


def on_progress(progress: Progress) -> None:
    print("progress", progress.sent, progress.total, progress.retrying, file=sys.stderr, flush=True)


async def call(client: Any, name: str, *given: Any, **options: Any) -> Any:
    """Calls a method of either client."""
    result = getattr(client, name)(*given, **options)
    return await result if inspect.isawaitable(result) else result


async def upload(client: Any, file: str) -> dict[str, Any]:
    options = {"metadata": given.metadata, "content_type": given.type or None, "path": given.path}
    result: dict[str, Any]
    try:
        done = await call(
            client, "upload", file, policy=given.policy, on_progress=on_progress, **options
        )
        members = "key size get_url file_url receipt metadata content_type filename path"
        result = {name: getattr(done, name) for name in members.split()}
    except (Exception, KeyboardInterrupt, asyncio.CancelledError) as error:
        if given.state and not isinstance(error, Exception):
            raise
        result = told(error)
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0])
    return {**result, "sent": sent, "peak": peak}


def told(error: BaseException) -> dict[str, Any]:
    name = type(error).__name__
    code = getattr(error, "code", None) or CODES.get(name, name)
    if isinstance(error, (ValueError, OSError)):
        code = "INVALID_FILE"
    return {"code": code, "status": getattr(error, "status", None), "message": str(error)}


async def run(client: Any, command: str, arguments: list[str]) -> Any:
    """Runs a command on either client."""
    if command == "list":
        files = client.list_files(details=True)
        if isinstance(client, Client):
            return [file.key for file in files]
        return [file.key async for file in files]
    if command == "policies":
        return await call(client, "policies")
    if command == "state":
        return await call(client, "file_state", *arguments)
    if command == "url":
        return await call(client, "get_url", *arguments)
    if command == "remove":
        return await call(client, "remove_file", *arguments)
    if command == "link":
        return await call(client, "make_link", *arguments, expires_in=3600)
    if command == "presign":
        filename, content_type = arguments
        return vars(await call(client, "presign", filename, size=5, content_type=content_type))
    return vars(await call(client, "confirm", *arguments))


def finish(work: Coroutine[Any, Any, Any]) -> Any:
    """Runs what never waits."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    raise RuntimeError("It waits.")


def receive(base: str, secrets: list[str]) -> None:
    """Prints the events that come to an address."""
    webhook = Webhook(*secrets)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            try:
                event = webhook.verify(body, self.headers)
            except WebhookError:
                return self.answer(401)
            told = {"id": event.id, "type": event.type, "key": event.data["key"]}
            print(json.dumps(told), flush=True)
            return self.answer(204)

        def do_GET(self) -> None:
            self.answer(401)

        def answer(self, status: int) -> None:
            self.send_response(status)
            self.end_headers()

    address = urlsplit(base)
    HTTPServer((address.hostname or "", address.port or 0), Handler).serve_forever()


options: Any = {
    "org": given.org,
    "token": lambda: Path(given.token_file).read_text(encoding="utf-8").strip(),
    "state": given.state or None,
    "retry_for": given.retry_for,
}


def by_threads(files: list[str]) -> Any:
    http = httpx.AsyncClient(transport=Counting())
    with Client(given.base, http=http, **options) as client:
        if given.command == "upload":
            return [finish(upload(client, file)) for file in files]
        return finish(run(client, given.command, given.arguments))


async def by_tasks(files: list[str]) -> Any:
    http = httpx.AsyncClient(transport=Counting())
    async with AsyncClient(given.base, http=http, **options) as client:
        if given.command == "upload":
            return [await upload(client, file) for file in files]
        return await run(client, given.command, given.arguments)


def main(files: list[str]) -> Any:
    return asyncio.run(by_tasks(files)) if given.by_tasks else by_threads(files)


if given.command == "receive":
    receive(given.base, given.arguments)
# A shell has it ignored by what runs in the background.
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    if given.command != "upload":
        print(json.dumps(main([]), default=str))
        sys.exit(0)
    apart = [[file] for file in given.arguments] if given.apart else [given.arguments]
    outcomes = [each for files in apart for each in main(files)]
    has_failed = len(outcomes) == 1 and "code" in outcomes[0]
    for each in outcomes:
        print(json.dumps(each), file=sys.stderr if has_failed else sys.stdout)
    sys.exit(1 if has_failed else 0)
except KeyboardInterrupt:
    # No thread of the client is left.
    print("interrupted" if threading.active_count() == 1 else "left a thread", file=sys.stderr)
    sys.exit(130)
except (ValetkeyError, ValueError, OSError) as error:
    print(json.dumps(told(error)), file=sys.stderr)
    sys.exit(1)
