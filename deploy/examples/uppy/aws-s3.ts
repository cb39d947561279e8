import AwsS3, { type AwsBody } from "@uppy/aws-s3";
import { type Meta, Uppy } from "@uppy/core";
import Dashboard from "@uppy/dashboard";
import "@uppy/core/css/style.min.css";
import "@uppy/dashboard/css/style.min.css";

const FILES = "https://uploads.example.com/api/v1/orgs/acme/files";
const receipts = new Map<string, string>();

interface Granted {
  readonly put_url: string;
  readonly put_headers: Record<string, string>;
  readonly key: string;
  readonly receipt: string;
}

async function ask(action: "presign" | "confirm", body: object): Promise<Granted> {
  const token = await (await fetch("/upload-token")).text();
  const response = await fetch(`${FILES}/${action}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  });
  if (response.status === 202) {
    // It has arrived, and is copied or scanned.
    await new Promise((resolve) => setTimeout(resolve, 5000));
    return ask(action, body);
  }
  const answer = await response.json();
  if (!response.ok) throw new Error(`${answer.title}. ${answer.detail}`, { cause: answer.code });
  return answer;
}

export const uppy = new Uppy<Meta, AwsBody>()
  .use(Dashboard, { target: "#uploads", inline: true })
  .use(AwsS3, {
    shouldUseMultipart: false,
    // signRequest is told the key alone, so that is the file's id until we know better.
    generateObjectKey: ({ id }) => id,
    async signRequest({ key: id }) {
      const { name, type, size } = uppy.getFile(id);
      const granted = await ask("presign", {
        filename: name,
        content_type: type,
        size,
        strict: true,
      });
      receipts.set(id, granted.receipt);
      return { url: granted.put_url, headers: granted.put_headers, key: granted.key };
    },
  });

async function confirm(id: string) {
  try {
    await ask("confirm", { receipt: receipts.get(id) });
    uppy.emit("postprocess-complete", uppy.getFile(id));
  } catch (cause) {
    const error = cause as Error;
    const file = uppy.getFile(id);
    const { postprocess: _, ...progress } = file.progress;
    // Retry sends again what arrived otherwise than granted, and confirms again what did arrive.
    const uploadComplete = !`${error.cause}`.startsWith("UPLOAD_");
    uppy.setFileState(id, { progress: { ...progress, uploadComplete } as typeof file.progress });
    uppy.emit("upload-error", uppy.getFile(id), error);
  }
}

uppy.addPostProcessor(async (ids) => {
  const arrived = uppy.getFilesByIds(ids).filter(({ error }) => !error);
  await Promise.all(arrived.map(({ id }) => confirm(id)));
});
