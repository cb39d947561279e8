import ipaddr from "ipaddr.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OPERATIONS, PUBLIC_ROUTES } from "../../adapters/http/app/routes.ts";
import type { Entry, Operation } from "../../adapters/http/operations/operation.ts";
import { Scope } from "../../domain/principal.ts";
import { startService } from "./service.ts";

/** The one scope that each operation needs, as docs/identity.md tells; undefined where none. */
const NEEDED: Readonly<Record<string, Scope | undefined>> = {
  presign: "write",
  presignBatch: "write",
  startMultipart: "write",
  credentials: "write",
  completeCredentials: "confirm",
  signParts: "write",
  listParts: "write",
  completeMultipart: "write",
  abortMultipart: "write",
  policies: "write",
  confirm: "confirm",
  confirmBatch: "confirm",
  openFile: "read",
  fileState: "read",
  makeLink: "read",
  listFiles: "list",
  signCookies: "list",
  removeFile: "remove",
  usage: "read",
  followLink: undefined,
  health: undefined,
  readiness: undefined,
  openapi: undefined,
};

let service: Awaited<ReturnType<typeof startService>>;
beforeAll(async () => {
  service = await startService({
    identity: {
      callers: {
        auth: "forward",
        trusted: [ipaddr.parseCIDR("127.0.0.1/32")],
        user: "x-user",
        organizations: "x-groups",
        scopes: "x-scopes",
      },
      organizations: {},
    },
  });
});
afterAll(() => service.close());

const MEMBERS = {
  slug: "acme",
  year: "2026",
  month: "11",
  name: "5007cd59-14b0-4a8f-9bfa-7debee4b183d.png",
  token: "none",
};
const addressOf = (path: string) =>
  Object.entries(MEMBERS).reduce((to, [name, value]) => to.replace(`:${name}`, value), path);

const entries: ReadonlyArray<Entry & Partial<Pick<Operation, "body">>> = [
  ...Object.values<Operation>(OPERATIONS),
  ...PUBLIC_ROUTES,
];
const operations = entries.flatMap(({ text, methods: [method], path, body }) =>
  text === undefined
    ? []
    : [{ operationId: text.operationId, method, path, hasBody: body !== undefined }],
);

it("every operation and route is listed once", () => {
  expect(operations.map(({ operationId }) => operationId).toSorted()).toEqual(
    Object.keys(NEEDED).toSorted(),
  );
});

describe.each(operations)("$operationId", ({ operationId, method, path, hasBody }) => {
  const ask = async (headers: Readonly<Record<string, string>>) => {
    const answer = await service.request(addressOf(path), {
      method,
      headers: { "Content-Type": "application/json", ...headers },
      ...(hasBody ? { body: "{}" } : {}),
    });
    const { code, scope } = await answer.json().catch(() => ({}));
    return { status: answer.status, code, scope };
  };
  const needed = NEEDED[operationId];

  it.each(["", ...Scope.literals, Scope.literals.join()])(
    "a caller with the scopes %j is admitted exactly if the needed one is among them",
    async (scopes) => {
      const asked = await ask({ "X-User": "mia", "X-Groups": "acme", "X-Scopes": scopes });
      if (needed === undefined || scopes.split(",").includes(needed)) {
        expect([401, 403]).not.toContain(asked.status);
      } else expect(asked).toEqual({ status: 403, code: "FORBIDDEN", scope: needed });
    },
  );

  it("an unknown caller is admitted exactly if no scope is needed", async () => {
    expect((await ask({})).status === 401).toBe(needed !== undefined);
  });
});

const addresses = Object.entries(Object.groupBy(entries, ({ path }) => path));

it.each(addresses)("the address %s refuses all methods but its own", async (path, found = []) => {
  const own: ReadonlyArray<string> = found.flatMap(({ methods }) => methods);
  for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]) {
    if (own.includes(method)) continue;
    const { status, headers } = await service.request(addressOf(path), { method });
    expect([method, status, headers.get("allow")]).toEqual([method, 405, own.join(", ")]);
  }
});
