import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Logger from "effect/Logger";
import * as Result from "effect/Result";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { minio } from "../../../adapters/embed/minio.ts";
import { storageAt } from "../../../adapters/embed/effect.ts";
import { readStore, readAll } from "../../../adapters/service/settings.ts";
import { configurationMessage } from "../../../adapters/cli/command/configuration.ts";
import { digestOf } from "../../../adapters/storage/certificate/certificate.ts";
import { certificateWarning } from "../../../adapters/storage/certificate/in-use.ts";
import { certifiedAs, provedBy } from "../../../adapters/storage/certificate/proved.ts";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { makeFolder } from "../../support/make-folder.ts";
import { certificateOf } from "../../support/store-certificate.ts";
import { certifiedStores } from "../../support/certified-stores.ts";
import standsOn from "../../../adapters/storage/certificate/stands-on.json" with { type: "json" };
import certified from "../../../adapters/storage/certificate/certified.json" with { type: "json" };

const CERTIFIED = Object.keys(standsOn.abilities) as ReadonlyArray<keyof typeof standsOn.abilities>;

const ENV = {
  STORAGE_ADAPTER: "minio",
  STORAGE_PROVIDER: "s3",
  STORAGE_ENDPOINT: "http://127.0.0.1:9000",
  STORAGE_BUCKET: "files",
  STORAGE_ACCESS_KEY: "key",
  STORAGE_SECRET_KEY: "secret-of-the-key",
};

function fileWith(content: string): string {
  const folder = makeFolder();
  const file = join(folder, "certificate.json");
  writeFileSync(file, content);
  return file;
}

const read = (certificate: string | object, env: object = {}) =>
  readStore({
    ...ENV,
    STORAGE_CERTIFICATE:
      typeof certificate === "string"
        ? certificate
        : fileWith(JSON.stringify(certificate, null, 2)),
    ...env,
  });

const READS = "a stored object cannot be read without a signature";
const COPIES = "no unsigned header stores other bytes, unseen by confirm";

/** The day that it is in so many days. */
const dayIn = (days: number) =>
  new Date(Date.now() + days * 24 * 60 * 60 * 1000).toISOString().slice(0, 10);

/** What the person sees who starts the service. */
const problem = (...given: Parameters<typeof read>) =>
  Result.match(read(...given), {
    onSuccess: () => "none",
    onFailure: (faults) => configurationMessage("It cannot start", faults, []),
  });

const abilities = (...given: Parameters<typeof read>) =>
  Result.getOrThrow(read(...given)).storage.abilities;

it("a certificate of this very store raises what its provider's row leaves out", () => {
  const documented = Result.getOrThrow(readStore(ENV)).storage.abilities;
  // Of a server of which nothing is known, nobody knows who gives them out.
  const raised = CERTIFIED.filter(
    (ability) => !documented.has(ability) && ability !== "scoped credentials",
  );
  expect(CERTIFIED.filter((ability) => documented.has(ability))).toEqual([
    "multipart",
    "replaced parts",
    "md5",
  ]);
  expect([...abilities(certificateOf())].toSorted()).toEqual([...documented, ...raised].toSorted());
});

it("a certificate lowers what the provider's row has, and shows parts that do not work", () => {
  const minio = { STORAGE_PROVIDER: "minio" };
  const lost = ["write-once", "multipart", "sha256"] as const;
  const lowered = abilities(certificateOf({ provider: "minio" }, lost), minio);
  expect(CERTIFIED.filter((ability) => !lowered.has(ability)).toSorted()).toEqual(lost.toSorted());
});

it("a promise that a certificate does not know counts as not tried, and parts need none", () => {
  const known = abilities(certificateOf({ promises: [] }));
  expect(CERTIFIED.filter((ability) => known.has(ability))).toEqual(["multipart"]);
  const decided = { copies: ["one", "two"], multipart: ["three"], sha256: [] };
  const one = { promise: "one", outcome: "kept" } as const;
  const two = { promise: "two", outcome: "kept" } as const;
  expect(provedBy([one, two], decided)).toEqual(["copies", "multipart"]);
  expect(provedBy([one], decided)).toEqual(["multipart"]);
  expect(provedBy([{ promise: "three", outcome: "broken" }], decided)).toEqual([]);
});

it.each(Object.entries(standsOn.abilities).filter(([ability]) => ability !== "multipart"))(
  "%s is proved by a certificate only if each of its promises was tried, as after an interruption",
  (ability, titles) => {
    const { promises } = certificateOf();
    expect(provedBy(promises, standsOn.abilities)).toContain(ability);
    for (const title of titles) {
      const others = promises.filter(({ promise }) => promise !== title);
      const notTried = { promise: title, outcome: "not tried" } as const;
      for (const half of [others, [...others, notTried]]) {
        expect(provedBy(half, standsOn.abilities)).not.toContain(ability);
      }
    }
  },
);

