from pathlib import Path
from time import time

import jwt
from fastapi import FastAPI, Request, Response
from yours import person_of

KEY = Path("upload-key.pem").read_text()
HEADERS = {"Cache-Control": "no-store"}

app = FastAPI()


@app.get("/upload-token")
def upload_token(request: Request) -> Response:
    person = person_of(request)
    if person is None:
        return Response(status_code=401, headers=HEADERS)
    claims = {
        "iss": "https://app.example.com",
        "aud": "https://uploads.example.com",
        "sub": person["id"],
        "organizations": person["organizations"],
        "scope": "write confirm",
        "exp": int(time()) + 300,
    }
    token = jwt.encode(claims, KEY, algorithm="RS256")
    return Response(token, media_type="text/plain", headers=HEADERS)
