import * as Schema from "effect/Schema";
import * as SchemaRepresentation from "effect/SchemaRepresentation";
import * as Struct from "effect/Struct";
import { writeFile } from "node:fs/promises";
import { problemSchemas } from "../adapters/http/openapi/problem-schemas.ts";
import { ADMISSION_REFUSALS } from "../adapters/http/openapi/refused-answers.ts";
import { messageSchemas } from "../adapters/http/openapi/webhooks.ts";
import { SAMPLES } from "../adapters/http/problems/samples.ts";
import { OPERATIONS } from "../adapters/http/app/routes.ts";
import { MemberFault } from "../adapters/values/decode.ts";
import type { Operation } from "../adapters/http/operations/operation.ts";

// Writes the declarations of adapters/embed/operations.ts and upload-event.ts for the package:
// plain types without Effect, with the descriptions of operations and schemas for editors.

/** The members of JSON Schema that are read here. */
interface Json {
  readonly $ref?: string;
  readonly type?: string;
  readonly anyOf?: ReadonlyArray<Json>;
  readonly oneOf?: ReadonlyArray<Json>;
  readonly format?: string;
  readonly enum?: ReadonlyArray<unknown>;
  readonly items?: Json;
  readonly properties?: Readonly<Record<string, Json>>;
  readonly required?: ReadonlyArray<string>;
  readonly additionalProperties?: Json | boolean;
  /** Of an object that may have any further members. */
  readonly allOf?: unknown;
  readonly description?: string;
}

const HEAD = `import type { CallContext, Checksum, ChecksumAlgorithm } from "./arguments.js";
`;
/** Names of types, by those of their schemas. */
const NAMED = new Map([
  ["Checksum", "Checksum"],
  ["ChecksumAlgorithm", "ChecksumAlgorithm"],
  ["Fault", "MemberFault"],
]);

/** Names of results whose schema's name belongs to another type. */
const RENAMED: Readonly<Record<string, string>> = { ConfirmedUpload: "Confirmation" };

/** Declares the calls of all operations, their options, and the named types of their results. */
export function declareOperations(): string {
  const results = new Map<string, string>();
  const calls = Object.entries<Operation>(OPERATIONS).map(([name, operation]) => {
    const { input, text } = operation;
    const { schema, definitions } = documentFrom(input);
    const doc = comment([text.summary, text.description].filter(Boolean).join(". "));
    const result = resultFrom(operation, results);
    return {
      options: `readonly ${name}: ${typeFrom(schema, definitions, " | undefined")};`,
      call: `${doc}readonly ${name}: (options: CallContext & Inputs["${name}"]) => Promise<${result}>;`,
    };
  });
  return [
    HEAD,
    `export interface Inputs ${block(calls.map(({ options }) => options))}`,
    `export interface Calls ${block(calls.map(({ call }) => call))}`,
    ...results.values(),
    declareErrors(),
  ].join("\n");
}

/** Declares the errors of calls, with the facts of each code. */
function declareErrors(): string {
  const { Unauthenticated: _, ...admission } = ADMISSION_REFUSALS;
  const operations = Object.values<Operation>(OPERATIONS).map(({ refusals }) => refusals);
  const tags = Object.assign({ InvalidBody: true }, admission, ...operations);
  const samples = SAMPLES.filter(({ refusal }) => Object.hasOwn(tags, refusal._tag));
  const codesOf = (isLater: boolean) =>
    new Set(
      samples.flatMap(({ problem }) =>
        (problem.retryAfter !== undefined) === isLater ? problem.code : [],
      ),
    );
  const [later, never] = [codesOf(true), codesOf(false)];
  const rows = Object.entries(problemSchemas(samples)).map(([name, { fields }]) => {
    const { schema, definitions } = documentFrom(
      Schema.Struct({
        ...Struct.omit(fields, ["title", "detail", "code"]),
        ...(later.has(name) && {
          retryAfter: never.has(name) ? Schema.optionalKey(SECONDS) : SECONDS,
        }),
      }),
    );
    return `${name}: ${typeFrom(schema, definitions)};`;
  });
  const fault = documentFrom(MemberFault);
  return `/** A member of the call's options that is invalid. */
export interface MemberFault ${typeFrom(follow(fault.schema, fault.definitions), {})}

/**
 * Why a call was refused; switch on \`code\`. The codes and their facts are those of the problem
 * documents that \`fetch\` answers. \`message\` may be shown to the caller; if a part of the service is
 * unavailable, \`cause\` has the reason for the operator.
 */
export type ValetkeyError = {
  [Code in keyof Refusals]: Error & {
    readonly name: "ValetkeyError";
    readonly code: Code;
  } & Refusals[Code];
}[keyof Refusals];

/** The HTTP status and the facts of each code. */
interface Refusals ${block(rows)}

export {};
`;
}

