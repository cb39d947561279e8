import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchChromium } from "../support/chromium.ts";
import { type Example, installExample, type StartedExample } from "../support/example.ts";
import { isFullRun } from "../support/full-run.ts";
import { need } from "../support/need.ts";
import { until } from "../support/until.ts";
import { POINT, PROBLEM, signIn, uploadTo } from "./guest.ts";
import { USED, useFromPage } from "./page.ts";
import { removePicture, uploadPicture } from "./person.ts";
import { putBehindProxy } from "./proxy.ts";

// Each example as `npm create valetkey` makes it, with the packed package, run by the commands of
// its README.

const minio = await need("minio");
const chromium = await need("chromium");

const MINIO = minio && {
  STORAGE_ENDPOINT: minio.endpoint,
  STORAGE_ACCESS_KEY: minio.accessKey,
  STORAGE_SECRET_KEY: minio.secretKey,
};
/** Those that refuse requests of pages that they do not take for their own. */
const CHECKS_ORIGINS: ReadonlySet<string> = new Set([
  "astro",
  "nextjs",
  "react-router",
  "sveltekit",
]);

const hasMinio = (name: string) => isFullRun || name === "node";

/**
 * The stores an example runs with: the embedded one, and the MinIO of its `.env`, which the code
 * that they have in common chooses.
 */
const storesOf = (name: string) =>
  Object.entries({
    "the embedded store": { STORAGE_ADAPTER: "local" },
    ...(hasMinio(name) ? { MinIO: MINIO && {} } : {}),
  });

