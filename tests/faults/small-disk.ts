import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { commandPath } from "../support/command-path.ts";
import { bundled } from "../support/bundled.ts";
import { makeFolder } from "../support/make-folder.ts";
import { until } from "../support/until.ts";

/** A disk of 4 MiB that nobody else sees, and that goes with its end. */
export interface SmallDisk {
  /** Where a service that is started by `command` finds it. */
  readonly folder: string;
  readonly command: () => Promise<ReadonlyArray<string>>;
  /** Where it is seen from here. */
  readonly seen: string;
  /** Writes a file that leaves no room, and gives its path as it is seen from here. */
  readonly fill: (name: string) => string;
  readonly remount: (as: "ro" | "rw") => Promise<unknown>;
  readonly end: () => Promise<void>;
}

/** Mounts one in a namespace of its own, which services enter. */
export async function mountSmallDisk(): Promise<SmallDisk> {
  const folder = makeFolder();
  const script = 'mount -t tmpfs -o size=4m,mode=700 tmpfs "$0"; echo mounted; exec sleep infinity';
  const holder = spawn(
    "/usr/bin/unshare",
    ["--map-root-user", "--mount", "sh", "-ec", script, folder],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  await Promise.race([once(holder.stdout, "data"), failing(holder)]);
  const inside = `--target=${holder.pid}`;
  const enter = ["/usr/bin/nsenter", inside, "--user", "--mount", "--preserve-credentials"];
  const seen = `/proc/${holder.pid}/root${folder}`;
  return {
    folder,
    command: async () => [...enter, commandPath("node"), await bundled("node")],
    seen,
    fill: (name) => {
      const path = join(seen, name);
      let size = 4 * 1024 * 1024;
      // Whatever is free, to the last page.
      for (writeFileSync(path, ""); size >= 4096;) {
        try {
          writeFileSync(path, Buffer.alloc(size), { flag: "a" });
        } catch {
          size /= 2;
        }
      }
      return path;
    },
    remount: (as) =>
      // It is busy while a file is open for writing.
      until(`a mount as ${as}`, () => {
        const [command = "", ...args] = enter;
        execFileSync(command, [...args, "mount", "-o", `remount,${as}`, folder], {
          stdio: "ignore",
        });
        return true;
      }),
    end: async () => {
      holder.kill("SIGKILL");
      await once(holder, "exit");
    },
  };
}

async function failing(holder: ChildProcess): Promise<never> {
  await once(holder, "exit");
  throw new Error("no disk can be mounted: this needs Linux, and root or user namespaces");
}
