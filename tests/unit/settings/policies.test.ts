import * as Duration from "effect/Duration";
import * as Result from "effect/Result";
import { expect, it } from "vitest";
import { completePolicies, type PolicyStore } from "../../../adapters/service/policies/document.ts";
import { snakeCase } from "../../../adapters/values/names.ts";
import { read } from "../../../adapters/service/policies/settings.ts";
import { readStore } from "../../../adapters/service/settings.ts";
import { variables } from "../../../adapters/settings/source.ts";
import { type Ability, abilitiesWithout } from "../../../application/ports/abilities.ts";
import { defaultPolicy, UploadPolicy } from "../../../domain/upload-policy.ts";
import { configurationPage } from "../../support/configuration-page.ts";

const MIB = 2 ** 20;

/** A store that can do everything but this, for files of up to 100 MiB. */
const ableWithout = (...lacks: ReadonlyArray<Ability>) => ({
  abilities: abilitiesWithout(...lacks),
  limits: { largestPut: 50 * MIB, largestMultipart: 100 * MIB },
});
const ABLE = ableWithout();
const ALL_SET = {
  max_size: 100 * MIB,
  write_once: true,
  require_checksum: true,
  on_mismatch: "delete",
};

/** An upload that nobody can read before its scan. */
const WAITS = { arrival: "incoming" };

/** An upload of a tool that has credentials. */
const TOOLS = { ...WAITS, credentials: true, require_checksum: false };

const readOn = (store: PolicyStore, members: object) =>
  completePolicies(
    { files: { ...ALL_SET, ...members } },
    { files: defaultPolicy, store, spelling: "document", hasClamd: true },
  );
const faultsOn = (store: PolicyStore, members: object = {}) =>
  Result.match(readOn(store, members), {
    onSuccess: () => [],
    onFailure: (faults) => faults.map(({ pointer, reason }) => `${pointer}: ${reason}`),
  });

it("a policy is taken whole by a store that can do all that it sets", () => {
  expect(Result.getOrThrow(readOn(ABLE, {})).get("files")).toEqual({
    ...defaultPolicy,
    maxSize: 100 * MIB,
    writeOnce: true,
    requireChecksum: true,
    onMismatch: "delete",
  });
  const kept = readOn(ABLE, { on_mismatch: "keep", write_once: true });
  expect(Result.getOrThrow(kept).get("files")?.onMismatch).toBe("keep");
});

const PUBLIC_KEY = "orgs/{organization}/public/{subject}/{id}{extension}";

it.each<[string, object, RegExp]>([
  [
    "whose key is elsewhere",
    { public: true, key: "orgs/{organization}/a/{id}{extension}" },
    /key: it does not begin/,
  ],
  [
    "that is not public, with a key among public files",
    { key: PUBLIC_KEY },
    /key: it has the folder public, in which everybody can read/,
  ],
  [
    "that is not public, with such a folder further down, which rules of buckets would open too",
    { key: "orgs/{organization}/albums/public/{id}{extension}" },
    /key: it has the folder public/,
  ],
  [
    "with types that browsers execute",
    { public: true, allowed_types: ["image/png", "image/svg+xml", "text/html"] },
    /allowed_types: it has image\/svg\+xml, text\/html, which browsers execute/,
  ],
  ["whose switch is a word", { public: "yes" }, /public: it is neither true nor false/],
])("a policy %s is refused at the start", (_, members, reason) => {
  const faults = faultsOn(ABLE, members);
  expect(faults).toHaveLength(1);
  expect(faults[0]).toMatch(reason);
});

it("a public policy whose uploads anybody can read at once needs a store that binds their type", () => {
  const store = ableWithout("bound type");
  const isPublic = { public: true, write_once: false };
  expect(faultsOn(store, isPublic)).toEqual([
    expect.stringMatching(/public: .* needs arrival incoming/),
  ]);
  expect(faultsOn(store, { ...isPublic, arrival: "incoming" })).toEqual([]);
});

it.each<[string, Record<string, string>, number]>([
  ["calls of IAM, which strangers would use up", {}, 1],
  ["a key of HMAC", { STORAGE_ACCESS_KEY: "GOOGKEY", STORAGE_SECRET_KEY: "a-secret-of-tests" }, 0],
  ["calls of IAM, behind a CDN", { CDN_URL: "https://cdn.example.com" }, 0],
])("public files at Google, signed by %s", (_, env, faults) => {
  const store = {
    STORAGE_ADAPTER: "gcs",
    STORAGE_BUCKET: "files",
    STORAGE_POLICIES: JSON.stringify({ avatars: { public: true, arrival: "incoming" } }),
  };
  const read = readStore({ ...store, ...env });
  const problems = Result.isFailure(read) ? read.failure.map(({ problem }) => `${problem}`) : [];
  expect(problems.filter((problem) => problem.includes("a call to IAM"))).toHaveLength(faults);
});

