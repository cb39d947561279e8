"""Calls of the service: the caller's token, refusals, and what of them is tried again."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import httpx

from . import errors
from .errors import ValetkeyError
from .models import CONTROL
from .retry import Run, TransientError, is_busy, persist, retry_after
from .transport import Answer, LostError, make_request

T = TypeVar("T")
Token = str | Callable[[], str | Awaitable[str]]

KINDS: Mapping[object, type[ValetkeyError]] = {
    "QUOTA_EXCEEDED": errors.QuotaError,
    "UPLOAD_MISMATCH": errors.MismatchError,
    "UPLOAD_INCOMPLETE": errors.MismatchError,
    "UPLOAD_REFUSED_BY_SCAN": errors.UnsafeError,
    202: errors.PendingError,
    400: errors.RefusedError,
    401: errors.UnauthenticatedError,
    403: errors.ForbiddenError,
    404: errors.NotFoundError,
    413: errors.RefusedError,
    415: errors.RefusedError,
}


class Service:
    """The API of one organization."""

    def __init__(self, base_url: str, org: str, token: Token) -> None:
        if urlsplit(base_url).scheme not in ("http", "https") or not org:
            raise ValueError(f'base_url must be a URL, not "{base_url}", and org a name.')
        self.files = f"{base_url.rstrip('/')}/api/v1/orgs/{quote(org, safe='')}/files"
        self._provider = token
        self._token: str | None = None
        self._is_known = False

    async def ask(
        self,
        run: Run,
        decode: Callable[[Any], T],
        path: str,
        body: object = None,
        *,
        method: str | None = None,
        leads: bool = False,
    ) -> T:
        """Calls `path` of the files, by POST if there is a body, until it is answered.

        If it `leads` elsewhere, that address is its answer; it is never followed.
        """
        url = self.files + path
        content = b"" if body is None else json.dumps(body).encode()
        method = method or ("GET" if body is None else "POST")

        async def once() -> T:
            answer = await self._send(run, method, url, content, await self._authorize(run))
            if answer.status == 401 and callable(self._provider):
                token = await self._authorize(run, refused=self._token)
                answer = await self._send(run, method, url, content, token)
            try:
                found: Any = json.loads(answer.body or b"null")
            except ValueError:
                found = ...
            if leads and answer.status == 302:
                found = answer.headers.get("location")
            # 202: the file has arrived, and is not ready.
            elif answer.status // 100 != 2 or answer.status == 202:
                raise self._refusal(run, answer, found if isinstance(found, dict) else {})
            try:
                result = decode(found)
            except (ValueError, AttributeError) as cause:
                message = f"The answer of {url.partition('?')[0]} has no valid {cause}."
                error = errors.InvalidAnswerError(message, status=answer.status)
                raise self._strange(error) if found is ... else error from None
            self._is_known = True
            return result

        return await persist(run, once)

    async def _authorize(self, run: Run, refused: str | None = None) -> str:
        """Returns the token that was not refused, which is asked for once."""
        if self._token is not None and self._token != refused:
            return self._token
        token: object = self._provider
        if callable(self._provider):
            try:
                token = await run.io.call(self._provider)
            except Exception as cause:
                message = f"The function token failed with {type(cause).__name__}."
                if isinstance(cause, (ConnectionError, TimeoutError, httpx.TransportError)):
                    raise TransientError("network", errors.OfflineError(message)) from cause
                raise errors.UnauthenticatedError(message) from cause
        if not isinstance(token, str) or not token.isascii() or CONTROL.search(token):
            raise errors.UnauthenticatedError("token is not text on one line.")
        self._token = token
        return token

    async def _send(self, run: Run, method: str, url: str, content: bytes, token: str) -> Answer:
        headers = {"Authorization": f"Bearer {token}"}
        if content:
            headers["Content-Type"] = "application/json"
        try:
            return await run.io.send(make_request(method, url, headers, content))
        except LostError as cause:
            raise unanswered(url, cause) from cause

    def _refusal(self, run: Run, answer: Answer, problem: dict[str, Any]) -> Exception:
        status, code = answer.status, problem.get("code")
        after = retry_after(answer.headers.get("retry-after"))
        kind: type[ValetkeyError] = errors.ServiceFailedError
        message = f"The service answered {status}."
        # An answer without a code is not of the service, but of something at its address. A proxy
        # that asks to sign in, or takes no such body, says so in its own way.
        if isinstance(code, str) or status in (401, 413):
            kind = KINDS.get(code) or KINDS.get(status) or kind
        if isinstance(code, str):
            said = f"{problem.get('title')}. {problem.get('detail') or ''}"
            message = CONTROL.sub(" ", said).strip()[:2000]
        error = kind(message, status=status, problem=problem, retry_after=after)
        if kind is errors.PendingError:
            state = "scanning" if problem.get("state") == "scanning" else "copying"
            if state != run.arrival:
                run.arrival = state
                run.progressed()
            return TransientError(state, error, after)
        if status < 400:
            return self._strange(error)
        if is_busy(status) and kind is not errors.QuotaError:
            return TransientError("busy", error, after)
        return error

    def _strange(self, error: ValetkeyError) -> Exception:
        """The failure of an answer of something else: a captive portal, or a wrong address."""
        return TransientError("network", error) if self._is_known else error


def unanswered(url: str, cause: LostError) -> Exception:
    """The failure of a request without an answer; a certificate that is not valid stays so."""
    error = errors.OfflineError(f"{url.partition('?')[0]} does not answer: {cause}.")
    return error if "CERTIFICATE_VERIFY_FAILED" in str(cause) else TransientError("network", error)
