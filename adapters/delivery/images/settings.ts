import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { HttpUrl, UNGUESSABLE } from "../../settings/codecs.ts";
import { fault, missingBeside, oneOf, optional, readSettings } from "../../settings/setting.ts";
import type { Source } from "../../settings/source.ts";

const secretOf = (form: RegExp) =>
  Schema.RedactedFromValue(Schema.String.check(Schema.isPattern(form), UNGUESSABLE));

export const settings = {
  server: optional({
    ...oneOf(["imgproxy", "thumbor", "cloudflare"]),
    variable: "IMAGES",
    option: "images",
    meaning: "The server that shows [pictures in a size](images.md).",
    otherwise: "none; pictures are opened as they are",
    example: "imgproxy",
  }),
  url: optional({
    variable: "IMAGES_URL",
    option: "imagesUrl",
    meaning: "Its address for browsers; at Cloudflare, that of a zone.",
    codec: HttpUrl,
    shape: "an http or https URL without credentials, query or fragment",
    example: "https://images.example.com",
  }),
  key: optional({
    variable: "IMAGES_KEY",
    option: "imagesKey",
    meaning: "The key that signs addresses: `IMGPROXY_KEY`, or `SECURITY_KEY` of thumbor.",
    codec: secretOf(/^[\w.~-]{32,256}$/),
    shape:
      "a secret of 32 to 256 random letters, digits or any of ._~-, for imgproxy in hexadecimal",
    example: "$(openssl rand -hex 32)",
  }),
  salt: optional({
    variable: "IMAGES_SALT",
    option: "imagesSalt",
    meaning: "`IMGPROXY_SALT`, for imgproxy alone.",
    codec: secretOf(/^(?:[0-9a-f]{2}){16,128}$/i),
    shape: "16 to 128 random bytes in hexadecimal",
    example: "$(openssl rand -hex 32)",
  }),
};

export type ImageSettings = Result.Result.Success<ReturnType<typeof read>>;

export const read = (source: Source) =>
  Result.map(
    readSettings(settings, source, ({ server, url, key, salt }) => [
      server !== undefined && url === undefined && missingBeside(settings.url, settings.server),
      server === undefined && url !== undefined && missingBeside(settings.server, settings.url),
      server !== undefined &&
        server !== "cloudflare" &&
        key === undefined &&
        missingBeside(settings.key, settings.server),
      server === "cloudflare" &&
        key !== undefined &&
        fault(settings.key, "must not be set for cloudflare, which checks no signature"),
      server === "imgproxy" &&
        key !== undefined &&
        !HEX.test(Redacted.value(key)) &&
        fault(settings.key, "must be in hexadecimal, as imgproxy has it"),
      server === "imgproxy" && salt === undefined && missingBeside(settings.salt, settings.server),
      server !== undefined &&
        server !== "imgproxy" &&
        salt !== undefined &&
        fault(settings.salt, "is for imgproxy alone"),
    ]),
    ({ server, url, key = NONE, salt = NONE }) => server && url && { server, url, key, salt },
  );

const HEX = /^(?:[0-9a-f]{2})+$/i;
const NONE = Redacted.make("");
