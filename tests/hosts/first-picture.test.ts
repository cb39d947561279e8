import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";
import { FRAMEWORKS } from "../support/build-create.ts";
import { launchChromium } from "../support/chromium.ts";
import { freePort } from "../support/free-port.ts";
import { isFullRun } from "../support/full-run.ts";
import { makeFolder } from "../support/make-folder.ts";
import { need } from "../support/need.ts";
import { packed } from "../support/packed.ts";
import { removePicture, uploadPicture } from "./person.ts";

// What a newcomer does: the command in a terminal, the address that it ends with in a browser, and
// the first picture. How long each takes is printed, and is no promise.

const chromium = await need("chromium");
const { tarball = "" } = (await need("createPackage")) ?? {};
const QUICK = ["hono"];

it.skipIf(chromium === undefined).each(isFullRun ? FRAMEWORKS : QUICK)(
  "%s has a page for the first picture, at the address that the command ends with",
  async (framework) => {
    const PORT = String(await freePort());
    const options = ["--framework", framework, "--store", "embedded", "--policy", "images"];
    const command = ["npm", "exec", "--yes", `--package=${tarball}`, "--", "create-valetkey"];
    command.push("my-app", ...options, "--valetkey", await packed());
    const began = performance.now();
    // `script` gives the command a terminal.
    const child = spawn("script", ["-qec", command.join(" "), "/dev/null"], {
      cwd: makeFolder(),
      // With all that npm is told by this machine's environment.
      env: { ...process.env, PORT },
      stdio: ["pipe", "pipe", "inherit"],
    });
    const closed = once(child, "close");
    let said = "";
    const address = new Promise<string>((resolve, reject) => {
      child.stdout.on("data", (chunk: Buffer) => {
        said += chunk;
        const [, last] = /passed, 0 failed[^]*\n {4}(http:\S+)\s+$/.exec(said) ?? [];
        if (last !== undefined) resolve(last);
      });
      void closed.then(() => reject(new Error(`it ended: ${said}`)));
    });
    const browser = await launchChromium(chromium);
    try {
      const page = await browser.newPage();
      await page.goto(await address, { waitUntil: "networkidle" });
      await uploadPicture(page);
      const seconds = Math.round((performance.now() - began) / 1000);
      process.stdout.write(`${framework}: ${seconds} s from the command to a confirmed picture\n`);
      await removePicture(page);
    } finally {
      await browser.close();
      child.stdin.write("\u0003");
      await closed;
    }
    const answers = async () => (await fetch(await address).catch(() => undefined)) !== undefined;
    await expect.poll(answers).toBe(false);
  },
);
