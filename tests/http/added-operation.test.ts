import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import { afterAll, beforeAll, expect, it } from "vitest";
import { callsAt } from "../../adapters/embed/operations.ts";
import { OPERATIONS } from "../../adapters/http/app/routes.ts";
import { FILES, operation } from "../../adapters/http/operations/operation.ts";
import { declareOperations } from "../../deploy/declare-operations.ts";
import type { AuditEvent } from "../../application/ports/audit.ts";
import { OrganizationNotFound } from "../../domain/errors.ts";
import { startService } from "./service.ts";

// An operation that is added is one value in the list, and all else is read from there.

const measure = operation({
  action: "measure",
  methods: ["POST"],
  path: `${FILES}/measure`,
  scope: "read",
  text: { operationId: "measure", summary: "Measure a text", answers: "Its length." },
  input: Schema.Struct({ givenText: Schema.String, isDoubled: Schema.optionalKey(Schema.Boolean) }),
  run: (_, { givenText, isDoubled = false }) =>
    givenText === ""
      ? Effect.fail(new OrganizationNotFound())
      : Effect.succeed(givenText.length * (isDoubled ? 2 : 1)),
  output: Schema.Struct({ textLength: Schema.Number }).annotate({ identifier: "Measured" }),
  present: (textLength) => ({ textLength }),
  refusals: { OrganizationNotFound: true },
});

beforeAll(() => void Object.assign(OPERATIONS, { measure }));
afterAll(() => void Reflect.deleteProperty(OPERATIONS, "measure"));

it("an operation of the list is a route, a declared call, part of the document, and on record", async () => {
  const audit: Array<AuditEvent> = [];
  const { send } = await startService({ audit });
  const ask = async (body: object) => (await send("/api/v1/orgs/acme/files/measure", body)).body;
  expect(await ask({ given_text: "abc", is_doubled: true })).toEqual({ text_length: 6 });
  expect(await ask({ givenText: "abc" })).toMatchObject({ status: 400, code: "INVALID_REQUEST" });
  expect(await ask({ given_text: "" })).toMatchObject({ status: 404, code: "NOT_FOUND" });
  expect(audit.map(({ action, refusal }) => [action, refusal])).toEqual([
    ["measure", undefined],
    ["measure", "INVALID_REQUEST"],
    ["measure", "NOT_FOUND"],
  ]);
  const { paths, components } = (await send("/openapi.json")).body;
  const { post } = paths["/api/v1/orgs/{slug}/files/measure"];
  expect(post.description).toBe("Needs the scope `read`.");
  expect(Object.keys(post.responses)).toContain("404");
  expect(components.schemas.Measured.properties).toHaveProperty("text_length");
  const publicUrl = new URL("https://uploads.example.com");
  expect(Object.keys(callsAt({ publicUrl }))).toContain("measure");
  const [, declared] = /readonly measure: \{\n(.*?)\n {2}\};/s.exec(declareOperations()) ?? [];
  expect(declared?.trim().split(/\n */)).toEqual([
    "readonly givenText: string;",
    "readonly isDoubled?: boolean | undefined;",
  ]);
});
