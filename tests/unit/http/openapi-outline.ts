/** A node of JSON Schema, as far as the tests look at it. */
export interface Node {
  readonly $ref?: string;
  readonly type?: string;
  readonly format?: string;
  readonly const?: unknown;
  readonly enum?: ReadonlyArray<unknown>;
  readonly oneOf?: ReadonlyArray<Node>;
  readonly discriminator?: {
    readonly propertyName: string;
    readonly mapping: Readonly<Record<string, string>>;
  };
  readonly additionalProperties?: unknown;
  readonly allOf?: ReadonlyArray<Node>;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: ReadonlyArray<string>;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
}

interface Answer {
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content?: Readonly<Record<string, { readonly schema?: Node }>>;
}

interface Operation {
  readonly security?: ReadonlyArray<unknown>;
  readonly parameters?: ReadonlyArray<{
    readonly name: string;
    readonly in: string;
    readonly required: boolean;
    readonly schema: Node;
  }>;
  readonly requestBody?: Answer;
  readonly responses: Readonly<Record<string, Answer>>;
}

/** An OpenAPI document, as far as the tests look at it. */
export interface Document {
  readonly info: { readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Node>>;
    readonly headers: Readonly<Record<string, { readonly schema: Node }>>;
  };
}

/** What a client counts on, a line for each, without the texts that are for people. */
export const outlineOf = ({ paths, components }: Document): string =>
  [
    ...Object.entries(paths).flatMap(([path, item]) =>
      Object.entries(item).flatMap(([method, operation]) => [
        "",
        `${method.toUpperCase()} ${path}${operation.security === undefined ? "" : ", without a token"}`,
        ...(operation.parameters ?? []).map(
          ({ name, required, schema, ...parameter }) =>
            `  ${parameter.in} ${name}${required ? "" : "?"}: ${inShort(schema)}`,
        ),
        ...contentOf(operation.requestBody).map((body) => `  body: ${body}`),
        ...Object.entries(operation.responses).map(
          ([status, answer]) =>
            `  ${status}: ${[...contentOf(answer), ...headersOf(answer)].join(", ")}`,
        ),
      ]),
    ),
    "",
    ...Object.entries(components.headers).map(
      ([name, { schema }]) => `${name}: ${inShort(schema)}`,
    ),
    ...Object.entries(components.schemas)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([name, { properties, ...schema }]) => [
        "",
        `${name}: ${inShort({ ...schema, required: undefined })}`,
        ...Object.entries(properties ?? {}).map(
          ([member, each]) =>
            `  ${member}${schema.required?.includes(member) === true ? "" : "?"}: ${inShort(each)}`,
        ),
      ]),
    "",
  ].join("\n");

const contentOf = (answer: Answer | undefined) =>
  Object.values(answer?.content ?? {}).flatMap(({ schema = {} }) => inShort(schema));

/** Those that not every answer has. */
const headersOf = ({ headers = {} }: Answer) =>
  Object.keys(headers)
    .filter((name) => !["X-Request-Id", "Cache-Control"].includes(name))
    .sort();

/** On one line, and a reference by its name. */
const inShort = (schema: object): string =>
  JSON.stringify(schema, (name, value) =>
    ["description", "discriminator", "examples"].includes(name) ? undefined : value,
  ).replaceAll(/\{"\$ref":"#\/components\/schemas\/(\w+)"\}/g, "$1");
