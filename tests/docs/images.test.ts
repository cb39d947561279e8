import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { send } from "../../adapters/contract/sending/send.ts";
import { launchChromium } from "../support/chromium.ts";
import { freePort } from "../support/free-port.ts";
import { makePng } from "../support/make-png.ts";
import { need } from "../support/need.ts";
import { startProcess } from "../support/service-process.ts";
import { snippetsOf } from "../support/snippets.ts";
import { startThumbor } from "../support/thumbor.ts";

// docs/images.md, with its commands and its picture in a page.

const thumbor = await need("thumbor");
const chromium = await need("chromium");

/** The variables of the commands, on other ports. */
function variables(ports: Readonly<Record<string, string>>) {
  const commands = (snippetsOf("docs/images.md").get("thumbor.sh") ?? "")
    .replaceAll(/:(8787|8888)/g, (_, port: string) => `:${ports[port]}`)
    .replaceAll(/^(?:pip|thumbor) .*$/gm, "")
    .replace("npm start", "env");
  const printed = execFileSync("sh", ["-c", commands], { encoding: "utf8" });
  return Object.fromEntries(
    [...printed.matchAll(/^((?:IMAGES|STORAGE)\w*)=(.*)$/gm)].map(([, name, value]) => [
      name,
      value,
    ]),
  );
}

it.skipIf(thumbor === undefined || chromium === undefined)(
  "a page shows a picture in the width that it needs, by a link",
  async ({ onTestFinished }) => {
    const ports = { 8787: String(await freePort()), 8888: String(await freePort()) };
    const {
      IMAGES_SOURCE: source = "",
      IMAGES_FOLDER: _,
      ...env
    } = variables(ports) as Readonly<Record<string, string>>;
    const port = Number(ports[8888]);
    await startThumbor(thumbor ?? "", { key: env["IMAGES_KEY"] ?? "", source, port });
    const service = await startProcess({ ...env, PORT: ports[8787] });
    const headers = {
      Authorization: `Bearer ${service.token}`,
      "Content-Type": "application/json",
    };
    const ask = async (path: string, body: object) => {
      const url = `${service.address}/api/v1/orgs/acme/files/${path}`;
      const answer = await send("POST", url, { headers, body: JSON.stringify(body) });
      return JSON.parse(answer.body.toString());
    };
    const picture = makePng(1600, 800);
    const file = { filename: "a.png", content_type: "image/png", size: picture.length };
    const { put_url, put_headers, receipt } = await ask("presign", file);
    await send("PUT", put_url, { headers: put_headers, body: picture });
    const { link_url } = await ask("links", { receipt });

    const [, img = ""] =
      /^```html\n(.*?)^```$/ms.exec(readFileSync("docs/images.md", "utf8")) ?? [];
    const browser = await launchChromium(chromium);
    onTestFinished(() => browser.close());
    const page = await browser.newPage({ viewport: { width: 600, height: 400 } });
    await page.setContent(img.replaceAll("LINK", link_url));
    const shown = await page.evaluate(async () => {
      const [image = new Image()] = document.images;
      await image.decode();
      return [image.currentSrc, image.complete];
    });
    expect(shown).toEqual([`${link_url}?width=320`, true]);
    expect((await send("GET", `${link_url}?width=321`)).status).toBe(400);
    await page.setViewportSize({ width: 1600, height: 900 });
    await page.waitForFunction("document.images[0].currentSrc.endsWith('width=1280')");
  },
);
