import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listen } from "../embed/host.ts";
import { freePort } from "../support/free-port.ts";
import { isFullRun } from "../support/full-run.ts";
import { need } from "../support/need.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";

// The programs that docs/generated-clients.md names, with clients that the commands of the page
// generate from the document of a running service.

const page = readFileSync(new URL("../../docs/generated-clients.md", import.meta.url), "utf8");

/** The commands of a section of the page, without the one that runs the program, and that one. */
function commandsOf(section: string) {
  const [, text = ""] = page.split(`## ${section}\n`);
  const commands = (/(?:^ {4}\S.*\n)+/m.exec(text)?.[0] ?? "").trim().split(/\n\s*/);
  return {
    // The generator and what the client needs are there already.
    generate: commands.slice(0, -1).filter((command) => !command.startsWith("pip install")),
    run: commands.at(-1)?.replace(/^VALETKEY=\S+ TOKEN=… (.*) photo\.png image\/png$/, "$1") ?? "",
  };
}

const CLIENTS = {
  Go: { example: "go-client", tool: await need("go") },
  ...(isFullRun ? { Python: { example: "python-client", tool: await need("pythonClient") } } : {}),
};

let service: ServiceProcess;
/** Before the service: the first confirmation is early, and the store of `lost.png` refuses. */
let proxy: string;
let isEarly = true;
const lengths: Array<string | undefined> = [];
beforeAll(async () => {
  service = await startProcess();
  const port = await freePort();
  proxy = `http://127.0.0.1:${port}`;
  const stop = await listen(port, async (request, response) => {
    const body = await text(request);
    if (request.url === "/refused") {
      lengths.push(request.headers["content-length"]);
      return void response.writeHead(403).end("the store's reason");
    }
    if (request.url?.endsWith("/confirm") && isEarly) {
      isEarly = false;
      const headers = { "Content-Type": "application/problem+json", "Retry-After": "0" };
      const early = {
        type: "about:blank",
        title: "Not ready",
        status: 202,
        detail: "Ask again.",
        code: "UPLOAD_PENDING",
        state: "copying",
      };
      return void response.writeHead(202, headers).end(JSON.stringify(early));
    }
    const answer = await fetch(service.address + request.url, {
      method: "POST",
      headers: {
        Authorization: request.headers.authorization ?? "",
        "Content-Type": "application/json",
      },
      body,
    });
    const told = await answer.text();
    const sent = body.includes("lost.png")
      ? told.replace(/"put_url":"[^"]+"/, `"put_url":"${proxy}/refused"`)
      : told;
    const headers = { "Content-Type": answer.headers.get("content-type") ?? "" };
    response.writeHead(answer.status, headers).end(sent);
  });
  return stop;
});
afterAll(() => service?.stop());

/** A command of the page, for the service of these tests. */
const here = (command: string) => command.replaceAll("http://127.0.0.1:8787", service.address);

describe.each(Object.entries(CLIENTS))("a client that is generated in %s", (name, language) => {
  const folder = mkdtempSync(join(tmpdir(), "valetkey-generated-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const sh = (command: string) => {
    const { tool = "" } = language;
    const env = { ...process.env, PATH: `${dirname(tool)}:${process.env["PATH"]}` };
    return promisify(execFile)("sh", ["-ec", command], {
      cwd: folder,
      env: { ...env, VALETKEY: proxy, TOKEN: service.token },
    });
  };
  const { generate, run } = commandsOf(name);

  it.skipIf(language.tool === undefined)(
    "compiles, uploads and confirms a file, and reads refusals of the service and the store",
    async () => {
      cpSync(new URL(`../../deploy/examples/${language.example}`, import.meta.url), folder, {
        recursive: true,
      });
      writeFileSync(join(folder, "photo.png"), "the bytes of a picture");
      expect(generate.length).toBeGreaterThan(0);
      for (const command of generate) await sh(here(command));
      isEarly = true;
      const { stdout } = await sh(`${run} photo.png image/png`);
      expect(isEarly).toBe(false);
      const got = await fetch(stdout.trim());
      expect([got.headers.get("content-type"), await got.text()]).toEqual([
        "image/png",
        "the bytes of a picture",
      ]);
      await expect(sh(`${run} photo.png text/html`)).rejects.toThrow(
        /One of \[.?image\/png.*please/,
      );
      writeFileSync(join(folder, "lost.png"), "lost");
      const refused = /The store answered 403: the store's reason/;
      await expect(sh(`${run} lost.png image/png`)).rejects.toThrow(refused);
      expect(lengths.at(-1)).toBe("4");
    },
    // Go compiles for minutes where it has compiled nothing before.
    600_000,
  );
});
