import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../support/free-port.ts";
import { makeFolder } from "../support/make-folder.ts";
import { need } from "../support/need.ts";
import { startServer } from "../support/server-process.ts";
import { until } from "../support/until.ts";

const OWNER = { accessKeyId: "valetkey", secretAccessKey: "a-secret-of-the-owner" };

interface Launch {
  readonly args: ReadonlyArray<string>;
  readonly env?: Readonly<Record<string, string>>;
}

interface Kind {
  /** The path of its program, if it is there. */
  readonly path: string | undefined;
  /** Its start, with what `valetkey events setup` has printed. */
  readonly launch: (at: {
    readonly port: number;
    readonly folder: string;
    readonly printed: string;
  }) => Launch | Promise<Launch>;
}

/** Stores that can be told to send notifications. */
export const STORES = {
  minio: {
    path: await need("minioServer"),
    launch: ({ port, folder, printed }) => ({
      args: ["server", join(folder, "data"), "--address", `127.0.0.1:${port}`],
      env: {
        MINIO_ROOT_USER: OWNER.accessKeyId,
        MINIO_ROOT_PASSWORD: OWNER.secretAccessKey,
        ...Object.fromEntries(
          [...printed.matchAll(/^(MINIO_\w+)=(.*)$/gm)].map(([, name = "", value = ""]) => [
            name,
            value.replace("/var/lib/minio", folder),
          ]),
        ),
      },
    }),
  },
  seaweedfs: {
    path: await need("weed"),
    launch: async ({ port, folder, printed }) => {
      writeFileSync(join(folder, "notification.toml"), printed);
      const credentials = [{ accessKey: OWNER.accessKeyId, secretKey: OWNER.secretAccessKey }];
      const identities = [{ name: "owner", credentials, actions: ["Admin"] }];
      writeFileSync(join(folder, "s3.json"), JSON.stringify({ identities }));
      mkdirSync(join(folder, "data"));
      const ports = ["master", "volume", "filer"].flatMap((part) => [
        `${part}.port`,
        `${part}.port.grpc`,
      ]);
      const args = ["s3.port.grpc", ...ports].map(async (name) => `-${name}=${await freePort()}`);
      return {
        args: [
          "server",
          "-dir=data",
          "-ip=127.0.0.1",
          "-ip.bind=127.0.0.1",
          "-filer",
          "-s3",
          "-master.volumeSizeLimitMB=16",
          "-volume.max=100",
          "-s3.config=s3.json",
          "-s3.iam=false",
          // Both have ports of their own unless they are off.
          "-s3.port.iceberg=0",
          "-s3.port.lance=0",
          `-s3.port=${port}`,
          ...(await Promise.all(args)),
        ],
      };
    },
  },
  versitygw: {
    path: await need("versitygw"),
    launch: ({ port, folder, printed }) => {
      const [, url = ""] = /--event-webhook-url "(.*)"/.exec(printed) ?? [];
      mkdirSync(join(folder, "data"));
      return {
        args: [`--port=127.0.0.1:${port}`, `--event-webhook-url=${url}`, "posix", "data"],
        env: { ROOT_ACCESS_KEY: OWNER.accessKeyId, ROOT_SECRET_KEY: OWNER.secretAccessKey },
      };
    },
  },
} satisfies Readonly<Record<string, Kind>>;

/** The variables of the service for a store on that port. */
export const storeEnv = (provider: keyof typeof STORES, port: number) => ({
  STORAGE_ADAPTER: "minio",
  STORAGE_PROVIDER: provider,
  STORAGE_ENDPOINT: `http://127.0.0.1:${port}`,
  STORAGE_ACCESS_KEY: OWNER.accessKeyId,
  STORAGE_SECRET_KEY: OWNER.secretAccessKey,
});

/** Starts a store with a bucket. */
export async function startStore(provider: keyof typeof STORES, port: number, printed: string) {
  const { path = "", launch }: Kind = STORES[provider];
  const folder = makeFolder();
  const endpoint = `http://127.0.0.1:${port}`;
  // Another server on this port would not answer as a store does.
  const isUp = async () => /xml/.test((await fetch(endpoint)).headers.get("content-type") ?? "");
  await startServer({ path, folder, isUp, ...(await launch({ port, folder, printed })) });
  const client = new S3Client({
    endpoint,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: OWNER,
  });
  await until("the bucket", () => client.send(new CreateBucketCommand({ Bucket: "files" })));
  return client;
}
