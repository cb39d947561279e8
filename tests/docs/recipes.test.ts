import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { USED, useFromPage } from "../hosts/page.ts";
import { CHILD_ENV } from "../support/child-env.ts";
import { COMMANDS } from "../support/command-path.ts";
import { freePort } from "../support/free-port.ts";
import { isFullRun } from "../support/full-run.ts";
import { need } from "../support/need.ts";
import { type Project, projectWith } from "../support/project.ts";
import { snippetsOf } from "../support/snippets.ts";
import { until } from "../support/until.ts";

// The recipes of docs/embedding.md, each in the project of somebody who uses that host.

const snippets = snippetsOf("docs/embedding.md");
const RECIPES = [
  "with-express.ts",
  "with-fastify.ts",
  "with-nest.ts",
  "with-koa.ts",
  "with-deno.ts",
];

/** What somebody who uses NestJS has. */
const APP_MODULE = `
import { Controller, Get, Module } from "@nestjs/common";
@Controller()
class Hello {
  @Get("hello") hello() { return "hello"; }
}
@Module({ controllers: [Hello] })
export class AppModule {}
`;

/** As `nest new` writes it, with NestJS 12. */
const NEST = {
  compilerOptions: {
    module: "nodenext",
    moduleResolution: "nodenext",
    target: "ES2023",
    esModuleInterop: true,
    isolatedModules: true,
    emitDecoratorMetadata: true,
    experimentalDecorators: true,
    strict: true,
    skipLibCheck: true,
    outDir: "nest",
    types: ["node"],
  },
  files: ["with-nest.ts"],
};

const TSCONFIG = {
  compilerOptions: {
    target: "ES2024",
    module: "NodeNext",
    strict: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    types: ["node"],
  },
  // Nest compiles its own, and Deno has globals of its own.
  files: ["with-express.ts", "with-fastify.ts", "with-koa.ts"],
};

let project: Project;
beforeAll(async () => {
  project = await projectWith([
    "@nestjs/common@12.5.1",
    "@nestjs/core@12.5.1",
    "@nestjs/platform-express@12.5.1",
    "@types/express@5.0.6",
    "@types/koa@3.0.3",
    "express@5.3.0",
    "fastify@5.12.8",
    "koa@3.3.0",
    "reflect-metadata@0.2.2",
    "rxjs@7.8.2",
  ]);
  project.link("@types/node");
  project.write("app.module.ts", APP_MODULE);
  project.write("tsconfig.json", JSON.stringify(TSCONFIG));
  project.write("nest.json", JSON.stringify(NEST));
  for (const name of ["uploads.ts", ...RECIPES]) project.write(name, snippets.get(name) ?? "");
});

it("every recipe compiles", async () => {
  const { code, output } = await project.run(["tsc", "-p", "."]);
  expect(code, output).toBe(0);
});

it.for(RECIPES)(
  "%s uploads and confirms a file, and leaves the host its own",
  async (name, { skip }) => {
    if (name === "with-deno.ts" && (await need("runtimes")) === undefined) skip();
    const port = String(await freePort());
    for (const file of ["uploads.ts", name]) {
      project.write(file, (snippets.get(file) ?? "").replaceAll("3000", port));
    }
    if (name === "with-nest.ts") {
      const compiled = await project.run(["tsc", "-p", "nest.json"]);
      expect(compiled.code, compiled.output).toBe(0);
    }
    project.write(
      "drive.ts",
      `
    import "./${name === "with-nest.ts" ? "nest/with-nest.js" : name}";
    const address = "http://127.0.0.1:${port}";
    const ask = async (action, body) => {
      const answer = await fetch(address + "/api/v1/orgs/acme/files/" + action, {
        method: "POST",
        headers: { "Content-Type": "application/json", Cookie: "session=5e0c" },
        body: JSON.stringify(body),
      });
      return { status: answer.status, ...(await answer.json()) };
    };
    while (!(await fetch(address).then(() => true, () => false)));
    const body = "a picture ".repeat(2 ** 18);
    const file = { filename: "a.png", content_type: "image/png", size: body.length };
    const { put_url, put_headers, receipt } = await ask("presign", file);
    const put = await fetch(put_url, { method: "PUT", headers: put_headers, body });
    const confirmed = await ask("confirm", { receipt });
    const hello = await (await fetch(address + "/hello")).text();
    const nowhere = await fetch(address + "/nowhere");
    console.log(JSON.stringify([put.status, confirmed.status, hello, nowhere.status]));
    process.exit(0);
    `,
    );
    const { code, output } = await project.run([
      ...(name === "with-deno.ts" ? DENO : ["node"]),
      "drive.ts",
    ]);
    expect(code, output).toBe(0);
    expect(output).toContain('[200,200,"hello",404]');
  },
);

// Applications of the other hosts are in tests/hosts.
it.for(isFullRun ? RECIPES : ["with-deno.ts"])(
  "a page sends a file in parts and a text by %s, opens both, and removes them",
  async (name, { skip }) => {
    const isDeno = name === "with-deno.ts";
    const chromium = await need("chromium");
    if (chromium === undefined || (isDeno && (await need("runtimes")) === undefined)) skip();
    const port = String(await freePort());
    for (const file of ["uploads.ts", name]) {
      const code = (snippets.get(file) ?? "")
        .replaceAll("3000", port)
        .replace("{ id };", '{ id, scopes: ["write", "confirm", "read", "remove"] };')
        .replace(
          "publicUrl:",
          'policy: { maxSize: "20 MiB", allowedTypes: ["video/mp4", "text/plain"] }, publicUrl:',
        );
      project.write(file, code);
    }
    if (name === "with-nest.ts") await project.run(["tsc", "-p", "nest.json"]);
    const [command = "", ...args] = isDeno ? DENO : ["node"];
    const child = spawn(command, [...args, name === "with-nest.ts" ? "nest/with-nest.js" : name], {
      cwd: project.folder,
      env: { ...CHILD_ENV, PATH: [...COMMANDS, CHILD_ENV.PATH].join(":") },
      stdio: "inherit",
    });
    const closed = once(child, "close");
    try {
      const address = `http://127.0.0.1:${port}`;
      await until(`the start of ${name}`, async () => (await fetch(address)).status > 0);
      const modules = join(project.folder, "node_modules");
      const cookie = { name: "session", value: "5e0c" };
      expect(await useFromPage(chromium, address, { modules, cookie })).toEqual(USED);
    } finally {
      child.kill("SIGKILL");
      await closed;
    }
  },
);

/** As the page runs it. */
const [DENO_COMMAND = ""] =
  /deno run .*(?= with-deno\.ts)/.exec(
    readFileSync(new URL("../../docs/embedding.md", import.meta.url), "utf8"),
  ) ?? [];
const DENO = DENO_COMMAND.split(" ");
