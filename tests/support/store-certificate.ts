import { type Certificate, digestOf } from "../../adapters/storage/certificate/certificate.ts";
import standsOn from "../../adapters/storage/certificate/stands-on.json" with { type: "json" };

/** Every promise on which an ability stands, and those of every store. */
const TITLES = [...new Set([...Object.values(standsOn.abilities).flat(), ...standsOn.every])];

/** A certificate of a MinIO by the adapter `minio`; all is kept but the promises of `broken`, and `further`. */
export function certificateOf(
  over: Partial<Omit<Certificate, "digest">> = {},
  broken: ReadonlyArray<keyof typeof standsOn.abilities> = [],
  further: ReadonlyArray<string> = [],
): Certificate {
  const isBroken = new Set([
    ...broken.flatMap((ability) => standsOn.abilities[ability]),
    ...further,
  ]);
  const facts = {
    contract: standsOn.contract,
    valetkey: "0.1.0",
    date: new Date().toISOString().slice(0, 10),
    adapter: "minio",
    provider: "s3",
    server: "MinIO",
    endpoint: "http://127.0.0.1:9000",
    region: "us-east-1",
    bucket: "files",
    state: { versions: "none", rules: [] },
    promises: TITLES.map((promise) =>
      isBroken.has(promise)
        ? { promise, outcome: "broken", why: "it answered 200" }
        : { promise, outcome: "kept" },
    ),
    ...over,
  } as const satisfies Omit<Certificate, "digest">;
  return { ...facts, digest: digestOf(facts) };
}
