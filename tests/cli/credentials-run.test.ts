import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { keepSession } from "../../adapters/cli/credentials/session.ts";
import { TOKEN } from "../http/service.ts";
import { startWithCredentials } from "../http/with-credentials.ts";
import { valetkey } from "../support/command-line.ts";
import { makeFolder } from "../support/make-folder.ts";
import { serve } from "../support/serve.ts";

// The service is real, and its store gives out credentials that only these tests know. Real tools
// and a real store are in credentials-tools.test.ts.

/** A service on a port, a folder for what the command keeps, and the command. */
async function start(...over: Parameters<typeof startWithCredentials>) {
  const service = await startWithCredentials(...over);
  let [asked, failures] = [0, 0];
  const { origin } = await serve(async (request, response) => {
    asked += 1;
    if (failures > 0) {
      failures -= 1;
      return void response.writeHead(503).end();
    }
    const { method = "", url = "", headers } = request;
    const body = await text(request);
    const { authorization = "" } = headers;
    const answer = await service.request(url, {
      method,
      headers: { authorization, "content-type": "application/json" },
      body,
    });
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    return void response.end(await answer.text());
  });
  const folder = makeFolder();
  const file = join(folder, "session.json");
  const told = join(folder, "told.json");
  const env = { VALETKEY_ENDPOINT: origin, VALETKEY_TOKEN: TOKEN, AWS_PROFILE: "own" };
  return {
    ...service,
    file,
    session: () => JSON.parse(readFileSync(file, "utf8")),
    /** Fails so many requests. */
    fail: (times: number) => (failures = times),
    requests: () => asked,
    run: (...args: ReadonlyArray<string>) =>
      valetkey(["credentials", "--org=acme", "--policy=tools", "--session", file, ...args], env),
    complete: () => valetkey(["credentials", "complete", file, "--org=acme"], env),
    /** A tool that tells its arguments and its environment, and then runs this. */
    tool: (script: string) => [
      process.execPath,
      "-e",
      `require("node:fs").writeFileSync(process.argv[1], JSON.stringify([process.argv.slice(2), process.env]));${script}`,
      told,
      "{uri}|{bucket}|{prefix}{other}",
    ],
    told: () => JSON.parse(readFileSync(told, "utf8")),
  };
}

it("a tool runs with credentials and without the token, and what it uploads is completed once it ends with 0", async () => {
  const { run, tool, told, file, session, put, listed, asked } = await start();
  const failed = await run("--", ...tool("process.exitCode = 3"));
  expect([failed.code, failed.stdout]).toEqual([3, ""]);
  expect(failed.stderr).toContain("ended with 3, so nothing was completed");
  expect(failed.stderr).not.toMatch(/a-secret-access-key|a-session-token/);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const { prefix } = session();
  const [args, env] = told();
  expect(args).toEqual([`s3://files/${prefix}|files|${prefix}{other}`]);
  expect(env).toMatchObject({
    AWS_ACCESS_KEY_ID: "an-access-key",
    AWS_SECRET_ACCESS_KEY: "a-secret-access-key",
    AWS_SESSION_TOKEN: "a-session-token",
    VALETKEY_PREFIX: prefix,
  });
  expect(env).not.toHaveProperty("VALETKEY_TOKEN");
  expect(env).not.toHaveProperty("AWS_PROFILE");
  await put(`${prefix}a.txt`);
  await put(`${prefix}b.exe`, "12345", "application/x-a");
  const killed = await run("--", ...tool("process.kill(process.pid, 'SIGKILL')"));
  expect(killed.code).toBe(137);
  expect(await listed("orgs/")).toEqual([]);
  const done = await run("--", ...tool(""));
  expect(done.code).toBe(1);
  expect(done.stdout).toMatch(/^a\.txt +https?:/);
  expect(done.stderr).toContain("b.exe: ");
  expect(done.stderr).toContain("1 file, 1 refused.");
  expect(asked).toHaveLength(1);
  expect(existsSync(file)).toBe(false);
  expect(await listed(prefix)).toEqual([]);
});

it("a tool that cannot be started is told as a shell tells it", async () => {
  const { run, file } = await start();
  expect((await run("--", "/no/such/tool")).code).toBe(127);
  expect((await run("--", file)).code).toBe(126);
});

it("credentials are asked for once, and their completion until it is answered", async () => {
  const { run, complete, file, session, put, fail, requests, asked, listed } = await start();
  fail(1);
  const refused = await run("--print=process");
  expect([refused.code, requests(), existsSync(file)]).toEqual([1, 1, false]);
  const printed = await run("--print=process");
  expect(JSON.parse(printed.stdout)).toMatchObject({ Version: 1, AccessKeyId: "an-access-key" });
  expect(asked).toHaveLength(1);
  await put(`${session().prefix}a.txt`);
  fail(1);
  const completed = await complete();
  expect(completed).toMatchObject({ code: 0, stdout: expect.stringMatching(/^a\.txt /) });
  expect(await listed("orgs/org_1/")).toHaveLength(1);
  expect(await complete()).toMatchObject({ code: 66 });
});

it("the file of a session stays while completing does not end", async () => {
  const { run, complete, file, session } = await start();
  await run("--print=env");
  const kept = session();
  writeFileSync(file, JSON.stringify({ ...kept, grant: "v2.other" }));
  const { code, stderr } = await complete();
  expect([code, existsSync(file)]).toEqual([1, true]);
  expect(stderr).not.toContain(kept.secret_access_key);
  // No file is written over, however late it came.
  writeFileSync(file, "");
  expect(() => keepSession(kept, file)).toThrow("cannot be written (EEXIST)");
  expect((await run("--print=env")).code).toBe(66);
  expect(readFileSync(file, "utf8")).toBe("");
});
