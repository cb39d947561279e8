import * as Str from "effect/String";

// Converts names: `contentType` in code and options, `content_type` on the wire and in documents.

export type SnakeCase<Name extends string> = Name extends `${infer Letter}${infer Rest}`
  ? `${Letter extends Lowercase<Letter> ? Letter : `_${Lowercase<Letter>}`}${SnakeCase<Rest>}`
  : Name;

type CamelCase<Name extends string> = Name extends `${infer Word}_${infer Rest}`
  ? `${Word}${Capitalize<CamelCase<Rest>>}`
  : Name;

export const snakeCase = <const Name extends string>(name: Name) =>
  Str.camelToSnake(name) as SnakeCase<Name>;

export const camelCase = <const Name extends string>(name: Name) =>
  Str.snakeToCamel(name) as CamelCase<Name>;