it.each(["http://127.0.0.1:9000/", "HTTP://127.0.0.1:9000", "http://127.0.0.1:9000//"] as const)(
  "a certificate is of this store also where its endpoint is written as %s",
  (endpoint) => {
    expect(problem(certificateOf({ endpoint }))).toBe("none");
    expect(problem(certificateOf(), { STORAGE_ENDPOINT: endpoint })).toBe("none");
  },
);

it("a port that is the default and a host in upper case make no other store", () => {
  const env = { STORAGE_ENDPOINT: "https://store.example.com" };
  expect(problem(certificateOf({ endpoint: "https://Store.Example.com:443/" }), env)).toBe("none");
});

it.each([
  [{ bucket: "photos" }, "its bucket is photos, and here it is files"],
  [
    { endpoint: "http://127.0.0.1:9001" },
    "its endpoint is http://127.0.0.1:9001, and here it is http://127.0.0.1:9000",
  ],
  [{ endpoint: undefined }, "its endpoint is the provider's own, and here it is http"],
  [{ region: "eu-1" }, "its region is eu-1, and here it is us-east-1"],
  [{ provider: "garage" }, "its provider is garage, and here it is s3"],
  [{ adapter: "aws" }, "its adapter is aws, and here it is minio"],
] as const)("a certificate with %j ends the start, with both values", (other, told) => {
  const { endpoint, ...rest } = certificateOf();
  const facts = { ...rest, ...("endpoint" in other ? {} : { endpoint }), ...other };
  const given = { ...facts, digest: digestOf(JSON.parse(JSON.stringify(facts))) };
  const text = problem(JSON.parse(JSON.stringify(given)));
  expect(text).toContain("STORAGE_CERTIFICATE cannot be used: the file ");
  expect(text).toContain(told);
  expect(text).toContain("`valetkey certify --output certificate.json`");
});

it("a certificate of a bucket that certify made for itself configures nothing", () => {
  const { bucket, digest, ...facts } = certificateOf();
  expect([bucket, digest]).not.toContain(undefined);
  expect(problem({ ...facts, digest: digestOf(facts) })).toContain(
    "`STORAGE_BUCKET=files valetkey certify --output certificate.json`",
  );
});

it("a certificate in which a promise was raised by hand ends the start", () => {
  const certificate = certificateOf({}, ["copies"]);
  const promises = certificate.promises.map(({ promise }) => ({ promise, outcome: "kept" }));
  expect(problem({ ...certificate, promises })).toContain("was changed since certify wrote it");
  // Its white space says nothing.
  expect(problem(fileWith(JSON.stringify(certificate)))).toBe("none");
});

it.each([
  ["no JSON", "{", "is not JSON"],
  ["a list", "[]", "the document: it is not an object"],
  ["null", "null", "the document: it is not an object"],
  ["no promises", certificateOf({ promises: undefined as never }), "promises: it is"],
  [
    "another outcome",
    certificateOf({ promises: [{ promise: "p", outcome: "maybe" as never }] }),
    "/promises/0/outcome",
  ],
  ["a contract that is no number", certificateOf({ contract: "1" as never }), "/contract"],
  ["no day", certificateOf({ date: "2026-13-45" }), "/date"],
  ["a day to come", certificateOf({ date: dayIn(2) }), "a day to come; set the clock, and certify"],
  ["an endpoint that is no URL", certificateOf({ endpoint: "store" }), "/endpoint"],
  ["a further member", { ...certificateOf(), secret: "s" }, "it is not a known member"],
  ["10 MiB", `"${"a".repeat(10 * 2 ** 20)}"`, "is not a regular file of at most 1 MiB"],
] as const)("a certificate with %s ends the start in words", (_what, content, told) => {
  const given = typeof content === "string" ? fileWith(content) : content;
  const text = problem(given);
  expect(text).toContain("STORAGE_CERTIFICATE cannot be used: the file ");
  expect(text).toContain(told);
  expect(text.length).toBeLessThan(2000);
});

it("a certificate that is missing, a folder or a pipe ends the start", () => {
  const file = fileWith("{}");
  const pipe = `${file}.pipe`;
  expect(spawnSync("mkfifo", [pipe]).status).toBe(0);
  expect(problem(`${file}.gone`)).toContain("cannot be read (ENOENT)");
  for (const path of [pipe, join(file, "..")]) {
    expect(problem(path)).toContain("is not a regular file of at most 1 MiB");
  }
});

it("a certificate by a clock that is a little before this one is used", () => {
  expect(problem(certificateOf({ date: dayIn(1) }))).toBe("none");
});

