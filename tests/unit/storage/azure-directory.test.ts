import * as Clock from "effect/Clock";
import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import { TestClock } from "effect/testing";
import { expect, it } from "vitest";
import { clientSigner, DELEGATED } from "../../../adapters/storage/azure/sas.ts";
import { scopedCredentials } from "../../../adapters/storage/azure/scoped-credentials.ts";
import { bucketAddresses } from "../../../adapters/storage/signing/bucket-address.ts";
import { readRequest, verifyDelegation } from "../../azure/signature.ts";

const SECRET = Buffer.from("the secret of a delegation key");
const PREFIX = "incoming/credentials/org_1/3f0c1f0e-7d0b-4d0b-9c57-4c2a4f1c7f11/";
const NOW = Date.parse("2027-01-15T08:00:00.900Z");
const END = Date.parse("2027-01-15T08:20:00Z");
const ENDPOINT = new URL("https://acme.blob.core.windows.net");

const signer = clientSigner({
  account: "acme",
  secret: SECRET,
  delegation: {
    skoid: "an-id",
    sktid: "a-tenant",
    skt: "2020-01-01T00:00:00Z",
    ske: "2090-01-01T00:00:00Z",
    sks: "b",
    skv: DELEGATED,
  },
});

/** Signs for twenty minutes, and tells for how long the key has to live. */
async function sign(audience: "public" | "internal" = "public") {
  const lives: Array<number> = [];
  const settings = {
    bucket: "files",
    createBucket: false,
    endpoint: ENDPOINT,
    publicEndpoint: new URL("https://files.example.com/store"),
    account: "acme",
  };
  const addresses = bucketAddresses({ ...settings, pathStyle: true });
  const issue = scopedCredentials(settings, addresses, (_, life) => {
    lives.push(life);
    return Effect.succeed(signer);
  });
  const asked = { prefix: PREFIX, lifetime: Duration.minutes(20), audience };
  const clock = await Effect.runPromise(Effect.scoped(TestClock.make()));
  await Effect.runPromise(clock.setTime(NOW));
  const issued = await Effect.runPromise(Effect.provideService(issue(asked), Clock.Clock, clock));
  if (issued.kind !== "azure") throw new Error("these are credentials of another API");
  return { issued, lives, query: new URLSearchParams(Redacted.value(issued.sas)) };
}

it("a directory's signature creates and lists below it, until the end that is told", async () => {
  const { issued, lives, query } = await sign();
  const { endpoint, bucket, expiresAt } = issued;
  expect({ endpoint, bucket }).toEqual({
    endpoint: "https://files.example.com/store",
    bucket: "files",
  });
  expect(Object.fromEntries(query)).toMatchObject({ sp: "cl", sr: "d", sdd: "4", spr: "https" });
  expect([query.get("se"), DateTime.toEpochMillis(expiresAt)]).toEqual([
    "2027-01-15T08:20:00Z",
    END,
  ]);
  expect(lives).toEqual([20 * 60_000]);
  expect((await sign("internal")).issued.endpoint).toBe(ENDPOINT.origin);
});

it("it is of the names below the directory, and of no other's", async () => {
  const { issued } = await sign();
  const verify = (name: string, now = END - 1) =>
    verifyDelegation(
      readRequest("PUT", `/acme/files/${name}?${Redacted.value(issued.sas)}`, [], "127.0.0.1"),
      () => SECRET.toString("base64"),
      now,
    );
  verify(`${PREFIX}a.txt`);
  verify(`${PREFIX}a/b.txt`, NOW);
  for (const name of [
    PREFIX.slice(0, -1).replace("3f0c", "3f0d"),
    PREFIX.replace("org_1", "org_2"),
  ]) {
    expect(() => verify(`${name}/a.txt`)).toThrow();
  }
  expect(() => verify(`${PREFIX}a.txt`, END)).toThrow("not of this time");
});
