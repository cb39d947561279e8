import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import { INCOMING_PREFIX } from "../../../domain/storage-key.ts";
import { setNotifications } from "../../storage/s3/notifications.ts";
import { command, flag, option } from "../command/command.ts";
import { CommandFailure, EXIT } from "../command/failure.ts";
import { notificationPath } from "../../http/notifications/route.ts";
import { fill } from "../../storage/by-hand.ts";
import { readStoreOrFail, STORE_OPTION } from "../command/configuration.ts";
import { runWithStore, s3Access } from "../command/with-store.ts";

export const setup = command({
  name: "events setup",
  summary: "Print the settings by which the store notifies the service of uploads",
  options: {
    ...STORE_OPTION,
    topic: option(
      "ARN",
      Schema.String.check(Schema.isPattern(/^arn:[\w:.-]+$/)),
      "the topic that the bucket tells, such as arn:aws:sns:us-east-1:123456789012:valetkey",
      { note: "for --apply; that of MinIO if left out" },
    ),
    apply: flag("sets the notifications of the bucket, of MinIO and Amazon S3"),
  },
  run: async ({ store, topic, apply = false }) => {
    const { http, storage } = readStoreOrFail(process.env, store);
    const { origin, host, protocol } = http.publicUrl;
    const { name: bucket = "", api = "" } = storage.bucket ?? {};
    const path = notificationPath(api, store);
    const words = {
      bucket,
      url: `${origin}${path}`,
      login: `${protocol}//valetkey:$SECRET@${host}${path}`,
    };
    const { notifications: text } = await storage.byHand();
    if (text === undefined) {
      const message = `The store is ${storage.description}: no notifications of it are known.`;
      throw new CommandFailure({ code: EXIT.configuration, message });
    }
    if (!apply) return { result: `${fill(text, words)}\n`, message: SECRET };
    const program = Effect.gen(function* () {
      const s3 = yield* s3Access;
      if (s3 === undefined || !text.includes("--apply")) {
        return yield* fail(EXIT.configuration, "The store has no API for it: leave --apply out.");
      }
      const defaultArn = s3.provider === "minio" && `arn:minio:sqs:${s3.region}:VALETKEY:webhook`;
      const arn = topic ?? defaultArn;
      if (arn === false) return yield* fail(EXIT.usage, "Name the topic with --topic.");
      const { outcome } = yield* setNotifications(s3, arn);
      const done = outcome === "there" ? "The bucket tells already" : "The bucket now tells";
      return { message: `${done} of uploads below ${INCOMING_PREFIX}.` };
    });
    return runWithStore(storage, program, "The notifications were not set");
  },
});

const SECRET = "SECRET stands for one of NOTIFICATIONS_SECRETS; see docs/notifications.md.";

const fail = (code: number, message: string) => Effect.die(new CommandFailure({ code, message }));
