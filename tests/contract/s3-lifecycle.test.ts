import * as Effect from "effect/Effect";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { s3Lifecycle } from "../../adapters/storage/s3/lifecycle.ts";
import { need } from "../support/need.ts";
import { s3Bucket, s3Client } from "../support/s3-store.ts";
import { serve } from "../support/serve.ts";

const server = await need("minio");
const FOREIGN = "<Rule><ID>foreign</ID></Rule>";

const client = () => s3Client(server ?? expect.unreachable());

it.skipIf(server === undefined).each([false, true])(
  "a real store keeps the rule for what waits beside others, with versions: %s",
  async (versions) => {
    const bucket = `lifecycle-${crypto.randomUUID()}`;
    await client().makeBucket(bucket);
    if (versions) await client().setBucketVersioning(bucket, { Status: "Enabled" });
    await client().setBucketLifecycle(bucket, {
      Rule: [
        { ID: "foreign", Status: "Enabled", Filter: { Prefix: "logs/" }, Expiration: { Days: 30 } },
      ],
    });
    const { apply, effects } = lifecycleOf(server?.endpoint ?? "", bucket);
    expect(await Effect.runPromise(apply(3))).toEqual({ outcome: "added", days: 3 });
    expect(await Effect.runPromise(apply(3))).toEqual({ outcome: "there", days: 3 });
    expect(await Effect.runPromise(apply(5))).toEqual({ outcome: "added", days: 5 });
    const found = await Effect.runPromise(effects ?? Effect.die("it tells no effects"));
    expect(found.map(({ scope, days }) => [scope, days])).toEqual([["incoming", 5]]);
    const { Rule } = (await client().getBucketLifecycle(bucket)) as unknown as {
      readonly Rule: ReadonlyArray<{ readonly ID: string }>;
    };
    expect(Rule).toHaveLength(2);
    expect(JSON.stringify(Rule.find(({ ID }) => ID === "foreign"))).toContain("logs/");
  },
);

it("if a store loses another rule, all rules are restored and the lifecycle rule is not added", async () => {
  // No real store of these tests loses rules, so a double keeps only the last rule.
  const { apply, rules } = await startDouble(
    (body) => body.match(/<Rule>[^]*?<\/Rule>/g)?.at(-1) ?? "",
  );
  const { reason } = await Effect.runPromise(Effect.flip(apply(3)));
  expect(reason).toContain("changed 1 of the bucket's other lifecycle rules");
  expect(rules()).toBe(FOREIGN);
});

it("the rules for what waits, its versions and parts, and for uploads in parts are added beside others", async () => {
  const { apply, rules } = await startDouble((body) => body);
  const applied = (days: number, options?: { readonly replace: boolean }) =>
    Effect.runPromise(apply(days, options));
  expect(await applied(3)).toEqual({ outcome: "added", days: 3 });
  expect(rules()).toContain("<Prefix>orgs/</Prefix>");
  expect(rules()).toContain("<DaysAfterInitiation>1</DaysAfterInitiation>");
  expect(rules()).toContain(
    "<Filter><Prefix>incoming/</Prefix></Filter><Expiration><Days>3</Days></Expiration><NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration><AbortIncompleteMultipartUpload>",
  );
  expect(rules()).toContain("<ID>foreign</ID>");
  expect(await applied(3)).toMatchObject({ outcome: "there" });
  // A policy that no longer waits leaves the rule for files that wait already.
  expect(await applied(0)).toMatchObject({ outcome: "there" });
  expect(await applied(0, { replace: true })).toMatchObject({ outcome: "added" });
  expect(rules()).not.toContain("incoming");
  expect(rules()).toContain("<ID>foreign</ID>");
});

it.each([
  [
    "drops the prefix of the rule, which would remove every file,",
    3,
    (body: string) => body.replaceAll("<Prefix>incoming/</Prefix>", ""),
  ],
  [
    "does not keep the rule for uploads in parts",
    0,
    (body: string) =>
      body.replace(/<AbortIncompleteMultipartUpload>.*?<\/AbortIncompleteMultipartUpload>/, ""),
  ],
] as const)("a store that %s is told, and has its rules as before", async (_, days, keep) => {
  const { apply, rules, least } = await startDouble(keep);
  const { reason } = await Effect.runPromise(Effect.flip(apply(days)));
  expect(reason).toContain("did not keep what was added");
  expect([rules(), least()]).toEqual([FOREIGN, "varies_by_storage_class"]);
});

