"""What is tried again, and for how long."""

import asyncio
import unittest
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from valetkey.errors import OfflineError, ValetkeyError
from valetkey.line import LEAST_PART, Line
from valetkey.retry import Moved, Progress, Run, is_busy, retry_after


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

    def test_a_place_among_open_uploads_is_asked_for_before_retry_after(self) -> None:
        self.exhaust(problem={"code": "TOO_MANY_OPEN_UPLOADS"}, retry_after=840)
        self.assertEqual(self.slept[:6], [1, 2, 4, 8, 10, 10])

    def test_a_place_is_waited_for_while_another_upload_moves_on(self) -> None:
        moved = Moved()
        other, self.run_ = Run(300, 100, moved=moved), Run(300, 100, moved=moved)

        def move_on() -> None:
            if self.now < 2000:
                other.has_sent(1, int(self.now))

        self.exhaust(move_on, problem={"code": "TOO_MANY_OPEN_UPLOADS"})
        self.assertTrue(2290 < self.now <= 2300, self.now)
        # Other failures are not waited out so.
        self.now = 1000
        self.exhaust(move_on)
        self.assertEqual(self.now, 1300)

    def test_the_third_body_that_is_sent_in_vain_ends_the_upload(self) -> None:
        def in_vain(silence: float) -> ValetkeyError:
            failure = OfflineError("nothing answers.", retrying="network")
            return self.run_.failure_of(1, 100, failure, 100, silence)

        self.assertIsInstance(in_vain(45), OfflineError)
        outcomes = [in_vain(280) for _ in range(3)]
        self.assertEqual([each.code for each in outcomes], ["UNSTABLE"] * 3)
        self.assertEqual([each.retrying for each in outcomes], ["network", "network", None])
        self.assertRegex(str(outcomes[2]), "100 bytes were sent 3 times, and no answer .* 280 s")

    def test_an_outage_does_not_shorten_the_wait_for_an_answer(self) -> None:
        waits = iter([280])

        async def once() -> str:
            failure = OfflineError("nothing answers.", retrying="network")
            if self.now < 1200:
                raise failure
            for silence in waits:
                self.now += silence
                raise self.run_.failure_of(1, 100, failure, 100, silence)
            return "sent"

        self.assertEqual(asyncio.run(self.run_.persist(once)), "sent")

    def test_a_break_after_a_mebibyte_is_progress_but_not_without_end(self) -> None:
        for sent, code, count in ((2**20 + 1, "UNSTABLE", 40), (2**20, None, 3)):
            breaks: list[float] = []

            async def once(sent: int = sent, breaks: list[float] = breaks) -> None:
                self.now += 200
                breaks.append(self.now)
                failure = OfflineError("it broke.", retrying="network")
                raise self.run_.failure_of(1, 2**23, failure, sent, 0)

            with self.assertRaises(ValetkeyError) as raised:
                asyncio.run(self.run_.persist(once))
            self.assertEqual((raised.exception.code, len(breaks)), (code, count))

    def test_a_final_failure_is_not_tried_again(self) -> None:
        async def once() -> None:
            raise OfflineError("for good.")

        with self.assertRaises(OfflineError):
            asyncio.run(self.run_.persist(once))
        self.assertEqual(self.slept, [])


class LineTest(unittest.TestCase):
    def test_more_parts_go_at_once_while_they_are_quick(self) -> None:
        line, most = Line(), []
        for taken_in, answered_in in [(1.9, 29)] * 8 + [(2.1, 0), (1.9, 31), (0, 0)]:
            most.append(line.most)
            line.has_carried(LEAST_PART, taken_in, answered_in)
        self.assertEqual(most, [1, 1.5, 2, 2.5, 3, 3.5, 4, 4, 4, 2, 1])
        line.has_carried(5, 0.1, 0.1)
        self.assertEqual(line.most, 1.5)
        line.has_carried(LEAST_PART // 2, 0.5, 0.4)
        self.assertEqual(line.most, 2)
        line.has_broken()
        self.assertEqual(line.most, 1)

    def test_small_bodies_go_at_once_and_parts_one_after_another(self) -> None:
        async def most_at_once(size: int) -> int:
            line, going, most = Line(), 0, 0

            async def send() -> None:
                nonlocal going, most
                async with line.room(size):
                    going += 1
                    most = max(most, going)
                    await asyncio.sleep(0)
                    going -= 1

            await asyncio.gather(*(send() for _ in range(9)))
            return most

        self.assertEqual(asyncio.run(most_at_once(5)), 4)
        self.assertEqual(asyncio.run(most_at_once(LEAST_PART)), 1)

    def test_others_are_asked_for_once_few_bodies_wait(self) -> None:
        async def sent_before() -> int:
            line, sent = Line(), 0

            async def send() -> None:
                nonlocal sent
                async with line.room(LEAST_PART):
                    await asyncio.sleep(0)
                    sent += 1

            sending = [asyncio.create_task(send()) for _ in range(9)]
            await asyncio.sleep(0)
            await line.is_wanting()
            before = sent
            await asyncio.gather(*sending)
            return before

        # One was on its way and eight waited, of which three still do.
        self.assertEqual(asyncio.run(sent_before()), 5)


class AnswersTest(unittest.TestCase):
    def test_some_statuses_may_be_others_later(self) -> None:
        busy = [status for status in range(200, 600) if is_busy(status)]
        self.assertEqual(busy, [408, 429, 500, *range(502, 600)])

    def test_retry_after_is_seconds(self) -> None:
        self.assertEqual([retry_after({"retry-after": each}) for each in ("0", "2")], [0, 2])
        for header in ("", "soon", "-1", "1e400", "NaN", "(" * 16_000, "٣", "9" * 400):
            self.assertIsNone(retry_after({"retry-after": header}), header)

    def test_retry_after_may_be_a_date_by_the_clock_of_who_answers(self) -> None:
        at, later = "Tue, 24 Nov 2026 12:00:00 GMT", "Tue, 24 Nov 2026 12:00:07 GMT"
        self.assertEqual(retry_after({"retry-after": later, "date": at}), 7)
        self.assertIsNone(retry_after({"retry-after": at, "date": later}))
        with patch("valetkey.retry.time", lambda: 1795521600 + 4.0):
            for date in ({}, {"date": "now"}):
                self.assertEqual(retry_after({"retry-after": later, **date}), 3)


if __name__ == "__main__":
    unittest.main()
