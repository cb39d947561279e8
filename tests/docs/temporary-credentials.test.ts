import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { expect, it } from "vitest";
import { atTestEnd } from "../support/at-test-end.ts";
import { bundled } from "../support/bundled.ts";
import { CHILD_ENV } from "../support/child-env.ts";
import { makeFolder } from "../support/make-folder.ts";
import { minioEnv } from "../support/minio.ts";
import { need } from "../support/need.ts";
import { runCommand } from "../support/run-command.ts";
import { startProcess, untilReady } from "../support/service-process.ts";
import { snippetsOf } from "../support/snippets.ts";
import { certificateOf } from "../support/store-certificate.ts";

const minio = await need("minio");
const rclone = (await need("rclone")) ?? "";
const aws = (await need("aws")) ?? "";
const page = snippetsOf("docs/temporary-credentials.md");

it.skipIf(!minio || !rclone || !aws)(
  "a folder becomes files by the commands of the page, as they stand",
  async () => {
    const folder = makeFolder();
    const store = minioEnv(minio);
    const certificate = join(folder, "certificate.json");
    const facts = { endpoint: store.STORAGE_ENDPOINT, bucket: store.STORAGE_BUCKET };
    writeFileSync(certificate, JSON.stringify(certificateOf({ provider: "minio", ...facts })));
    const service = await startProcess({
      ...store,
      STORAGE_CERTIFICATE: certificate,
      STORAGE_POLICIES: page.get("datasets.json") ?? "",
    });
    atTestEnd(service.stop);
    await untilReady(service);
    const bin = join(folder, "bin");
    for (const name of ["bin", "data", "data/a b"]) mkdirSync(join(folder, name));
    symlinkSync(rclone, join(bin, "rclone"));
    const command = `#!/bin/sh\nexec "${process.execPath}" "${await bundled("cli")}" "$@"\n`;
    writeFileSync(join(bin, "valetkey"), command, { mode: 0o755 });
    writeFileSync(join(folder, "data/a.csv"), "a,b\n1,2\n");
    writeFileSync(join(folder, "data/a b/ü+1.txt"), "text");
    const script = `${page.get("tools.sh")}\n${page.get("by-hand.sh")}`
      .replace("http://127.0.0.1:8787", service.address)
      .replace("VALETKEY_TOKEN=…", `VALETKEY_TOKEN=${service.token}`);
    const { stdout } = await runCommand(["sh", "-ec", script], {
      cwd: folder,
      env: {
        ...CHILD_ENV,
        HOME: folder,
        PATH: [bin, dirname(aws), CHILD_ENV.PATH].join(delimiter),
      },
    });
    expect(stdout.match(/^a\.csv +http:/gm)).toHaveLength(3);
    expect(stdout.match(/^a b\/ü\+1\.txt +http:/gm)).toHaveLength(2);
  },
);
