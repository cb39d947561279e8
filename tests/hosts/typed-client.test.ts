import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Example, installExample } from "../support/example.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";

// A client whose types are generated from the document that a running service serves.

let service: ServiceProcess;
let client: Example;
beforeAll(async () => {
  service = await startProcess();
  client = await installExample("typed-client");
  await client.run(["npm", "run", "generate", "--", `${service.address}/openapi.json`]);
});
afterAll(() => service?.stop());

const write = (name: string, text: string) => writeFileSync(join(client.folder, name), text);
const upload = (...args: ReadonlyArray<string>) =>
  client.run(["node", "upload.ts", ...args], { VALETKEY: service.address, TOKEN: service.token });

it("the typed client uploads a file", async () => {
  write("photo.png", "the bytes of a picture");
  const { stdout } = await upload("photo.png", "image/png");
  const got = await fetch(stdout.trim());
  expect(got.headers.get("content-type")).toBe("image/png");
  expect(await got.text()).toBe("the bytes of a picture");
});

it("the typed client knows the members of a refusal by its code", async () => {
  write("page.html", "<p>");
  await expect(upload("page.html", "text/html")).rejects.toThrow("One of image/png, ");
});

it("the typed client compiles, but for what uses a member that does not exist", async () => {
  write(
    "wrong.ts",
    `import createClient from "openapi-fetch";
import type { paths } from "./valetkey.d.ts";
const { error } = await createClient<paths>().POST("/api/v1/orgs/{slug}/files/presign", {
  params: { path: { slug: "acme" } },
  body: { filename: "a.png", content_type: "image/png", size: "5" },
});
console.log(error?.limit, error?.code === "INVALID_SIZE" && error.errors[1]?.pointer);
`,
  );
  const { message } = await client.run(["npm", "run", "check", "--", "--skipLibCheck"]).then(
    () => new Error("it compiles"),
    (cause: Error) => cause,
  );
  const places = [...message.matchAll(/(\S+\.ts)\((\d+),/g)].map(([, file, line]) => [file, line]);
  expect(places, message).toEqual([
    ["wrong.ts", "5"],
    ["wrong.ts", "7"],
  ]);
});
