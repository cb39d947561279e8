"""Uploads with Valetkey: see https://github.com/valetkey/valetkey."""

from . import errors
from .client import AsyncClient, Client
from .errors import ValetkeyError
from .models import Grant, StoredFile, UploadedFile, Usage
from .retry import Progress
from .webhooks import Event, Webhook, WebhookError

__all__ = [
    "AsyncClient",
    "Client",
    "Event",
    "Grant",
    "Progress",
    "StoredFile",
    "UploadedFile",
    "Usage",
    "ValetkeyError",
    "Webhook",
    "WebhookError",
    "errors",
]
