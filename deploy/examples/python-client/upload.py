import os
import sys
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
data = path.read_bytes()
client = AuthenticatedClient(base_url=os.environ["VALETKEY"], token=os.environ["TOKEN"])

granted = presign.sync(
    "acme",
    client=client,
    body=UploadRequest(filename=path.name, content_type=media_type, size=len(data)),
)
if isinstance(granted, UnsupportedMediaType):
    sys.exit(f"One of {granted.allowed}, please")
if not isinstance(granted, Upload):
    sys.exit(str(granted))

httpx.put(granted.put_url, content=data, headers=granted.put_headers.to_dict())

confirmed = confirm.sync("acme", client=client, body=Confirmation(receipt=granted.receipt))
if not isinstance(confirmed, ConfirmedUpload):
    sys.exit(str(confirmed))
print(confirmed.get_url)
