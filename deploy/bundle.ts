import { cp, readdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { billOfMaterials } from "./bom.ts";

// Makes bundle/ of dist/ and its packages: the service of the image, which reads two files at
// startup, and those of a client library when it is first needed.

const path = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const entries = { node: path("dist/deploy/node.js"), cli: path("dist/deploy/cli.js") };

const bundle = await rolldown({
  input: entries,
  platform: "node",
  // A package for tools, without which `debug` works.
  external: ["supports-color"],
  preserveEntrySignatures: false,
  onLog: (_level, { message }) => {
    throw new Error(message);
  },
});
const { output } = await bundle.write({
  dir: path("bundle"),
  cleanDir: true,
  comments: { annotation: false, jsdoc: false },
  codeSplitting: {
    groups: [
      {
        name: "start",
        tags: ["$initial"],
        // An entry waits for its lazy chunks, which must not wait for the entry.
        test: (id) => !Object.values(entries).includes(id),
      },
    ],
  },
});
await bundle.close();
await cp(path("dist/adapters/http/page"), path("bundle/page"), { recursive: true });
await cp(path("dist/adapters/client"), path("bundle/client"), {
  recursive: true,
  // Clients for frameworks are not served to pages.
  filter: (file) => !/\.d\.ts$|\/(?:react|uppy)$/.test(file),
});

/** The folders of the packages with code in the bundle. */
const packages = new Set(
  output
    .flatMap((chunk) => (chunk.type === "chunk" ? chunk.moduleIds : []))
    .flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? []),
);
const bundled = new Set<string>();
const licences = await Promise.all(
  [...packages].sort().map(async (folder) => {
    const { name, version, license } = JSON.parse(await readFile(`${folder}/package.json`, "utf8"));
    bundled.add(`${name}@${version}`);
    const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|notice)/i.test(file));
    const texts = await Promise.all(files.map((file) => readFile(`${folder}/${file}`, "utf8")));
    return [`${name} ${version}: ${license}`, ...texts].join("\n\n");
  }),
);
await writeFile(path("bundle/LICENSES.txt"), licences.join(`\n\n${"-".repeat(80)}\n\n`));
await writeFile(path("bundle/bom.cdx.json"), JSON.stringify(billOfMaterials(path(""), bundled)));
