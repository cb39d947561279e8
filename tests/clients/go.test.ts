import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { makeFolder } from "../support/make-folder.ts";
import { need } from "../support/need.ts";
import { startProcess } from "../support/service-process.ts";
import { snippetsOf } from "../support/snippets.ts";
import { tryClient } from "./scenarios.ts";

const go = await need("go");
const folder = makeFolder();

const run = promisify(execFile);

/** The product with clocks that can be hastened, as an overlay for Go. */
const overlay = () => {
  const product = new URL("../../clients/go/", import.meta.url).pathname;
  const names = readdirSync(product).filter((name) => /(?<!_test)\.go$/.test(name));
  const Replace = Object.fromEntries(
    names.map((name) => [product + name, join(folder, `${name}.txt`)]),
  );
  for (const [original, copy] of Object.entries(Replace)) {
    const text = readFileSync(original, "utf8");
    writeFileSync(copy, text.replace(`\t"time"\n`, `\ttime "example.com/client/hastened"\n`));
  }
  const file = join(folder, "overlay.json");
  writeFileSync(file, JSON.stringify({ Replace }));
  return file;
};

tryClient("Go", go !== undefined, async () => {
  const program = join(folder, "client");
  const args = ["build", "-overlay", overlay(), "-o", program, "."];
  await run(go ?? "", args, { cwd: new URL("go", import.meta.url) });
  return [program];
});

const MODULE = "github.com/valetkey/valetkey/clients/go";

/** The pieces of the README that are no programs, as a program. */
const pieces = (snippets: ReadonlyMap<string, string>) => `package main

import (
	"context"
	"fmt"
	"time"

	valetkey "${MODULE}"
)

var cached string

func fetchToken(context.Context) string { return "" }

var _ = valetkey.Options{
${snippets.get("token")}
}

func files(ctx context.Context, client *valetkey.Client, key string, result *valetkey.Result) error {
${snippets.get("files")}
	fmt.Println(state, address, content, link)
	return err
}

func presign(ctx context.Context, client *valetkey.Client) (*valetkey.Result, error) {
${snippets.get("presign")}
	return result, err
}

func main() { _, _ = files, presign }
`;

it.skipIf(go === undefined)(
  "all Go of the README compiles, and its programs upload a file",
  async () => {
    const service = await startProcess({ STORAGE_MAX_FILE_SIZE: "64 MiB" });
    const snippets = snippetsOf("clients/go/README.md");
    const programs = [...snippets].filter(([name]) => name.endsWith(".go"));
    for (const [name, code] of [...programs, ["pieces/main.go", pieces(snippets)] as const]) {
      mkdirSync(join(folder, dirname(name)), { recursive: true });
      writeFileSync(join(folder, name), code.replace("http://127.0.0.1:8787", service.address));
    }
    const sh = (...args: ReadonlyArray<string>) =>
      run(go ?? "", args, {
        cwd: folder,
        env: { ...process.env, VALETKEY_TOKEN: service.token },
      });
    await sh("mod", "init", "example.com/readme");
    const client = new URL("../../clients/go", import.meta.url).pathname;
    await sh("mod", "edit", `-require=${MODULE}@v0.0.0`, `-replace=${MODULE}=${client}`);
    await sh("vet", "./...");
    writeFileSync(join(folder, "photo.png"), "the bytes of a picture");
    writeFileSync(join(folder, "film.png"), Buffer.alloc(11 * 2 ** 20, "film"));
    const uploaded = await sh("run", "./upload", "photo.png");
    const [key = "", url = ""] = uploaded.stdout.trim().split(" ");
    expect(key).toMatch(/^orgs\/acme\/.*\.png$/);
    expect(await (await fetch(url)).text()).toBe("the bytes of a picture");
    const resumed = await sh("run", "./resume", "film.png");
    expect(resumed.stdout.trim()).toMatch(/^orgs\/acme\/.*\.png$/);
    expect(resumed.stderr).toContain("100 %");
    mkdirSync(join(folder, "album"));
    copyFileSync(join(folder, "photo.png"), join(folder, "album", "a.png"));
    const { stdout } = await sh("run", "./folder", "album", "none.png");
    expect(stdout).toMatch(/^album\/a\.png orgs\/acme\/\S+\.png\n$/);
  },
);

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

it("the constants of the Go package have codes of the service, or of its page", () => {
  const codes = [...read("clients/go/errors.go").matchAll(/^\tCode\w+ += "(\w+)"/gm)];
  expect(codes.length).toBeGreaterThan(20);
  const pages = read("docs/errors.md") + read("clients/go/README.md");
  for (const [, code] of codes) expect(pages).toContain(`\`${code}\``);
});

// `npm test` has no Go: what no server is needed for runs here, and all of it by check-go.sh.
it.skipIf(go === undefined)("the pure functions of the Go package pass their tests", async () => {
  const tests =
    "^Test(EachPart|AnswersThat|Checksums|RetryAfter|APathThat|TheSignature|WhatIsNotGenuine)";
  const cwd = new URL("../../clients/go", import.meta.url);
  const { stdout } = await run(go ?? "", ["test", "-v", "-run", tests, "."], { cwd });
  expect(stdout.match(/^--- PASS/gm)).toHaveLength(7);
});
