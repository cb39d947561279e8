import { valetkey } from "./uploads.ts";

export async function send(userId: string, file: File) {
  const asked = { caller: { id: userId }, organization: "acme" };
  const { name: filename, type: contentType, size } = file;
  const named = { filename, contentType, size };
  const { upload, partSize, partCount } = await valetkey.startMultipart({ ...asked, ...named });
  const partNumbers = Array.from({ length: partCount }, (_, index) => index + 1);
  const parts = [];
  for (const part of await valetkey.signParts({ ...asked, upload, partNumbers })) {
    const { partNumber, url, headers } = part;
    const body = file.slice((partNumber - 1) * partSize, partNumber * partSize);
    const sent = await fetch(url, { method: "PUT", headers, body });
    parts.push({ partNumber, etag: sent.headers.get("etag") ?? "" });
  }
  return valetkey.completeMultipart({ ...asked, upload, parts });
}
