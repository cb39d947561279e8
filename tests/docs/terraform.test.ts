import { spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { CHILD_ENV } from "../support/child-env.ts";
import { commandPath } from "../support/command-path.ts";
import { makeFolder } from "../support/make-folder.ts";
import { receiptKey } from "../support/receipt-key.ts";

// The buckets of deploy/terraform allow what the commands print for such a store, and nothing else.

const ROOT = new URL("../..", import.meta.url).pathname;
const KEY = { STORAGE_ACCESS_KEY: "AKIAIOSFODNN7EXAMPLE", STORAGE_SECRET_KEY: "c2VjcmV0LWtleQ==" };
const WAITING = { STORAGE_POLICIES: '{"checked": {"arrival": "incoming"}}' };

/** Runs a command for a store; by `WAITING` some uploads wait and others do not. */
function command(name: string, env: Readonly<Record<string, string>>) {
  const RECEIPT_KEYS = `2026:${receiptKey("2026").toString("base64")}`;
  const all = { CORS_ORIGINS: "https://app.example.com", STORAGE_BUCKET: "my-bucket", ...env };
  return spawnSync(commandPath("node"), ["deploy/cli.ts", ...name.split(" ")], {
    cwd: ROOT,
    encoding: "utf8",
    env: { ...CHILD_ENV, RECEIPT_KEYS, ...all },
  });
}
const printed = (...asked: Parameters<typeof command>) => JSON.parse(command(...asked).stdout);

/** Without what the formatter decides, and with the names that the commands print. */
const stripped = (text: string) =>
  text
    .replaceAll(/^ *#.*$/gm, "")
    .replaceAll(/[\s,]/g, "")
    .replaceAll("var.origins", '["https://app.example.com"]')
    .replaceAll("${aws_s3_bucket.files.arn}", "arn:aws:s3:::my-bucket")
    .replaceAll("${local.objects}", "projects/_/buckets/my-bucket/objects")
    .replaceAll("${var.subscription_id}", "SUBSCRIPTION");

const fileOf = (cloud: string) =>
  stripped(readFileSync(join(ROOT, `deploy/terraform/${cloud}/main.tf`), "utf8"));

/** Writes a value as HCL does. */
function hcl(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(hcl).join("")}]`;
  if (typeof value !== "object" || value === null) return stripped(JSON.stringify(value));
  return `{${attributes(value)}}`;
}

const attributes = (members: object): string =>
  Object.entries(members)
    .map(([name, value]) => `${/^\w+$/.test(name) ? name : JSON.stringify(name)}=${hcl(value)}`)
    .join("");

/** Renames members such as AllowedOrigins as Terraform names its arguments. */
const renamed = (members: object) =>
  Object.fromEntries(
    Object.entries(members).map(([name, value]) => [
      name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").toLowerCase(),
      value,
    ]),
  );

/** The rules of S3's lifecycle, which is XML. */
const rulesIn = (xml: string) =>
  [...xml.matchAll(/<Rule><ID>([\w-]+)<.*?<Prefix>(.*?)<.*?<\/Rule>/g)].map(
    ([rule, id = "", prefix = ""]) => {
      const days = (name: string) => Number(new RegExp(`<${name}>(\\d+)<`).exec(rule)?.[1]);
      return { id, prefix, days };
    },
  );

it("Amazon's bucket has the rules, and its three keys the policies, that the commands print", () => {
  const file = fileOf("aws");
  const env = { STORAGE_ADAPTER: "aws", STORAGE_REGION: "eu-central-1", ...KEY, ...WAITING };
  expect(file).toContain(`policies=${hcl(printed("policy", env))}`);
  const [rule] = printed("cors", env).CORSRules;
  expect(file).toContain(`cors_rule${hcl(renamed(rule))}`);
  const rules = rulesIn(command("lifecycle", env).stdout).map(({ id, prefix, days }) => {
    const ends = `abort_incomplete_multipart_upload{days_after_initiation=${days("DaysAfterInitiation")}}`;
    const removes = `expiration{days=${days("Days")}}noncurrent_version_expiration{noncurrent_days=${days("NoncurrentDays")}}`;
    const what = prefix === "incoming/" ? removes + ends : ends;
    return `rule{id="${id}"status="Enabled"filter{prefix="${prefix}"}${what}}`;
  });
  expect(rules).toHaveLength(2);
  expect(file).toContain(`{bucket=aws_s3_bucket.files.id${rules.join("")}}`);
});

it("R2's bucket has the rules that the commands print, and a token for it alone", () => {
  const file = fileOf("r2");
  const account = "0123456789abcdef0123456789abcdef";
  const env = { STORAGE_ADAPTER: "aws", STORAGE_PROVIDER: "r2", STORAGE_ACCOUNT_ID: account };
  const [rule] = printed("cors", { ...env, ...KEY }).CORSRules;
  const { AllowedOrigins: origins, AllowedMethods: methods, AllowedHeaders: headers } = rule;
  const { id, expose_headers, max_age_seconds } = renamed(rule);
  const cors = { id, allowed: { origins, methods, headers }, expose_headers, max_age_seconds };
  expect(file).toContain(`rules=${hcl([cors])}`);
  const rules = rulesIn(command("lifecycle", { ...env, ...KEY }).stdout);
  const parts = rules.map(({ id, prefix, days }) => {
    const condition = { type: "Age", max_age: days("DaysAfterInitiation") * 24 * 60 * 60 };
    const transition = { abort_multipart_uploads_transition: { condition } };
    return { id, enabled: true, conditions: { prefix }, ...transition };
  });
  expect(file).toContain(`rules=${hcl(parts)}`);
  const bucket = "com.cloudflare.edge.r2.bucket.${var.account_id}_default_${var.bucket}";
  expect(file).toContain(`resources=jsonencode(${hcl({ [bucket]: "*" })})`);
});

it("Google's bucket has the rules, and its three accounts the roles, that the commands print", () => {
  const file = fileOf("google");
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const private_key = privateKey.export({ type: "pkcs8", format: "pem" });
  const credentials = join(makeFolder(), "key.json");
  const signer = { type: "service_account", client_email: "a@b.example", private_key };
  writeFileSync(credentials, JSON.stringify(signer));
  const env = { STORAGE_ADAPTER: "gcs", GOOGLE_APPLICATION_CREDENTIALS: credentials, ...WAITING };
  for (const key of ["put", "get", "service"]) {
    const { stdout, stderr } = command(`policy ${key}`, env);
    const { title, includedPermissions: permissions } = JSON.parse(stdout);
    const [, expression] = /,expression=(.*?)'/.exec(stderr) ?? [];
    const condition = expression === undefined ? [] : [expression];
    expect(file).toContain(`${key}=${hcl({ title, permissions, condition })}`);
  }
  const [rule] = printed("cors", env);
  expect(file).toContain(`cors${hcl(renamed(rule))}`);
  const rules = printed("lifecycle", env).rule.map(
    ({ action, condition }: Record<"action" | "condition", object>) =>
      `lifecycle_rule{action${hcl(action)}condition${hcl(renamed(condition))}}`,
  );
  expect(file).toContain(`${rules.join("")}}`);
  expect(file.split("lifecycle_rule{")).toHaveLength(rules.length + 1);
});

it("Azure's container has the rule, and its identity the role, that the commands print", () => {
  const file = fileOf("azure");
  const STORAGE_ENDPOINT = "https://account.blob.core.windows.net";
  const env = { STORAGE_ADAPTER: "azure", STORAGE_ENDPOINT, ...KEY, STORAGE_ACCESS_KEY: "account" };
  const { actions, not_actions, data_actions, not_data_actions, ...role } = renamed(
    printed("policy", { ...env, ...WAITING }),
  );
  const permissions = { actions, not_actions, data_actions, not_data_actions };
  const { description, assignable_scopes } = role;
  expect(file).toContain(
    `${attributes({ description })}permissions${hcl(permissions)}${attributes({ assignable_scopes })}}`,
  );
  const { stdout } = command("cors", env);
  const listOf = (option: string) =>
    new RegExp(`--${option} (.*?)(?: --|\n)`).exec(stdout)?.[1]?.split(" ");
  const cors = {
    allowed_origins: listOf("origins"),
    allowed_methods: listOf("methods"),
    allowed_headers: listOf("allowed-headers"),
    exposed_headers: listOf("exposed-headers"),
    max_age_in_seconds: Number(listOf("max-age")),
  };
  expect(file).toContain(`cors_rule${hcl(cors)}`);
});
