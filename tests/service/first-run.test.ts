import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { bundled } from "../support/bundled.ts";
import { CHILD_ENV } from "../support/child-env.ts";
import { freePort } from "../support/free-port.ts";
import { makeFolder } from "../support/make-folder.ts";
import { whereIs } from "../support/on-path.ts";
import { startProcess } from "../support/service-process.ts";

const PAGE = ["/", "/page.css", "/page.js", "/icon.svg", "/favicon.ico", "/client/client.js"];

it.each([
  ["info", []],
  ["debug", PAGE],
])(
  "with LOG_LEVEL=%s the log has of the page's own files %j, and all failures",
  async (level, shown) => {
    const { address, output, stop } = await startProcess({ LOG_FORMAT: "json", LOG_LEVEL: level });
    for (const path of PAGE) expect((await fetch(address + path)).status, path).toBe(200);
    for (const path of ["/client/other.js", "/nothing"]) {
      expect((await fetch(address + path)).status, path).toBe(404);
    }
    await stop();
    const lines = output()
      .split("\n")
      .filter((line) => line.includes('"message":"request"'));
    const paths = lines.map((line) => JSON.parse(line).path).filter((path) => path !== "/healthz");
    expect(paths).toEqual([...shown, "/client/other.js", "/nothing"]);
  },
);

const script = whereIs("script");
const TOKEN = crypto.randomUUID();

it.skipIf(script === undefined).each([
  ["a terminal", ""],
  ["a terminal whose log goes into a file", "> log"],
])("%s shows the address on a line of its own", async (_, redirection) => {
  const folder = makeFolder();
  const port = await freePort();
  const command = `exec ${process.execPath} ${await bundled("node")} ${redirection}`;
  const child = spawn(script ?? "", ["-qec", command, "/dev/null"], {
    cwd: folder,
    env: { ...CHILD_ENV, PORT: `${port}`, DEV_TOKEN: TOKEN },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const shown = text(child.stdout);
  await expect
    .poll(() =>
      fetch(`http://127.0.0.1:${port}/healthz`).then(
        ({ ok }) => ok,
        () => false,
      ),
    )
    .toBe(true);
  child.kill("SIGTERM");
  await once(child, "exit");
  expect((await shown).split("\r\n")).toContain(`  http://127.0.0.1:${port}/#token=${TOKEN}`);
});