/** Registers the tests of an example. Each that is built has a file, so that they run at once. */
export const testExample = (name: string) =>
  describe(`the example ${name}`, () => {
    let example: Example;
    beforeAll(async () => {
      example = await installExample(
        name,
        hasMinio(name) && MINIO ? { store: "minio", env: MINIO } : {},
      );
    }, 1_800_000);
    afterAll(() => example?.remove());

    it("the example compiles against the packed package", async () => {
      const options = isFullRun ? [] : ["--", "--skipLibCheck"];
      await example.run(["npm", "run", "check", ...options]);
    });

    describe.each(storesOf(name))("with %s", (_store, env?: Readonly<Record<string, string>>) => {
      let started: StartedExample;
      let cookie: string;
      beforeAll(async () => {
        if (env === undefined) return;
        started = await example.start(env);
        cookie = await signIn(started.address, "ann");
      });
      afterAll(() => started?.stop());
      const test = it.skipIf(env === undefined);

      test("a user who has not signed in gets no upload", async () => {
        const { status, problem } = await uploadTo(started.address, "acme").presign(5);
        expect([status, problem.code]).toEqual([401, "UNAUTHENTICATED"]);
      });

      test("a member of another organization gets no upload", async () => {
        const { status, problem } = await uploadTo(started.address, "globex", cookie).presign(5);
        expect([status, problem.code]).toEqual([404, "NOT_FOUND"]);
      });

      test("an upload of the host's user is confirmed, shown, and reported to the host", async () => {
        const upload = uploadTo(started.address, "acme", cookie);
        // More than the body parsers of hosts accept by default.
        const body = Buffer.concat([POINT, Buffer.alloc(2 ** 21)]);
        const { granted } = await upload.presign(body.length);
        expect((await upload.put(granted.put_url, Buffer.concat([body, POINT]))).status).toBe(403);
        expect((await upload.put(granted.put_url, body)).status).toBe(200);
        const confirmed = await upload.confirm(granted.receipt);
        expect(confirmed.status).toBe(200);

        const { key, get_url, file_url } = await confirmed.json();
        const got = await fetch(get_url);
        expect(got.headers.get("content-type")).toBe("image/png");
        expect(body.equals(await got.bytes())).toBe(true);
        expect(new URL(file_url).origin).toBe(started.address);
        const opened = await fetch(file_url, { headers: { Cookie: cookie } });
        expect(body.equals(await opened.bytes())).toBe(true);

        const attachments = await fetch(`${started.address}/attachments`, {
          headers: { Cookie: cookie },
        });
        expect(await attachments.json()).toMatchObject([
          { key, size: body.length, subject: "ann" },
        ]);
      });

      test("an upload in parts is aborted, and what was sent of it is gone", async () => {
        const { aborted, after } = await uploadTo(started.address, "acme", cookie).abort(5);
        expect([aborted.status, after.status]).toEqual([204, 400]);
      });

      // To another store, requests of a page do not pass the host; and Chromium lets no page of an
      // unknown address, as one by playwright is, ask another port of this machine.
      const embedded = env?.["STORAGE_ADAPTER"] === "local" ? it : undefined;
      embedded?.skipIf(chromium === undefined)(
        "a page sends a file in parts and a text, opens both, and removes them",
        async () => {
          const modules = join(example.folder, "node_modules");
          expect(await useFromPage(chromium, started.address, { modules })).toEqual(USED);
        },
      );

      it.skipIf(env === undefined || chromium === undefined)(
        "a person signs in on the page at /, uploads a picture, sees it in the list, and removes it",
        async () => {
          const browser = await launchChromium(chromium);
          try {
            const page = await browser.newPage();
            const complaints: Array<string> = [];
            page.on("pageerror", ({ message }) => complaints.push(message));
            await page.goto(started.address, { waitUntil: "networkidle" });
            await uploadPicture(page);
            const buffer = Buffer.from("two");
            const font = { name: "b.woff2", mimeType: "font/woff2", buffer };
            await page.locator(".uploads input").first().setInputFiles(font);
            await page.getByText("Files of this type are not accepted").first().waitFor();
            await removePicture(page);
            expect(complaints).toEqual([]);
          } finally {
            await browser.close();
          }
        },
      );

      test("the host answers its own routes, and not Valetkey", async () => {
        const { address } = started;
        expect((await fetch(`${address}/attachments`)).status).toBe(401);
        await expect(signIn(address, "eve")).rejects.toThrow("401");
        for (const path of ["/nowhere", "/api/v1/orgs/acme/members", "/login"]) {
          const answer = await fetch(`${address}${path}`);
          expect(answer.headers.get("content-type") ?? "", path).not.toContain(PROBLEM);
          expect([404, 405], path).toContain(answer.status);
        }
      });

      test("an invalid link is answered with 404 by Valetkey", async () => {
        const answer = await fetch(`${started.address}/f/none`);
        expect([answer.status, answer.headers.get("content-type")]).toEqual([404, PROBLEM]);
      });

      test("the doctor looks at the store of the host, and finds what is wrong with its key alone", async () => {
        // A busy machine may be too late for it.
        const said = await until("answers in time", async () => {
          const doctor = example.run(["npm", "run", "doctor"], env);
          const told = await doctor.then(({ stdout }) => stdout, String);
          return !told.includes("answer within") && told;
        });
        expect(said).toMatch(/[1-9]\d* passed, /);
        const failed = [...said.matchAll(/^FAILED +([^:]+):/gm)].map(([, check]) => check);
        // Of a MinIO whose root user signs.
        const ofMinio = new Set(["least privilege", "forged upload"]);
        expect(failed.filter((check = "") => !ofMinio.has(check))).toEqual([]);
        if (env?.["STORAGE_ADAPTER"] === "local") expect(failed).toEqual([]);
      });

      test("the host stops when it is told to, and has logged no secret", async () => {
        await started.stop();
        await expect(fetch(started.address)).rejects.toThrow();
        const output = started.output();
        expect(output).not.toMatch(/X-Amz-|v1\.[a-z0-9-]+\.[\w-]{20,}/);
        for (const secret of [cookie.split("=")[1], MINIO?.STORAGE_SECRET_KEY]) {
          if (secret !== undefined) expect(output).not.toContain(secret);
        }
        expect(output).not.toMatch(/error/i);
      });

      test("without DEV_LOGIN=on nobody can sign in as ann", async () => {
        const { address, stop } = await example.start({ ...env, DEV_LOGIN: "off" });
        await expect(signIn(address, "ann")).rejects.toThrow("401").finally(stop);
      });
    });

    const checked = isFullRun || CHECKS_ORIGINS.has(name) ? it : undefined;
    checked?.skipIf(chromium === undefined)(
      "a page does the same behind a proxy that ends TLS",
      async () => {
        const proxy = await putBehindProxy(example);
        const started = await example.start({ STORAGE_ADAPTER: "local" });
        try {
          const modules = join(example.folder, "node_modules");
          expect(await useFromPage(chromium, proxy.address, { modules })).toEqual(USED);
        } finally {
          await started.stop();
          await proxy.close();
        }
      },
    );
  });
