import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import type { ImageServerAddresses } from "../../../application/ports/image-server.ts";
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
    otherwise: "no pictures in a size",
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

/** What each server needs. */
const NEEDS = {
  imgproxy: ["url", "key", "salt"],
  thumbor: ["url", "key"],
  cloudflare: ["url"],
} as const;

export type ServerName = keyof typeof NEEDS;
export type ImageSettings = Result.Result.Success<ReturnType<typeof read>>;

/** Makes the addresses of a server below `root`, which has no slash at its end. */
export type MakeServer = (
  server: Readonly<Record<"root" | "key" | "salt", string>>,
) => ImageServerAddresses;

export const read = (source: Source) =>
  Result.map(
    readSettings(settings, source, (values) => {
      const { server, url, key } = values;
      return [
        ...(server === undefined ? [] : NEEDS[server]).map(
          (name) => values[name] === undefined && missingBeside(settings[name], settings.server),
        ),
        server === undefined && url !== undefined && missingBeside(settings.server, settings.url),
        server === "imgproxy" &&
          key !== undefined &&
          !/^(?:[0-9a-f]{2})+$/i.test(Redacted.value(key)) &&
          fault(settings.key, "must be in hexadecimal, as imgproxy has it"),
      ];
    }),
    ({ server, url, key = NONE, salt = NONE }) => server && url && { server, url, key, salt },
  );

const NONE = Redacted.make("");
