import * as Rec from "effect/Record";
import * as Schema from "effect/Schema";
import { OrganizationId, OrganizationSlug } from "../../../domain/organization.ts";
import { SEGMENTS } from "../../../domain/storage-key.ts";
import {
  allowedMethods,
  type AnswerText,
  type Route,
  scopesInWords,
  type Text,
} from "../operations/operation.ts";
import { LINK_TOKEN, Token } from "../operations/schemas.ts";
import type { ApiAuthentication, AppOptions } from "../options.ts";
import { VERSION } from "../version.ts";
import { answerHeaders, headerComponents } from "./headers.ts";
import { type Collect, type DocumentedOperation, refusedAnswers } from "./refused-answers.ts";
import { inSnakeCase, toOpenapi } from "./to-openapi.ts";
import { webhooks } from "./webhooks.ts";

type Json = Readonly<Record<string, unknown>>;

const ABOUT = {
  openapi: "3.1.1",
  info: {
    title: "Valetkey",
    version: VERSION,
    summary:
      "Uploads straight into object storage, by URLs that are signed for exactly what was granted.",
    description:
      "Ask for permission (`presign`), PUT the file to `put_url` with all of `put_headers`, and confirm that it arrived (`confirm`).\n\nA refusal is `application/problem+json` (RFC 9457) with a `code` that stays the same between versions. Unknown members of a body are refused.",
    license: { name: "Apache-2.0", identifier: "Apache-2.0" },
  },
  tags: [
    { name: "files", description: "An organization's files." },
    { name: "links", description: "Files for whoever holds a link." },
    { name: "service", description: "The state of the service." },
    { name: "events", description: "Messages to a backend, where the operator has set one." },
  ],
};

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

const segment = (name: keyof typeof SEGMENTS) => ({
  type: "string",
  pattern: `^${SEGMENTS[name]}$`,
});

/** The parameters in paths, by name; viewers fill in the examples. */
const PATH_PARAMETERS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  slug: { schema: OrganizationSlug, example: "acme" },
  organization: { schema: OrganizationId, example: "org_1", description: "Its id, as in keys." },
  year: { schema: segment("folder"), example: "2026", description: "Or a folder of a `key`." },
  month: { schema: segment("folder"), example: "11", description: "Or a folder of a `key`." },
  name: { schema: segment("name"), example: "3f2b8c1e-9d4a-4c6b-8e7f-0a1b2c3d4e5f.png" },
  token: { schema: Token, example: LINK_TOKEN, description: "The end of `link_url`, after `/f/`." },
};

/** Makes the API's OpenAPI 3.1 document from the operations and the table of refusals. */
export function openapiDocument(
  routes: ReadonlyArray<Route>,
  { publicUrl, apiAuthentication: authentication = BEARER }: AppOptions,
): Json {
  const schemas: Record<string, unknown> = {};
  const examples: Record<string, unknown> = {};
  const held = new Map<unknown, Json>();
  const collect: Collect = {
    schema: (schema) => {
      if (!Schema.isSchema(schema)) return schema as Json;
      const known = held.get(schema);
      if (known !== undefined) return known;
      const { schemas: written, definitions } = toOpenapi(schema);
      Object.assign(schemas, definitions);
      held.set(schema, written[0]);
      return written[0];
    },
    oneOf: (name, byCode) => {
      const mapping = Rec.map(byCode, ({ $ref }) => $ref);
      const discriminator = { propertyName: "code", mapping };
      schemas[name] = { oneOf: Object.values(byCode), discriminator };
      return { $ref: `#/components/schemas/${name}` };
    },
    example: (name, example) => {
      const known = (examples[name] ??= example);
      const isKnown = JSON.stringify(known) === JSON.stringify(example);
      return isKnown ? { $ref: `#/components/examples/${name}` } : example;
    },
  };
  const paths: Record<string, Record<string, Json>> = {};
  const allowed = new Set<string>();
  for (const route of routes) {
    const { text, path, methods } = route;
    if (text === undefined) continue;
    const allow = allowedMethods(routes, path);
    allowed.add(allow);
    const described = describe({ ...route, text, allow }, collect);
    const item = (paths[path.replaceAll(/:(\w+)/g, "{$1}")] ??= {});
    for (const method of methods) {
      const suffix = method === "HEAD" ? "Head" : "";
      item[method.toLowerCase()] = { operationId: `${text.operationId}${suffix}`, ...described };
    }
  }
  return {
    ...ABOUT,
    servers: [{ url: publicUrl.pathname }],
    security: authentication.security,
    paths,
    webhooks: webhooks(collect.schema),
    components: {
      securitySchemes: authentication.securitySchemes,
      headers: headerComponents([...allowed].sort()),
      examples,
      schemas,
    },
  };
}

const answersIn = ({ answers }: Text) =>
  typeof answers === "string" ? { 200: { description: answers } } : answers;

function describe(operation: DocumentedOperation, collect: Collect): Json {
  const { schema: json } = collect;
  const { path, scope, own, body, answer, text } = operation;
  const { tag = "files", summary, description: about, parameters = [] } = text;
  const needed = scope && scopesInWords({ scope, own });
  const inPath = Array.from(path.matchAll(/:(\w+)/g), ([, name = ""]) => {
    const parameter = PATH_PARAMETERS[name];
    return { name, in: "path", required: true, ...parameter, schema: json(parameter?.["schema"]) };
  });
  const isRedirect = Object.hasOwn(answersIn(text), 302);
  const answered = Rec.map<string, AnswerText, unknown>(
    answersIn(text),
    ({ description, isOfStore, headers }) =>
      isOfStore
        ? {
            description,
            content: { ...(answer && { "application/json": { schema: json(answer) } }), "*/*": {} },
          }
        : {
            description,
            headers: { ...answerHeaders({ isCounted: scope !== undefined }), ...headers },
            content: isRedirect
              ? undefined
              : answer && { "application/json": { schema: json(answer) } },
          },
  );
  const examples = Rec.map(text.examples ?? {}, (value) => ({ value }));
  return {
    tags: [tag],
    summary,
    description: inSnakeCase([needed, about].filter(Boolean).join(" ")) || undefined,
    security: scope === undefined ? [] : undefined,
    parameters: [...inPath, ...parameters],
    requestBody: body && {
      required: true,
      content: { "application/json": { schema: json(body), examples } },
    },
    responses: { ...answered, ...refusedAnswers(operation, collect) },
  };
}
