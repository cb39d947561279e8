import { SECRET } from "../events/backend.ts";
import { expect, it } from "vitest";
import { aws } from "../../adapters/embed/aws.ts";
import { events } from "../../adapters/embed/events.ts";
import { gcs } from "../../adapters/embed/gcs.ts";
import { createValetkey, type LogEntry, type ValetkeyOptions } from "../../adapters/embed/index.ts";
import { local } from "../../adapters/embed/local.ts";
import { minio } from "../../adapters/embed/minio.ts";
import { redis } from "../../adapters/embed/redis.ts";

/** The lines of the message that `make` throws. */
function complaints(make: () => unknown): ReadonlyArray<string> {
  try {
    make();
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    return String(error instanceof Error ? error.message : error)
      .trim()
      .split("\n")
      .map((line) => line.trim());
  }
  return [];
}

const create = (over: object) => () =>
  createValetkey({
    storage: local(),
    publicUrl: "https://app.example.com",
    organizations: (slug: string) => slug,
    ...over,
  } as ValetkeyOptions);

it.each([
  [{ publicUrl: undefined }, /^publicUrl must be set, for example https/],
  [{ publicUrl: "https://a.example/path" }, /^publicUrl must be an http or https URL without/],
  [{ basePath: "uploads/" }, /^basePath must be a path that begins with a slash and does not/],
  [{ basePath: "/a/../b" }, /^basePath must be a path/],
  [{ organizations: undefined }, /^organizations must be a function, for example \(slug/],
  [{ authenticate: "mia" }, /^authenticate must be a function$/],
  [{ receiptKeys: ["2026:short"] }, /^receiptKeys must be pairs of id:key, as a list;/],
  [{ receiptKeys: [""] }, /^receiptKeys must not be empty/],
  [{ corsOrigins: ["", "https://a.example"] }, /^corsOrigins must be origins .*, as a list/],
  [{ corsOrigins: ["", ""] }, /^corsOrigins must not be empty/],
  [{ corsOrigins: ["example.com"] }, /^corsOrigins must be origins .*, as a list/],
  [{ limits: { requestsPerSubject: "many" } }, /^limits\.requestsPerSubject must be a number of/],
  [{ limits: { bytesPerDay: "3 XB" } }, /^limits\.bytesPerDay must be a size with its unit/],
  [
    { limits: { bytesPerDy: 3 } },
    /^limits\.bytesPerDy is not an option; did you mean limits\.bytesPerDay\? The options are .*objectsPerDay/,
  ],
  [
    { polices: {} },
    /^polices is not an option; did you mean policies\? The options are .*organizations/,
  ],
  [{ policy: { maxSize: "10 Mb" } }, /^policy\.maxSize is neither a number of bytes nor text/],
  [{ policy: { maxSiz: 10 } }, /^policy\.maxSiz is not a known member; the members are .*maxSize/],
  [
    { policies: { avatars: { unconfirmedAfter: "3 days" } } },
    /^policies\.avatars\.unconfirmedAfter is set, and needs arrival "incoming"/,
  ],
  [{ policies: { a: { key: "a/{id}" } } }, /^policies\.a\.key is not a template such as "orgs/],
  [{ policies: { files: { maxSize: 1 } } }, /^policies\.files is set by policy; put it there$/],
  [{ policies: { "a b": {} } }, /^policies\.a b is not named by 1 to 63 lower-case letters/],
  [
    { storage: {} },
    /^storage must be what local\(\), aws\(\), minio\(\), gcs\(\) or azure\(\) gave/,
  ],
  [{ limits: { countIn: {} } }, /^limits\.countIn must be what redis\(\) gave/],
  [{ events: { to: () => 0 } }, /^events must be what events\(\) of valetkey\/events gave/],
])(
  "the invalid options %j are named as the host wrote them, with what they may be",
  (over, complaint) => {
    const lines = complaints(create(over));
    expect(lines.at(-1)).toMatch(complaint);
    expect(lines.join()).not.toMatch(/[A-Z]_[A-Z]/);
  },
);

it("createValetkey without options lists those that are required", () => {
  const lines = complaints(() => createValetkey(undefined as never));
  expect(lines.map((line) => line.split(" ")[0])).toEqual([
    "Valetkey",
    "organizations",
    "publicUrl",
    "storage",
  ]);
  expect(complaints(() => minio(undefined as never)).length).toBeGreaterThan(1);
});

it("createValetkey reports all invalid options at once", () => {
  const [first, ...others] = complaints(
    create({ publicUrl: "here", receiptKeys: ["x"], policy: { maxSize: -1 }, storage: {} }),
  );
  expect(first).toBe("Valetkey cannot be made: invalid options");
  expect(others.map((line) => line.split(" ")[0]).sort()).toEqual([
    "policy.maxSize",
    "publicUrl",
    "receiptKeys",
    "storage",
  ]);
});

it("a file of credentials is refused beside a key", () => {
  const keys = { secretKey: "secret", credentialsFile: "/none.json" };
  const endpoint = "http://127.0.0.1:9000";
  expect(complaints(() => minio({ endpoint, accessKey: "key", ...keys })).at(-1)).toMatch(
    /^credentialsFile must not be set beside accessKey/,
  );
  expect(complaints(() => gcs({ accessKey: "GOOG1E", ...keys })).at(-1)).toMatch(
    /^credentialsFile must be the only key that is given/,
  );
});

const ENDPOINT = "http://127.0.0.1:9000";
const MINIO = { endpoint: ENDPOINT, accessKey: "key", secretKey: "hidden" };
const to = () => 0;
const url = "https://a.example";

/** What reads its own options: the function, the options, and what is said of one of them. */
const MAKERS: ReadonlyArray<readonly [(options: never) => unknown, object, string]> = [
  [minio, { ...MINIO, endpoint: "9000" }, "endpoint must be an http or https URL"],
  [minio, { ...MINIO, accessKey: undefined }, "accessKey must be set where secretKey is"],
  [minio, { ...MINIO, secretKey: "" }, "secretKey must not be empty"],
  [minio, { ...MINIO, createBucket: "yes" }, "createBucket must be true "],
  [minio, { ...MINIO, bucketName: "files" }, "bucketName is not an option; did you mean bucket?"],
  [aws, { provider: "r2" }, 'account must be set for provider: "r2"'],
  [
    aws,
    { putRole: "arn:aws:iam::123456789012:role/put", putAccessKey: "key", putSecretKey: "hidden" },
    "putRole must not be set beside putAccessKey",
  ],
  [gcs, { accessKey: "AKIA", secretKey: "hidden" }, "accessKey must begin with GOOG"],
  [
    gcs,
    { credentials: { type: "service_account" } },
    "credentials cannot be used: its value has a fault: /client_email: it is missing",
  ],
  [local, { directory: "" }, "directory must not be empty"],
  [events, {}, "to or url must be set, and not both"],
  [events, { to, url, secrets: [SECRET] }, "to or url must be set, and not both"],
  [events, { to: "a" }, "to must be a function"],
  [events, { url }, "secrets must be set where url is"],
  [
    events,
    { url, secrets: ["whsec_hidden"] },
    "secrets must be random secrets of 24 to 64 bytes in base64 behind whsec_, as a list",
  ],
  [
    events,
    { url: "http://a.example", secrets: [SECRET] },
    "url must be https unless allowPrivate is true",
  ],
  [events, { to, directory: "" }, "directory must not be empty"],
  [events, { to, handler: to }, "handler is not an option; did you mean "],
  [redis, { url: "http://127.0.0.1" }, "url must be a redis or rediss URL"],
];

it.each(MAKERS.map(([make, options, said]) => ({ name: make.name, make, options, said })))(
  "$name() says by the names of its options: $said",
  ({ make, options, said }) => {
    const lines = complaints(() => make(options as never));
    expect(lines[0]).toMatch(/^\w+\(\) cannot be made: invalid options$/);
    expect(lines.at(-1)?.startsWith(said), lines.at(-1)).toBe(true);
    expect(lines.join()).not.toMatch(/[A-Z]_[A-Z]|hidden/);
  },
);

it("log messages about a store use the names of its options", async () => {
  const log: Array<LogEntry> = [];
  const valetkey = createValetkey({
    storage: minio({ endpoint: "http://127.0.0.1:9", accessKey: "key", secretKey: "secret" }),
    publicUrl: "https://app.example.com",
    organizations: (slug: string) => slug,
    log: (entry) => void log.push(entry),
  });
  await valetkey.openFile({ caller: { id: "mia" }, organization: "acme", key: "" }).catch(() => 0);
  const said = log.map(({ message }) => message).join();
  expect(said).toContain("putAccessKey and putSecretKey");
  expect(said).toContain("https://github.com/");
  expect(said).not.toMatch(/STORAGE_/);
  await valetkey.close();
});

it("an option name of the store's own client is answered with the name it has here", () => {
  const lines = complaints(() => aws({ accessKeyId: "key", secretAccessKey: "hidden" } as never));
  expect(lines.slice(1).map((line) => line.split("?")[0])).toEqual([
    "accessKeyId is not an option; did you mean accessKey",
    "secretAccessKey is not an option; did you mean secretKey",
  ]);
});

it("an option that is undefined counts as unset, also where its name is not known", async () => {
  const valetkey = create({
    polices: undefined,
    corsOrigins: undefined,
    limits: { bytesPerDay: undefined, bytesPerDy: undefined },
    policy: { maxSize: undefined },
    storage: local({ bucket: undefined, bucketName: undefined } as never),
  })();
  await valetkey.close();
});

it("an option is accepted as a number, a list or an object, where a variable is text", async () => {
  const valetkey = create({
    limits: { bytesPerDay: 1024, objectsPerDay: 3 },
    corsOrigins: ["https://a.example", "https://b.example"],
    publicUrl: new URL("https://app.example.com"),
  })();
  await valetkey.close();
  expect(complaints(create({ limits: { objectsPerDay: 0.5 } }))).toHaveLength(2);
  expect(complaints(create({ corsOrigins: ["https://a.example,https://b.example"] }))).toHaveLength(
    2,
  );
});
