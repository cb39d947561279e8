import { type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import type { Finding } from "../../adapters/cli/doctor/finding.ts";
import { policyFor } from "../../adapters/storage/s3/by-hand.ts";
import type { Policy } from "../../adapters/storage/s3/by-hand.ts";
import { allowedBy, keysFor } from "../support/assume-role.ts";
import { valetkey } from "../support/command-line.ts";
import { type MinioServer, STRICT } from "../support/minio.ts";
import { need } from "../support/need.ts";
import { s3Client } from "../support/s3-store.ts";
import { serve } from "../support/serve.ts";
import { until } from "../support/until.ts";

// The doctor as its tests run it: on a real server, and on the way to it.

export const server = await need("strictMinio");

/** A new bucket of the strict server. */
export async function newBucket(): Promise<string> {
  const bucket = `doctor-${crypto.randomUUID()}`;
  await client().makeBucket(bucket, STRICT.region);
  return bucket;
}

export const client = () => s3Client({ ...strict(), region: STRICT.region });

/** The strict server; tests without it are skipped. */
export function strict(): MinioServer {
  if (server === undefined) throw new Error("there is no MinIO");
  return server;
}

export const objectsIn = async (bucket: string) => {
  const names: Array<string> = [];
  for await (const { name } of client().listObjectsV2(bucket, "", true)) names.push(String(name));
  return names;
};

export interface Report {
  readonly code: number;
  readonly findings: ReadonlyArray<Finding>;
  readonly output: string;
}

/** Runs `valetkey doctor --json` in this process, with one key for everything where none is given. */
export async function doctor(
  env: Readonly<Record<string, string>>,
  ...args: ReadonlyArray<string>
): Promise<Report> {
  const { accessKey, secretKey, endpoint } = strict();
  const variables = {
    STORAGE_ADAPTER: "minio",
    STORAGE_ENDPOINT: endpoint,
    STORAGE_REGION: STRICT.region,
    STORAGE_ACCESS_KEY: accessKey,
    STORAGE_SECRET_KEY: secretKey,
    CORS_ORIGINS: STRICT.origin,
    ...env,
  };
  // A busy machine may be too late for it.
  const { code, stdout, stderr } = await until("answers in time", async () => {
    const told = await valetkey(["doctor", "--json", ...args], variables);
    return !told.stdout.includes("no answer within") && told;
  });
  const { findings = [] } = JSON.parse(stdout || "{}") as Partial<Report>;
  return { code, findings, output: stdout + stderr };
}

export const failures = ({ findings }: Report) =>
  findings
    .filter(({ verdict }) => verdict === "failed")
    .map(({ check, seen }) => `${check}: ${seen}`);

/** What a proxy changes on the way. */
export interface Change {
  /** The headers of a request, by their names in lower case. */
  readonly headers?: (headers: IncomingHttpHeaders) => void;
  /** Sees the body of an answer. */
  readonly sees?: (incoming: IncomingMessage, answer: IncomingMessage) => void;
}

/** A proxy to the strict server. */
export const proxy = async ({ headers: change, sees }: Change) => {
  const { origin } = await serve((incoming, response) => {
    const headers = { ...incoming.headers };
    change?.(headers);
    const { hostname, port } = new URL(strict().endpoint);
    const { method, url = "" } = incoming;
    const outgoing = request(
      { hostname, port, method, path: url, headers, setHost: false },
      (answer) => {
        sees?.(incoming, answer);
        response.sendDate = false;
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    incoming.pipe(outgoing);
  });
  return origin;
};

/** Keys for each use, which may do what the shipped policies allow. */
export async function leastPrivilege(bucket: string): Promise<Readonly<Record<string, string>>> {
  const place = { bucket, region: STRICT.region };
  return settingsFor(
    await Promise.all(["service", "put", "get"].map((name) => allowedBy(name, strict(), place))),
  );
}

/** Keys for each use where every upload waits, with the policies that the command prints. */
export async function leastPrivilegeForIncoming(bucket: string) {
  const form = policyFor(
    { provider: "minio" },
    {
      bucket,
      arrivals: ["incoming/"],
      longestPut: 900_000,
      users: { put: "put", get: "get", service: "service" },
    },
  );
  if (form.each === undefined) throw new Error("MinIO has users");
  const { service, diagnose, put, get } = form.each as Record<string, Policy>;
  const both = {
    ...service,
    Statement: [service, diagnose].flatMap((each) => each?.Statement ?? []),
  };
  const place = { bucket, region: STRICT.region };
  return settingsFor(
    await Promise.all([both, put ?? {}, get ?? {}].map((each) => keysFor(each, strict(), place))),
  );
}

function settingsFor([service, put, get]: ReadonlyArray<Awaited<ReturnType<typeof keysFor>>>) {
  return Object.fromEntries(
    [
      ["", service],
      ["PUT_", put],
      ["GET_", get],
    ].flatMap(([use, key]) =>
      typeof key === "object"
        ? [
            [`STORAGE_${String(use)}ACCESS_KEY`, key.accessKey],
            [`STORAGE_${String(use)}SECRET_KEY`, key.secretKey],
            [`STORAGE_${String(use)}SESSION_TOKEN`, key.sessionToken],
          ]
        : [],
    ),
  );
}
