"""Why a call failed: one class for each reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ValetkeyError(Exception):
    """The service, the store or the line failed; the subclass says why, and the text what to do.

    `status` is the HTTP status, if there was an answer, `code` the service's or the store's name of
    the reason, and `problem` all members of the service's answer (RFC 9457), such as `limit`.
    `retry_after` is the seconds after which the same may succeed.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        problem: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
        retrying: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.problem = problem or {}
        self.retry_after = retry_after
        # Why another attempt may mend it, as `Progress` has it.
        self.retrying = retrying

    @property
    def code(self) -> str | None:
        return self.problem.get("code")


class RefusedError(ValetkeyError):
    """Not allowed, not valid or not found: see `status` and `code`."""


class QuotaError(ValetkeyError):
    """The quota of the organization is used up."""


class UnauthenticatedError(ValetkeyError):
    """The token is missing or not valid."""


class ServiceFailedError(ValetkeyError):
    """The service keeps failing, or something else is at its address."""


class StoreRefusedError(ValetkeyError):
    """The store refused the file: see `code`."""


class MismatchError(ValetkeyError):
    """The file in the store is not what was granted, or did not arrive: see `problem`."""


class UnsafeError(ValetkeyError):
    """A scan of the file found something, or could not be made."""


class PendingError(ValetkeyError):
    """The file has arrived, and was not ready in time: confirm it later."""


class OfflineError(ValetkeyError):
    """The service or the store does not answer; the text says which."""


class UnstableError(ValetkeyError):
    """The line is too slow, or breaks too soon: `code` is UNSTABLE."""


class FileChangedError(ValetkeyError):
    """The file has changed since its upload began: `code` is FILE_CHANGED."""