it("a certificate shows nothing in a message that acts on a terminal", () => {
  const certificate = certificateOf({ bucket: "\u001b[31mphotos" });
  expect(problem(certificate)).not.toContain("\u001b");
});

it("a policy that asks for what is not proved is refused with the one command", () => {
  const env = { STORAGE_POLICIES: '{"photos":{"write_once":true,"arrival":"incoming"}}' };
  const told = problem(certificateOf({}, ["write-once"]), env);
  expect(told).toContain(
    "/photos/write_once: it is true, and this store cannot enforce it: its certificate of",
  );
  const bare = Result.getFailure(readAll({ ...ENV, ...env, AUTH: "dev" }));
  const text = configurationMessage("It cannot start", bare._tag === "Some" ? bare.value : [], []);
  expect(text).toContain(
    "that is not proved; run `valetkey certify --output certificate.json`, and set STORAGE_CERTIFICATE=certificate.json",
  );
  expect(problem(certificateOf(), env)).toBe("none");
});

it("a certificate is an object in the package, and its faults speak of the option", () => {
  const options = {
    provider: "s3",
    endpoint: "http://127.0.0.1:9000",
    accessKey: "key",
    secretKey: "secret-of-the-key",
  } as const;
  const storage = storageAt(minio({ ...options, certificate: certificateOf() }));
  expect(storage.abilities.has("copies") && storage.abilities.has("completes once")).toBe(true);
  expect(storage.description).toMatch(/, bucket files, certified on \d{4}-\d\d-\d\d$/);
  expect(() => minio({ ...options, certificate: certificateOf({ bucket: "photos" }) })).toThrow(
    /certificate cannot be used: it is of another store: its bucket is photos/,
  );
});

it.each([
  ["older than a year", { date: "2025-01-01" }, "is older than a year"],
  ["with a danger", {}, `must keep: ${READS}`],
  ["of today", {}, undefined],
] as const)("a certificate %s is warned of only if it has to be", async (what, over, told) => {
  const messages: Array<string> = [];
  const log = Logger.layer([
    Logger.make<unknown, void>(({ message }) => void messages.push(String(message))),
  ]);
  const certificate = certificateOf(over, [], what === "with a danger" ? [READS] : []);
  const { layer } = Result.getOrThrow(read(certificate, { STORAGE_ACCEPT_BROKEN: "on" })).storage;
  await Effect.runPromise(Effect.provide(Effect.asVoid(ObjectStore), Layer.provide(layer, log)));
  const warnings = messages.filter((message) => message.includes("the certificate of"));
  expect(warnings).toEqual(told === undefined ? [] : [expect.stringContaining(told)]);
});

it("a certificate of an older contract is warned of, since other promises were tried", () => {
  const facts = { name: "MinIO", date: "2026-11-30" };
  const warningOf = (isOutdated: boolean) =>
    certificateWarning(
      { abilities: new Set(), facts: { ...facts, isOutdated } },
      Date.parse("2026-12-01"),
    );
  expect(warningOf(true)).toContain("the certificate of 2026-11-30 is of an older contract");
  expect(warningOf(false)).toBeUndefined();
});

it("the abilities of certified providers are those of their certificates, which npm run generate reads", () => {
  expect(certified).toEqual(certifiedStores());
});

it("a certificate that shows a danger ends the start, unless a variable says that one knows", () => {
  const dangerous = certificateOf({}, [], [READS, COPIES]);
  const told = problem(dangerous);
  expect(told).toContain(`breaks what every store must keep: ${READS}; ${COPIES}; close that`);
  expect(told).toContain("STORAGE_ACCEPT_BROKEN=on starts all the same");
  const known = { STORAGE_ACCEPT_BROKEN: "on" };
  expect(problem(dangerous, known)).toBe("none");
  expect(abilities(dangerous, known).has("copies")).toBe(true);
  // Of what this certificate is not is said first.
  expect(problem(dangerous, { ...known, STORAGE_BUCKET: "photos" })).toContain("another store");
  // What only an ability needs is no danger.
  expect(problem(certificateOf({}, ["copies", "write-once"]))).toBe("none");
});

it("the option that accepts a danger is named to who uses the package", () => {
  const options = {
    provider: "s3",
    endpoint: "http://127.0.0.1:9000",
    accessKey: "key",
    secretKey: "secret-of-the-key",
    certificate: certificateOf({}, [], [READS]),
  } as const;
  expect(() => minio(options)).toThrow(/acceptBroken: true starts all the same/);
  expect(() => minio({ ...options, acceptBroken: true })).not.toThrow();
});

it("an ability that was proved only without versions is bound to such a bucket", () => {
  const { abilities, boundTo } = certifiedAs("ceph", new Set());
  expect([abilities.has("write-once"), boundTo]).toEqual([
    true,
    { versions: "none", abilities: new Set(["write-once"]) },
  ]);
});
