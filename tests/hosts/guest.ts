// A page of the examples: it signs in, and uploads with a few lines of fetch.

export const PROBLEM = "application/problem+json";

/** A picture of one grey point. */
export const POINT = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==",
  "base64",
);

/** Signs in to an example, and gives the cookie that the example has set. */
export async function signIn(address: string, name: string): Promise<string> {
  const answer = await post(`${address}/login`, { name });
  const [cookie = ""] = (answer.headers.get("set-cookie") ?? "").split(";");
  if (!answer.ok || cookie === "") throw new Error(`${name} cannot sign in: ${answer.status}`);
  return cookie;
}

/** The steps of an upload by the owner of the cookie. */
export function uploadTo(address: string, organization: string, cookie?: string) {
  const files = `${address}/api/v1/orgs/${organization}/files`;
  return {
    presign: async (size: number) => {
      const file = { filename: "photo.png", content_type: "image/png", size };
      const answer = await post(`${files}/presign`, file, cookie);
      const body = await answer.json();
      return {
        status: answer.status,
        granted: body as { put_url: string; receipt: string },
        problem: body as { code: string },
      };
    },
    put: (url: string, body: Buffer<ArrayBuffer>) =>
      fetch(url, { method: "PUT", headers: { "Content-Type": "image/png" }, body }),
    confirm: (receipt: string) => post(`${files}/confirm`, { receipt }, cookie),
    /** Begins an upload in parts, and aborts it. */
    abort: async (size: number) => {
      const file = { filename: "photo.png", content_type: "image/png", size };
      const { upload } = await (await post(`${files}/multipart`, file, cookie)).json();
      const parts = `${files}/multipart/parts?upload=${encodeURIComponent(upload)}`;
      const headers = { "Content-Type": "application/json", Cookie: cookie ?? "" };
      const body = JSON.stringify({ upload });
      const aborted = await fetch(`${files}/multipart`, { method: "DELETE", headers, body });
      return { aborted, after: await fetch(parts, { headers }) };
    },
  };
}

const post = (url: string, body: object, cookie?: string) =>
  fetch(url, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      ...(cookie === undefined ? {} : { Cookie: cookie }),
    },
    body: JSON.stringify(body),
  });
