"""A service and a store that are made here, and answer unless there is trouble."""

import asyncio
import json
import unittest
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import httpx

from valetkey import Client

BASE = "https://uploads.example"
STORE = "https://store.example"
PUT_URL = f"{STORE}/a%2Fb?X-Amz-Signature=a-signature"
GRANT = {
    "put_url": PUT_URL,
    "put_headers": {"Content-Type": "text/plain", "If-None-Match": "*"},
    "put_expires_at": "2026-11-24T12:15:00.000Z",
    "get_url": f"{STORE}/get?X-Amz-Signature=b",
    "get_expires_at": "2026-11-24T12:15:00.000Z",
    "key": "orgs/1/files/2026/11/a.txt",
    "receipt": "v1.a-receipt",
}
POLICY = {
    "name": "files",
    "max_size": 100,
    "allowed_types": ["text/plain"],
    "extensions": {".log": "text/plain"},
    "require_checksum": False,
    "checksums": ["sha256"],
    "multipart": {"max_size": 100, "checksums": ["sha256"]},
}
CONFIRMED = {
    "key": GRANT["key"],
    "filename": "a.txt",
    "size": 5,
    "content_type": "text/plain",
    "etag": '"e"',
    "final": True,
    "file_url": f"{BASE}/api/v1/orgs/acme/files/2026/11/a.txt",
    "get_url": GRANT["get_url"],
    "get_expires_at": GRANT["get_expires_at"],
    "receipt": "v1.a-receipt",
}
# Of 12 bytes there are three parts.
BEGUN = {"upload": "v1.an-upload", "key": GRANT["key"], "part_size": 5}
Answer = httpx.Response | Exception
# Never comes.
HELD = httpx.Response(500)
Trouble = Callable[[httpx.Request], Answer | None]


class Network:
    """Answers each request, unless `trouble` does."""

    def __init__(self, trouble: Trouble = lambda _: None) -> None:
        self.trouble = trouble
        self.seen: list[httpx.Request] = []
        self.parts: dict[int, bytes] = {}
        self.has_file = False
        self.has_etags = True

    async def answer(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        await request.aread()
        troubled = self.trouble(request)
        if isinstance(troubled, Exception):
            raise troubled
        if troubled is HELD:
            await asyncio.Event().wait()
        answer = troubled or self.own_answer(request)
        # As it comes over a line, and not decoded.
        return httpx.Response(answer.status_code, headers=answer.headers, stream=answer.stream)

    def own_answer(self, request: httpx.Request) -> httpx.Response:
        name = request.url.path.rpartition("/")[2]
        is_list = name in ("parts", "batch") and request.content
        body = json.loads(request.content) if is_list else {}
        receipts = body.get("receipts", ())
        if request.method == "PUT" and (part := request.url.params.get("part")):
            self.parts[int(part)] = request.content
            return httpx.Response(200, headers={"etag": f'"{part}"'} if self.has_etags else {})
        self.has_file |= request.method == "PUT"
        if name == "confirm" and not self.has_file:
            return problem(409, "UPLOAD_INCOMPLETE")
        if request.method == "DELETE" and name == "multipart":
            self.parts.clear()
        signed = [
            {
                "part_number": n,
                "url": f"{STORE}/p?{urlencode({'part': n})}",
                "headers": {"x-h": "1"},
            }
            for n in body.get("part_numbers", ())
        ]
        stored = [{"part_number": n, "etag": f'"{n}"', "size": 5} for n in sorted(self.parts)]
        answers: dict[str, Any] = {
            "policies": {"policies": [POLICY]},
            "presign": GRANT,
            "batch": {
                "uploads": [GRANT] * len(body.get("files", ()))
                + [{"file": CONFIRMED}] * len(receipts)
            },
            "confirm": CONFIRMED,
            "multipart": BEGUN,
            "parts": {"parts": signed if body else stored},
            "complete": CONFIRMED,
        }
        return httpx.Response(200, json=answers.get(name, {}))

    def http(self, **options: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self.answer), **options)

    def client(self, token: Any = "a-token", **options: Any) -> Client:  # noqa: S107
        # Of these nothing is used.
        own: Any = {"auth": ("user", "word"), "headers": {"x-own": "1"}, "follow_redirects": True}
        client = Client(BASE, org="acme", token=token, http=self.http(**own), **options)
        unittest.addModuleCleanup(client.close)
        return client

    def puts(self) -> list[httpx.Request]:
        return [each for each in self.seen if each.method == "PUT"]

    def calls(self) -> list[str]:
        """Returns what was asked for, by the last names of the paths."""
        return [f"{each.method} {each.url.path.rpartition('/')[2]}" for each in self.seen]


def first(count: int, matches: str, answer: Answer) -> Trouble:
    left = [answer] * count

    def trouble(request: httpx.Request) -> Answer | None:
        asked = f"{request.method} {request.url.raw_path.decode()}"
        return left.pop() if left and matches in asked else None

    return trouble


def problem(status: int, code: str, **members: Any) -> httpx.Response:
    return httpx.Response(status, json={"code": code, "title": "No", "detail": "Why.", **members})
