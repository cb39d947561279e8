import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { configRows } from "../../../adapters/cli/config.ts";
import { valetkey as run } from "../../support/command-line.ts";
import { makeFolder } from "../../support/make-folder.ts";

/** Runs `valetkey` as a person does, and gives all that it writes. */
async function valetkey(line: string, env?: Readonly<Record<string, string>>) {
  const { code, stdout, stderr } = await run(line === "" ? [] : line.split(" "), env);
  return { code, stdout, output: stdout + stderr };
}

const COMMANDS = [
  "certify",
  "serve",
  "config",
  "doctor",
  "cors",
  "lifecycle",
  "forget",
  "move",
  "policy",
  "events list",
  "events show",
  "events resend",
  "events drop",
  "token create",
  "token list",
  "token revoke",
];

it.each(["", "help", "--help", "-h", "--verbose --help"])(
  "valetkey %j lists the commands and ends with 0",
  async (line) => {
    const { code, output } = await valetkey(line);
    for (const name of COMMANDS) expect(output).toContain(`valetkey ${name} `);
    expect(code).toBe(0);
  },
);

it.each(COMMANDS.flatMap((name) => [`${name} --help`, `${name} -h`, `help ${name}`]))(
  "valetkey %s explains the command, does nothing and ends with 0",
  async (line) => {
    const { code, output } = await valetkey(line);
    expect(output).toMatch(/^Usage: valetkey [a-z ]+(?:(?:ENDPOINT|ID|KEY) )?\[options\]\n/);
    expect(output).toContain(COMMANDS.find((name) => line.includes(name)));
    expect(code).toBe(0);
  },
);

it("every mistake is named at once, with the values that are allowed", async () => {
  const line = "token create --kind robot --expires --scope read --scope delete --organisation=a b";
  const { code, output } = await valetkey(line);
  const [mistakes = ""] = output.split("\n\n");
  expect(mistakes.split("\n")).toEqual([
    "There is no option --organisation.",
    "There are too many arguments.",
    expect.stringMatching(/^--org is missing; it must be an organization's name, such as acme /),
    "--kind must be user or service.",
    "--scope must be write, read, confirm, list, remove or mine.",
    "--expires must be 90d, 12h, 30m or a date to come, such as 2027-01-31 (UTC).",
    expect.stringMatching(/^--file is missing, and AUTH_TOKENS_FILE is not set; /),
  ]);
  expect(output).toContain("--subject NAME");
  expect(code).toBe(64);
});

it.each([
  ["serve now", "There are too many arguments."],
  ["serve --port 80", "There is no option --port."],
  ["lifecycle --apply=yes", "--apply must be without a value."],
  ["token list --file --file", "--file must be the path of the file"],
  ["forget --org acme --subject ada --subject bob", "--subject may be given only once."],
  ["token revoke", "ID is missing; it must be the id of a token"],
  ["token", '"valetkey token" is not a command; these are:'],
  ["tokens list", '"valetkey tokens" is not a command; these are:'],
])("valetkey %s ends with 64: %s", async (line, problem) => {
  const { code, output } = await valetkey(line);
  expect(output).toContain(problem);
  expect(output).not.toMatch(/\n\s+at /);
  expect(code).toBe(64);
});

it("an argument is shown as text, whatever a terminal would do with it", async () => {
  const { output } = await valetkey("\u001b[2J\u202e");
  expect(output).toContain('"valetkey \\u001b[2J\\u202e" is not a command');
});

it("an argument that could be a token is not repeated", async () => {
  const secret = `vk_${"0".repeat(16)}_${"a".repeat(43)}`;
  for (const line of [`token ${secret}`, `token list ${secret}`, `token revoke a ${secret}`]) {
    const { code, output } = await valetkey(line);
    expect(output).not.toContain(secret);
    expect(code).toBe(64);
  }
});

it("valetkey --version prints the version", async () => {
  const { version } = JSON.parse(
    readFileSync(new URL("../../../package.json", import.meta.url), "utf8"),
  ) as { readonly version: string };
  expect(await valetkey("--version")).toMatchObject({ code: 0, output: `${version}\n` });
});

describe("a command in a container, where HOST is every address and PUBLIC_URL is not set", () => {
  const ENV = {
    HOST: "0.0.0.0",
    MAX_CONNECTIONS: "none",
    AUTH: "jwt",
    STORAGE_ADAPTER: "aws",
    STORAGE_PROVIDER: "aws",
    STORAGE_ACCESS_KEY: "signer",
    STORAGE_SECRET_KEY: "secret-of-the-store",
    STORAGE_POLICIES: '{"files": {"arrival": "incoming"}}',
  };
  it.each([
    ["cors --origin https://app.example", /^\{\n  "CORSRules": [^]*\n\}\n$/],
    ["policy", /^\{\n  "put": [^]*\n\}\n$/],
    ["policy diagnose", /^\{\n  "Version": [^]*\n\}\n$/],
    ["lifecycle", /^<LifecycleConfiguration [^\n]*<\/LifecycleConfiguration>\n$/],
  ])("valetkey %s runs, and writes its result alone to standard output", async (line, expected) => {
    expect(await valetkey(line, ENV)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(expected),
    });
  });

  it("valetkey cors asks for the origin of a page, which nothing tells", async () => {
    expect(await valetkey("cors", ENV)).toMatchObject({
      code: 64,
      output: expect.stringContaining("give --origin, or set CORS_ORIGINS or PUBLIC_URL"),
    });
    const { stdout } = await valetkey("cors", { ...ENV, PUBLIC_URL: "https://uploads.example" });
    expect(stdout).toContain('"https://uploads.example"');
  });
});

