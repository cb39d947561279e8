"""Events of the service, verified as https://www.standardwebhooks.com describes it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any


class WebhookError(Exception):
    """A message that does not come from the service, or not now. Answer it with 401."""


@dataclass(frozen=True)
class Event:
    """Handle each `id` once. Answer a `type` that you do not know with 2xx."""

    id: str
    type: str
    timestamp: str
    data: dict[str, Any]


class Webhook:
    """Verifies messages by the secrets of `EVENTS_SECRETS`: while one is replaced, by both."""

    def __init__(self, *secrets: str, tolerance: float = 300) -> None:
        self._keys = [base64.b64decode(secret.removeprefix("whsec_")) for secret in secrets]
        if not secrets or min(map(len, self._keys)) < 24:
            raise ValueError("Webhook needs secrets of the service: whsec_ and base64.")
        self._tolerance = tolerance

    def verify(self, body: bytes, headers: Mapping[str, str] | Message) -> Event:
        """Returns the event of a body as it came, before it is parsed. Raises `WebhookError`."""
        lower = {name.lower(): value for name, value in headers.items()}
        id, at, signatures = (
            lower.get(f"webhook-{n}", "") for n in ("id", "timestamp", "signature")
        )
        is_number = at.isascii() and at.isdecimal() and len(at) < 13
        if not is_number or abs(time.time() - int(at)) > self._tolerance:
            raise WebhookError("The message is too old, or its timestamp is none.")
        signed = f"{id}.{at}.".encode(errors="replace") + body
        digests = [hmac.digest(key, signed, hashlib.sha256) for key in self._keys]
        expected = [b"v1," + base64.b64encode(digest) for digest in digests]
        given = signatures.encode(errors="replace").split(b" ")
        if not any(hmac.compare_digest(one, other) for one in expected for other in given):
            raise WebhookError("No signature is of one of the secrets.")
        event = json.loads(body)
        return Event(id, event["type"], event["timestamp"], event["data"])
