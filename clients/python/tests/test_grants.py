"""Files that are asked for together."""

import asyncio
import unittest
from typing import Any

from network import GRANT

from valetkey import ValetkeyError
from valetkey.errors import OfflineError, RefusedError
from valetkey.grants import Grants
from valetkey.models import Grant
from valetkey.retry import Run


class Asked:
    """A service that grants all files but those with the name of a failure."""

    def __init__(self) -> None:
        self.requests: list[int] = []

    async def ask_once(self, path: str, body: Any) -> Any:
        files = body["files"] if path == "/batch" else [body]
        self.requests.append(len(files))
        await asyncio.sleep(0)
        for file in files:
            if kind := {"refused": RefusedError, "offline": OfflineError}.get(file["filename"]):
                raise kind("It was not granted.")
        grants = [{**GRANT, "key": file["filename"]} for file in files]
        return {"uploads": grants} if path == "/batch" else grants[0]


async def outcomes(*names: str) -> tuple[list[Any], list[int]]:
    service: Any = Asked()
    grants = Grants(service)
    asked = (grants.ask(Run(0), {"filename": name}) for name in names)
    return await asyncio.gather(*asked, return_exceptions=True), service.requests


class GrantsTest(unittest.TestCase):
    def test_those_that_wait_for_a_request_go_together_with_the_next(self) -> None:
        names = [f"{number}.txt" for number in range(100)]
        grants, requests = asyncio.run(outcomes(*names))
        self.assertEqual([each.key for each in grants], names)
        self.assertEqual(requests, [1, 50, 49])

    def test_one_that_is_refused_leaves_the_others_alone(self) -> None:
        found, requests = asyncio.run(outcomes("a", "b", "refused", "c", "d"))
        kinds = [type(each) for each in found]
        self.assertEqual(kinds, [Grant, Grant, RefusedError, Grant, Grant])
        self.assertLess(len(requests), 9)

    def test_all_that_were_asked_for_together_fail_at_once(self) -> None:
        found, requests = asyncio.run(outcomes("a", "b", "offline", "c"))
        self.assertEqual([isinstance(each, ValetkeyError) for each in found], [False, *3 * [True]])
        self.assertEqual(requests, [1, 3])


if __name__ == "__main__":
    unittest.main()
