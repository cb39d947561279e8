"""One exchange over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import NamedTuple

import httpx

from .errors import OfflineError

# Seconds. The system may have taken more of a body than a slow line carries in a minute, and some
# stores copy parts to put them together.
TIMEOUT = 120.0
TIMEOUTS = {"connect": 20.0, "read": TIMEOUT, "write": TIMEOUT, "pool": TIMEOUT}
# The longest answer that is read, in bytes.
LONGEST_ANSWER = 8 * 2**20


class Answer(NamedTuple):
    status: int
    headers: httpx.Headers
    body: bytes


class _Url(httpx.URL):
    """A URL that logs have without its query, which is a signature or a token."""

    def __str__(self) -> str:
        return super().__str__().partition("?")[0]

    __repr__ = __str__


async def send(
    http: httpx.AsyncClient,
    method: str,
    url: str,
    headers: Mapping[str, str],
    content: bytes | AsyncIterator[bytes],
) -> Answer:
    """Sends a request that has nothing of the client's own, such as its headers and cookies.

    Raises `OfflineError` if it is not answered.
    """
    request = httpx.Request(method, url, headers=headers, content=content)
    request.url = _Url(request.url)
    request.extensions["timeout"] = TIMEOUTS
    body = b""
    try:
        response = await http.send(request, auth=None, stream=True, follow_redirects=False)
        async with aclosing(response), asyncio.timeout(TIMEOUT):
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > LONGEST_ANSWER:
                    raise httpx.ReadError("its answer does not end")
    except (httpx.RequestError, TimeoutError) as cause:
        message = f"{request.url} does not answer: {cause}. Check the network."
        is_lasting = "CERTIFICATE_VERIFY_FAILED" in str(cause)
        raise OfflineError(message, retrying=None if is_lasting else "network") from cause
    return Answer(response.status_code, response.headers, body)
