from pathlib import Path
from time import time

import jwt
from django.http import HttpRequest, HttpResponse
from yours import organizations_of

KEY = Path("upload-key.pem").read_text()
HEADERS = {"Cache-Control": "no-store"}


# In urls.py: path("upload-token", views.upload_token)
def upload_token(request: HttpRequest) -> HttpResponse:
    # login_required would redirect the page's request.
    if not request.user.is_authenticated:
        return HttpResponse(status=401, headers=HEADERS)
    claims = {
        "iss": "https://app.example.com",
        "aud": "https://uploads.example.com",
        "sub": str(request.user.pk),
        "organizations": organizations_of(request.user),
        "scope": "write confirm",
        "exp": int(time()) + 300,
    }
    token = jwt.encode(claims, KEY, algorithm="RS256")
    return HttpResponse(token, content_type="text/plain", headers=HEADERS)