/** Returns the folders of the policy `other`, and whether it takes PDF. */
const besideFiles = (files: object, other: object) => {
  const policies = completePolicies(
    { files, other },
    { files: defaultPolicy, store: ABLE, spelling: "document", hasClamd: true },
  );
  const { key, allowedTypes } = Result.getOrThrow(policies).get("other") ?? defaultPolicy;
  return [key.join("/"), allowedTypes.includes("application/pdf" as never)];
};

it("a public policy has folders of its own, and no type that browsers execute, and passes on neither", () => {
  expect(besideFiles({}, { public: true })).toEqual(["public/{year}/{month}", false]);
  expect(besideFiles({}, { public: true, key: PUBLIC_KEY })).toEqual(["public/{subject}", false]);
  expect(besideFiles({ key: "orgs/{organization}/a/{id}{extension}" }, { public: true })).toEqual([
    "public/{year}/{month}",
    false,
  ]);
  expect(besideFiles({ public: true, key: PUBLIC_KEY }, {})).toEqual(["public/{subject}", false]);
  expect(besideFiles({ public: true, key: PUBLIC_KEY }, { public: false })[0]).toBe(
    "files/{year}/{month}",
  );
});

it("a public policy is refused whose inherited types are all of those that browsers execute", () => {
  const document = { files: { allowed_types: ["application/pdf"] }, other: { public: true } };
  const place = { store: ABLE, spelling: "document", hasClamd: true } as const;
  const read = completePolicies(document, { files: defaultPolicy, ...place });
  expect(JSON.stringify(read)).toContain("it has application/pdf, which browsers execute");
});

it("tags are read where no upload can set them, and a policy can be without a scan", () => {
  expect(faultsOn(ABLE, { ...WAITS, scan: "tags" })).toEqual([]);
  expect(faultsOn(ABLE, { scan: "none" })).toEqual([]);
});

it.each<[string, PolicyStore, object, string]>([
  [
    "a byte too large",
    ABLE,
    { max_size: 100 * MIB + 1 },
    "max_size: it is more than 100 MiB (104857600 bytes)",
  ],
  ["write_once", ableWithout("write-once"), {}, "write_once: it is true, and this store cannot"],
  [
    "checksums",
    ableWithout("sha256", "crc32c", "md5"),
    {},
    "require_checksum: it is true, and this store verifies none",
  ],
  ["on_mismatch", ableWithout("versions"), {}, "on_mismatch: it is delete, and this store cannot"],
  [
    "a removal of what is a file at once",
    ABLE,
    { unconfirmed_after: "3 days" },
    'unconfirmed_after: it is set, and needs arrival "incoming"',
  ],
  [
    "a removal while it can be confirmed",
    ABLE,
    { ...WAITS, put_lifetime: "1 day", unconfirmed_after: "2 days" },
    "unconfirmed_after: it is not longer than an upload can take",
  ],
  ["a scan of what can be read", ABLE, { scan: "clamd" }, "scan: it is set, and needs arrival"],
  [
    "a scan of what can be replaced",
    ABLE,
    { ...WAITS, scan: "clamd", write_once: false },
    "scan: it is set, and needs arrival incoming, and write_once",
  ],
  [
    "tags that an upload can set",
    ableWithout("scan tags"),
    { ...WAITS, scan: "tags" },
    "scan: it is tags, and with this store an upload could set them",
  ],
  [
    "more than clamd scans",
    { ...ABLE, limits: { largestPut: 4 * 2 ** 30 } },
    { ...WAITS, scan: "clamd", max_size: 2 ** 31 },
    "max_size: it is more than the 2 GiB (2147483647 bytes) that clamd scans",
  ],
  ["no copies", ableWithout("copies"), WAITS, "arrival: it is incoming, and this store"],
  [
    "a grant that all can read",
    ABLE,
    { announce: true },
    "announce: it is true, and needs arrival",
  ],
  [
    "credentials for what all can read",
    ABLE,
    { ...TOOLS, arrival: "direct" },
    'credentials: it is true, and needs arrival "incoming"',
  ],
  ["no grant of tools", ABLE, { ...TOOLS, announce: true }, "credentials: it is true, and tools"],
  ["public files of tools", ABLE, { ...TOOLS, public: true }, "credentials: it is true, and tools"],
  [
    "checksums of tools",
    ABLE,
    { ...TOOLS, require_checksum: true },
    "credentials: it is true, and tools send neither",
  ],
  [
    "credentials that reach more",
    ableWithout("scoped credentials"),
    TOOLS,
    "credentials: it is true, and this store is not known to give out",
  ],
  [
    "credentials that no store makes so short",
    ABLE,
    { ...TOOLS, put_lifetime: "899 seconds" },
    "put_lifetime: it is less than 15 minutes",
  ],
])("a policy is refused for %s, and for nothing else", (_, store, members, fault) => {
  expect(faultsOn(store, members)).toEqual([expect.stringContaining(`/files/${fault}`)]);
});