const SECONDS = Schema.Natural.annotate({ description: "Seconds until the call may be retried." });

/** Declares the events that the function of `events()` receives. */
function declareEvents(): string {
  const messages = Object.values(messageSchemas).map((message) => {
    const { schema, definitions } = documentFrom(message);
    return typeFrom(schema, definitions);
  });
  const id = "/** The same each time that the event is given. */\n  readonly id: string;";
  return `import type { Checksum } from "./arguments.js";

/** An event, by its \`type\`. */
export type UploadEvent = {\n  ${id}\n} & (${messages.join(" | ")});\n`;
}

type Definitions = Readonly<Record<string, Json>>;

const documentFrom = (schema: Schema.Constraint) => {
  const representation = SchemaRepresentation.toRepresentation(Schema.toEncoded(schema).ast);
  return SchemaRepresentation.toJsonSchemaDocument(representation) as {
    readonly schema: Json;
    readonly definitions: Definitions;
  };
};

/** Declares a result's type; its object or items become an interface named as their schema. */
function resultFrom({ output, callGives }: Operation, results: Map<string, string>): string {
  if (output === undefined) return "void";
  const { schema, definitions } = documentFrom(output);
  const result =
    callGives === undefined ? schema : follow(schema, definitions).properties?.[callGives];
  const { $ref = "" } = result?.items ?? result ?? {};
  const { description } = follow({ $ref }, definitions);
  const name = RENAMED[identifierIn($ref)] ?? identifierIn($ref);
  const type = typeFrom({ $ref }, definitions);
  const declared =
    type.startsWith("{\n  ") && !type.includes("} | {")
      ? `interface ${name} ${type}`
      : `type ${name} = ${type};`;
  results.set(name, `${comment(description)}export ${declared}`);
  return result?.items === undefined ? name : `ReadonlyArray<${name}>`;
}

const identifierIn = ($ref: string) => $ref.slice("#/$defs/".length);

const follow = (schema: Json, definitions: Definitions): Json =>
  definitions[identifierIn(schema.$ref ?? "")] ?? schema;

/** Writes a schema as TypeScript; `orUndefined` is added to members that can be left out. */
function typeFrom(schema: Json, definitions: Definitions, orUndefined = ""): string {
  const name = identifierIn(schema.$ref ?? "");
  const named = NAMED.get(name);
  if (named !== undefined) return named;
  const { anyOf, type = anyOf ? "object" : "unknown", ...shape } = follow(schema, definitions);
  const kinds = shape.oneOf ?? (anyOf?.every(({ $ref }) => $ref !== undefined) ? anyOf : undefined);
  const inner = (schema: Json) => typeFrom(schema, definitions);
  if (shape.enum !== undefined) return shape.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (kinds !== undefined) return kinds.map(inner).join(" | ");
  if (shape.items !== undefined) return `ReadonlyArray<${inner(shape.items)}>`;
  if (type !== "object") return SCALARS.get(shape.format ?? type) ?? type;
  if (typeof shape.additionalProperties === "object") {
    return `Readonly<Record<string, ${inner(shape.additionalProperties)}>>`;
  }
  const members = Object.entries(shape.properties ?? {}).map(([name, member]) => {
    const [mark, end] = shape.required?.includes(name) ? ["", ""] : ["?", orUndefined];
    const doc = comment(follow(member, definitions).description);
    return `${doc}readonly ${name}${mark}: ${inner(member)}${end};`;
  });
  return shape.allOf === undefined
    ? block(members)
    : `${block(members)} & Readonly<Record<string, unknown>>`;
}

const SCALARS = new Map([
  ["date-time", "Date"],
  ["integer", "number"],
]);

const block = (lines: ReadonlyArray<string>) =>
  `{\n${lines.map((line) => `  ${line.replaceAll("\n", "\n  ")}\n`).join("")}}`;

const comment = (text: string | undefined) => (text === undefined ? "" : `/** ${text} */\n`);

if (process.argv[1] === import.meta.filename) {
  const folder = new URL("../dist/adapters/embed/", import.meta.url);
  await writeFile(new URL("operations.d.ts", folder), declareOperations());
  await writeFile(new URL("upload-event.d.ts", folder), declareEvents());
}
