"""Uploads that are confirmed together."""

import asyncio
import json
import unittest
from typing import Any
from unittest.mock import AsyncMock, patch

import httpx
from network import BASE, CONFIRMED, Network, problem

from valetkey import AsyncClient, UploadedFile, ValetkeyError
from valetkey.errors import MismatchError, OfflineError, PendingError


class Confirming(Network):
    """Refuses receipts that are `refused`, and those that are `pending` once."""

    def __init__(self, *failures: httpx.Response | Exception) -> None:
        super().__init__()
        self.requests: list[int] = []
        self.failures = list(failures)
        self.pending: set[str] = set()

    def own_answer(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        receipts = body.get("receipts", [body.get("receipt")])
        self.requests.append(len(receipts))
        if "receipt" in body:
            return self._alone(body["receipt"])
        if self.failures:
            failure = self.failures.pop()
            if isinstance(failure, Exception):
                raise failure
            return failure
        answers = [(each.status_code, each.json()) for each in map(self._alone, receipts)]
        uploads = [
            {"file": found}
            if status == 200
            else {"problem": {**found, "status": status}, "retry_after": 7}
            for status, found in answers
        ]
        return httpx.Response(200, json={"uploads": uploads})

    def _alone(self, receipt: str) -> httpx.Response:
        if receipt.startswith("refused"):
            return problem(409, "UPLOAD_MISMATCH", differences=[])
        if receipt.startswith("pending") and receipt not in self.pending:
            self.pending.add(receipt)
            return problem(202, "UPLOAD_PENDING")
        return httpx.Response(200, json={**CONFIRMED, "key": receipt})


def client_of(network: Confirming, retry_for: float = 0) -> AsyncClient:
    options: Any = {"org": "acme", "token": "a-token", "retry_for": retry_for}
    return AsyncClient(BASE, http=network.http(), **options)


async def outcomes(network: Confirming, *receipts: str, retry_for: float = 0) -> list[Any]:
    async with client_of(network, retry_for) as client:
        asked = (client.confirm(receipt) for receipt in receipts)
        return await asyncio.gather(*asked, return_exceptions=True)


class ConfirmsTest(unittest.TestCase):
    def test_those_that_wait_for_requests_go_together_with_the_next(self) -> None:
        network = Confirming()
        names = [f"{number}" for number in range(100)]
        files = asyncio.run(outcomes(network, *names))
        self.assertEqual([(each.key, each.receipt) for each in files], [(n, n) for n in names])
        self.assertEqual(network.requests, [1, 1, 1, 1, 50, 46])

    def test_each_has_an_outcome_of_its_own(self) -> None:
        network = Confirming()
        names = [*"abcd", "refused", "e", "pending"]
        with patch("valetkey.retry.sleep", AsyncMock()) as sleep:
            found = asyncio.run(outcomes(network, *names, retry_for=300))
        kinds = [*[UploadedFile] * 4, MismatchError, UploadedFile, UploadedFile]
        self.assertEqual([type(each) for each in found], kinds)
        refused = found[4]
        self.assertEqual((refused.status, refused.problem["differences"]), (409, []))
        # After the time that the answer asks for.
        self.assertEqual([call.args[0] // 1 for call in sleep.call_args_list], [7])

    def test_a_failure_of_the_request_is_that_of_each(self) -> None:
        for failure, kind in (
            (httpx.ConnectError("gone"), OfflineError),
            (httpx.Response(200, json={"uploads": [{}]}), ValetkeyError),
            (httpx.Response(200, json={"uploads": [{}, {"problem": 5}]}), ValetkeyError),
        ):
            found = asyncio.run(outcomes(Confirming(failure), *"abcdef"))
            self.assertEqual([isinstance(each, kind) for each in found], [False] * 4 + [True] * 2)
            self.assertIsNot(found[4], found[5])

    def test_one_that_was_not_ready_in_time_is_pending(self) -> None:
        found = asyncio.run(outcomes(Confirming(), *"abcde", "pending"))
        self.assertIsInstance(found[5], PendingError)
        self.assertEqual(found[5].retry_after, 7)

    def test_who_gives_up_leaves_the_others_alone(self) -> None:
        async def run() -> list[Any]:
            async with client_of(Confirming()) as client:
                tasks = [asyncio.create_task(client.confirm(each)) for each in "abcdefgh"]
                await asyncio.sleep(0)
                for each in tasks[::2]:
                    each.cancel()
                return await asyncio.gather(*tasks, return_exceptions=True)

        kinds = [type(each) for each in asyncio.run(run())]
        self.assertEqual(kinds, [asyncio.CancelledError, UploadedFile] * 4)


if __name__ == "__main__":
    unittest.main()
