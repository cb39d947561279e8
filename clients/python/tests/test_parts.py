"""Files in parts: what is sent, what is sent again, and what is left."""

import asyncio
import io
import json
import os
import tempfile
import threading
import unittest
from collections.abc import Callable
from concurrent.futures import wait
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
from network import BASE, GRANT, HELD, POLICY, Network, Trouble, first, problem

from valetkey import AsyncClient, errors

FILE = b"abcdefghijkl"
REFUSED = httpx.Response(403, text="<Code>AccessDenied</Code>")


class PartsTest(unittest.TestCase):
    def setUp(self) -> None:
        quick = patch("random.uniform", return_value=0)
        quick.start()
        self.addCleanup(quick.stop)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.state = Path(folder.name) / "state"
        self.path = Path(folder.name) / "a.txt"
        self.path.write_bytes(FILE)

    def upload(self, network: Network, file: Any = None, **options: Any) -> None:
        metadata = options.pop("metadata", None)
        client = network.client(**options)
        result = client.upload(file or self.path, multipart=5, metadata=metadata)
        self.assertEqual(result.key, GRANT["key"])
        self.assertEqual(b"".join(network.parts[number] for number in (1, 2, 3)), FILE)

    def change(self) -> None:
        """Changes the file, and none of what everybody can set."""
        known = self.path.stat()
        self.path.write_bytes(FILE.upper())
        os.utime(self.path, ns=(known.st_atime_ns, known.st_mtime_ns))

    def grow(self) -> None:
        self.path.write_bytes(FILE + b"m")

    def test_a_file_in_parts_costs_four_calls_of_the_service(self) -> None:
        network = Network()
        self.upload(network)
        calls = [each for each in network.calls() if not each.startswith("PUT")]
        self.assertEqual(calls, ["GET policies", "POST multipart", "POST parts", "POST complete"])

    def test_a_file_that_changes_in_place_is_not_completed_and_removed(self) -> None:
        memory = io.BytesIO(FILE)

        def change_memory() -> None:
            memory.getbuffer()[:1] = b"A"

        for multipart in (5, 100):
            changes = (self.path, self.change), (self.path, self.grow), (memory, change_memory)
            for file, change in changes:
                self.path.write_bytes(FILE)
                memory.getbuffer()[:] = FILE
                memory.seek(0)
                network = Network(self.at_put(2 if multipart == 5 else 1, change))
                with self.assertRaises(errors.FileChangedError) as raised:
                    network.client(state=self.state).upload(file, multipart=multipart)
                self.assertEqual(raised.exception.code, "FILE_CHANGED")
                last = "DELETE multipart" if multipart == 5 else "PUT b"
                self.assertEqual(network.calls()[-1], last)

    def test_a_file_whose_time_alone_changes_is_the_same(self) -> None:
        self.upload(Network(self.at_put(2, lambda: os.utime(self.path))))

    def at_put(
        self, count: int, act: Callable[[], object], answer: httpx.Response | None = None
    ) -> Trouble:
        seen: list[httpx.Request] = []

        def trouble(request: httpx.Request) -> httpx.Response | None:
            if request.method == "PUT":
                seen.append(request)
                if len(seen) == count:
                    act()
                    return answer
            return None

        return trouble

    def test_nothing_is_left_of_a_file_that_nobody_can_continue(self) -> None:
        troubles = {
            first(9, "PUT", REFUSED): errors.StoreRefusedError,
            first(9, "PUT", httpx.Response(503)): errors.StoreRefusedError,
            first(9, "PUT", httpx.ReadTimeout("")): errors.OfflineError,
            first(9, "/complete", problem(403, "FORBIDDEN")): errors.RefusedError,
        }
        for trouble, kind in troubles.items():
            network = Network(trouble)
            with self.assertRaises(kind) as raised:
                self.upload(network, retry_for=0)
            # Who follows the causes comes to an end.
            self.assertIsNot(raised.exception.__cause__, raised.exception)
            self.assertEqual(network.calls()[-1], "DELETE multipart")
            remembered = Network(trouble)
            with self.assertRaises(kind):
                self.upload(remembered, retry_for=0, state=self.state)
            self.assertNotIn("DELETE multipart", remembered.calls())

    def test_nothing_is_left_of_a_file_that_is_cancelled(self) -> None:
        async def cancel() -> None:
            network = Network(self.at_put(2, lambda: uploading.cancel(), HELD))
            async with AsyncClient(BASE, org="acme", token=str, http=network.http()) as client:
                uploading = asyncio.create_task(client.upload(FILE, multipart=5))
                with self.assertRaises(asyncio.CancelledError):
                    await uploading
                self.assertEqual(network.calls()[-1], "DELETE multipart")

        asyncio.run(cancel())
        held = threading.Event()
        network = Network(self.at_put(2, held.set, HELD))

        def wait_or_be_interrupted(futures: Any, timeout: float | None = None) -> None:
            wait(futures, timeout=timeout and 0.01)
            if held.is_set() and timeout:
                raise KeyboardInterrupt

        with (
            patch("valetkey.client.wait", wait_or_be_interrupted),
            self.assertRaises(KeyboardInterrupt),
        ):
            network.client().upload(FILE, multipart=5)
        self.assertEqual(network.calls()[-1], "DELETE multipart")

    def test_a_part_whose_url_is_refused_is_signed_anew(self) -> None:
        network = Network(first(1, "PUT", REFUSED))
        self.upload(network)
        self.assertEqual(network.calls().count("POST parts"), 2)

    def test_a_part_whose_url_has_ended_is_signed_anew_and_no_other(self) -> None:
        now, asked = 1000.0, []
        breaks = first(1, "part=1", httpx.ReadError("closed"))
        breaks_too = first(1, "part=3", httpx.ReadError("closed"))

        def trouble(request: httpx.Request) -> httpx.Response | Exception | None:
            nonlocal now
            is_part = request.url.path.endswith("/parts")
            if is_part and request.method == "POST":
                asked.append(json.loads(request.content)["part_numbers"])
                now = 1030
            elif is_part:
                now = 1060
            return breaks(request) or breaks_too(request)

        with (
            patch.dict(POLICY, put_lifetime=60),
            patch("valetkey.parts.MOST_SIGNED", 2),
            patch("valetkey.parts.time", lambda: now),
            patch("valetkey.upload.time", lambda: now),
        ):
            self.upload(Network(trouble))
        # The third was asked for later than the first.
        self.assertEqual(asked, [[1, 2], [3], [1]])

    def test_a_part_whose_answer_was_lost_is_not_sent_again(self) -> None:
        network = Network()
        lose = first(1, "part=2", httpx.ReadError("lost"))

        def trouble(request: httpx.Request) -> Exception | httpx.Response | None:
            lost = lose(request)
            return lost and (network.own_answer(request), lost)[1]

        network.trouble = trouble
        self.upload(network)
        self.assertEqual(len(network.puts()), 3)

    def test_what_something_else_has_answered_is_sent_again(self) -> None:
        for matches in ("policies", "multipart", "POST", "PUT", "complete"):
            network = Network(first(2, matches, httpx.Response(200, text="<p>Sign in")))
            self.upload(network)

    def test_an_interrupted_file_is_continued_and_its_memory_is_private(self) -> None:
        def interrupted() -> Network:
            network = Network(first(9, "part=3", httpx.ReadError("broken")))
            with self.assertRaises(errors.OfflineError):
                self.upload(network, state=self.state, retry_for=0)
            network.trouble = lambda _: None
            network.seen.clear()
            return network

        network = interrupted()
        (file,) = self.state.iterdir()
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        # A process that was killed while it wrote.
        file.write_text(file.read_text() + '\n{"1')
        self.upload(network, state=self.state)
        self.assertEqual([each.url.params["part"] for each in network.puts()], ["3"])
        self.assertNotIn("POST multipart", network.calls())
        self.assertEqual(list(self.state.iterdir()), [])
        # Of other metadata or other bytes, nothing of it is of use.
        for change, metadata in ((self.path.exists, {"a": "b"}), (self.change, None)):
            network = interrupted()
            change()
            with self.subTest(metadata=metadata):
                network.client(state=self.state).upload(self.path, multipart=5, metadata=metadata)
            self.assertIn("DELETE multipart", network.calls())
            self.assertEqual(len(network.puts()), 3)
            self.assertEqual(list(self.state.iterdir()), [])

    def test_a_memory_that_lacks_something_is_none(self) -> None:
        network = Network(first(9, "part=3", httpx.ReadError("broken")))
        with self.assertRaises(errors.OfflineError):
            self.upload(network, state=self.state, retry_for=0)
        (file,) = self.state.iterdir()
        file.write_text('{"upload": "v1.an-upload"}')
        network.trouble = lambda _: None
        self.upload(network, state=self.state)
        self.assertEqual(list(self.state.iterdir()), [])

    def test_a_completion_whose_answer_was_lost_is_only_asked_for_again(self) -> None:
        network = Network(first(9, "/complete", httpx.ReadError("lost")))
        with self.assertRaises(errors.OfflineError):
            self.upload(network, state=self.state, retry_for=0)
        network.seen.clear()
        network.trouble = first(9, "/parts", problem(400, "INVALID_UPLOAD"))
        self.upload(network, state=self.state)
        self.assertEqual(network.calls(), ["GET policies", "POST complete"])

    def test_a_file_that_was_refused_is_not_sent_again_and_the_refusal_says_why(self) -> None:
        def refused(request: httpx.Request) -> httpx.Response | None:
            if request.url.path.endswith("/complete"):
                return problem(409, "UPLOAD_MISMATCH", differences=["type"])
            is_list = request.method == "GET" and request.url.path.endswith("/parts")
            return problem(400, "INVALID_UPLOAD") if is_list else None

        # Also if that was the answer that an earlier process has lost.
        lost = Network(first(9, "/complete", httpx.ReadError("lost")))
        with self.assertRaises(errors.OfflineError):
            self.upload(lost, state=self.state, retry_for=0)
        for sent in (0, 3):
            network = Network(refused)
            with self.assertRaises(errors.MismatchError) as raised:
                self.upload(network, state=self.state)
            self.assertEqual(raised.exception.problem.get("differences"), ["type"])
            self.assertEqual(len(network.puts()), sent)
            self.assertEqual(list(self.state.iterdir()), [])

    def test_what_the_store_never_gets_is_not_sent_without_end(self) -> None:
        portal = httpx.Response(200, text="<p>Sign in")
        network = Network(first(999, "PUT", portal))
        with self.assertRaises(errors.MismatchError):
            self.upload(network)
        self.assertEqual(len(network.puts()), 18)

    def test_parts_of_one_byte_are_refused(self) -> None:
        tiny = httpx.Response(200, json={"upload": "u", "part_size": 1})
        network = Network(first(1, "multipart", tiny))
        with self.assertRaisesRegex(errors.ServiceFailedError, "no valid part_size"):
            network.client().upload(b"x" * 10_001, multipart=5)
        self.assertEqual(network.puts(), [])


if __name__ == "__main__":
    unittest.main()
