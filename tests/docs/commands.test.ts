import * as Result from "effect/Result";
import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readAll, settings } from "../../adapters/service/settings.ts";
import { makeFolder } from "../support/make-folder.ts";
import { snippetsOf } from "../support/snippets.ts";
import { certificateOf } from "../support/store-certificate.ts";

// What the pages have an operator type to start the service, typed into a shell that only looks at
// the variables: each configures a service that would start.

const ROOT = new URL("../..", import.meta.url).pathname;
const folder = makeFolder();

/** What a store of which the page asks for more than is known of it has proved. */
const certificate = join(folder, "certificate.json");
writeFileSync(certificate, JSON.stringify(certificateOf({ provider: "minio" })));

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const FILES: Readonly<Record<string, string>> = {
  "scanned.json": snippetsOf("docs/scan.md").get("scanned.json") ?? "",
  "datasets.json": snippetsOf("docs/temporary-credentials.md").get("datasets.json") ?? "",
  "videos.json": snippetsOf("docs/policies.md").get("videos.json") ?? "",
  ".minio-secret": "a-secret-of-the-tests",
  "tokens.json": JSON.stringify({ tokens: [] }),
  "upload-key.pub.pem": String(publicKey.export({ type: "spki", format: "pem" })),
  "/run/secrets/service-account.json": JSON.stringify({
    type: "service_account",
    client_email: "signer@project.iam.gserviceaccount.com",
    private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
  }),
};

const KNOWN: ReadonlySet<string> = new Set(settings.map(({ variable }) => variable));

const pages = ["README.md", ...globSync("docs/*.md", { cwd: ROOT })];
const commands = pages.flatMap((page) =>
  [...readFileSync(join(ROOT, page), "utf8").matchAll(/(?:^ {4}\S.*\n(?: {5,}.*\n)?)+/gm)]
    .map(([block]) => ({ page, command: block.replaceAll(/^ {4}/gm, "").trim() }))
    .filter(({ command }) => command.includes("=") && command.includes("npm start")),
);

it("the pages start the service in a dozen ways", () => {
  expect(commands.length).toBeGreaterThan(9);
});

it.each(commands)("$page: $command", ({ command }) => {
  // The reader's own secrets are left out in the pages, and their files are elsewhere.
  let script = command.replaceAll("…", "a-secret-of-the-tests");
  for (const [path, content] of Object.entries(FILES)) {
    const file = join(folder, path.replaceAll("/", "-"));
    writeFileSync(file, content);
    script = script.replaceAll(path, file);
  }
  const printed = execFileSync("sh", ["-c", `npm() { [ "$1" != start ] || env; }\n${script}`], {
    cwd: ROOT,
    encoding: "utf8",
    env: {
      PATH: process.env["PATH"],
      MINIO_ROOT_USER: "valetkey",
      MINIO_ROOT_PASSWORD: "a-secret-of-the-tests",
    },
  });
  const variables = [...printed.matchAll(/^(\w+)=(.*)$/gm)].filter(([, name = ""]) =>
    KNOWN.has(name),
  );
  expect(variables.length).toBeGreaterThan(0);
  const env = Object.fromEntries(variables.map(([, name = "", value = ""]) => [name, value]));
  const read = readAll({
    RECEIPT_KEYS: `2026:${Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64")}`,
    ...(command.includes("datasets.json") && { STORAGE_CERTIFICATE: certificate }),
    ...env,
  });
  expect(Result.isFailure(read) ? read.failure : []).toEqual([]);
});
