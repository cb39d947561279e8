import base64, hashlib, hmac, json, os, time
from fastapi import FastAPI, Request, Response

secret = base64.b64decode(os.environ["WEBHOOK_SECRET"].removeprefix("whsec_"))
assert len(secret) >= 24, "WEBHOOK_SECRET is not a secret of the service"
WORK = {"upload.confirmed": "use", "upload.mismatched": "discard"}
handled = set()
app = FastAPI()

def is_genuine(headers, body):
    id, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    mac = hmac.new(secret, f"{id}.{at}.".encode() + body, hashlib.sha256)
    expected = b"v1," + base64.b64encode(mac.digest())
    given = headers.get("webhook-signature", "").encode().split(b" ")
    signed = any(hmac.compare_digest(expected, each) for each in given)
    return signed and abs(time.time() - int(at)) < 300

@app.post("/hook")
async def hook(request: Request):
    body, id = await request.body(), request.headers.get("webhook-id")
    if not is_genuine(request.headers, body):
        return Response(status_code=401)
    event = json.loads(body)
    if id not in handled:
        if event["type"] in WORK:
            print(WORK[event["type"]], event["data"]["key"], flush=True)
        handled.add(id)
    return Response(status_code=204)
