"""What is tried again, and for how long."""

import unittest
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any
from unittest.mock import patch

from valetkey.errors import OfflineError
from valetkey.retry import Retrying, Run, TransientError, is_busy, persist, retry_after
from valetkey.transport import ThreadIo, finish


class FakeTime(ThreadIo):
    """A clock that goes on only while somebody sleeps, or by `pass_by`."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


def failing(run: Run, work: Callable[[], object], **failure: Any) -> Callable[[], Awaitable[None]]:
    async def once() -> None:
        work()
        raise TransientError("busy", OfflineError("nothing answers."), **failure)

    return once


class PersistTest(unittest.TestCase):
    def setUp(self) -> None:
        self.time = FakeTime()
        self.run_ = Run(self.time, retry_for=300, now=lambda: self.time.now)
        self.told: list[Retrying] = []
        self.run_.on_retry = self.told.append

    def exhaust(self, work: Callable[[], object] = lambda: None, **failure: Any) -> None:
        with self.assertRaises(OfflineError):
            finish(persist(self.run_, failing(self.run_, work, **failure)))

    def test_pauses_have_full_jitter_and_are_no_longer_than_ten_seconds(self) -> None:
        with patch("random.uniform", side_effect=lambda least, most: most) as jitter:
            self.exhaust()
        self.assertEqual([each.delay for each in self.told[:6]], [1, 2, 4, 8, 10, 10])
        self.assertEqual({call.args[0] for call in jitter.call_args_list}, {0})

    def test_it_fails_after_retry_for_without_progress(self) -> None:
        with patch("random.uniform", side_effect=lambda least, most: most):
            self.exhaust()
        self.assertEqual(self.time.now, 1300)

    def test_progress_begins_the_count_anew(self) -> None:
        tries = iter(range(1000))

        def progress_at_first() -> None:
            if next(tries) < 40:
                self.run_.progressed()

        with patch("random.uniform", side_effect=lambda least, most: most):
            self.exhaust(progress_at_first)
        self.assertEqual([each.attempt for each in self.told[:42]], [1] * 40 + [2, 3])
        self.assertEqual(self.time.now, 1000 + 39 * 1 + 300)

    def test_hours_asleep_do_not_count(self) -> None:
        naps = iter([8 * 3600.0] * 3)

        async def sleep(seconds: float) -> None:
            self.time.now += next(naps, seconds)

        with (
            patch.object(self.time, "sleep", sleep),
            patch("random.uniform", side_effect=lambda least, most: most),
        ):
            self.exhaust()
        # Five seconds of each nap count.
        self.assertEqual(self.time.now, 1000 + 3 * 8 * 3600 + 300 - 15)

    def test_a_wait_for_a_dead_line_counts_as_long_as_it_may_take(self) -> None:
        self.exhaust(lambda: self.time.pass_by(10_000))
        self.assertLessEqual(len(self.told), 4)

    def test_retry_after_is_waited_for_and_a_longer_one_is_reported(self) -> None:
        with patch("random.uniform", side_effect=lambda least, most: most):
            self.exhaust(after=100)
        self.assertEqual([each.delay for each in self.told], [100.5, 100.5])
        self.told.clear()
        self.exhaust(after=301)
        self.assertEqual(self.told, [])

    def test_a_final_failure_is_not_tried_again(self) -> None:
        async def once() -> None:
            raise OfflineError("for good.")

        with self.assertRaises(OfflineError):
            finish(persist(self.run_, once))
        self.assertEqual(self.time.slept, [])


class AnswersTest(unittest.TestCase):
    def test_some_statuses_may_be_others_later(self) -> None:
        busy = [status for status in range(200, 600) if is_busy(status)]
        self.assertEqual(busy, [408, 429, 500, *range(502, 600)])

    def test_retry_after_is_seconds_or_a_date(self) -> None:
        self.assertEqual([retry_after(each) for each in ("0", "2")], [0, 2])
        for header in (None, "", "soon", "-1", "1e400", "NaN", "(" * 16_000, "٣", "9" * 400):
            self.assertIsNone(retry_after(header), header)
        self.assertIsNone(retry_after("Wed, 21 Oct 2015 07:28:00 GMT"))
        date = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=60), usegmt=True)
        self.assertAlmostEqual(retry_after(date) or 0, 60, delta=5)


if __name__ == "__main__":
    unittest.main()