it.each([
  ["that knows no such rules and lists its objects", 200, "<ListBucketResult></ListBucketResult>"],
  [
    "whose rules are written otherwise",
    200,
    '<LifecycleConfiguration><Rule a="b"><ID>foreign</ID></Rule></LifecycleConfiguration>',
  ],
  ["without the bucket", 404, "<Error><Code>NoSuchBucket</Code></Error>"],
])("nothing is written to or removed from a store %s", async (_, status, answer) => {
  const methods: Array<string | undefined> = [];
  const endpoint = await serve(({ method }, response) => {
    methods.push(method);
    response.writeHead(status).end(answer);
  });
  const { apply } = lifecycleOf(endpoint, "files");
  const { reason } = await Effect.runPromise(Effect.flip(apply(3)));
  expect(reason).toMatch(/is not understood|could not be read: 404 NoSuchBucket/);
  expect(methods).toEqual(["GET"]);
});

it("another deployment that waits less does not shorten the time, unless it says so", async () => {
  const { apply, rules } = await startDouble((body) => body);
  expect(await Effect.runPromise(apply(7))).toEqual({ outcome: "added", days: 7 });
  expect(await Effect.runPromise(apply(3))).toEqual({ outcome: "there", days: 7 });
  expect(rules()).toContain("<Days>7</Days>");
  expect(await Effect.runPromise(apply(9))).toEqual({ outcome: "added", days: 9 });
  expect(await Effect.runPromise(apply(3, { replace: true }))).toEqual({
    outcome: "added",
    days: 3,
  });
  expect(rules()).toContain("<Days>3</Days>");
  expect(rules()).not.toContain("<Days>9</Days>");
});

it("a rule of ours that was disabled is not taken for one that works", async () => {
  const { apply, rules } = await startDouble((body) => body);
  await Effect.runPromise(apply(3));
  const disabled = rules().replace(
    "<ID>valetkey-incoming</ID><Status>Enabled",
    "<ID>valetkey-incoming</ID><Status>Disabled",
  );
  const other = await startDouble((body) => body, disabled);
  expect(await Effect.runPromise(other.apply(3))).toMatchObject({ outcome: "added" });
  expect(other.rules()).not.toContain("Disabled");
});

it.each([
  ["members beside the rules are sent back", "varies_by_storage_class", "varies_by_storage_class"],
  ["a default that is told with the first rule only is no change", undefined, "undefined"],
])("%s, in the document and in its header", async (_, told, sentBack) => {
  const sent: Array<string> = [];
  let least: string | undefined = told;
  let document =
    "<LifecycleConfiguration><Rule><ID>foreign</ID></Rule><Further>1</Further></LifecycleConfiguration>";
  // No real store of these tests knows the header: Amazon alone has it.
  const endpoint = await serve(async (request, response) => {
    const body = await text(request);
    if (request.method === "PUT") {
      sent.push(String(request.headers[LEAST]));
      least = String(request.headers[LEAST] ?? "all_storage_classes_128K");
      document = body;
    }
    if (least !== undefined) response.setHeader(LEAST, least);
    response.end(document);
  });
  const { apply } = lifecycleOf(endpoint, "files");
  expect(await Effect.runPromise(apply(3))).toMatchObject({ outcome: "added" });
  expect(sent).toEqual([sentBack]);
  expect(document).toContain("<Further>1</Further>");
  expect(document).toContain("<ID>foreign</ID>");
});

const LEAST = "x-amz-transition-default-minimum-object-size";

/** A bucket with one rule of somebody else's; `keep` makes of a new document what it keeps. */
async function startDouble(keep: (body: string) => string, rules = FOREIGN) {
  let least = "varies_by_storage_class";
  const endpoint = await serve(async (request, response) => {
    const body = await text(request);
    if (request.method === "PUT") {
      rules = /<Rule>.*<\/Rule>/.exec(keep(body))?.[0] ?? "";
      least = String(request.headers[LEAST]);
    }
    response.setHeader(LEAST, least);
    response.end(`<LifecycleConfiguration>${rules}</LifecycleConfiguration>`);
  });
  const { apply } = lifecycleOf(endpoint, "files", true);
  return { apply, rules: () => rules, least: () => least };
}

const lifecycleOf = (endpoint: string | URL, bucket: string, removesParts = false) =>
  s3Lifecycle(s3Bucket(endpoint, { ...server, bucket }), { removesParts });
