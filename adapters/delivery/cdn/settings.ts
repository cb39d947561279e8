import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { createPrivateKey } from "node:crypto";
import { HttpUrl } from "../../settings/codecs.ts";
import { fault, missingBeside, oneOf, optional, readSettings } from "../../settings/setting.ts";
import { withoutSlashes } from "../../storage/signing/bucket-address.ts";
import type { Source } from "../../settings/source.ts";

export const settings = {
  url: optional({
    variable: "CDN_URL",
    option: "cdnUrl",
    meaning:
      "Where browsers read [public files](cdn.md), and with `CDN_SIGNER` all files: a CDN, or the bucket's public address.",
    otherwise: "the store, and `PUBLIC_URL` for public files",
    codec: HttpUrl,
    shape: "an http or https URL without credentials, query or fragment",
    example: "https://cdn.example.com",
  }),
  signer: optional({
    ...oneOf(["cloudfront", "google"]),
    variable: "CDN_SIGNER",
    option: "cdnSigner",
    meaning: "The CDN that checks signatures.",
    otherwise: "none; only public files are read there",
    example: "cloudfront",
  }),
  keyId: optional({
    variable: "CDN_KEY_ID",
    option: "cdnKeyId",
    meaning: "The id of CloudFront's public key, or the name of Google's key.",
    codec: Schema.String.check(Schema.isPattern(/^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/)),
    shape: "a name of up to 63 letters, digits and hyphens",
    example: "K2JCJMDEHXQW5F",
  }),
  key: optional({
    variable: "CDN_KEY",
    option: "cdnKey",
    meaning:
      "For CloudFront, the private key in PEM, whose lines may be joined by `\\n`; for Google, the 16 bytes in base64url.",
    codec: Schema.RedactedFromValue(
      Schema.String.check(
        Schema.makeFilter<string>((text) => BASE64URL_16.test(text) || isPrivateKey(pemIn(text))),
      ),
    ),
    shape: "a private key in PEM, or 16 bytes in base64url",
    example: "$(head -c 16 /dev/urandom | base64 | tr +/ -_)",
  }),
};

export type CdnSettings = Result.Result.Success<ReturnType<typeof read>>;

export const read = (source: Source) =>
  Result.map(
    readSettings(settings, source, ({ url, signer, keyId, key }) => [
      signer === undefined && keyId !== undefined && missingBeside(settings.signer, settings.keyId),
      signer === undefined && key !== undefined && missingBeside(settings.signer, settings.key),
      signer !== undefined && url === undefined && missingBeside(settings.url, settings.signer),
      signer !== undefined && keyId === undefined && missingBeside(settings.keyId, settings.signer),
      signer !== undefined && key === undefined && missingBeside(settings.key, settings.signer),
      signer !== undefined &&
        key !== undefined &&
        BASE64URL_16.test(Redacted.value(key)) !== (signer === "google") &&
        fault(
          settings.key,
          signer === "google"
            ? "must be 16 bytes in base64url for google"
            : "must be a private key in PEM for cloudfront",
        ),
    ]),
    ({ url, signer, keyId = "", key }) =>
      url && {
        root: withoutSlashes(url.href),
        // Google's CDN serves without a signature only what everybody can read in the bucket, and
        // no rule of a bucket there is for the public folders of all organizations.
        publicRoot: signer === "google" ? undefined : withoutSlashes(url.href),
        signer: signer && { name: signer, keyId, key: pem(key) },
      },
  );

/** A 128-bit key, as Google's pages make it. */
const BASE64URL_16 = /^[A-Za-z0-9_-]{22}(?:==)?$/;

const pem = (key = Redacted.make("")) => Redacted.make(pemIn(Redacted.value(key)));
const pemIn = (text: string) => text.replaceAll("\\n", "\n");

function isPrivateKey(text: string): boolean {
  try {
    // CloudFront takes no others: "Specify signers", Amazon CloudFront Developer Guide.
    return ["rsa", "ec"].includes(createPrivateKey(text).asymmetricKeyType ?? "");
  } catch {
    return false;
  }
}
