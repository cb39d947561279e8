"""Why a call failed: one class for each reason, with what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class ValetkeyError(Exception):
    """The service, the store or the line failed; the subclass says why.

    `code` is the reason in one word, `detail` what happened, and `advice` what to do. `status` is
    the HTTP status, if there was an answer, and `problem` all members of the service's (RFC 9457),
    such as its own `code`, `limit` or `allowed`. `store_code` is the store's own code, and
    `retry_after` the seconds after which the same may succeed.
    """

    code: ClassVar[str]
    advice: ClassVar[str]

    def __init_subclass__(cls, *, code: str, advice: str) -> None:
        cls.code = code
        cls.advice = advice

    def __init__(
        self,
        detail: str,
        *,
        status: int | None = None,
        problem: Mapping[str, Any] | None = None,
        store_code: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        # The service says itself what to do.
        super().__init__(detail if problem else f"{detail} {self.advice}")
        self.detail = detail
        self.status = status
        self.problem = problem or {}
        self.store_code = store_code
        self.retry_after = retry_after


class RefusedError(ValetkeyError, code="refused", advice="Send what client.policies() allows."):
    """The policy does not allow the file, or the request is not valid."""


class QuotaError(ValetkeyError, code="quota", advice="Wait until retry_after has passed."):
    """The quota of the organization is used up."""


class UnauthenticatedError(ValetkeyError, code="unauthenticated", advice="Check the token."):
    """The token is missing or not valid, or its function failed."""


class ForbiddenError(ValetkeyError, code="forbidden", advice="Use a token that may do this."):
    """The caller may not do this, or not under this policy."""


class NotFoundError(ValetkeyError, code="not-found", advice="Check the organization and the key."):
    """There is no such organization or file, or the caller may not know."""


class ServiceFailedError(ValetkeyError, code="service-failed", advice="Try again later."):
    """The service keeps failing, or something else is at its address."""


class InvalidAnswerError(
    ValetkeyError, code="invalid-answer", advice="Check base_url, and update this package."
):
    """An answer cannot be used."""


class StoreRefusedError(
    ValetkeyError, code="store-refused", advice="Try again, or tell the operator."
):
    """The store refused the file: see `store_code`."""


class MismatchError(ValetkeyError, code="mismatch", advice="Upload the file again."):
    """The file in the store is not what was granted, or did not arrive: see `problem`."""


class UnsafeError(ValetkeyError, code="unsafe", advice="Do not send this file again."):
    """A scan of the file found something, or could not be made."""


class PendingError(ValetkeyError, code="pending", advice="Confirm it later."):
    """The file has arrived, and was not ready in the time that a call may take."""


class OfflineError(ValetkeyError, code="offline", advice="Check the network, then try again."):
    """The service or the store does not answer; `detail` says which."""


class FileChangedError(
    ValetkeyError, code="file-changed", advice="Upload it again once it no longer changes."
):
    """The file has changed since its upload began."""
