import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import { HttpOrigin } from "../settings/codecs.ts";
import { reasonOf } from "../settings/thrown.ts";
import { BucketCors } from "../storage/bucket-cors.ts";
import * as telemetry from "../telemetry/layer.ts";
import { command, CommandFailure, EXIT } from "./command.ts";
import { readOrFail } from "./settings.ts";

/** Prints the rule by which pages may upload into the bucket, or adds it to the bucket's rules. */
export const cors = command({
  name: "cors",
  summary: "Print the rule by which pages of other origins may upload into the bucket",
  options: {
    origin: {
      value: "ORIGIN",
      shape: "the origin of a page that uploads, such as https://app.example.com",
      note: "CORS_ORIGINS if left out; may be repeated",
      isRepeatable: true,
    },
    apply: { shape: "without a value", note: "adds the rule to the bucket" },
  },
  schema: Schema.Struct({
    origin: Schema.optionalKey(Schema.NonEmptyArray(HttpOrigin)),
    apply: Schema.optionalKey(Schema.Boolean),
  }),
  run: async ({ origin, apply = false }) => {
    const { http, storage } = readOrFail(process.env);
    const origins = origin?.map((url) => url.origin) ?? http.corsOrigins;
    const program = Effect.gen(function* () {
      const found = yield* Effect.serviceOption(BucketCors);
      if (Option.isNone(found)) {
        return { message: `The store is ${storage.description}: it follows CORS_ORIGINS.` };
      }
      const { rule, byHand, apply: add } = found.value;
      if (!apply) return { result: rule(origins), message: `To set it yourself: ${byHand}.` };
      if (add === undefined) return yield* Effect.fail(byHand);
      return {
        message:
          (yield* add(origins)) === "added"
            ? `The rule was added: pages of ${origins.join(", ")} may upload.`
            : "The bucket has the rule already.",
      };
    });
    const quiet = telemetry.layer({ level: "none", format: "json" });
    try {
      return await Effect.runPromise(
        Effect.provide(program, Layer.provideMerge(storage.layer, quiet)),
      );
    } catch (cause) {
      const message = `The rule was not added: ${reasonOf(cause)}.`;
      throw new CommandFailure({ code: EXIT.failure, message });
    }
  },
});
