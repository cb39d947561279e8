import { RuleTester } from "oxlint/plugins-dev";
import { describe, it } from "vitest";
import plugin from "../../support/lint.ts";

RuleTester.describe = describe;
RuleTester.it = it;

const RULE = "constant-time";

new RuleTester({ languageOptions: { parserOptions: { lang: "ts" } } }).run(
  RULE,
  plugin.rules[RULE] as Parameters<RuleTester["run"]>[1],
  {
    valid: [
      "token === undefined",
      'typeof secretKey !== "string"',
      "signature !== null",
      "tokens.length === 0",
      "token.id !== id",
      "timingSafeEqual(hashOf(token), stored)",
    ],
    invalid: [
      "mac === expected",
      "given != request.signature",
      'query["X-Amz-Signature"] === given',
      "macOf(key, purpose, sealed) !== given",
      "hashOf(token).toString() === stored",
      'createHmac("sha256", key).update(text).digest("hex") === given',
      "Redacted.value(settings.secret) === given",
      'sign(policy) !== field("x-amz-signature")',
      "(await digest(bytes)) === given",
      "(given as string) === (password as string)",
    ].map((code) => ({ code, errors: 1 })),
  },
);
