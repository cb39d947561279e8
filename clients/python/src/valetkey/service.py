"""Calls of the service: the caller's token, refusals, and what of them is tried again."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from . import errors
from .errors import ServiceFailedError, ValetkeyError
from .models import member
from .retry import SILENCE, Run, is_busy, retry_after
from .transport import Answer, send

Token = str | Callable[[], str | Awaitable[str]]

KINDS: Mapping[object, type[ValetkeyError]] = {
    "QUOTA_EXCEEDED": errors.QuotaError,
    "UPLOAD_MISMATCH": errors.MismatchError,
    "UPLOAD_INCOMPLETE": errors.MismatchError,
    "UPLOAD_REFUSED_BY_SCAN": errors.UnsafeError,
    202: errors.PendingError,
    401: errors.UnauthenticatedError,
}


class Service:
    """The API of one organization."""

    def __init__(self, http: httpx.AsyncClient, base_url: str, org: str, token: Token) -> None:
        if urlsplit(base_url).scheme not in ("http", "https") or not org:
            raise ValueError(f'base_url must be a URL, not "{base_url}", and org a name.')
        self.http = http
        self.files = f"{base_url.rstrip('/')}/api/v1/orgs/{quote(org, safe='')}/files"
        self._provider = token
        self._token: str | None = None
        self._has_answered = False

    async def ask(
        self, run: Run, path: str, body: object = None, method: str = "", *, leads: bool = False
    ) -> Any:
        """Calls `path` of the files, by POST if there is a body, and returns the JSON object.

        Of an answer that `leads` elsewhere the address is returned. It is never followed.
        """
        if self.http.is_closed:
            raise ValueError("The client is closed. Make another one.")
        content = b"" if body is None else json.dumps(body).encode()
        verb = method or ("POST" if content else "GET")
        begun = monotonic()

        async def send_authorized() -> Answer:
            headers = {"Authorization": f"Bearer {await self._authorize()}"}
            if content:
                headers["Content-Type"] = "application/json"
            return await send(self.http, verb, self.files + path, headers, content)

        async def once() -> Any:
            answer = await send_authorized()
            if answer.status == 401 and callable(self._provider):
                self._token = None
                answer = await send_authorized()
            if answer.status == 204 or (leads and answer.status == 302):
                return answer.headers.get("location")
            try:
                found = json.loads(answer.body)
            except (ValueError, RecursionError):
                found = None
            self._has_answered |= isinstance(found, dict)
            # 202: the file has arrived, and is not ready.
            if answer.status // 100 == 2 and answer.status != 202 and isinstance(found, dict):
                return found
            # A captive portal ends before long, unless the address is a wrong one.
            may_end = self._has_answered or monotonic() - begun < SILENCE
            raise _refusal(answer, found, may_end)

        return await run.persist(once)

    async def _authorize(self) -> str:
        if self._token is None:
            token: object = self._provider
            if callable(token):
                token = await asyncio.to_thread(token)
                token = await token if inspect.isawaitable(token) else token
            if not isinstance(token, str) or not token.isascii() or not token.isprintable():
                raise errors.UnauthenticatedError("token is not text on one line.")
            self._token = token
        return self._token


def _refusal(answer: Answer, problem: Any, may_end: bool) -> ValetkeyError:
    status = answer.status
    after = retry_after(answer.headers)
    try:
        code, title = member(problem, "code", str), member(problem, "title", str)
        detail = member(problem, "detail", str, is_optional=True)
    except ServiceFailedError:
        # It is of something else at the address.
        message = f"The service answered {status}. Check base_url, or try again later."
        retrying = "busy" if is_busy(status) else "network" if status < 400 and may_end else None
        kind = KINDS[401] if status == 401 else ServiceFailedError
        return kind(message, status=status, retry_after=after, retrying=retrying)
    others = errors.RefusedError if status < 500 else ServiceFailedError
    kind = KINDS.get(code) or KINDS.get(status) or others
    is_passing = is_busy(status) and kind is not errors.QuotaError
    return kind(
        f"{title}. {detail or ''}".strip()[:2000],
        status=status,
        problem=problem,
        retry_after=after,
        retrying="pending" if status == 202 else "busy" if is_passing else None,
    )
