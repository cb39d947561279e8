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
    "STORAGE_FULL": errors.QuotaError,
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
        self._renewing: asyncio.Task[str] | None = None
        self._first_asked = 0.0
        self._has_answered = False

    async def ask(self, run: Run, path: str, body: object = None, method: str = "") -> Any:
        """Calls `path` as `ask_once` does, until it is answered."""
        return await run.persist(lambda: self.ask_once(path, body, method))

    async def ask_once(self, path: str, body: object = None, method: str = "") -> Any:
        """Calls `path` of the files, by POST if there is a body, and returns the JSON object.

        To open a file is answered with its address, as `get_url`. No answer is ever followed.
        """
        if self.http.is_closed:
            raise ValueError("The client is closed. Make another one.")
        self._first_asked = self._first_asked or monotonic()
        content = b"" if body is None else json.dumps(body).encode()
        verb = "GET" if method == "OPEN" else method or ("POST" if content else "GET")
        token = await self._token_after(None)
        answer = await self._send(verb, path, content, token)
        if answer.status == 401 and callable(self._provider):
            token = await self._token_after(token)
            answer = await self._send(verb, path, content, token)
        if method == "OPEN" and answer.status == 302:
            return {"get_url": answer.headers.get("location")}
        try:
            found = json.loads(answer.body)
        except (ValueError, RecursionError):
            found = {} if answer.status == 204 else None
        self._has_answered |= isinstance(found, dict)
        # 202: the file has arrived, and is not ready.
        if answer.status // 100 == 2 and answer.status != 202 and isinstance(found, dict):
            return found
        raise self.refusal(answer, found)

    async def _token_after(self, refused: str | None) -> str:
        """Returns the token that is held, or another in place of a refused one."""
        if self._token is not None and self._token != refused:
            return self._token
        # Of calls that are refused together one asks.
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._provide())
        return await asyncio.shield(self._renewing)

    async def _provide(self) -> str:
        token: object = self._provider
        if callable(token):
            token = await asyncio.to_thread(token)
            token = await token if inspect.isawaitable(token) else token
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise errors.UnauthenticatedError("token is not text on one line.")
        self._token = token
        return token

    async def aclose(self) -> None:
        if self._renewing:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
        await self.http.aclose()

    async def _send(self, verb: str, path: str, content: bytes, token: str) -> Answer:
        headers = {"Authorization": f"Bearer {token}"}
        if content:
            headers["Content-Type"] = "application/json"
        # What is not below the files of the organization is beside them.
        is_beside = path.startswith("..")
        address = self.files.removesuffix("/files") + path[2:] if is_beside else self.files + path
        return await send(self.http, verb, address, headers, content)

    def refusal(self, answer: Answer, problem: Any) -> ValetkeyError:
        status = answer.status
        kind: type[ValetkeyError] = errors.RefusedError if status < 500 else ServiceFailedError
        retrying = "pending" if status == 202 else "busy" if is_busy(status) else None
        try:
            code, title = member(problem, "code", str), member(problem, "title", str)
            message = f"{title}. {member(problem, 'detail', str, is_optional=True) or ''}".strip()
            kind = KINDS.get(code) or KINDS.get(status) or kind
        except ServiceFailedError:
            # Something else has answered. A captive portal ends before long, unless the address is
            # a wrong one.
            problem = {}
            message = f"The service answered {status}. Check base_url, or try again later."
            kind = KINDS[401] if status == 401 else ServiceFailedError
            may_end = self._has_answered or monotonic() - self._first_asked < SILENCE
            if status < 400:
                retrying = "network" if may_end else None
        return kind(
            message[:2000],
            status=status,
            problem=problem,
            retry_after=retry_after(answer.headers),
            retrying=None if kind is errors.QuotaError else retrying,
        )
