import * as Schema from "effect/Schema";
import { VERSION } from "../version.ts";
import { answerHeaders, HEADERS } from "./headers.ts";
import { type DocumentedOperation, OPERATIONS } from "./operations.ts";
import { PROBLEM_SCHEMAS } from "./problem-schemas.ts";
import { refusedAnswers } from "./refused-answers.ts";
import { type Json, toOpenapi } from "./schemas.ts";

export { DOCUMENT_LIFETIME } from "./operations.ts";

/** What is not told of each operation. */
const ABOUT = {
  openapi: "3.1.1",
  info: {
    title: "Valetkey",
    version: VERSION,
    summary:
      "Uploads straight into object storage, by URLs that are signed for exactly what was granted.",
    description:
      "Ask for permission (`presign`), PUT the file to `put_url` with all of `put_headers`, and, if you like, ask whether it arrived (`confirm`).\n\nA refusal is `application/problem+json` (RFC 9457) with a `code` that stays the same between versions. Unknown members of a body are refused.",
    license: { name: "Apache-2.0", identifier: "Apache-2.0" },
  },
  tags: [
    { name: "files", description: "An organization's files." },
    { name: "links", description: "Files for whoever holds a link." },
    { name: "service", description: "How the service does." },
  ],
};

/** How callers say who they are, in the words of OpenAPI. */
export interface ApiAuthentication {
  readonly securitySchemes: Readonly<Record<string, Json>>;
  readonly security: ReadonlyArray<Readonly<Record<string, ReadonlyArray<string>>>>;
}

/** What the document tells of a service beside its operations. */
export interface ApiAbout {
  /** The path that it is mounted under; empty where it has the whole origin. */
  readonly basePath: string;
  /** A bearer token if undefined. */
  readonly authentication: ApiAuthentication | undefined;
}

/** By a token, as the service itself asks for one. */
const BEARER: ApiAuthentication = {
  securitySchemes: {
    bearer: {
      type: "http",
      scheme: "bearer",
      description:
        "A token of the caller's. Behind a proxy that signs people in (`AUTH=forward`) none is sent.",
    },
  },
  security: [{ bearer: [] }],
};

/**
 * The API as an OpenAPI 3.1 document, made of the schemas that decode requests and of the table of
 * refusals. It tells of those operations whose paths are among `paths`, spelt as OpenAPI does.
 */
export function openapiDocument(
  paths: ReadonlySet<string>,
  { basePath, authentication = BEARER }: ApiAbout,
): Json {
  const operations = OPERATIONS.filter(({ path }) => paths.has(path));
  const { of, named } = toOpenapi([
    ...operations.flatMap(schemasOf).filter(Schema.isSchema),
    ...PROBLEM_SCHEMAS.values(),
  ]);
  /** What is not a schema of Effect's is JSON Schema already. */
  const json = (schema: unknown): Json =>
    Schema.isSchema(schema) ? (of.get(schema) ?? {}) : (schema as Json);
  return {
    ...ABOUT,
    servers: [{ url: basePath || "/" }],
    security: authentication.security,
    paths: Object.fromEntries(operations.map((each) => [each.path, pathItem(each, json)])),
    components: {
      securitySchemes: authentication.securitySchemes,
      headers: HEADERS,
      schemas: named,
    },
  };
}

const schemasOf = ({ parameters = [], body, answers }: DocumentedOperation) =>
  [...parameters, body, ...Object.values(answers)].map((each) => each?.schema);

/** What GET answers, HEAD answers too where the address has it. */
function pathItem(operation: DocumentedOperation, json: (schema: unknown) => Json): Json {
  const { allow, operationId } = operation;
  const described = describe(operation, json);
  return allow === "GET, HEAD"
    ? { get: described, head: { ...described, operationId: `${operationId}Head` } }
    : { [allow.toLowerCase()]: described };
}

function describe(operation: DocumentedOperation, json: (schema: unknown) => Json): Json {
  const { operationId, tag, summary, scope, parameters = [], body, answers } = operation;
  const description = [
    ...(scope === undefined ? [] : [`Needs the scope \`${scope}\`.`]),
    ...(operation.description === undefined ? [] : [operation.description]),
  ].join(" ");
  const isCounted = scope !== undefined;
  const granted = Object.entries(answers).map(([status, { description, ...answer }]) => [
    status,
    {
      description,
      ...(answer.isOfStore === true
        ? { content: { "*/*": {} } }
        : { headers: { ...answerHeaders({ isCounted }), ...answer.headers } }),
      ...(answer.schema === undefined
        ? {}
        : { content: { "application/json": { schema: json(answer.schema) } } }),
    },
  ]);
  return {
    operationId,
    tags: [tag],
    summary,
    ...(description === "" ? {} : { description }),
    ...(scope === undefined ? { security: [] } : {}),
    ...(parameters.length === 0
      ? {}
      : {
          parameters: parameters.map(({ schema, ...parameter }) => ({
            ...parameter,
            required: parameter.in === "path",
            schema: json(schema),
          })),
        }),
    ...(body === undefined ? {} : { requestBody: requestBody(body, json) }),
    responses: { ...Object.fromEntries(granted), ...refusedAnswers(operation, json) },
  };
}

const requestBody = (
  { schema, examples }: NonNullable<DocumentedOperation["body"]>,
  json: (schema: unknown) => Json,
): Json => ({
  required: true,
  content: {
    "application/json": {
      schema: json(schema),
      examples: Object.fromEntries(
        Object.entries(examples).map(([name, value]) => [name, { value }]),
      ),
    },
  },
});
