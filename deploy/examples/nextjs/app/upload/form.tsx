"use client";

import { useState } from "react";
import { confirmUpload, requestUpload } from "./actions";

export function UploadForm() {
  const [told, tell] = useState("");
  const upload = async (file: File | undefined) => {
    if (file === undefined) return;
    const { name, type, size } = file;
    const granted = await requestUpload({ name, type, size });
    if (typeof granted === "string") return tell(granted);
    const { putUrl, putHeaders, receipt } = granted;
    // Straight into the store: no byte of the file passes this application.
    const put = await fetch(putUrl, { method: "PUT", headers: putHeaders, body: file });
    tell(put.ok ? await confirmUpload(receipt) : `The store says ${put.status}`);
  };
  return (
    <p>
      <input type="file" onChange={({ target }) => void upload(target.files?.[0])} /> {told}
    </p>
  );
}
