import { answered, ask } from "./ask.ts";

/** What the client of the README did, and how the store and the service answered it. */
interface ThreeLines {
  /** Statuses of the presign, the PUT, the same PUT one byte longer, and the confirmation. */
  readonly statuses: ReadonlyArray<number>;
  /** What was read at `get_url`. */
  readonly content: string;
  readonly contentType: string | null;
}

/**
 * The client of the README: it asks for an upload, PUTs the file and reads it again. Before that
 * it tries to PUT a byte more than it asked for, and after it has the upload confirmed.
 */
export async function threeLines(
  address: string,
  token: string,
  asked: Readonly<Record<string, unknown>> = {},
): Promise<ThreeLines> {
  const file = new File(["the bytes of a picture"], "photo.png", { type: "image/png" });
  const service = { address, token };
  const described = { filename: file.name, content_type: file.type, size: file.size, ...asked };
  const presign = await answered(() => ask(service, "presign", described));
  if (presign.status !== 200) throw new Error(`presign: ${presign.status} ${await presign.text()}`);
  const { put_url, put_headers, get_url, receipt } = await presign.json();
  const send = (body: Blob) => fetch(put_url, { method: "PUT", headers: put_headers, body });
  const longer = await send(new Blob([file, "!"]));
  const put = await send(file);
  const confirm = await answered(() => ask(service, "confirm", { receipt }));
  const get = await fetch(get_url);
  return {
    statuses: [presign.status, put.status, longer.status, confirm.status],
    content: await get.text(),
    contentType: get.headers.get("content-type"),
  };
}

/** What a store that keeps its promises makes of it. */
export const SERVED: ThreeLines = {
  statuses: [200, 200, 403, 200],
  content: "the bytes of a picture",
  contentType: "image/png",
};