it("a removal a second after the last confirmation is accepted", () => {
  const put_lifetime = Duration.toSeconds(Duration.days(1)) - 1;
  const members = { put_lifetime: `${put_lifetime} seconds`, unconfirmed_after: "2 days" };
  expect(faultsOn(ABLE, { ...WAITS, ...members })).toEqual([]);
});

const faultOf = (spelling: "document" | "option", name: string) => {
  const place = { files: defaultPolicy, store: ABLE, spelling, hasClamd: false };
  return Result.getFailure(completePolicies({ films: { [name]: [{}] } }, place));
};

it.each(Object.keys(UploadPolicy.fields))(
  "the member %s is read from documents and from options, and explained on the page",
  (member) => {
    const inDocument = snakeCase(member);
    for (const [spelling, name] of [
      ["document", inDocument],
      ["option", member],
    ] as const) {
      const reason = expect.stringMatching(/^it is n(?:ot an? |either )(?!known)/);
      const fault = { pointer: `/films/${name}`, reason };
      expect(faultOf(spelling, name)).toMatchObject({ value: [fault] });
    }
    expect(configurationPage()).toMatch(
      new RegExp(
        `^- \\*\\*\`${inDocument}\`\\*\\*${inDocument === member ? "" : ` \\(\`${member}\`\\)`}: \\S.{20}`,
        "m",
      ),
    );
  },
);

it("a key that is no template is refused with its place, and with what it may be", () => {
  expect(faultsOn(ABLE, { key: "orgs/{organization}/../{id}{extension}" })).toEqual([
    expect.stringMatching(
      /^\/files\/key: it is not a template such as .*\{id\} are 1 to 8 folders/,
    ),
  ]);
});

it("the key and the organizations of a policy are those of files, unless it has its own", () => {
  const key = "orgs/{organization}/papers/{id}{extension}";
  const own = "orgs/{organization}/films/{year}/{id}{extension}";
  const read = completePolicies(
    {
      files: { key, organizations: ["acme"] },
      notes: {},
      films: { key: own, organizations: ["b.c"] },
    },
    { files: defaultPolicy, store: ABLE, spelling: "document", hasClamd: false },
  );
  const policies = [...Result.getOrThrow(read).values()];
  expect(policies.map((policy) => [policy.key, policy.organizations])).toEqual([
    [["papers"], ["acme"]],
    [["papers"], ["acme"]],
    [["films", "{year}"], ["b.c"]],
  ]);
});

it.each(["0 days", "3651 days"])("unconfirmed_after of %s is refused", (unconfirmed_after) => {
  expect(faultsOn(ABLE, { unconfirmed_after })).toEqual([
    '/files/unconfirmed_after: it is not a number of whole days such as "3 days"',
  ]);
  expect(faultsOn(ABLE, { ...WAITS, unconfirmed_after: "3650 days" })).toEqual([]);
});

it.each(["Staff", "-staff", "staff_"])("a policy cannot be named %s", (name) => {
  const read = completePolicies(
    { [name]: {} },
    { files: defaultPolicy, store: ABLE, spelling: "option", hasClamd: false },
  );
  expect(Result.getFailure(read)).toMatchObject({ value: [{ pointer: `/${name}` }] });
});

it.each<[string, PolicyStore, string]>([
  [
    "that takes parts",
    ABLE,
    "must be at most 100 MiB (104857600 bytes): this store takes no larger files",
  ],
  [
    "without parts",
    ableWithout("multipart"),
    "must be at most 50 MiB (52428800 bytes): a single PUT to this store carries no more",
  ],
])(
  "STORAGE_MAX_FILE_SIZE beyond what a store %s takes is refused with why",
  (_, store, problem) => {
    expect(
      Result.getFailure(read(variables({ STORAGE_MAX_FILE_SIZE: "101" }), store)),
    ).toMatchObject({ value: [{ setting: { variable: "STORAGE_MAX_FILE_SIZE" }, problem }] });
  },
);
