"""Uploads with Valetkey: see https://github.com/valetkey/valetkey."""

from . import errors
from .client import AsyncClient, Client
from .errors import ValetkeyError
from .models import FileState, Grant, Link, Policy, StoredFile, UploadedFile
from .retry import Retrying
from .source import StateStore
from .upload import Progress
from .webhooks import Event, Webhook, WebhookError

__all__ = [
    "AsyncClient",
    "Client",
    "Event",
    "FileState",
    "Grant",
    "Link",
    "Policy",
    "Progress",
    "Retrying",
    "StateStore",
    "StoredFile",
    "UploadedFile",
    "ValetkeyError",
    "Webhook",
    "WebhookError",
    "errors",
]
