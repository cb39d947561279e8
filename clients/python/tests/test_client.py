"""What goes over the line, and what does not, by a network that is made here."""

import asyncio
import io
import json
import logging
import os
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO, cast
from unittest.mock import patch

import httpx
from network import BASE, CONFIRMED, GRANT, HELD, POLICY, Network, first, problem

from valetkey import AsyncClient, Progress, errors
from valetkey.line import LEAST_PART
from valetkey.models import Grant, read
from valetkey.source import Uploadable


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
        # Something on the way may forward it at 32 KiB a second.
        self.assertEqual(put.extensions["timeout"]["read"], 120 + 5 / 2**15)
        asked = json.loads(network.seen[1].content)
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

            async with AsyncClient(BASE, org="acme", token=token, http=network.http()) as client:
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

    def test_calls_that_are_refused_together_ask_for_one_token(self) -> None:
        calls, key = 5, str(CONFIRMED["key"])

        class Refusing(Network):
            """Refuses the first calls, once it has seen them all."""

            def __init__(self) -> None:
                super().__init__(first(calls, "DELETE", problem(401, "UNAUTHENTICATED")))
                self.given: list[str] = []
                self.all_seen = asyncio.Event()

            def token(self) -> str:
                self.given.append(f"token-{len(self.given)}")
                return self.given[-1]

            async def answer(self, request: httpx.Request) -> httpx.Response:
                if len(self.seen) == calls - 1:
                    self.all_seen.set()
                answer = await super().answer(request)
                await self.all_seen.wait()
                return answer

        async def together(network: Refusing) -> None:
            options: Any = {"token": network.token, "http": network.http()}
            async with AsyncClient(BASE, org="acme", **options) as client:
                await asyncio.gather(*(client.remove_file(key) for _ in range(calls)))

        network = Refusing()
        asyncio.run(together(network))
        self.assertEqual(network.given, ["token-0", "token-1"])
        network = Refusing()
        remove = network.client(network.token).remove_file
        with ThreadPoolExecutor(calls) as threads:
            list(threads.map(remove, [key] * calls))
        self.assertEqual(network.given, ["token-0", "token-1"])

    def test_a_url_that_is_refused_is_replaced_once(self) -> None:
        expired = httpx.Response(400, text="<Code>ExpiredToken</Code>")
        for refusal in (httpx.Response(403, text="<Code>AccessDenied</Code>"), expired):
            network = Network(first(1, "PUT", refusal))
            network.client().upload(b"hello")
            asked = [each.url.path.rpartition("/")[2] for each in network.seen]
            self.assertEqual(asked, ["policies", "presign", "b", "presign", "b", "confirm"])
            with self.assertRaises(errors.StoreRefusedError):
                Network(first(2, "PUT", refusal)).client().upload(b"hello")

    def test_a_url_that_has_ended_is_replaced_before_it_is_used(self) -> None:
        def calls_if_it_took(seconds: int, matches: str) -> list[str]:
            now = 1000
            closed = first(1, matches, httpx.ReadError("closed"))

            def trouble(request: httpx.Request) -> Any:
                nonlocal now
                failure = closed(request)
                now += seconds if failure else 0
                return failure

            network = Network(trouble)
            clock = patch("valetkey.upload.time", lambda: now)
            with clock, patch.dict(POLICY, put_lifetime=60):
                network.client().upload(b"hello")
            return network.calls()[1:-1]

        ask, put, find = "POST presign", "PUT b", "POST confirm"
        self.assertEqual(calls_if_it_took(59, "PUT"), [ask, put, find, put])
        self.assertEqual(calls_if_it_took(60, "PUT"), [ask, put, find, ask, put])
        # To ask for it.
        self.assertEqual(calls_if_it_took(59, "presign"), [ask, ask, put])
        self.assertEqual(calls_if_it_took(60, "presign"), [ask, ask, ask, put])

    def test_a_redirect_is_never_followed(self) -> None:
        elsewhere = httpx.Response(307, headers={"location": "https://evil.example/"})
        for matches in ("policies", "PUT"):
            network = Network(first(2, matches, elsewhere))
            network.client().upload(b"hello")
            self.assertNotIn("evil.example", [each.url.host for each in network.seen])
            opened = Network(first(1, "a.txt/state", elsewhere))
            with self.assertRaises(errors.ServiceFailedError):
                opened.client(retry_for=0).file_state("orgs/1/files/2026/11/a.txt")

    def test_a_file_of_another_checksum_has_changed(self) -> None:
        other = httpx.Response(400, text="<Code>BadDigest</Code>")
        with self.assertRaises(errors.FileChangedError):
            Network(first(1, "PUT", other)).client().upload(b"hello")

    def test_a_body_that_is_sent_three_times_in_vain_ends_the_upload(self) -> None:
        network = Network(first(9, "PUT", httpx.ReadTimeout("")))
        with (
            patch("valetkey.upload.monotonic", side_effect=count(0, 50).__next__),
            self.assertRaises(errors.UnstableError),
        ):
            network.client().upload(b"hello")
        self.assertEqual(len(network.puts()), 3)

    def test_a_store_that_is_busy_is_no_line_that_breaks(self) -> None:
        busy, broken = httpx.Response(503), httpx.WriteError("broken")
        file = bytes(LEAST_PART)
        client = Network(first(45, "PUT", busy)).client()
        with patch("valetkey.upload.monotonic", return_value=0.0):
            client.upload(file, multipart=None)
        self.assertEqual(client._client._line.most, 1.5)
        breaking = Network(first(1, "PUT", broken)).client()
        breaking._client._line.most = 3
        breaking.upload(b"hello")
        self.assertEqual(breaking._client._line.most, 1)

    def test_breaks_count_in_a_row_until_a_body_got_through(self) -> None:
        broken, lost = httpx.WriteError("broken"), problem(409, "UPLOAD_INCOMPLETE")
        breaks: list[httpx.WriteError | None] = [broken] * 39
        puts = iter([*breaks, None, *breaks, None])

        def trouble(request: httpx.Request) -> Any:
            if request.method == "PUT":
                return next(puts)
            is_lost = request.url.path.endswith("/confirm") and len(network.puts()) < 80
            return lost if is_lost else None

        network = Network(trouble)
        network.client().upload(bytes(2**20 + 1))
        self.assertEqual(len(network.puts()), 80)
        with self.assertRaises(errors.UnstableError):
            Network(first(40, "PUT", broken)).client().upload(bytes(2**20 + 1))

    def test_a_url_for_somebody_else_is_strict(self) -> None:
        network = Network()
        network.client().presign("a.txt", size=5, content_type="text/plain", policy="own")
        asked = json.loads(network.seen[0].content)
        self.assertEqual((asked["strict"], asked["policy"]), (True, "own"))

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
            network.has_file = True
            self.assertEqual(network.client().upload(b"hello").key, GRANT["key"])
            self.assertEqual(len(network.puts()), 1)

    def test_a_file_that_may_have_arrived_is_asked_for_before_it_is_sent_again(self) -> None:
        lost = httpx.ReadError("lost")
        for answer in (lost, httpx.Response(502), httpx.Response(403)):
            network = Network(first(1, "PUT", answer))
            network.has_file = True
            network.client().upload(b"hello")
            self.assertEqual(network.calls()[1:], ["POST presign", "PUT b", "POST confirm"])

        def refused(code: str) -> Network:
            answers = {"PUT": lost, "POST": problem(409, code)}

            def trouble(request: httpx.Request) -> Any:
                is_one = request.method == "PUT" or request.url.path.endswith("/confirm")
                return answers.pop(request.method, None) if is_one else None

            return Network(trouble)

        for code in ("UPLOAD_INCOMPLETE", "UPLOAD_MISMATCH", "INVALID_RECEIPT"):
            network = refused(code)
            network.client().upload(b"hello")
            self.assertEqual(len(network.puts()), 2, code)
        network = refused("FORBIDDEN")
        with self.assertRaises(errors.RefusedError):
            network.client().upload(b"hello")
        self.assertEqual(len(network.puts()), 1)

    def test_a_file_that_cannot_have_arrived_is_not_asked_for(self) -> None:
        slow_down = httpx.Response(503, text="<Code>SlowDown</Code>")
        refusing, breaking = Network(first(1, "PUT", slow_down)), Network()
        answer = httpx.MockTransport.handle_async_request

        async def break_once(to: httpx.MockTransport, request: httpx.Request) -> httpx.Response:
            if request.method == "PUT" and not breaking.puts():
                breaking.seen.append(request)
                async for _ in cast(httpx.AsyncByteStream, request.stream):
                    raise httpx.WriteError("broken")
            return await answer(to, request)

        refusing.client().upload(b"hello")
        with patch("httpx.MockTransport.handle_async_request", break_once):
            breaking.client().upload(b"hello")
        ask, put, find = "POST presign", "PUT b", "POST confirm"
        for network in (refusing, breaking):
            self.assertEqual(network.calls()[1:], [ask, put, put, find])
        # Nor again, once the store has answered.
        puts = iter([httpx.ReadError("lost"), slow_down, None])
        network = Network(lambda each: next(puts) if each.method == "PUT" else None)
        network.client().upload(b"hello")
        self.assertEqual(network.calls()[1:], [ask, put, find, put, put, find])

    def test_a_file_that_did_not_arrive_is_sent_again_but_not_without_end(self) -> None:
        missing = problem(409, "UPLOAD_INCOMPLETE")
        network = Network(first(2, "confirm", missing))
        network.client().upload(b"hello")
        self.assertEqual(len(network.puts()), 3)
        network = Network(first(99, "confirm", missing))
        with self.assertRaises(errors.MismatchError):
            network.client().upload(b"hello")
        self.assertEqual(len(network.puts()), 6)

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
            problem(507, "STORAGE_FULL"): errors.QuotaError,
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

    def test_uploads_of_web_frameworks_and_bytes_are_taken_and_text_is_named(self) -> None:
        class UploadFile:
            file: BinaryIO = io.BytesIO(b"hello")
            filename: str | None = "a.log"

        taken: list[Uploadable] = [UploadFile(), bytearray(b"hello"), io.BytesIO(b"hello")]
        for file in taken:
            network = Network()
            network.client().upload(file)
            self.assertEqual(network.puts()[0].content, b"hello")
        others: list[Any] = [io.StringIO("hello"), object(), None]
        for other in others:
            with self.assertRaisesRegex(ValueError, f"open binary file .* {type(other).__name__}."):
                network.client().upload(other)

    def test_a_closed_client_says_so_and_may_be_closed_again(self) -> None:
        client = Network().client()
        client.close()
        client.close()
        with self.assertRaisesRegex(ValueError, "The client is closed. Make another one."):
            client.upload(b"hello")

        async def upload() -> None:
            async with AsyncClient(BASE, org="acme", token=str) as client:
                pass
            with self.assertRaisesRegex(ValueError, "The client is closed. Make another one."):
                await client.upload(b"hello")

        asyncio.run(upload())

    def test_an_error_without_a_text_is_named(self) -> None:
        with self.assertRaisesRegex(errors.OfflineError, "does not answer: ReadTimeout. Check"):
            Network(first(1, "PUT", httpx.ReadTimeout(""))).client(retry_for=0).upload(b"hello")

    def test_nothing_is_asked_for_once_a_client_is_closed(self) -> None:
        async def cancel() -> None:
            network = Network(first(1, "policies", HELD))
            async with AsyncClient(BASE, org="acme", token=str, http=network.http()) as client:
                uploading = asyncio.create_task(client.upload(b"hello"))
                while not network.seen:
                    await asyncio.sleep(0)
                uploading.cancel()
                await asyncio.wait([uploading])
            self.assertEqual(asyncio.all_tasks(), {asyncio.current_task()})

        asyncio.run(cancel())

    def test_many_files_ask_for_policies_once_and_few_are_open(self) -> None:
        async def upload() -> None:
            network = Network()
            opened = [len(os.listdir("/dev/fd"))]

            def look(_: httpx.Request) -> None:
                opened.append(len(os.listdir("/dev/fd")))

            network.trouble = look
            with tempfile.NamedTemporaryFile(suffix=".log") as file:
                file.write(b"hello")
                file.flush()
                async with AsyncClient(BASE, org="acme", token=str, http=network.http()) as client:
                    await asyncio.gather(*(client.upload(file.name) for _ in range(100)))
            self.assertEqual(network.calls().count("GET policies"), 1)
            self.assertLess(max(opened) - opened[0], 60)

        asyncio.run(upload())

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

    def test_a_list_asks_for_ones_own_files_with_their_names(self) -> None:
        file = {**CONFIRMED, "stored_at": CONFIRMED["get_expires_at"], "path": "a/b.txt"}
        page = httpx.Response(200, json={"files": [file]})
        network = Network(first(2, "GET /", page))
        listed = list(network.client().list_files("2026", mine=True, details=True))
        self.assertEqual([(each.filename, each.path) for each in listed], [("a.txt", "a/b.txt")])
        list(network.client().list_files())
        queries = [each.url.query.decode() for each in network.seen]
        self.assertEqual(queries, ["prefix=2026&mine=true&details=true", ""])

    def test_usage_is_beside_the_files(self) -> None:
        stored = {"files": 3, "bytes": 15, "granted": 5, "open": 1, "limit": 100, "known": True}
        network = Network(first(2, "/usage", httpx.Response(200, json=stored)))
        usage = network.client().usage(mine=True)
        self.assertEqual((usage.files, usage.bytes, usage.limit), (3, 15, 100))
        network.client().usage()
        asked = [each.url.raw_path.decode() for each in network.seen]
        path = "/api/v1/orgs/acme/usage"
        self.assertEqual(asked, [f"{path}?mine=true", path])


if __name__ == "__main__":
    unittest.main()
