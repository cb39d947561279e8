import * as Arr from "effect/Array";
import * as JsonSchema from "effect/JsonSchema";
import * as Schema from "effect/Schema";
import * as SchemaRepresentation from "effect/SchemaRepresentation";
import { allowedMethods, type ApiAuthentication, type AppOptions, type Route } from "../route.ts";
import { VERSION } from "../version.ts";
import { answerHeaders, headerComponents } from "./headers.ts";
import { PROBLEM_SCHEMAS } from "./problem-schemas.ts";
import { refusedAnswers } from "./refused-answers.ts";
import { type Operation, type Text, TEXTS } from "./texts.ts";

export { DOCUMENT_LIFETIME } from "./texts.ts";

type Json = Readonly<Record<string, unknown>>;

/** What the document says of the whole API. */
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
    { name: "service", description: "The state of the service." },
  ],
};

/** A bearer token, as the service itself asks for. */
const BEARER: ApiAuthentication = {
  securitySchemes: {
    bearer: {
      type: "http",
      scheme: "bearer",
      description:
        "The caller's token. None is sent behind a proxy that signs people in (`AUTH=forward`).",
    },
  },
  security: [{ bearer: [] }],
};

/**
 * The API as an OpenAPI 3.1 document, made of the table of routes, the schemas that decode
 * requests, and the table of refusals.
 */
export function openapiDocument(
  routes: ReadonlyArray<Route>,
  { publicUrl, apiAuthentication: authentication = BEARER }: AppOptions,
): Json {
  const operations = routes.flatMap((route): ReadonlyArray<Operation> => {
    const { operationId, path } = route;
    if (operationId === undefined) return [];
    return [{ ...route, ...TEXTS[operationId], allow: allowedMethods(routes, path) }];
  });
  const { of, named } = toOpenapi([
    ...operations.flatMap(schemasOf).filter(Schema.isSchema),
    ...PROBLEM_SCHEMAS.values(),
  ]);
  /** Whatever is not a schema of Effect is JSON Schema already. */
  const json = (schema: unknown): Json =>
    Schema.isSchema(schema) ? (of.get(schema) ?? {}) : (schema as Json);
  const byPath = Map.groupBy(operations, ({ path }) => path.replaceAll(/:(\w+)/g, "{$1}"));
  return {
    ...ABOUT,
    servers: [{ url: publicUrl.pathname }],
    security: authentication.security,
    paths: Object.fromEntries(
      [...byPath].map(([path, each]) => [
        path,
        Object.fromEntries(each.flatMap((operation) => byMethod(operation, json))),
      ]),
    ),
    components: {
      securitySchemes: authentication.securitySchemes,
      headers: headerComponents([...new Set(operations.map(({ allow }) => allow))].sort()),
      schemas: named,
    },
  };
}

const schemasOf = ({ parameters = [], body, answer }: Operation) => [
  ...parameters.map(({ schema }) => schema),
  body,
  answer,
];

function byMethod(operation: Operation, json: (schema: unknown) => Json) {
  const described = describe(operation, json);
  return operation.methods.map((method) => {
    const operationId = `${operation.operationId}${method === "HEAD" ? "Head" : ""}`;
    return [method.toLowerCase(), { operationId, ...described }] as const;
  });
}

function describe(operation: Operation, json: (schema: unknown) => Json): Json {
  const { tag, summary, scope, parameters = [], body, examples = {}, answer, answers } = operation;
  const description = [
    ...(scope === undefined ? [] : [`Needs the scope \`${scope}\`.`]),
    ...(operation.description === undefined ? [] : [operation.description]),
  ].join(" ");
  const isCounted = scope !== undefined;
  const granted = Object.entries(answers).map(([status, { description, isOfStore, headers }]) => [
    status,
    {
      description,
      ...(isOfStore === true
        ? { content: { "*/*": {} } }
        : { headers: { ...answerHeaders({ isCounted }), ...headers } }),
      ...(answer === undefined
        ? {}
        : { content: { "application/json": { schema: json(answer) } } }),
    },
  ]);
  return {
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
    ...(body === undefined ? {} : { requestBody: requestBody(json(body), examples) }),
    responses: { ...Object.fromEntries(granted), ...refusedAnswers(operation, json) },
  };
}

const requestBody = (schema: Json, examples: NonNullable<Text["examples"]>): Json => ({
  required: true,
  content: {
    "application/json": {
      schema,
      examples: Object.fromEntries(
        Object.entries(examples).map(([name, value]) => [name, { value }]),
      ),
    },
  },
});

/** Schemas in the words of OpenAPI 3.1: each of `schemas`, and all that have a name. */
function toOpenapi(schemas: ReadonlyArray<Schema.Constraint>): {
  readonly of: ReadonlyMap<Schema.Constraint, Json>;
  readonly named: Json;
} {
  const asked = Arr.dedupe(schemas);
  if (!Arr.isReadonlyArrayNonEmpty(asked)) return { of: new Map(), named: {} };
  const { schemas: written, definitions } = JsonSchema.toMultiDocumentOpenApi3_1(
    SchemaRepresentation.toJsonSchemaMultiDocument(
      SchemaRepresentation.toRepresentations(
        Arr.map(asked, (schema) => Schema.toEncoded(schema).ast),
      ),
      // As requests are decoded.
      { onExcessProperty: "error", includeAnnotationKey: (key) => KEYWORDS.has(key) },
    ),
  );
  return { of: new Map(Arr.zip(asked, written)), named: definitions };
}

/** Keywords of JSON Schema that stand in annotations, since no check goes with them. */
const KEYWORDS: ReadonlySet<string> = new Set([
  "maxItems",
  "minItems",
  "pattern",
  "properties",
  "required",
]);
