import os
import sys
import time
from pathlib import Path

import httpx
from valetkey_client import AuthenticatedClient
from valetkey_client.api.files import confirm, presign
from valetkey_client.models import (
    Confirmation,
    ConfirmedUpload,
    UnsupportedMediaType,
    Upload,
    UploadRequest,
)

path, media_type = Path(sys.argv[1]), sys.argv[2]
client = AuthenticatedClient(base_url=os.environ["VALETKEY"], token=os.environ["TOKEN"])

granted = presign.sync(
    "acme",
    client=client,
    body=UploadRequest(
        filename=path.name, content_type=media_type, size=path.stat().st_size
    ),
)
if isinstance(granted, UnsupportedMediaType):
    sys.exit(f"One of {granted.allowed}, please")
if not isinstance(granted, Upload):
    sys.exit(str(granted))

# Read piece by piece; its size is sent as the Content-Length.
with path.open("rb") as file:
    headers = granted.put_headers.to_dict()
    put = httpx.put(granted.put_url, content=file, headers=headers, timeout=120)
if not put.is_success:
    sys.exit(f"The store answered {put.status_code}: {put.text}")

body = Confirmation(receipt=granted.receipt)
# 202: it has arrived, and is copied or scanned.
while (answer := confirm.sync_detailed("acme", client=client, body=body)).status_code == 202:
    time.sleep(int(answer.headers.get("Retry-After", "1")))
if not isinstance(answer.parsed, ConfirmedUpload):
    sys.exit(str(answer.parsed))
print(answer.parsed.get_url)
