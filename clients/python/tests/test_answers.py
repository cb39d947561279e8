"""Answers that are wrong in any of their members, and bombs."""

import gzip
import json
import unittest
from collections.abc import Iterator
from itertools import count
from typing import Any
from unittest.mock import patch

import httpx
from network import BEGUN, CONFIRMED, GRANT, POLICY, STORE, Network, first

from valetkey import ValetkeyError, errors
from valetkey.upload import ETAG

NUMBERS: list[Any] = [5, -1, 10**400, 1e308, True]
TEXTS: list[Any] = [
    "",
    "\n",
    "é",
    "http://[::1",
    "http://a:99999/",
    f"http://{'a' * 64}/",
    "file:///x",
]
OTHERS: list[Any] = [None, [], [None], [5], {}, {"a": 5}, {"é": "\n"}, {"a b": "c"}]
RAW = [b"", b"\xff", b"[" * 100_000, b'{"a":' * 100_000, b"1" * 5000, b'{"a": NaN}']
SIGNED = {"part_number": 1, "url": f"{STORE}/p?part=1", "headers": {"x-h": "1"}}
STORED = {"part_number": 1, "etag": '"1"', "size": 5}
# The right answers, by what is asked for.
FILES = "/api/v1/orgs/acme/files"
RIGHT: dict[str, Any] = {
    f"GET {FILES}/policies": {"policies": [POLICY]},
    f"POST {FILES}/presign": GRANT,
    f"POST {FILES}/confirm": CONFIRMED,
    f"POST {FILES}/multipart": BEGUN,
    f"POST {FILES}/multipart/parts": {"parts": [SIGNED]},
    f"GET {FILES}/multipart/parts": {"parts": [STORED]},
    f"POST {FILES}/multipart/complete": CONFIRMED,
}


def wrong(value: Any) -> Iterator[Any]:
    """Yields values in which one thing is wrong."""
    yield from (*NUMBERS, *TEXTS, *OTHERS)
    if isinstance(value, dict):
        for name in value:
            yield {other: value[other] for other in value if other != name}
            yield from ({**value, name: each} for each in wrong(value[name]))
    if isinstance(value, list):
        yield from ([each] for each in wrong(value[0]))


class AnswersTest(unittest.TestCase):
    def setUp(self) -> None:
        quick = patch("random.uniform", return_value=0)
        quick.start()
        self.addCleanup(quick.stop)

    def test_each_wrong_member_is_an_error_of_the_client_with_a_sentence(self) -> None:
        network = Network()
        network.has_etags = False
        client = network.client(retry_for=0)
        tried = 0
        for asked, right in RIGHT.items():
            for answer in (*RAW, *(json.dumps(each).encode() for each in wrong(right))):
                network.trouble = first(1, asked, httpx.Response(200, content=answer))
                client._client._policies = (0, [])
                tried += 1
                try:
                    file = client.upload(b"abcde", multipart=1 if "multi" in asked else None)
                    self.assertNotIn("\n", (file.key, file.file_url, file.receipt))
                    self.assertGreaterEqual(file.size, 0)
                    named = json.loads(network.seen[-1].content).get("parts", [STORED])
                    self.assertTrue(ETAG.fullmatch(named[0]["etag"]))
                except ValetkeyError as error:
                    self.assertRegex(str(error), r"^[A-Z].*\.$", answer[:200])
        self.assertGreater(tried, 1000)

    def test_a_url_that_no_request_can_go_to_is_named(self) -> None:
        label = "a" * 64
        for url in (
            "http://a:65536/",
            "http://a:-1/",
            "http://[::1",
            f"http://{label}/",
            "http://",
        ):
            answer = httpx.Response(200, json={**GRANT, "put_url": url})
            with self.assertRaisesRegex(errors.ServiceFailedError, "cannot be used"):
                Network(first(1, "presign", answer)).client().upload(b"hello")
        illegal = httpx.LocalProtocolError("Illegal header value")
        with self.assertRaisesRegex(errors.ServiceFailedError, "cannot be used: Illegal header"):
            Network(first(1, "PUT", illegal)).client().upload(b"hello")

    def test_a_portal_is_waited_for_and_a_wrong_address_is_not(self) -> None:
        html = httpx.Response(200, text="<p>Sign in")
        with patch("valetkey.service.monotonic", side_effect=count(1, 46).__next__):
            with self.assertRaisesRegex(errors.ServiceFailedError, "answered 200. Check base_url"):
                Network(first(1, "policies", html)).client().upload(b"hello")
            Network(first(2, "presign", html)).client().upload(b"hello")

    def test_a_bomb_is_not_decoded(self) -> None:
        bomb = gzip.compress(gzip.compress(bytes(2**24)))
        headers = {"content-encoding": "gzip, gzip"}
        for matches in ("policies", "PUT"):
            answer = httpx.Response(200, headers=headers, stream=httpx.ByteStream(bomb))
            network = Network(first(1, matches, answer))
            with patch("zlib.decompressobj", side_effect=MemoryError):
                network.client().upload(b"hello")


if __name__ == "__main__":
    unittest.main()
