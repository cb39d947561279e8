import { randomBytes } from "node:crypto";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { Webhook } from "standardwebhooks";
import { beforeAll, expect, it } from "vitest";
import { SECRET } from "../events/backend.ts";
import { ask, upload } from "../support/ask.ts";
import { atTestEnd } from "../support/at-test-end.ts";
import { freePort } from "../support/free-port.ts";
import { installFromNpm } from "../support/installing.ts";
import { linkPackages } from "../support/kept-packages.ts";
import { makeFolder } from "../support/make-folder.ts";
import { need } from "../support/need.ts";
import { emptyProject, type Project } from "../support/project.ts";
import { startProcess } from "../support/service-process.ts";
import type { Needs } from "../support/setup.ts";
import { snippetsOf } from "../support/snippets.ts";
import { until } from "../support/until.ts";
import { APPLICATIONS, install, run } from "./applications.ts";

// The receivers of docs/receiving-events.md, and those that it leads to, each with a service that
// sends it an event.

const EXAMPLES = new URL("../../deploy/examples/receivers/", import.meta.url).pathname;
const page = readFileSync(new URL("../../docs/receiving-events.md", import.meta.url), "utf8");
const snippets = snippetsOf("docs/receiving-events.md");
const copied = new Map(
  globSync("*/*", { cwd: EXAMPLES }).map((path) => [
    basename(path),
    readFileSync(join(EXAMPLES, path), "utf8"),
  ]),
);

interface Receiver {
  readonly needs: keyof Needs | undefined;
  readonly start: (port: number) => string;
  readonly files?: Readonly<Record<string, string>>;
  readonly install?: string;
  readonly build?: string;
}

const inNode = (name: string): Receiver => ({ needs: undefined, start: () => `exec node ${name}` });

const RECEIVERS: Readonly<Record<string, Receiver>> = {
  "with-hono.ts": inNode("with-hono.ts"),
  "with-express.ts": inNode("with-express.ts"),
  "route.ts": inNode("next.ts"),
  "receiver.py": {
    needs: "uvicorn",
    start: (port) => `exec uvicorn receiver:app --port ${port}`,
  },
  "receiver.go": { needs: "go", start: () => "exec go run receiver.go" },
  "views.py": APPLICATIONS.django,
  "web.php": APPLICATIONS.laravel,
  "hooks_controller.rb": APPLICATIONS.rails,
  "HookController.java": APPLICATIONS.spring,
};

/** Stands for Next.js, which calls the handler of a route with a request. */
const NEXT = `
import { serve } from "@hono/node-server";
import { POST } from "./route.ts";
serve({ fetch: POST, port: 3000, hostname: "127.0.0.1" });
`;

let project: Project;
beforeAll(async () => {
  project = emptyProject();
  const packages = ["express@5.3.0"];
  await linkPackages(project.folder, packages.join(), () =>
    installFromNpm(["install", ...packages], { cwd: project.folder }),
  );
  for (const name of ["hono", "@hono/node-server", "standardwebhooks"]) project.link(name);
});

it("the page has the receivers that are tested here, and no others", () => {
  const all = [...snippets.keys(), ...copied.keys()];
  expect(all.toSorted()).toEqual(["receive.ts", ...Object.keys(RECEIVERS)].toSorted());
  const linked = [...page.matchAll(/examples\/receivers\/\w+\/([\w.-]+)/g)].map(([, name]) => name);
  expect(linked.toSorted()).toEqual([...copied.keys()].toSorted());
});

it.for(Object.entries(RECEIVERS))(
  "%s verifies what the service sends, handles each id once, and refuses all else",
  async ([name, receiver], { skip }) => {
    const { needs, files = {}, install: packages, build, start } = receiver;
    const command = needs === undefined ? process.execPath : String((await need(needs)) ?? "");
    if (command === "") return skip();
    const port = await freePort();
    const env = {
      ...process.env,
      PATH: `${dirname(command)}:${process.env["PATH"]}`,
      WEBHOOK_SECRET: SECRET,
    };
    let cwd = project.folder;
    if (copied.has(name)) {
      const own = (cwd = makeFolder());
      await install(packages ?? "true", { into: own, env });
      const code = copied.get(name)?.replaceAll("3000", String(port)) ?? "";
      for (const [file, text] of Object.entries({ ...files, [name]: code })) {
        writeFileSync(join(own, file), text);
      }
    } else {
      for (const [file, code] of [...snippets, ["next.ts", NEXT]] as const) {
        project.write(file, code.replaceAll("3000", String(port)));
      }
    }
    if (build !== undefined) await run(build, { cwd, env });
    const child = spawn("sh", ["-c", start(port)], {
      cwd,
      env,
      stdio: ["ignore", "pipe", "pipe"],
      // Some have a child of their own.
      detached: true,
    });
    const ended = once(child, "exit");
    atTestEnd(async () => {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
      await ended;
    });
    const output = { text: "", all: "" };
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (output.text += chunk));
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (output.all += chunk));
    const url = `http://127.0.0.1:${port}/hook`;
    await Promise.race([
      until("the receiver's start", () => fetch(url).then(() => true)),
      // Whoever waits for one that has ended waits for all of the time.
      ended.then(() => Promise.reject(new Error(`it ended: ${output.all}`))),
    ]);
    const lines = () => output.text.split("\n").filter((line) => /^(?:use|discard) /.test(line));

    const service = await startProcess({
      EVENTS_URL: url,
      EVENTS_SECRETS: `whsec_${randomBytes(24).toString("base64")},${SECRET}`,
      EVENTS_ALLOW_PRIVATE: "on",
    });
    const { receipt, key } = await upload(service);
    expect((await ask(service, "confirm", { receipt })).status).toBe(200);
    await until("the event", () => lines().length > 0);
    expect(lines()).toEqual([`use ${key}`]);
    expect(await service.stop()).toBe(0);

    const post = async (
      type: string,
      { id = "evt_1", secret = SECRET, age = 0, added = "" } = {},
    ) => {
      const body = JSON.stringify({ type, data: { key: "é" } });
      const at = new Date(Date.now() - age * 1000);
      const answer = await fetch(url, {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          "webhook-id": id,
          "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
          "webhook-signature": new Webhook(secret).sign(id, at, body),
        },
        body: body + added,
      });
      return answer.status;
    };
    const other = `whsec_${Buffer.alloc(24, "x").toString("base64")}`;
    expect(await post("upload.mismatched", { secret: other })).toBe(401);
    expect(await post("upload.mismatched", { age: 360 })).toBe(401);
    expect(await post("upload.mismatched", { age: -360 })).toBe(401);
    expect(await post("upload.mismatched", { added: " " })).toBe(401);
    expect((await fetch(url, { method: "POST", body: "{}" })).status).toBe(401);
    for (const _ of [1, 2]) expect(await post("upload.mismatched")).toBe(204);
    expect(await post("upload.new", { id: "evt_2" })).toBe(204);
    await until("the second line", () => lines().length > 1);
    expect(lines()).toEqual([`use ${key}`, "discard é"]);
  },
);
