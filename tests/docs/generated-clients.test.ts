import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
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
  Python: { example: "python-client", tool: await need("pythonClient") },
};

let service: ServiceProcess;
beforeAll(async () => {
  service = await startProcess();
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
      env: { ...env, VALETKEY: service.address, TOKEN: service.token },
    });
  };
  const { generate, run } = commandsOf(name);

  it.skipIf(language.tool === undefined)(
    "compiles, uploads and confirms a file, and reads a refusal",
    async () => {
      cpSync(new URL(`../../deploy/examples/${language.example}`, import.meta.url), folder, {
        recursive: true,
      });
      writeFileSync(join(folder, "photo.png"), "the bytes of a picture");
      expect(generate.length).toBeGreaterThan(0);
      for (const command of generate) await sh(here(command));
      const { stdout } = await sh(`${run} photo.png image/png`);
      const got = await fetch(stdout.trim());
      expect([got.headers.get("content-type"), await got.text()]).toEqual([
        "image/png",
        "the bytes of a picture",
      ]);
      await expect(sh(`${run} photo.png text/html`)).rejects.toThrow(
        /One of \[.?image\/png.*please/,
      );
    },
    // Go compiles for minutes where it has compiled nothing before.
    600_000,
  );
});
