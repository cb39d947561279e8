import * as Str from "effect/String";

// A name in its two spellings: `contentType` in code and options, `content_type` on the wire and in
// documents.

/** A camel-case name in snake case. */
export type SnakeCase<Name extends string> = Name extends `${infer Letter}${infer Rest}`
  ? `${Letter extends Lowercase<Letter> ? Letter : `_${Lowercase<Letter>}`}${SnakeCase<Rest>}`
  : Name;

/** A snake-case name in camel case. */
export type CamelCase<Name extends string> = Name extends `${infer Word}_${infer Rest}`
  ? `${Word}${Capitalize<CamelCase<Rest>>}`
  : Name;

/** Converts `contentType` to `content_type`. */
export const snakeCase = <const Name extends string>(name: Name) =>
  Str.camelToSnake(name) as SnakeCase<Name>;

/** Converts `content_type` to `contentType`. */
export const camelCase = <const Name extends string>(name: Name) =>
  Str.snakeToCamel(name) as CamelCase<Name>;
