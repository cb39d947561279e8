import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { HttpUrl, List, Parsed, UNGUESSABLE } from "../settings/codecs.ts";
import {
  fault,
  missingBeside,
  onOff,
  optional,
  type Read,
  readSettings,
  withDefault,
} from "../settings/setting.ts";
import type { Source } from "../settings/source.ts";
import type { Receiver } from "./send.ts";

/** Standard Webhooks 1.0.0, "Symmetric": 24 to 64 bytes. */
const WebhookSecret = Parsed((text) => {
  const [, base64 = ""] = /^whsec_(.*)$/.exec(text) ?? [];
  const bytes = Buffer.from(base64, "base64");
  const isWritten = bytes.toString("base64") === base64;
  const isLong = bytes.length >= 24 && bytes.length <= 64;
  return isWritten && isLong ? bytes : undefined;
}).check(UNGUESSABLE);

export const settings = {
  url: optional({
    variable: "EVENTS_URL",
    option: "url",
    meaning: "Where [events](events.md) are sent.",
    otherwise: "no events",
    codec: HttpUrl,
    shape: "an https URL without credentials or a query",
    example: "https://backend.example.com/hooks/uploads",
  }),
  secrets: optional({
    variable: "EVENTS_SECRETS",
    option: "secrets",
    meaning: "Secrets that sign events; each of several signs, so that one can replace another.",
    codec: Schema.RedactedFromValue(List(WebhookSecret)),
    shape: ({ list }) => `random secrets of 24 to 64 bytes in base64 behind whsec_, ${list}`,
    example: "whsec_$(openssl rand -base64 32)",
  }),
  allowPrivate: withDefault(false, {
    ...onOff(
      "addresses of this machine and of private networks too, and http",
      "https to the public Internet alone",
    ),
    variable: "EVENTS_ALLOW_PRIVATE",
    option: "allowPrivate",
    meaning: "Where events may be sent.",
  }),
};

export const read = (source: Source): Read<Receiver | undefined> =>
  Result.map(
    readSettings(settings, source, ({ url, secrets, allowPrivate }) => [
      url !== undefined && secrets === undefined && missingBeside(settings.secrets, settings.url),
      url === undefined && secrets !== undefined && missingBeside(settings.url, settings.secrets),
      url?.protocol === "http:" &&
        allowPrivate !== true &&
        fault(
          settings.url,
          ({ name, on }) => `must be https unless ${name(settings.allowPrivate)} is ${on}`,
        ),
    ]),
    ({ url, secrets, allowPrivate }) =>
      url && secrets && { url, secrets: Redacted.value(secrets), allowPrivate },
  );
