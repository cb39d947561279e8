"""Messages that are verified, and those that are not."""

import base64
import hashlib
import hmac
import json
import time
import unittest

from valetkey import Webhook, WebhookError

KEY = b"k" * 32
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
OTHER = f"whsec_{base64.b64encode(b'o' * 24).decode()}"
BODY = json.dumps(
    {"type": "upload.confirmed", "timestamp": "2026-11-28T12:06:35.348Z", "data": {"key": "é"}}
).encode()


def signed(at: int, *, key: bytes = KEY, body: bytes = BODY) -> dict[str, str]:
    mac = hmac.new(key, f"evt_1.{at}.".encode() + body, hashlib.sha256)
    signature = f"v1,{base64.b64encode(mac.digest()).decode()}"
    return {"Webhook-Id": "evt_1", "webhook-timestamp": str(at), "Webhook-Signature": signature}


class WebhookTest(unittest.TestCase):
    def setUp(self) -> None:
        self.now = int(time.time())

    def refused(self, headers: dict[str, str], body: bytes = BODY) -> None:
        with self.assertRaises(WebhookError):
            Webhook(SECRET).verify(body, headers)

    def test_an_event_is_read_from_a_message_that_is_signed(self) -> None:
        event = Webhook(SECRET).verify(BODY, signed(self.now))
        self.assertEqual((event.id, event.type), ("evt_1", "upload.confirmed"))
        self.assertEqual(event.data, {"key": "é"})

    def test_one_of_several_signatures_is_enough(self) -> None:
        headers = signed(self.now)
        headers["Webhook-Signature"] = f"v1,AAAA é v2,x {headers['Webhook-Signature']}"
        self.assertEqual(Webhook(SECRET).verify(BODY, headers).id, "evt_1")

    def test_while_a_secret_is_replaced_both_are_taken(self) -> None:
        self.assertEqual(Webhook(OTHER, SECRET).verify(BODY, signed(self.now)).id, "evt_1")
        with self.assertRaises(WebhookError):
            Webhook(OTHER).verify(BODY, signed(self.now))

    def test_what_was_changed_or_is_of_another_time_is_refused(self) -> None:
        self.refused(signed(self.now), BODY + b" ")
        self.refused(signed(self.now - 360))
        self.refused(signed(self.now + 360))
        self.refused({})
        for changed in ({"Webhook-Id": "evt_2"}, {"Webhook-Signature": ""}):
            self.refused({**signed(self.now), **changed})
        for at in ("", "soon", "-1", "1e9", "9" * 400, "٣"):
            self.refused({**signed(self.now), "webhook-timestamp": at})

    def test_what_is_no_secret_is_refused_at_once(self) -> None:
        for secrets in ([], ["whsec_"], ["whsec_c2hvcnQ="]):
            with self.assertRaises(ValueError):
                Webhook(*secrets)


if __name__ == "__main__":
    unittest.main()
