import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { SECRET } from "../events/backend.ts";
import { CHILD_ENV } from "../support/child-env.ts";
import { makeFolder } from "../support/make-folder.ts";
import { need } from "../support/need.ts";
import { startProcess } from "../support/service-process.ts";
import { snippetsOf } from "../support/snippets.ts";
import { tryClient } from "./scenarios.ts";

// The Python package by a program of a few lines, which says itself what it can be asked for.

const checks = await need("pythonChecks");
const PACKAGE = new URL("../../clients/python/src", import.meta.url).pathname;
const ENVIRONMENT = { PYTHONPATH: PACKAGE, PYTHONDONTWRITEBYTECODE: "1" };
const python = join(dirname(checks ?? ""), "python");
const PROGRAM = new URL("python/program.py", import.meta.url).pathname;

for (const [name, ...options] of [["Python"], ["Python, for asyncio", "--async"]] as const) {
  const variables = Object.entries(ENVIRONMENT).map((each) => each.join("="));
  const build = async () => ["env", ...variables, python, PROGRAM, ...options];
  const isWayIn = options.length > 0;
  tryClient(name, checks !== undefined, build, { signals: ["SIGKILL", "SIGINT"], isWayIn });
}

/** Sends messages to the receiver of the page: one that is signed, twice, after one that is not. */
const RECEIVE = `
import asyncio, base64, hashlib, hmac, json, time
import httpx, receive

body = json.dumps({"type": "upload.confirmed", "timestamp": "", "data": {"key": "a-key"}}).encode()
at = str(int(time.time()))
mac = hmac.digest(receive.webhook._keys[0], b"evt_1." + at.encode() + b"." + body, hashlib.sha256)
signed = {"webhook-id": "evt_1", "webhook-timestamp": at,
          "webhook-signature": "v1," + base64.b64encode(mac).decode()}

async def main():
    transport = httpx.ASGITransport(app=receive.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
        for_each = [{}, signed, signed]
        print([(await client.post("/hook", content=body, headers=h)).status_code for h in for_each])

asyncio.run(main())
`;

it.skipIf(checks === undefined)(
  "the page of the Python package has programs that run as they are",
  async () => {
    const folder = makeFolder();
    const small = join(folder, "small.txt");
    writeFileSync(small, "hello");
    const service = await startProcess({
      STORAGE_POLICIES: JSON.stringify({ files: { link_lifetime: "1 day" } }),
    });
    const snippets = snippetsOf("clients/python/README.md");
    const env = {
      VALETKEY: service.address,
      DEV_TOKEN: service.token,
      WEBHOOK_SECRET: SECRET,
      LINKS: "on",
    };
    const outputs = new Map<string, string>();
    for (const [name, code] of snippets) {
      writeFileSync(join(folder, name), code);
      const isReceiver = name === "receive.py";
      const args = isReceiver ? ["-c", RECEIVE] : [name, ...(/argv/.test(code) ? [small] : [])];
      const { stdout } = await promisify(execFile)(python, args, {
        cwd: folder,
        env: { ...CHILD_ENV, ...ENVIRONMENT, ...env },
      });
      outputs.set(name, stdout);
    }
    expect([...outputs.keys()]).toHaveLength(6);
    const key = /orgs\/\S+\.txt/;
    for (const name of ["upload.py", "upload_async.py", "files.py", "presign.py"]) {
      expect(outputs.get(name)).toMatch(key);
    }
    expect(outputs.get("progress.py")).toBe("{'run': '4711'}\n");
    expect(outputs.get("files.py")).toMatch(/\nready\nhttp:\S+\nhttp:\S+\n$/);
    expect(outputs.get("receive.py")).toBe("use a-key\n[401, 204, 204]\n");
  },
);
