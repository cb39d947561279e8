import { expect, it } from "vitest";
import { camelCase, snakeCase } from "../../../adapters/values/names.ts";

it.each([
  ["size", "size"],
  ["contentType", "content_type"],
  ["putExpiresAt", "put_expires_at"],
  ["sha256", "sha256"],
])("%s is %s in snake case, and comes back", (camel, snake) => {
  expect(snakeCase(camel)).toBe(snake);
  expect(camelCase(snake)).toBe(camel);
});
