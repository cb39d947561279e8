import * as Effect from "effect/Effect";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { s3Cors } from "../../adapters/storage/s3/cors.ts";
import type { ProviderName } from "../../adapters/storage/s3/providers.ts";
import { corsRule } from "../../adapters/storage/gcs/rules.ts";
import { need } from "../support/need.ts";
import { s3Bucket } from "../support/s3-store.ts";
import { serve } from "../support/serve.ts";
import { snippetsOf } from "../support/snippets.ts";

const ORIGIN = "https://app.example.com";

const corsOf = (endpoint: string | URL, provider: ProviderName = "ceph") =>
  s3Cors(s3Bucket(endpoint), { provider, bucket: "files" });

/** Adds the rule for these origins, and gives the outcome or the reason of the failure. */
const apply = (endpoint: URL, ...origins: ReadonlyArray<string>) =>
  applyWith(endpoint, origins, false);

const applyWith = (endpoint: URL, origins: ReadonlyArray<string>, replace: boolean) =>
  Effect.runPromise(
    Effect.match(
      corsOf(endpoint).apply?.(origins, { replace }) ?? Effect.die("there are no rules"),
      {
        onSuccess: ({ outcome }): string => outcome,
        onFailure: ({ reason }) => reason,
      },
    ),
  );

/** A store's CORS rules, which it keeps as `keep` changes them; MinIO has none per bucket. */
async function store(initial: string, keep = (rules: string) => rules) {
  let rules = initial;
  const endpoint = await serve(async (request, response) => {
    const body = await text(request);
    if (request.method === "PUT") rules = keep(body.replaceAll(/<\/?CORSConfiguration[^>]*>/g, ""));
    if (request.method === "DELETE") rules = "";
    if (request.method === "GET" && rules === "") {
      response.writeHead(404).end("<Error><Code>NoSuchCORSConfiguration</Code></Error>");
    } else response.end(`<CORSConfiguration>${rules}</CORSConfiguration>`);
  });
  return { endpoint, rules: () => rules };
}

const FOREIGN = "<CORSRule><AllowedOrigin>https://foreign.example</AllowedOrigin></CORSRule>";

it("a rule for pages is added once, takes further origins, and others stay as they were", async () => {
  const { endpoint, rules } = await store(FOREIGN);
  expect(await apply(endpoint, ORIGIN)).toBe("added");
  expect(await apply(endpoint, ORIGIN)).toBe("there");
  expect(await apply(endpoint, ORIGIN, "https://b.example")).toBe("added");
  expect(rules().startsWith(FOREIGN)).toBe(true);
  expect(rules().split("<CORSRule>")).toHaveLength(3);
  expect(rules()).toContain("<AllowedOrigin>https://b.example</AllowedOrigin>");
});

const origin = (name: string) => `<AllowedOrigin>https://${name}.example</AllowedOrigin>`;

it.each([
  ["keeps names", String],
  ["drops them", (rules: string) => rules.replaceAll("<ID>valetkey</ID>", "")],
])(
  "another deployment of the bucket locks nobody out unless it says so, where a store %s",
  async (_, keep) => {
    const { endpoint, rules } = await store(FOREIGN, keep);
    expect(await apply(endpoint, "https://one.example")).toBe("added");
    expect(await apply(endpoint, "https://two.example")).toBe("added");
    expect(rules()).toContain(origin("one") + origin("two"));
    expect(await apply(endpoint, "https://one.example")).toBe("there");
    expect(rules().split("<CORSRule>")).toHaveLength(3);
    expect(await applyWith(endpoint, ["https://two.example"], true)).toBe("added");
    expect(rules()).not.toContain(origin("one"));
    expect(rules()).toContain(origin("two"));
    expect(rules()).toContain(FOREIGN);
  },
);

// Rules that a store loses, or writes otherwise, are in s3-lifecycle.test.ts: the same code keeps both.

const server = await need("minio");
it.skipIf(server === undefined)("a MinIO is told by its own variable", () => {
  const { rule, apply } = corsOf(server?.endpoint ?? "", "minio");
  expect(rule([ORIGIN, "https://b.example"])).toBe(
    `MINIO_API_CORS_ALLOW_ORIGIN=${ORIGIN},https://b.example\n`,
  );
  expect(apply).toBeUndefined();
});

it("the pages show what the command prints", () => {
  const snippets = snippetsOf("docs/troubleshooting.md");
  expect(JSON.parse(corsOf("http://127.0.0.1").rule([ORIGIN]))).toEqual(
    JSON.parse(snippets.get("cors.json") ?? ""),
  );
  expect(JSON.parse(corsRule([ORIGIN]))).toEqual(JSON.parse(snippets.get("gcs-cors.json") ?? ""));
});
