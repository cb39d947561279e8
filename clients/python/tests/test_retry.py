"""What is tried again, and for how long."""

import asyncio
import unittest
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from valetkey.errors import OfflineError
from valetkey.retry import Progress, Run, is_busy, retry_after


class PersistTest(unittest.TestCase):
    """With a clock that goes on only while somebody sleeps."""

    def setUp(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)
            self.now += seconds

        for each in (
            patch("valetkey.retry.sleep", sleep),
            patch("valetkey.retry.monotonic", lambda: self.now),
        ):
            each.start()
            self.addCleanup(each.stop)
        jitter = patch("random.uniform", side_effect=lambda least, most: most)
        self.uniform = jitter.start()
        self.addCleanup(jitter.stop)
        self.told: list[Progress] = []
        self.run_ = Run(300, 100, self.told.append)

    def exhaust(self, work: Callable[[], object] = lambda: None, **failure: Any) -> None:
        async def once() -> None:
            work()
            raise OfflineError("nothing answers.", retrying="busy", **failure)

        with self.assertRaises(OfflineError):
            asyncio.run(self.run_.persist(once))

    def test_pauses_have_full_jitter_and_are_no_longer_than_ten_seconds(self) -> None:
        self.exhaust()
        self.assertEqual(self.slept[:6], [1, 2, 4, 8, 10, 10])
        self.assertEqual({call.args[0] for call in self.uniform.call_args_list}, {0})
        self.assertEqual(self.told, [Progress(0, 100, "busy")] * len(self.slept))

    def test_it_fails_after_retry_for_without_progress(self) -> None:
        self.exhaust()
        self.assertEqual(self.now, 1300)

    def test_progress_begins_the_count_anew(self) -> None:
        tries = iter(range(1000))

        def progress_at_first() -> None:
            if (count := next(tries)) < 40:
                self.run_.has_sent(1, count + 1)

        self.exhaust(progress_at_first)
        self.assertEqual(self.slept[:42], [1] * 40 + [2, 4])
        self.assertEqual(self.now, 1000 + 39 * 1 + 300)

    def test_retry_after_is_waited_for_and_a_longer_one_is_reported(self) -> None:
        self.exhaust(retry_after=100)
        self.assertEqual(self.slept, [100.5, 100.5])
        self.slept.clear()
        self.exhaust(retry_after=301)
        self.assertEqual(self.slept, [])

    def test_a_final_failure_is_not_tried_again(self) -> None:
        async def once() -> None:
            raise OfflineError("for good.")

        with self.assertRaises(OfflineError):
            asyncio.run(self.run_.persist(once))
        self.assertEqual(self.slept, [])


class AnswersTest(unittest.TestCase):
    def test_some_statuses_may_be_others_later(self) -> None:
        busy = [status for status in range(200, 600) if is_busy(status)]
        self.assertEqual(busy, [408, 429, 500, *range(502, 600)])

    def test_retry_after_is_seconds(self) -> None:
        self.assertEqual([retry_after(each) for each in ("0", "2")], [0, 2])
        for header in (None, "", "soon", "-1", "1e400", "NaN", "(" * 16_000, "٣", "9" * 400):
            self.assertIsNone(retry_after(header), header)


if __name__ == "__main__":
    unittest.main()
