"""One exchange over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import NamedTuple

import httpx

from .errors import OfflineError, ServiceFailedError

# Seconds. Some stores copy parts to put them together.
TIMEOUT = 120.0
# Bytes per second at which something on the way may still forward a body that it has taken.
SLOWEST = 32 * 1024
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
    size: int = 0,
) -> Answer:
    """Sends a request that has nothing of the client's own, such as its headers and cookies.

    Raises `OfflineError` if it is not answered. An answer is not decoded: nobody asks for gzip.
    """
    unusable = "The service answered with a URL or headers that cannot be used"
    try:
        request = httpx.Request(method, url, headers=headers, content=content)
        request.url = _Url(request.url)
        # As the system will, where it raises errors of its own.
        if not request.url.host.encode("idna") or (request.url.port or 0) not in range(2**16):
            raise ValueError("no host or port")
    except (httpx.InvalidURL, TypeError, ValueError) as cause:
        raise ServiceFailedError(f"{unusable}: {cause}.") from cause
    read = TIMEOUT + size / SLOWEST
    timeouts = {"connect": 20.0, "read": read, "write": TIMEOUT, "pool": TIMEOUT}
    request.extensions["timeout"] = timeouts
    body = b""
    try:
        response = await http.send(request, auth=None, stream=True, follow_redirects=False)
        async with aclosing(response), asyncio.timeout(TIMEOUT):
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > LONGEST_ANSWER:
                    raise httpx.ReadError("its answer does not end")
    except httpx.LocalProtocolError as cause:
        raise ServiceFailedError(f"{unusable}: {cause}.") from cause
    except (httpx.RequestError, TimeoutError) as cause:
        reason = str(cause) or type(cause).__name__
        message = f"{request.url} does not answer: {reason}. Check the network."
        is_lasting = "CERTIFICATE_VERIFY_FAILED" in reason
        raise OfflineError(message, retrying=None if is_lasting else "network") from cause
    return Answer(response.status_code, response.headers, body)
