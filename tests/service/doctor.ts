import { Client } from "minio";
import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type RequestListener,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, onTestFinished, vi } from "vitest";
import { main } from "../../adapters/cli/main.ts";
import type { Finding } from "../../adapters/cli/doctor/finding.ts";
import { policyFor } from "../../adapters/cli/policy/documents.ts";
import type { Policy } from "../../adapters/cli/policy/policy.ts";
import { allowedBy, keysFor } from "../support/assume-role.ts";
import { type MinioServer, STRICT } from "../support/minio.ts";
import { need } from "../support/need.ts";

// The doctor as its tests run it: on a real server, and on the way to it.

export const server = await need("strictMinio");

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

/** A new bucket of the strict server. */
export async function newBucket(): Promise<string> {
  const bucket = `doctor-${crypto.randomUUID()}`;
  await client().makeBucket(bucket, STRICT.region);
  return bucket;
}

export function client(): Client {
  const { endpoint, accessKey, secretKey } = strict();
  const { hostname, port } = new URL(endpoint);
  const place = { endPoint: hostname, port: Number(port), useSSL: false, region: STRICT.region };
  return new Client({ ...place, accessKey, secretKey });
}

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
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  let output = "";
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, "write").mockImplementation((text) => {
      output += String(text);
      return true;
    });
  }
  const { exitCode } = process;
  process.exitCode = 0;
  try {
    await main(["doctor", "--json", ...args], () => Promise.reject(new Error("nothing is served")));
    const { findings } = output.startsWith("{")
      ? (JSON.parse(output) as Pick<Report, "findings">)
      : { findings: [] };
    return { code: process.exitCode, findings, output };
  } finally {
    process.exitCode = exitCode;
  }
}

export const failures = ({ findings }: Report) =>
  findings
    .filter(({ verdict }) => verdict === "failed")
    .map(({ check, seen }) => `${check}: ${seen}`);

/** A server on a free port, until the end of the test. */
async function listen(listener: RequestListener): Promise<string> {
  // The doctor runs in this thread, which may stand still, and would be closed as it sends.
  const listening = createServer({ keepAliveTimeout: 0 }, listener);
  await once(listening.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => {
    listening.closeAllConnections();
    listening.close();
  });
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
}

/** What a proxy changes on the way. */
export interface Change {
  /** The headers of a request, by their names in lower case. */
  readonly headers?: (headers: IncomingHttpHeaders) => void;
  /** Answers instead of the store, if it gives true. */
  readonly instead?: (incoming: IncomingMessage, response: ServerResponse) => boolean;
  /** Sees the body of an answer. */
  readonly sees?: (incoming: IncomingMessage, answer: IncomingMessage) => void;
}

/** A proxy to the strict server. */
export const proxy = ({ headers: change, instead, sees }: Change) =>
  listen((incoming, response) => {
    if (instead?.(incoming, response) === true) return;
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

/** Keys for each use, which may do what the shipped policies allow. */
export async function leastPrivilege(bucket: string): Promise<Readonly<Record<string, string>>> {
  const place = { bucket, region: STRICT.region };
  return settingsFor(
    await Promise.all(["service", "put", "get"].map((name) => allowedBy(name, strict(), place))),
  );
}

/** Keys for each use where every upload waits, with the policies that the command prints. */
export async function leastPrivilegeForIncoming(bucket: string) {
  const form = policyFor("minio", {
    bucket,
    arrivals: ["incoming/"],
    longestPut: 900_000,
    users: { put: "put", get: "get", service: "service" },
  });
  if (form.kind !== "users") throw new Error("MinIO has users");
  const { service, diagnose, put, get } = form.documents as Record<string, Policy>;
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
