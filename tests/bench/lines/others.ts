import { S3Client } from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { uploadFile } from "@better-upload/client";
import AwsS3 from "@uppy/aws-s3";
import Uppy from "@uppy/core";
import { upload as uploadToBlob } from "@vercel/blob/client";
import { Upload as TusUpload } from "tus-js-client";

// Other clients, in a page, with the settings that let them go on for longest: five minutes.

const PART = 5 * 2 ** 20;
const SECONDS = [0, 1, 3, 5, ...Array.from({ length: 30 }, () => 10)];

type Settings = {
  readonly endpoint: string;
  readonly bucket: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
};
/** Known before anything fails. */
const settings: Settings = await (await fetch("/settings")).json();

const CLIENTS: Readonly<Record<string, (file: File) => Promise<string>>> = {
  "tus-js-client": (file) =>
    new Promise((resolve, reject) => {
      const upload = new TusUpload(file, {
        endpoint: "/tus/",
        retryDelays: SECONDS.map((each) => each * 1000),
        onSuccess: () => resolve(upload.url ?? ""),
        onError: reject,
      });
      upload.start();
    }),
  "@uppy/aws-s3": async (file) => {
    const uppy = new Uppy().use(AwsS3, {
      shouldUseMultipart: true,
      getChunkSize: () => PART,
      signRequest: async (request) => {
        const body = JSON.stringify(request);
        return (await fetch("/sign", { method: "POST", body })).json();
      },
      generateObjectKey: () => crypto.randomUUID(),
    });
    uppy.addFile({ name: file.name, type: file.type, data: file });
    const { successful = [], failed = [] } = (await uppy.upload()) ?? {};
    if (!successful[0]) throw new Error(failed[0]?.error ?? "failed");
    return decodeURIComponent(
      new URL(successful[0].uploadURL ?? "").pathname.split("/").at(-1) ?? "",
    );
  },
  "better-upload": async (file) =>
    (await uploadFile({ api: "/better", route: "files", file, retry: 30, retryDelay: 10_000 })).file
      .objectInfo.key,
  "@aws-sdk/lib-storage": async (file) => {
    const { endpoint, bucket, credentials } = settings;
    const Key = crypto.randomUUID();
    const client = new S3Client({
      endpoint,
      credentials,
      region: "us-east-1",
      forcePathStyle: true,
      maxAttempts: 30,
    });
    await new Upload({
      client,
      params: { Bucket: bucket, Key, Body: file, ContentType: file.type },
      partSize: PART,
      queueSize: 4,
    }).done();
    return Key;
  },
  "@vercel/blob": async (file) => {
    const options = { access: "public", handleUploadUrl: "/blob", multipart: true } as const;
    return (await uploadToBlob(crypto.randomUUID(), file, options)).pathname;
  },
};

export const upload = async (by: string, file: File): Promise<string> => {
  const client = CLIENTS[by];
  if (client === undefined) throw new Error(`there is no client ${by}`);
  return client(file);
};
