"""Files that are asked for together."""

import asyncio
import unittest
from collections.abc import Sequence
from typing import Any
from unittest.mock import AsyncMock, patch

from network import GRANT

from valetkey import ValetkeyError
from valetkey.errors import OfflineError, RefusedError
from valetkey.grants import Grants
from valetkey.models import Grant
from valetkey.retry import Run


class Asked:
    """A service that grants all files but those with the name of a failure."""

    def __init__(self, *failures: ValetkeyError) -> None:
        self.requests: list[int] = []
        # Of requests for several.
        self.failures = list(failures)

    async def ask_once(self, path: str, body: Any) -> Any:
        files = body["files"] if path == "/batch" else [body]
        self.requests.append(len(files))
        await asyncio.sleep(0)
        if len(files) > 1 and self.failures:
            raise self.failures.pop()
        for file in files:
            if kind := {"refused": RefusedError, "offline": OfflineError}.get(file["filename"]):
                raise kind("It was not granted.")
        grants = [{**GRANT, "key": file["filename"]} for file in files]
        return {"uploads": grants} if path == "/batch" else grants[0]


async def outcomes(
    *names: str, failures: Sequence[ValetkeyError] = (), retry_for: float = 0
) -> tuple[list[Any], list[int]]:
    service: Any = Asked(*failures)
    grants = Grants(service)
    asked = (grants.ask(Run(retry_for), {"filename": name}) for name in names)
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

    def test_a_busy_service_is_asked_for_all_again_after_the_pause_that_it_asks_for(self) -> None:
        names = [f"{number}.txt" for number in range(51)]
        for status in (429, 408):
            busy = RefusedError("Busy.", status=status, retry_after=7, retrying="busy")
            with (
                patch("valetkey.retry.sleep", AsyncMock()) as sleep,
                patch("random.uniform", return_value=0),
            ):
                grants, requests = asyncio.run(outcomes(*names, failures=[busy], retry_for=300))
            self.assertEqual([each.key for each in grants], names)
            self.assertEqual(requests, [1, 50, 50])
            self.assertEqual([call.args for call in sleep.call_args_list], [(7,)] * 50)

    def test_too_many_at_once_are_asked_for_one_by_one(self) -> None:
        problem = {"code": "TOO_MANY_OPEN_UPLOADS"}
        # Until the URLs of the open ones end, or none if so many may never be open together.
        for after in (840, None):
            failures = [
                RefusedError("Too many.", problem=problem, retrying="busy", retry_after=after)
                for _ in range(9)
            ]
            grants, requests = asyncio.run(outcomes("a", "b", "c", "d", failures=failures))
            self.assertEqual([each.key for each in grants], ["a", "b", "c", "d"])
            self.assertEqual(requests, [1, 3, 1, 2, 1, 1])


if __name__ == "__main__":
    unittest.main()
