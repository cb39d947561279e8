"""What goes over the line, and what does not, by a network that is made here."""

import asyncio
import io
import json
import logging
import tempfile
import unittest
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx

from valetkey import AsyncClient, Client, Progress, errors
from valetkey.models import Grant, read

BASE = "https://uploads.example"
PUT_URL = "https://store.example/a%2Fb?X-Amz-Signature=a-signature"
GRANT = {
    "put_url": PUT_URL,
    "put_headers": {"Content-Type": "text/plain", "If-None-Match": "*"},
    "put_expires_at": "2026-11-24T12:15:00.000Z",
    "get_url": "https://store.example/get?X-Amz-Signature=b",
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
}
CONFIRMED = {
    "key": GRANT["key"],
    "size": 5,
    "content_type": "text/plain",
    "etag": '"e"',
    "final": True,
    "file_url": f"{BASE}/api/v1/orgs/acme/files/2026/11/a.txt",
    "get_url": GRANT["get_url"],
    "get_expires_at": GRANT["get_expires_at"],
}
Answer = httpx.Response | Exception


class Network:
    """A service and a store that answer, unless `trouble` does."""

    def __init__(self, trouble: Callable[[httpx.Request], Answer | None] = lambda _: None) -> None:
        self.trouble = trouble
        self.seen: list[httpx.Request] = []
        self.bodies: list[bytes] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        self.bodies.append(request.content)
        troubled = self.trouble(request)
        if isinstance(troubled, Exception):
            raise troubled
        path = request.url.path
        answers: dict[str, Any] = {
            "policies": {"policies": [POLICY]},
            "presign": GRANT,
            "confirm": CONFIRMED,
        }
        return troubled or httpx.Response(200, json=answers.get(path.rpartition("/")[2], {}))

    def client(self, token: Any = "a-token", **options: Any) -> Client:  # noqa: S107
        # Of these nothing is used.
        own: Any = {"auth": ("user", "word"), "headers": {"x-own": "1"}, "follow_redirects": True}
        http = httpx.AsyncClient(transport=httpx.MockTransport(self.read), **own)
        client = Client(BASE, org="acme", token=token, http=http, **options)
        unittest.addModuleCleanup(client.close)
        return client

    async def read(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        return self.answer(request)

    def puts(self) -> list[httpx.Request]:
        return [each for each in self.seen if each.method == "PUT"]


def first(count: int, matches: str, answer: Answer) -> Callable[[httpx.Request], Answer | None]:
    left = [answer] * count

    def trouble(request: httpx.Request) -> Answer | None:
        return left.pop() if left and matches in f"{request.method} {request.url}" else None

    return trouble


def problem(status: int, code: str, **members: Any) -> httpx.Response:
    return httpx.Response(status, json={"code": code, "title": "No", "detail": "Why.", **members})


class ClientTest(unittest.TestCase):
    def setUp(self) -> None:
        quick = patch("random.uniform", return_value=0)
        quick.start()
        self.addCleanup(quick.stop)

    def test_the_store_gets_exactly_what_was_answered_and_no_token(self) -> None:
        network = Network()
        network.client().upload(b"hello", filename="a.log")
        (put,) = network.puts()
        self.assertEqual(put.url.raw_path, b"/a%2Fb?X-Amz-Signature=a-signature")
        sent = {name: value for name, value in put.headers.items() if name != "host"}
        expected = {"content-type": "text/plain", "if-none-match": "*", "content-length": "5"}
        self.assertEqual(sent, expected)
        self.assertEqual(put.content, b"hello")
        asked = json.loads(network.bodies[1])
        self.assertEqual((asked["content_type"], asked["strict"]), ("text/plain", True))
        self.assertEqual(asked["checksum"]["algorithm"], "sha256")
        for request in network.seen:
            is_service = request.url.host == "uploads.example"
            self.assertEqual("authorization" in request.headers, is_service)

    def test_threads_and_a_running_loop_may_share_a_client(self) -> None:
        network = Network()
        client = network.client()

        async def in_a_loop() -> None:
            client.upload(b"hello", filename="a.log")

        with ThreadPoolExecutor() as threads:
            for done in [threads.submit(asyncio.run, in_a_loop()) for _ in range(8)]:
                done.result()
        self.assertEqual([each.content for each in network.puts()], [b"hello"] * 8)

    def test_tasks_send_the_same_as_threads(self) -> None:
        network = Network()

        async def upload() -> None:
            async def token() -> str:
                return "a-token"

            http = httpx.AsyncClient(transport=httpx.MockTransport(network.read))
            async with AsyncClient(BASE, org="acme", token=token, http=http) as client:
                await client.upload(io.BytesIO(b"hello"), filename="a.log")

        asyncio.run(upload())
        other = Network()
        other.client().upload(b"hello", filename="a.log")
        one, two = (
            [(each.method, each.url.raw_path, dict(each.headers), each.content) for each in seen]
            for seen in (network.seen, other.seen)
        )
        self.assertEqual(one, two)

    def test_a_refused_token_is_replaced_once(self) -> None:
        given = iter(["old", "new", "newer"])
        network = Network(first(1, "presign", problem(401, "UNAUTHENTICATED")))
        network.client(lambda: next(given)).upload(b"hello")
        used = [each.headers.get("authorization") for each in network.seen]
        new = "Bearer new"
        self.assertEqual(used, ["Bearer old", "Bearer old", new, None, new])
        always = Network(lambda _: problem(401, "UNAUTHENTICATED"))
        with self.assertRaises(errors.UnauthenticatedError):
            always.client(lambda: "old").policies()
        self.assertEqual(len(always.seen), 2)

    def test_a_url_that_is_refused_is_replaced_unless_it_is_fresh(self) -> None:
        expired = httpx.Response(403, text="<Code>AccessDenied</Code>")
        answers: list[Answer] = [expired, httpx.WriteError("broken pipe")]
        network = Network(lambda each: answers.pop() if each.method == "PUT" and answers else None)
        network.client().upload(b"hello")
        asked = [each.url.path.rpartition("/")[2] for each in network.seen]
        self.assertEqual(asked, ["policies", "presign", "b", "b", "presign", "b", "confirm"])
        fresh = Network(first(1, "PUT", expired))
        with self.assertRaises(errors.StoreRefusedError) as raised:
            fresh.client().upload(b"hello")
        self.assertEqual(raised.exception.code, "AccessDenied")

    def test_a_redirect_is_never_followed(self) -> None:
        elsewhere = httpx.Response(307, headers={"location": "https://evil.example/"})
        for method in ("GET", "PUT"):
            network = Network(first(1, method, elsewhere))
            with self.assertRaises(errors.ValetkeyError):
                network.client(retry_for=0).upload(b"hello")
            self.assertNotIn("evil.example", [each.url.host for each in network.seen])

    def test_what_breaks_is_sent_again_from_its_beginning(self) -> None:
        told: list[Progress] = []
        network = Network(first(3, "PUT", httpx.WriteError("broken pipe")))
        network.client().upload(b"hello", on_progress=told.append)
        self.assertEqual([each.content for each in network.puts()], [b"hello"] * 4)
        self.assertEqual([each.sent for each in told if not each.retrying][-1], 5)
        last = 0
        for each in told:
            self.assertTrue(each.retrying or each.sent >= last, told)
            last = each.sent

    def test_a_file_that_had_arrived_without_an_answer_is_confirmed(self) -> None:
        overwrite = httpx.Response(403, text="<Code>UnauthorizedBlobOverwrite</Code>")
        for answer in (httpx.Response(412), overwrite):
            network = Network(first(1, "PUT", answer))
            self.assertEqual(network.client().upload(b"hello").key, GRANT["key"])
            self.assertEqual(len(network.puts()), 1)

    def test_a_file_that_did_not_arrive_is_sent_again_but_not_without_end(self) -> None:
        missing = problem(409, "UPLOAD_INCOMPLETE")
        network = Network(first(2, "confirm", missing))
        network.client().upload(b"hello")
        self.assertEqual(len(network.puts()), 3)
        with self.assertRaises(errors.MismatchError):
            Network(first(99, "confirm", missing)).client(retry_for=0).upload(b"hello")

    def test_a_file_that_is_not_ready_is_waited_for(self) -> None:
        pending = problem(202, "UPLOAD_PENDING", state="copying")
        pending.headers["retry-after"] = "0"
        network = Network(first(3, "confirm", pending))
        self.assertEqual(network.client().upload(b"hello").key, GRANT["key"])
        with self.assertRaises(errors.PendingError):
            Network(first(99, "confirm", pending)).client(retry_for=0).upload(b"hello")

    def test_refusals_have_a_type_and_what_the_service_says(self) -> None:
        refusals = {
            problem(413, "FILE_TOO_LARGE", limit=100): errors.RefusedError,
            problem(403, "FORBIDDEN"): errors.RefusedError,
            problem(429, "QUOTA_EXCEEDED"): errors.QuotaError,
            problem(404, "NOT_FOUND"): errors.RefusedError,
            httpx.Response(501, text="nginx"): errors.ServiceFailedError,
        }
        for answer, kind in refusals.items():
            with self.assertRaises(kind) as raised:
                Network(first(1, "presign", answer)).client().upload(b"hello")
            self.assertEqual(raised.exception.status, answer.status_code)
            self.assertTrue(str(raised.exception))

    def test_an_answer_that_cannot_be_used_names_the_member(self) -> None:
        for changed in ({"put_url": "file:///etc/passwd"}, {"put_url": 5}, {"put_url": ""}):
            answer = httpx.Response(200, json={**GRANT, **changed})
            with self.assertRaisesRegex(errors.ServiceFailedError, "no valid put_url"):
                Network(first(1, "presign", answer)).client().upload(b"hello")

    def test_an_answer_without_an_end_is_not_read(self) -> None:
        endless = httpx.Response(200, content=b" " * (9 * 2**20))
        with self.assertRaises(errors.OfflineError):
            Network(lambda _: endless).client(retry_for=0).policies()

    def test_a_file_that_changes_on_its_way_is_named(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "a.log"
            path.write_bytes(b"hello")

            def change(request: httpx.Request) -> None:
                if request.method == "PUT":
                    path.write_bytes(b"other bytes")

            with self.assertRaises(errors.FileChangedError):
                Network(change).client().upload(path)

    def test_secrets_are_neither_logged_nor_represented(self) -> None:
        network = Network(first(1, "presign", httpx.ReadError("reset")))
        client = network.client("a-secret-token")
        with self.assertLogs(level=logging.DEBUG) as logs:
            result = client.upload(b"hello")
        grant = read(Grant, GRANT)
        said = " ".join([*logs.output, repr(client), repr(result), repr(grant), str(vars(client))])
        self.assertIn("store.example", said)
        for secret in ("a-secret-token", "X-Amz-Signature", "a-receipt"):
            self.assertNotIn(secret, said)
        self.assertEqual(grant.put_expires_at, datetime(2026, 11, 24, 12, 15, tzinfo=UTC))

    def test_a_token_that_no_header_can_have_is_named_and_not_shown(self) -> None:
        for token in ("a\nb", "é", 5, None):
            with self.assertRaises(errors.UnauthenticatedError) as raised:
                Network().client(lambda token=token: token).policies()
            self.assertNotIn("a\nb", str(raised.exception))

    def test_keys_and_file_urls_lead_to_files_alone(self) -> None:
        network = Network()
        network.client().remove_file(str(CONFIRMED["file_url"]))
        network.client().remove_file("orgs/1/files/2026/11/a.txt")
        paths = {each.url.path for each in network.seen}
        self.assertEqual(paths, {"/api/v1/orgs/acme/files/2026/11/a.txt"})
        for file in ("", "../x", "orgs/1/files/../../x.y", "https://x.example/a.txt", "multipart"):
            with self.assertRaises(ValueError):
                network.client().remove_file(file)


if __name__ == "__main__":
    unittest.main()
