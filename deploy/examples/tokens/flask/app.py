from pathlib import Path
from time import time

import jwt
from flask import Flask, request
from yours import person_of

KEY = Path("upload-key.pem").read_text()
HEADERS = {"Content-Type": "text/plain", "Cache-Control": "no-store"}

app = Flask(__name__)


@app.get("/upload-token")
def upload_token():
    person = person_of(request)
    if person is None:
        return "", 401, HEADERS
    claims = {
        "iss": "https://app.example.com",
        "aud": "https://uploads.example.com",
        "sub": person["id"],
        "organizations": person["organizations"],
        "scope": "write confirm",
        "exp": int(time()) + 300,
    }
    return jwt.encode(claims, KEY, algorithm="RS256"), 200, HEADERS
