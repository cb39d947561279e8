import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { devNull } from "node:os";
import { join } from "node:path";
import * as Schema from "effect/Schema";
import { expect, it } from "vitest";
import { makeAsk } from "../../adapters/cli/credentials/ask.ts";
import { environmentFor, FORMS } from "../../adapters/cli/credentials/forms.ts";
import { readSession, type Session } from "../../adapters/cli/credentials/session.ts";
import { valetkey } from "../support/command-line.ts";
import { makeFolder } from "../support/make-folder.ts";
import { serve } from "../support/serve.ts";

// What real tools make of them is in credentials-tools.test.ts.

const GRANT = {
  grant: "a-grant",
  expires_at: "2026-12-01T18:00:00.000Z",
  complete_until: "2026-12-02T18:00:00.000Z",
};
const PLACE = { bucket: "it's $HOME", prefix: 'incoming/"a b"/' };
const S3: Session = {
  kind: "s3",
  ...PLACE,
  ...GRANT,
  endpoint: "https://s3.example.com",
  region: "eu-central-1",
  path_style: false,
  access_key_id: "an-id",
  secret_access_key: "a`secret`'s \\ end",
  session_token: "a+token/=",
};

it("what --print env prints is what a shell reads, whatever is in it", () => {
  const script = `${FORMS.env(S3)}printf %s "$AWS_SECRET_ACCESS_KEY$VALETKEY_URI"`;
  const read = execFileSync("sh", ["-c", script], { encoding: "utf8" });
  expect(read).toBe(`${S3.secret_access_key}s3://it's $HOME/incoming/"a b"/`);
  expect(FORMS.duckdb(S3)).toContain("SECRET 'a`secret`''s \\ end',");
  expect(FORMS.aws(S3)).toContain("s3 = \n  addressing_style = virtual\n");
});

it("stores of Google and Azure have the forms that their tools read", () => {
  const gcs: Session = {
    kind: "gcs",
    ...PLACE,
    ...GRANT,
    endpoint: "https://g",
    access_token: "t",
  };
  const azure: Session = { kind: "azure", ...PLACE, ...GRANT, endpoint: "https://a", sas: "sv=1" };
  expect(FORMS.rclone(gcs)).toContain("\nendpoint = https://g/storage/v1/\n");
  expect(FORMS.rclone(azure)).toBeUndefined();
  expect(environmentFor(azure, { AZURE_STORAGE_KEY: "another" })).toEqual({
    AWS_CONFIG_FILE: devNull,
    AWS_SHARED_CREDENTIALS_FILE: devNull,
    AZURE_STORAGE_CONNECTION_STRING: "BlobEndpoint=https://a;SharedAccessSignature=sv=1",
    VALETKEY_BUCKET: PLACE.bucket,
    VALETKEY_PREFIX: PLACE.prefix,
    VALETKEY_URI: 'https://a/it\'s $HOME/incoming/"a b"/',
  });
  for (const form of ["aws", "boto3", "duckdb", "process"] as const) {
    expect([FORMS[form](gcs), FORMS[form](azure)]).toEqual([undefined, undefined]);
  }
});

const run = (...args: ReadonlyArray<string>) => valetkey(["credentials", ...args], ENV);
const ENV = { VALETKEY_ENDPOINT: "http://127.0.0.1:9", VALETKEY_TOKEN: "a-token" };

it("valetkey credentials wants a command or a form, and takes the command as it is", async () => {
  for (const args of [[], ["--print=env", "--", "true"]]) {
    const { code, stderr } = await run("--org=acme", ...args);
    expect([code, stderr]).toEqual([64, "Name a command after --, or a form with --print.\n"]);
  }
  const folder = makeFolder();
  const file = join(folder, "session.json");
  const words = ["--", "aws", "s3", "--help", "--org", "x", "--org", "y", "-h", "--policy"];
  const { code, stdout, stderr } = await run("--org=acme", "--session", file, ...words);
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr).toContain("http://127.0.0.1:9 does not answer (");
  expect(existsSync(file)).toBe(false);
  expect((await run("--help")).stdout).toContain("Usage: valetkey credentials -- COMMAND...");
  expect((await run("complete", "--help")).stdout).toContain("valetkey credentials complete FILE");
});

it("a file of --session that something else has written is named, and its content is not", async () => {
  const { code, stderr } = await run("complete", import.meta.filename, "--org=acme");
  expect([code, stderr]).toEqual([
    66,
    `${import.meta.filename} was not written by valetkey credentials --session.\n`,
  ]);
});

it("a call is repeated while the service is busy, and a refusal is told in its own words", async () => {
  const answers: Array<[number, object]> = [
    [503, { title: "The service is handling too many requests" }],
    [200, { value: 1 }],
    [404, { title: "Nothing", detail: "Nothing was found at this address." }],
    [200, { other: 1 }],
  ];
  const endpoint = await serve((request, response) => {
    const [status, body] = answers.shift() ?? [500, {}];
    request.resume();
    response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
  });
  const ask = makeAsk({ org: "acme", endpoint });
  const Answer = Schema.Struct({ value: Schema.Number });
  const asking = () => ask("credentials", {}, Answer);
  expect(await asking()).toEqual({ value: 1 });
  await expect(asking()).rejects.toThrow("Nothing was found at this address.");
  await expect(asking()).rejects.toThrow("something else than a Valetkey service does");
  expect(answers).toEqual([]);
});

it.each(["$(id)", "`id`", "a b", "--profile", "a;b", "a'b", 'a"b', "", "a\n"])(
  "a service that names a bucket or prefix %j is not believed, since shells read it",
  (name) => {
    const file = join(makeFolder(), "session.json");
    const session = { ...S3, bucket: "files", prefix: "incoming/credentials/org_1/a-b/" };
    writeFileSync(file, JSON.stringify(session));
    expect(readSession(file)).toEqual(session);
    for (const over of [{ bucket: name }, { prefix: name }]) {
      writeFileSync(file, JSON.stringify({ ...session, ...over }));
      expect(() => readSession(file)).toThrow("was not written by");
    }
  },
);
