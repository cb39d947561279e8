import base64
import hashlib
import hmac
import json
import os
import time

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

SECRET = base64.b64decode(os.environ["WEBHOOK_SECRET"].removeprefix("whsec_"))
assert len(SECRET) >= 24, "WEBHOOK_SECRET is not a secret of the service"
WORK = {"upload.confirmed": "use", "upload.mismatched": "discard"}
TEN_DAYS = 864_000


def is_genuine(request: HttpRequest) -> bool:
    id, at = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "")
    mac = hmac.new(SECRET, f"{id}.{at}.".encode() + request.body, hashlib.sha256)
    expected = b"v1," + base64.b64encode(mac.digest())
    given = request.headers.get("webhook-signature", "").encode().split(b" ")
    signed = any(hmac.compare_digest(expected, each) for each in given)
    return signed and abs(time.time() - int(at)) < 300


# In urls.py: path("hook", views.hook)
@csrf_exempt
@require_POST
def hook(request: HttpRequest) -> HttpResponse:
    if not is_genuine(request):
        return HttpResponse(status=401)
    event = json.loads(request.body)
    if cache.add(request.headers["webhook-id"], True, TEN_DAYS) and event["type"] in WORK:
        print(WORK[event["type"]], event["data"]["key"], flush=True)
    return HttpResponse(status=204)
