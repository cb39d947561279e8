import { execFileSync } from "node:child_process";
import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, it } from "vitest";
import { gcsBinding } from "../../adapters/storage/gcs/binding.ts";
import { abilitiesWithout } from "../../application/ports/abilities.ts";
import { s3Binding } from "../../adapters/storage/signing/binding.ts";
import { putRequest } from "../../adapters/contract/sending/uploads.ts";
import type { Checksum } from "../../domain/checksum.ts";
import { proseOf } from "../support/markdown.ts";
import { snippetsOf } from "../support/snippets.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const read = (file: string) => readFileSync(join(ROOT, file), "utf8");
const pages = globSync(
  ["*.md", ".github/**/*.md", "docs/**/*.md", "deploy/examples/**/*.md", "clients/**/*.md"],
  {
    cwd: ROOT,
    exclude: (name) => name.includes("node_modules"),
  },
);

/** What GitHub makes of a heading in an address. */
const anchorsOf = (page: string): ReadonlyArray<string> =>
  [...proseOf(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );

/** How pages of the package link to what is not in it. */
const REPOSITORY = "https://github.com/valetkey/valetkey/blob/main/";

it.each(pages)("every link of %s leads to an existing page and heading", (page) => {
  const astray: Array<string> = [];
  for (const [, target = ""] of proseOf(read(page)).matchAll(/\]\(([^)\s]+)\)/g)) {
    const isOurs = target.startsWith(REPOSITORY);
    if (!isOurs && /^(?:https?|mailto):/.test(target)) continue;
    const [path = "", anchor] = target.replace(REPOSITORY, "").split("#");
    const file = path === "" ? page : join(isOurs ? "" : dirname(page), path);
    const isThere =
      existsSync(join(ROOT, file)) &&
      (anchor === undefined || anchorsOf(read(file)).includes(anchor));
    if (!isThere) astray.push(target);
  }
  expect(astray).toEqual([]);
});

it.each(pages)("every file of the repository that %s names exists", (page) => {
  const named = [
    ...read(page).matchAll(/`((?:adapters|application|deploy|docs|domain|tests)\/[\w./-]*)`/g),
  ];
  const missing = named
    .map(([, path = ""]) => path)
    .filter((path) => !existsSync(join(ROOT, path)));
  expect(missing).toEqual([]);
});

/** An example has scripts of its own. */
const ofProject = pages.filter((page) => !page.startsWith("deploy/examples/"));

it.each(ofProject)("every npm script that %s names exists", (page) => {
  const { scripts } = JSON.parse(read("package.json"));
  const named = [...read(page).matchAll(/npm run (?:-s |--silent )?([\w:]+)/g)];
  const missing = named
    .map(([, name = ""]) => name)
    .filter((name) => !Object.hasOwn(scripts, name));
  expect(missing).toEqual([]);
});

it.each([
  ["bench", "tests/bench/bench.ts"],
  ["generate", "tests/support/generate.ts"],
])("every name that pages give to npm run %s exists", (script, file) => {
  const help = execFileSync("node", [file, "--help"], { cwd: ROOT, encoding: "utf8" });
  const names = [...help.matchAll(/^\w+/gm)].map(([name]) => name);
  const named = ofProject.flatMap((page) =>
    [...read(page).matchAll(new RegExp(`npm run ${script} -- ([a-z\\d]+)`, "g"))].map(
      ([, name]) => name,
    ),
  );
  expect(named.length).toBeGreaterThan(0);
  expect(names).toEqual(expect.arrayContaining(named));
});

it("the README is read in a minute, and leads to the table of contents", () => {
  const readme = read("README.md");
  expect(readme.split("\n").length).toBeLessThanOrEqual(90);
  expect(readme.split(/\s+/).length).toBeLessThanOrEqual(460);
  expect(readme).toContain("](docs/README.md)");
  expect(statSync(join(ROOT, "docs/images/page.png")).size).toBeLessThan(80_000);
});

it.each([
  ["the table of contents", "docs/README.md", /^docs\/(?!decisions\/|README)/],
  ["the list for machines", "docs/llms.txt", /^docs\//],
])("every page of docs/ is in %s", (_, file, which) => {
  const list = read(file);
  const guide = pages.filter((page) => which.test(page));
  const missing = guide.filter(
    (page) => ![relative("docs", page), REPOSITORY + page].some((to) => list.includes(`](${to})`)),
  );
  expect(missing).toEqual([]);
});

it("no page of the guide is longer than 150 lines, but for two", () => {
  const long = pages
    .filter((page) => page.startsWith("docs/") && !LONG.has(page))
    .filter((page) => proseOf(read(page)).split("\n").length > 150);
  expect(long).toEqual([]);
});

/** One is a list that is looked things up in, and one has a recipe for each host. */
const LONG = new Set(["docs/configuration.md", "docs/embedding.md"]);

const CHECKSUMS: ReadonlyArray<Checksum> = ["sha256", "crc32c", "md5"].map(
  (algorithm) => ({ algorithm, value: "" }) as Checksum,
);

it.each([
  { file: "cors.json", binding: s3Binding(abilitiesWithout()), checksums: CHECKSUMS },
  {
    file: "gcs-cors.json",
    binding: gcsBinding,
    checksums: CHECKSUMS.filter(({ algorithm }) => algorithm !== "sha256"),
  },
])("$file allows every header that a PUT may have to carry", ({ file, binding, checksums }) => {
  const needed = checksums.flatMap((checksum) => {
    const upload = {
      ...putRequest(),
      strict: true,
      writeOnce: true,
      checksum,
      announcement: "a-grant",
    };
    return Object.keys(binding(upload, "store").toSend);
  });
  const allowed = snippetsOf("docs/troubleshooting.md").get(file)?.toLowerCase();
  for (const header of needed) expect(allowed).toContain(`"${header.toLowerCase()}"`);
});

it("pages and examples ask for the Node that package.json asks for", () => {
  const [, version = ""] = /^>=(.*)$/.exec(JSON.parse(read("package.json")).engines.node) ?? [];
  const asked = pages.flatMap((page) =>
    [...read(page).matchAll(/Node (\d[\d.]*\d) or (?:later|newer)/g)].map(([, asked]) => asked),
  );
  expect([...new Set(asked)]).toEqual([version]);
  for (const file of globSync("deploy/examples/*/package.json", { cwd: ROOT })) {
    const { engines } = JSON.parse(read(file));
    if (engines !== undefined) expect(engines.node, file).toBe(`>=${version}`);
  }
});

/** Whoever takes the name in the registry would be installed. */
it("until the package is published, nothing that people type or copy asks the registry for it", () => {
  const isPublished = !read("README.md").includes("**Not on npm yet.**");
  const files = [
    ...pages,
    "docs/llms.txt",
    ...globSync("deploy/examples/*/package.json", { cwd: ROOT }),
  ];
  const asking = files.flatMap((file) =>
    ASKS.flatMap((asks) => read(file).match(asks) ?? []).map((text) => `${file}: ${text}`),
  );
  expect(isPublished ? [] : asking).toEqual([]);
});

const ASKS = [
  // Not ./valetkey-0.1.0.tgz.
  /(?:npm (?:i|install|add|exec)|(?:pnpm|yarn|bun|deno) (?:add|i|install)|npx|bunx|pnpx|dlx)\b(?! --no)[^\n`]* valetkey(?:@|\b(?![-/]))[^\n`]*/g,
  /(?:npm|jsr):valetkey\b/g,
  /(?:unpkg|jsdelivr|esm\.sh|skypack)[^\n]*valetkey/g,
  /"valetkey": "(?!file:)[^"]*"/g,
];
