"""What calls return. Answers come from outside, so each member is checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, TypeVar

T = TypeVar("T")

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class UploadedFile:
    """A file that is in the store, and confirmed. Keep its `key`.

    `file_url` opens it for members of the organization, `get_url` for everyone until
    `get_expires_at`. `receipt` makes links. Unless it is `final`, URLs of the upload can change it
    until `mutable_until`. `checksum` is what the store itself has verified.
    """

    key: str
    size: int
    content_type: str
    etag: str
    final: bool
    file_url: str
    get_url: str = field(repr=False)
    get_expires_at: datetime
    receipt: str = field(repr=False)
    mutable_until: datetime | None = None
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


@dataclass(frozen=True)
class StoredFile:
    key: str
    size: int
    stored_at: datetime
    file_url: str


@dataclass(frozen=True)
class FileState:
    """`missing`; `waiting`: it has arrived and is not confirmed; or `ready`.

    `retry_after` is in seconds; None if the state will stay.
    """

    key: str
    state: str
    retry_after: int | None = None


@dataclass(frozen=True)
class Link:
    """Opens a file for everyone who has it."""

    link_url: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True)
class PartRules:
    max_size: int
    checksums: list[str]


@dataclass(frozen=True)
class Policy:
    """What the caller may upload. Sizes are in bytes; `checksums` are what the store verifies."""

    name: str
    max_size: int
    allowed_types: list[str]
    extensions: dict[str, str]
    require_checksum: bool
    checksums: list[str]
    multipart: PartRules | None = None


@dataclass(frozen=True)
class Started:
    """An upload in parts that was begun."""

    upload: str = field(repr=False)
    key: str
    part_size: int


@dataclass(frozen=True)
class Signed:
    """A signed PUT of a part."""

    part_number: int
    url: str = field(repr=False)
    headers: dict[str, str] = field(repr=False)


@dataclass(frozen=True)
class Part:
    """A part that has arrived; in the state also the checksum of what was sent."""

    part_number: int
    etag: str
    checksum: str | None = None


def text(value: Any) -> str:
    if type(value) is not str or len(value) > 2**16 or CONTROL.search(value):
        raise ValueError
    return value


def url(value: Any) -> str:
    if not text(value).startswith(("http://", "https://")):
        raise ValueError("URL")
    return text(value)


def _exactly(kind: type[T]) -> Callable[[Any], T]:
    def reader(value: Any) -> T:
        if type(value) is not kind:
            raise ValueError
        return value

    return reader


# How the types of members are read, by their names.
READERS: Mapping[str, Callable[[Any], Any]] = {
    "str": text,
    "int": _exactly(int),
    "bool": _exactly(bool),
    "datetime": lambda value: datetime.fromisoformat(text(value).replace("Z", "+00:00")),
    "list[str]": lambda value: [text(each) for each in value],
    "dict[str, str]": lambda value: {text(name): text(each) for name, each in value.items()},
    "PartRules": lambda value: read(PartRules, value),
    "Any": lambda value: value,
}


def read(kind: type[T], answer: Any) -> T:
    """Reads a JSON object as a dataclass. Raises `ValueError` with the name of a bad member."""
    members = {}
    for each in fields(kind):  # type: ignore[arg-type]
        name, optional = str(each.type).partition(" | None")[:2]
        try:
            value = answer.get(each.name)
            if value is not None or not optional:
                value = READERS[name](value)
            if each.name.endswith("url"):
                url(value)
        except (ValueError, TypeError, AttributeError):
            raise ValueError(each.name) from None
        members[each.name] = value
    return kind(**members)


def read_all(kind: type[T], name: str, answer: Any) -> list[T]:
    """Reads the list of JSON objects that has this name."""
    return [read(kind, each) for each in _exactly(list)(answer.get(name))]
