"""What calls return. Answers come from outside, so each member is checked."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, TypeVar

from .errors import ServiceFailedError

T = TypeVar("T")


@dataclass(frozen=True)
class UploadedFile:
    """A file that is in the store, and confirmed. Keep its `key`.

    `file_url` opens it for members of the organization, `get_url` for everyone until
    `get_expires_at`, `public_url`, where its policy is public, for good. `receipt` makes links.
    Unless it is `final`, URLs of the upload can change it until `mutable_until`. `checksum` is what
    the store itself has verified.
    """

    key: str
    filename: str
    size: int
    content_type: str
    etag: str
    final: bool
    file_url: str
    get_url: str = field(repr=False)
    get_expires_at: datetime
    receipt: str = field(repr=False)
    mutable_until: datetime | None = None
    path: str | None = None
    public_url: str | None = None
    version: str | None = None
    checksum: dict[str, str] | None = None
    metadata: dict[str, str] | None = None
    server_data: Any = None


@dataclass(frozen=True)
class Grant:
    """A granted upload: PUT the file to `put_url` with exactly `put_headers`, then confirm."""

    key: str
    put_url: str = field(repr=False)
    put_headers: dict[str, str] = field(repr=False)
    put_expires_at: datetime
    get_url: str = field(repr=False)
    get_expires_at: datetime
    receipt: str = field(repr=False)
    public_url: str | None = None


@dataclass(frozen=True)
class StoredFile:
    """A file of a list, with its names as far as `details` shows them."""

    key: str
    size: int
    content_type: str
    stored_at: datetime
    file_url: str
    filename: str | None = None
    path: str | None = None
    public_url: str | None = None


@dataclass(frozen=True)
class Usage:
    """What an organization, or a person in it, has stored, in bytes.

    `granted` are uploads that may still be confirmed, `open` the number of those whose URLs have
    not ended. Unless it is `known`, the store was not counted yet, and there may be more.
    """

    files: int
    bytes: int
    granted: int
    open: int
    known: bool
    limit: int | None = None


# A member of any other type is taken as it is.
KINDS = {"str": str, "int": int, "bool": bool, "datetime": str, "dict": dict, "list": list}
TEXT = re.compile(r"[^\x00-\x1f\x7f-\x9f]*")


def read(kind: type[T], answer: Any) -> T:
    """Reads a JSON object as a dataclass."""
    members = {}
    for each in fields(kind):  # type: ignore[arg-type]
        name, optional = str(each.type).partition(" | None")[:2]
        value = member(answer, each.name, KINDS.get(name.partition("[")[0]), bool(optional))
        if name == "datetime" and value is not None:
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                raise invalid(each.name) from None
        members[each.name] = value
    return kind(**members)


def member(answer: Any, name: str, kind: Any, is_optional: bool = False) -> Any:
    """Returns a member of a JSON object, which has to be of this type; an object is of texts."""
    value: Any = answer.get(name) if isinstance(answer, dict) else None
    if kind is None or (is_optional and value is None):
        return value
    if type(value) is not kind or (kind is int and value < 0):
        raise invalid(name)
    texts = [value] if kind is str else value.values() if kind is dict else []
    if not all(isinstance(each, str) and TEXT.fullmatch(each) for each in texts):
        raise invalid(name)
    if name.endswith("url") and not re.match("https?://", value):
        raise invalid(name)
    return value


def invalid(name: str) -> ServiceFailedError:
    message = f"The answer of the service has no valid {name}. Check base_url, and update valetkey."
    return ServiceFailedError(message, problem={"code": "INVALID_ANSWER"})
