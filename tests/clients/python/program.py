"""Each command is one use of the client, with its result as a line of JSON.

`[--async] upload|list|policies|state|url|remove|link|presign|confirm|receive --base URL --org ORG
--token-file FILE [--state DIRECTORY] ARGUMENT...`

An upload prints lines `progress SENT TOTAL WHY` on standard error. What fails ends with 1, after a
line `{code, status, message}` there. The token is read again once it was refused.
"""

import argparse
import asyncio
import inspect
import json
import signal
import sys
import threading
from collections.abc import AsyncIterator, Coroutine
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from valetkey import AsyncClient, Client, Progress, ValetkeyError, Webhook, WebhookError

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


async def run(client: Any, command: str, arguments: list[str]) -> Any:
    """Runs a command on either client."""

    async def call(name: str, *given: Any, **options: Any) -> Any:
        result = getattr(client, name)(*given, **options)
        return await result if inspect.isawaitable(result) else result

    if command == "upload":
        metadata = {"from": "a-client"}
        file = await call("upload", arguments[0], metadata=metadata, on_progress=on_progress)
        names = ("key", "size", "get_url", "file_url", "receipt", "metadata")
        known = {name: getattr(file, name) for name in names}
        checksum = file.checksum or {}
        sha256 = {"sha256": checksum["value"]} if checksum.get("algorithm") == "sha256" else {}
        return {**known, **sha256, "sent": sent}
    if command == "list":
        files = client.list_files()
        if isinstance(client, Client):
            return [file.key for file in files]
        return [file.key async for file in files]
    if command == "policies":
        return await call("policies")
    if command == "state":
        return await call("file_state", *arguments)
    if command == "url":
        return await call("get_url", *arguments)
    if command == "remove":
        return await call("remove_file", *arguments)
    if command == "link":
        return await call("make_link", *arguments, expires_in=3600)
    if command == "presign":
        filename, content_type = arguments
        return vars(await call("presign", filename, size=5, content_type=content_type))
    return vars(await call("confirm", *arguments))


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


def main() -> Any:
    parser = argparse.ArgumentParser()
    parser.add_argument("--async", action="store_true", dest="by_tasks")
    parser.add_argument("command")
    for name in ("base", "org", "token-file", "state"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("arguments", nargs="*")
    given = parser.parse_intermixed_args()
    if given.command == "receive":
        return receive(given.base, given.arguments)

    options: Any = {
        "org": given.org,
        "token": lambda: Path(given.token_file).read_text(encoding="utf-8").strip(),
        "state": given.state or None,
        "http": httpx.AsyncClient(transport=Counting()),
    }
    if given.by_tasks:

        async def by_tasks() -> Any:
            async with AsyncClient(given.base, **options) as client:
                return await run(client, given.command, given.arguments)

        return asyncio.run(by_tasks())
    with Client(given.base, **options) as client:
        return finish(run(client, given.command, given.arguments))


# A shell has it ignored by what runs in the background.
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    print(json.dumps(main(), default=str))
except KeyboardInterrupt:
    # No thread of the client is left.
    print("interrupted" if threading.active_count() == 1 else "left a thread", file=sys.stderr)
    sys.exit(130)
except ValetkeyError as error:
    told = {"code": error.code, "status": error.status}
    print(json.dumps({**told, "message": str(error)}), file=sys.stderr)
    sys.exit(1)
except (ValueError, OSError) as error:
    print(json.dumps({"code": "INVALID_FILE", "message": str(error)}), file=sys.stderr)
    sys.exit(1)
