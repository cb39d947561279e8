import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { expect, it } from "vitest";
import { decoder } from "../../../adapters/values/decode.ts";

it.each([
  [["receipt"], "the member is receipt"],
  [["upload", "parts"], "the members are upload and parts"],
  [["a", "b", "c"], "the members are a, b and c"],
])("an unknown member is answered with those that there are: %j", (members, listed) => {
  const fields = Object.fromEntries(members.map((name) => [name, Schema.String]));
  const given = Object.fromEntries(["other", ...members].map((name) => [name, ""]));
  const decoded = decoder(Schema.Struct(fields), members)(given);
  expect(Result.getOrThrow(Result.flip(decoded))).toEqual([
    { pointer: "/other", reason: `it is not a known member; ${listed}` },
  ]);
});