const ENV = {
  STORAGE_ADAPTER: "minio",
  STORAGE_ENDPOINT: "http://127.0.0.1:9000",
  STORAGE_ACCESS_KEY: "signer",
  STORAGE_SECRET_KEY: "secret-of-the-store",
  DEV_TOKEN: "secret-of-a-person",
  RECEIPT_KEYS: `2026:${"c2VjcmV0".repeat(8)}`,
  REDIS_URL: "redis://:secret-of-redis@127.0.0.1:6379",
  STORAGE_GCS_CREDENTIALS: '{"private_key": "secret-of-google"}',
  JWT_AUDIENCE: "not used",
};
const row = (variable: string, env: Readonly<Record<string, string>> = ENV) =>
  configRows(env).find((row) => row.variable === variable);

it("valetkey config shows what is set, what is a default, and what is set but not used", () => {
  expect(row("STORAGE_ENDPOINT")).toMatchObject({
    value: ENV.STORAGE_ENDPOINT,
    from: "variable",
  });
  expect(row("STORAGE_PATH_STYLE")).toMatchObject({ value: "on", from: "default" });
  expect(row("STORAGE_MAX_FILE_SIZE")).toMatchObject({ value: "10 MiB", from: "default" });
  expect(row("JWT_AUDIENCE")).toMatchObject({ from: "variable, not used" });
  expect(row("JWT_ISSUER")).toBeUndefined();
  expect(row("STORAGE_SIGNER")).toBeUndefined();
});

it("valetkey config shows no secret", () => {
  expect(row("STORAGE_SECRET_KEY")).toMatchObject({ value: "(hidden)", from: "variable" });
  expect(JSON.stringify(configRows(ENV))).not.toMatch(/secret-of|c2VjcmV0/);
});

it("valetkey config names the file that a key comes from", () => {
  const folder = makeFolder();
  const file = join(folder, "key.json");
  writeFileSync(file, JSON.stringify({ access_key: "in-file", secret_key: "secret-of-file" }));
  const rows = configRows({ STORAGE_ADAPTER: "minio", STORAGE_CREDENTIALS_FILE: file });
  expect(rows).toContainEqual({
    variable: "STORAGE_ACCESS_KEY",
    value: "in-file",
    from: `file ${file}`,
  });
  expect(JSON.stringify(rows)).not.toContain("secret-of-file");
});

it("valetkey config prints JSON for programs", async () => {
  const { code, output } = await valetkey("config --json");
  const { store, settings } = JSON.parse(output) as {
    readonly store: string;
    readonly settings: ReadonlyArray<unknown>;
  };
  expect(store).toContain("embedded");
  expect(settings).toContainEqual({ variable: "AUTH", value: "dev", from: "default" });
  expect(code).toBe(0);
});
