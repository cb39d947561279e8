import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { decoder, inWords } from "../../values/decode.ts";
import { readJsonFile } from "../../settings/json-file.ts";
import {
  fault,
  onOff,
  optional,
  type Read,
  type Values,
  withDefault,
} from "../../settings/setting.ts";
import { say, type Text } from "../../settings/source.ts";
import { onOneLine } from "../../values/printable.ts";
import { Path } from "../settings.ts";
import { withoutSlashes } from "../signing/bucket-address.ts";
import { Certificate, digestOf } from "./certificate.ts";
import { type CertificateInUse, danger } from "./in-use.ts";
import { brokenIn, provedBy, stateOf } from "./proved.ts";
import type { Decided } from "../known.ts";
import standsOn from "./stands-on.json" with { type: "json" };

export const certificate = optional({
  variable: "STORAGE_CERTIFICATE",
  option: "certificate",
  meaning:
    "What [`valetkey certify --output`](stores.md#certify-your-own-store) saw this store keep: its abilities are then those that were proved.",
  otherwise: "the certificate of such a server in the repository, or what its pages say",
  shape: "the path of a file that valetkey certify has written, and not its content",
  example: "certificate.json",
  codec: Schema.Union([Path, Schema.Record(Schema.String, Schema.Unknown)]),
});

/** Accepts a broken promise, for operators who know the certificate. */
export const acceptBroken = withDefault(false, {
  ...onOff("start all the same"),
  variable: "STORAGE_ACCEPT_BROKEN",
  option: "acceptBroken",
  meaning:
    "Starts although the certificate shows that the store breaks [what every store must keep](stores.md#certify-your-own-store).",
});

export const certificateSettings = { certificate, acceptBroken };

/** The configured store. */
export interface Place {
  readonly adapter: string;
  readonly provider: string;
  readonly endpoint?: URL | undefined;
  readonly region: string;
  readonly bucket: string;
}

const AGAIN = "`valetkey certify --output certificate.json`";

/** Reads a certificate, from a file or as an object; refuses another store's. */
export function readCertificate(
  { certificate: source, acceptBroken: isAccepted }: Values<typeof certificateSettings>,
  place: Place,
  decided: Decided,
): Read<CertificateInUse | undefined> {
  if (source === undefined) return Result.succeed(undefined);
  const [what, json] =
    typeof source === "string"
      ? [`the file ${source}`, readJsonFile(source)]
      : ["it", Result.succeed<unknown>(source)];
  return Result.mapError(
    Result.flatMap(
      Result.flatMap(json, certificateFrom),
      (facts): Result.Result<CertificateInUse, Text> => {
        const problem = otherPlace(facts, place);
        if (problem !== undefined) return Result.fail(problem);
        const used = inUse(facts, decided);
        return used.facts.broken.length > 0 && !isAccepted
          ? Result.fail(
              ({ assign }) =>
                `${danger(used.facts.broken)}; close that, or use another store; ${assign(acceptBroken, true)} starts all the same`,
            )
          : Result.succeed(used);
      },
    ),
    (problem) => [
      fault(certificate, (words) => `cannot be used: ${what} ${onOneLine(say(problem, words))}`),
    ],
  );
}

/** Decodes what certify wrote; fails with what is wrong, as the end of a sentence. */
export const certificateFrom = (json: unknown): Result.Result<Certificate, string> =>
  Result.flatMap(Result.mapError(decode(json), inWords), (facts) => {
    const { date, digest } = facts;
    // oxlint-disable-next-line valetkey/constant-time -- both are the operator's
    if (digest !== digestOf(json as Partial<Certificate>)) {
      return Result.fail(`was changed since certify wrote it; certify again: ${AGAIN}`);
    }
    // A future date would never be old.
    return Date.parse(date) > Date.now() + CLOCK_TOLERANCE
      ? Result.fail(`is of ${date}, a day to come; set the clock, and certify again: ${AGAIN}`)
      : Result.succeed(facts);
  });

/** Allowed difference in milliseconds between the clocks of the certifying machine and this one. */
const CLOCK_TOLERANCE = 24 * 60 * 60 * 1000;

function inUse(certificate: Certificate, decided: Decided) {
  const { contract, date, server, provider, bucket, state, promises } = certificate;
  const abilities = new Set(provedBy(promises, decided));
  const name = onOneLine(`${server ?? provider}, bucket ${bucket}, ${date}`);
  return {
    abilities,
    boundTo: { versions: stateOf(state), abilities },
    unproved: `its certificate of ${date} does not prove that`,
    facts: {
      name,
      date,
      isOutdated: contract < standsOn.contract,
      broken: brokenIn(promises, standsOn.every),
    },
  };
}

/** Returns the members in which a certificate is of another store. */
function otherPlace(facts: Certificate, place: Place): string | undefined {
  if (facts.bucket === undefined) {
    return `is of a bucket that certify made for itself alone; make one of ${place.bucket}: \`STORAGE_BUCKET=${place.bucket} valetkey certify --output certificate.json\``;
  }
  const { adapter, provider, region, bucket } = place;
  const certified = { ...facts, endpoint: addressOf(facts.endpoint) };
  const configured = { adapter, provider, endpoint: addressOf(place.endpoint), region, bucket };
  const others = (Object.keys(configured) as Array<keyof typeof configured>)
    // An adapter of one store has no provider, and an endpoint need not have a region.
    .filter((name) => !["provider", "region"].includes(name) || certified[name] !== undefined)
    .filter((name) => certified[name] !== configured[name])
    .map((name) => `its ${name} is ${certified[name]}, and here it is ${configured[name]}`);
  return others.length === 0
    ? undefined
    : `is of another store: ${others.join("; ")}; certify this one: ${AGAIN}`;
}

/** Normalizes an address for comparison, without a default port and a slash at the end. */
function addressOf(endpoint: string | URL | undefined): string {
  if (endpoint === undefined) return "the provider's own";
  const { origin, pathname } = new URL(endpoint);
  return `${origin}${withoutSlashes(pathname)}`;
}

const decode = decoder(Certificate, Object.keys(Certificate.fields));
