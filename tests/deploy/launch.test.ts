import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { text } from "node:stream/consumers";
import { beforeEach, expect, it } from "vitest";
import { makeFolder } from "../support/make-folder.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const read = (name: string) => JSON.parse(readFileSync(join(ROOT, name), "utf8"));
const { scripts, engines, allowScripts } = read("package.json");
const [, major, minor] = /^>=(\d+)\.(\d+)$/.exec(engines.node) ?? [];

let folder: string;
const write = (name: string, lines: string) =>
  writeFileSync(join(folder, name), lines, { mode: 0o755 });
const asked = () => readFileSync(join(folder, "asked"), "utf8");

beforeEach(() => {
  folder = makeFolder();
  write("program.cjs", "console.log(JSON.stringify([process.pid, ...process.argv.slice(2)]));");
  write(
    "waiting.cjs",
    'process.on("SIGTERM", () => process.exit(7)).stdin.resume(); console.log();',
  );
  write("killed.cjs", 'process.kill(process.pid, "SIGKILL");');
  write("unfit", "#!/bin/sh\necho 'node: libatomic.so.1: cannot open shared object' >&2; exit 127");
  // Says what it is asked for, and installs what BROUGHT names.
  write(
    "npm",
    `#!/bin/sh
    echo "$@" >>"${folder}/asked"; for package; do :; done
    bin="$3/node_modules/\${package%@*}/bin"; mkdir -p "$bin"; ln -s "$BROUGHT" "$bin/node"`,
  );
});

/** Starts a program of the folder by the launcher, in a Node that passes for one of that version. */
function launch(version: string, [program = "", ...args]: ReadonlyArray<string>, brought?: string) {
  write("version.cjs", `Object.defineProperty(process.versions, "node", { value: "${version}" });`);
  const preload = ["--require", join(folder, "version.cjs")];
  const child = spawn(
    process.execPath,
    [...preload, "deploy/launch.cjs", join(folder, program), ...args],
    {
      cwd: ROOT,
      env: {
        PATH: folder + delimiter + process.env["PATH"],
        HOME: folder,
        BROUGHT: brought ?? process.execPath,
      },
    },
  );
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]).then(
    ([stdout, stderr, [code, signal]]) => ({ stdout, stderr, code, signal }),
  );
  return { child, ended };
}

it("a Node of the version that the package needs runs the program in its own process", async () => {
  const { child, ended } = launch(`${major}.${minor}.0`, ["program.cjs", "a b", "--c"]);
  const { stdout, stderr } = await ended;
  expect(JSON.parse(stdout)).toEqual([child.pid, "a b", "--c"]);
  expect(stderr).toBe("");
});

it("an older Node has npm install a newer one, once and without scripts, and says so", async () => {
  const older = `${major}.${Number(minor) - 1}.9`;
  const first = await launch(older, ["program.cjs", "a b", "--c"]).ended;
  expect(JSON.parse(first.stdout).slice(1)).toEqual(["a b", "--c"]);
  expect(first.stderr).toMatch(/^Node \S+ is too old\. Installing Node \S+ .+ MB .+\n$/);
  expect(asked()).toMatch(/^install .+ --ignore-scripts .+\n$/);
  const second = await launch("10.24.1", ["program.cjs"]).ended;
  expect(second).toMatchObject({ stderr: "", code: 0 });
  expect(asked().split("\n")).toHaveLength(2);
});

it("a program beside an older Node gets its signals, and decides how it ends", async () => {
  const { child, ended } = launch("20.20.2", ["waiting.cjs"]);
  await once(child.stdout, "data");
  child.kill("SIGTERM");
  expect((await ended).code).toBe(7);
  expect((await launch("20.20.2", ["killed.cjs"]).ended).signal).toBe("SIGKILL");
});

it("a newer Node that lacks a library is refused with the command that installs it", async () => {
  const { stderr, code } = await launch("20.20.2", ["program.cjs"], join(folder, "unfit")).ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /\nNode \S+ needs libatomic\.so\.1, .+ run ".+ install libatomic1?", or .+\n$/,
  );
});

it("no script of npm runs a program past the launcher", () => {
  for (const [name, script] of Object.entries(scripts)) {
    expect(script, name).not.toMatch(/\bnode (?!deploy\/launch)|(?:^|& )(?:vitest|oxlint|oxfmt)\b/);
  }
});

it("no package brings a Node along, or runs a script when it is installed", () => {
  expect(existsSync(join(ROOT, "node_modules/.bin/node"))).toBe(false);
  const { packages } = read("package-lock.json");
  const withScript = Object.keys(packages).filter((path) => packages[path].hasInstallScript);
  expect(withScript.map((path) => allowScripts[path.replace("node_modules/", "")])).toEqual(
    withScript.map(() => false),
  );
});
