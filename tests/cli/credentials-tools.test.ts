import { Client } from "minio";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createHash, randomBytes } from "node:crypto";
import {
  closeSync,
  createReadStream,
  existsSync,
  ftruncateSync,
  globSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TEST_FILE } from "../../adapters/content/test-files.ts";
import { atTestEnd } from "../support/at-test-end.ts";
import { bundled } from "../support/bundled.ts";
import { CHILD_ENV } from "../support/child-env.ts";
import { startClamd } from "../support/clamd.ts";
import { startCuttingProxy } from "../support/cutting-proxy.ts";
import { isFullRun } from "../support/full-run.ts";
import { makeFolder } from "../support/make-folder.ts";
import { minioEnv } from "../support/minio.ts";
import { need } from "../support/need.ts";
import { page, png } from "../support/sample-files.ts";
import { startProcess, type ServiceProcess } from "../support/service-process.ts";
import { certificateOf } from "../support/store-certificate.ts";

// Real tools with temporary credentials of a real MinIO, started by the command as people do.

const minio = await need("minio");
const clamd = await need("clamd");
const rclone = (await need("rclone")) ?? "";
const aws = (await need("aws")) ?? "";
const python = join(dirname(aws), "python3");
const cli = await bundled("cli");

const store = minioEnv(minio);
const certificate = join(makeFolder(), "certificate.json");
const POLICY = { arrival: "incoming", credentials: true, put_lifetime: "1 hour" };
const POLICIES = {
  data: { ...POLICY, allowed_types: ["text/*", "image/*", "application/*"] },
  large: { ...POLICY, allowed_types: ["application/*"], max_size: "4 GiB" },
  scanned: { ...POLICY, write_once: true, scan: "clamd", on_infected: "delete" },
};

let service: ServiceProcess;
let scanner: Awaited<ReturnType<typeof startClamd>>;
/** Between the tools and the store. */
let proxy: Awaited<ReturnType<typeof startCuttingProxy>>;

beforeAll(async () => {
  if (!minio || !clamd) return;
  const { STORAGE_ENDPOINT: endpoint, STORAGE_BUCKET: bucket } = store;
  const facts = { provider: "minio", endpoint, bucket };
  writeFileSync(certificate, JSON.stringify(certificateOf(facts)));
  scanner = await startClamd(clamd);
  proxy = await startCuttingProxy(() => Number(new URL(minio.endpoint).port));
  service = await startProcess({
    ...store,
    STORAGE_CERTIFICATE: certificate,
    STORAGE_PUBLIC_ENDPOINT: publicEndpoint(),
    STORAGE_POLICIES: JSON.stringify(POLICIES),
    CLAMD_ADDRESS: scanner.address,
  });
});

afterAll(async () => {
  await service?.stop();
  await proxy?.close();
  await scanner?.stop();
});

const publicEndpoint = () => `http://127.0.0.1:${proxy.port}`;
const home = makeFolder();

/** The names in the bucket that begin so. */
async function namesBelow(prefix: string): Promise<ReadonlyArray<string | undefined>> {
  const { hostname, port } = new URL(store.STORAGE_ENDPOINT);
  const { accessKey = "", secretKey = "" } = minio ?? {};
  const at = { endPoint: hostname, port: Number(port), useSSL: false };
  const client = new Client({ ...at, accessKey, secretKey });
  const listed = await client.listObjectsV2(store.STORAGE_BUCKET, prefix, true).toArray();
  return listed.map(({ name }) => name);
}

/** Starts the command with a token in its environment. */
function start(args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) {
  const options = ["--org", "acme", "--endpoint", service.address];
  const at = [...args, "--"].indexOf("--");
  const all = ["credentials", ...args.slice(0, at), ...options, ...args.slice(at)];
  const child = spawn(process.execPath, [cli, ...all], {
    env: { ...CHILD_ENV, HOME: home, VALETKEY_TOKEN: service.token, ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  atTestEnd(() => child.kill("SIGKILL"));
  return child;
}

async function ended(child: ReturnType<typeof start>) {
  const [stdout, stderr] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  return { code: child.exitCode, stdout, stderr };
}

const run = (...args: Parameters<typeof start>) => ended(start(...args));

/** Runs a program with nothing but what is given. */
async function tool(
  [command = "", ...args]: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {},
) {
  const child = spawn(command, args, {
    env: { ...CHILD_ENV, HOME: home, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  atTestEnd(() => child.kill("SIGKILL"));
  const [stdout, stderr] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  return { code: child.exitCode, stdout, stderr };
}

type Files = ReadonlyMap<string, Buffer>;

const NAMES = ["a b", "ü", "日本語", "x+y", "100% 20", "it's", 'a "name"', "#&;=,@!$~()[]"];
const FILES: Files = new Map(
  Array.from({ length: 300 }, (_, at) => {
    const folder = at % 3 === 0 ? "" : `${NAMES[(at >> 3) % 8]}/`.repeat(at % 3);
    const isPicture = at % 5 === 0;
    const name = `${NAMES[at % 8]} ${at}${isPicture ? ".png" : ".txt"}`;
    return [
      `${folder}${name}`,
      isPicture ? png() : Buffer.from(`line ${at}\n`.repeat(at)),
    ] as const;
  }).filter(([, content]) => content.length > 0),
);

function folderOf(files: Files): string {
  const folder = makeFolder();
  for (const [path, content] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}

interface Listed {
  readonly path: string;
  readonly size: number;
  readonly get_url: string;
}

/** Compares what became of an upload with what was uploaded, byte by byte. */
async function expectFiles(listed: ReadonlyArray<Listed>, files: Files) {
  expect(listed.map(({ path }) => path).toSorted()).toEqual([...files.keys()].toSorted());
  for (const { path, get_url: url } of listed) {
    const stored = Buffer.from(await (await fetch(url)).arrayBuffer());
    expect(stored.equals(files.get(path) ?? Buffer.alloc(0)), path).toBe(true);
  }
}

const BOTO3 = `
import boto3, os, pathlib, sys
s3 = boto3.client("s3")
root = pathlib.Path(sys.argv[1])
for path in root.rglob("*"):
    if path.is_file():
        key = os.environ["VALETKEY_PREFIX"] + path.relative_to(root).as_posix()
        s3.upload_file(str(path), os.environ["VALETKEY_BUCKET"], key)
`;

const DUCKDB_SETUP = `
import duckdb, duckdb_extension_httpfs, pathlib, sys
secret, uri = sys.argv[1:3]
place = pathlib.Path(duckdb_extension_httpfs.__path__[0])
db = duckdb.connect()
db.execute(f"LOAD '{next(place.rglob('*.duckdb_extension'))}'")
db.execute(open(secret).read())
db.execute("SET threads = 1")
`;
const DUCKDB = `${DUCKDB_SETUP}
for to in uri, sys.argv[3]:
    db.execute(f"COPY (SELECT range AS n, 'é +' || n % 300 AS p FROM range(9000)) TO '{to}' (FORMAT parquet, PARTITION_BY (p), OVERWRITE_OR_IGNORE)")
`;
const DUCKDB_READ = `${DUCKDB_SETUP}
try:
    db.execute(f"FROM read_text('{uri}')")
except duckdb.Error as error:
    print(error)
`;
/** Says how each call of boto3 is refused. */
const REFUSED = `
import boto3, os, sys
from botocore.exceptions import ClientError
s3 = boto3.client("s3")
bucket = os.environ["VALETKEY_BUCKET"]
key = os.environ["VALETKEY_PREFIX"] + "a.txt"
calls = [
    ("get_object", {"Key": key}), ("head_object", {"Key": key}), ("delete_object", {"Key": key}),
    ("list_objects_v2", {}), ("put_object", {"Key": "orgs/a.txt", "Body": b""}),
]
for name, arguments in calls:
    try:
        getattr(s3, name)(Bucket=bucket, **arguments)
    except ClientError as error:
        print(name, error.response["Error"]["Code"])
sys.exit(1)
`;

const TOOLS: ReadonlyArray<readonly [string, (folder: string) => ReadonlyArray<string>]> = [
  ["rclone copy", (folder) => [rclone, "copy", folder, "valetkey:"]],
  ["aws s3 cp", (folder) => [aws, "s3", "cp", "--recursive", folder, "{uri}"]],
  ["boto3", (folder) => [python, "-c", BOTO3, folder]],
];

/** Lets rclone do with each file what it does with those of 256 MiB. */
const LARGE = "--multi-thread-cutoff=1b";

const LONG = { timeout: 900_000 };

describe.skipIf(!minio || !clamd || !rclone || !aws)("with tools on MinIO", LONG, () => {
  it.each(TOOLS)(
    "a folder of 300 files by %s becomes the same files, byte by byte",
    async (_, commandFor) => {
      const { code, stdout, stderr } = await run([
        "--policy=data",
        "--json",
        "--",
        ...commandFor(folderOf(FILES)),
      ]);
      expect(code, stderr).toBe(0);
      const { files, refused } = JSON.parse(stdout);
      expect(refused).toEqual([]);
      await expectFiles(files, FILES);
      expect(stderr).toContain(`${FILES.size} files, 0 refused.\n`);
    },
  );

  it("300 partitions by DuckDB become the same files, byte by byte", async () => {
    const folder = makeFolder();
    const session = join(folder, "session.json");
    const printed = await run(["--policy=data", `--session=${session}`, "--print=duckdb"]);
    writeFileSync(join(folder, "secret.sql"), printed.stdout);
    const { bucket, prefix } = JSON.parse(readFileSync(session, "utf8"));
    const parts = join(folder, "parts");
    const uri = `s3://${bucket}/${prefix}`;
    const copied = await tool([python, "-c", DUCKDB, join(folder, "secret.sql"), uri, parts]);
    expect(copied.stderr).toBe("");
    const paths = globSync("**/*.parquet", { cwd: parts });
    expect(paths).toHaveLength(300);
    const made = new Map(paths.map((path) => [path, readFileSync(join(parts, path))]));
    const { code, stdout, stderr } = await run(["complete", session, "--json"]);
    expect(code, stderr).toBe(0);
    await expectFiles(JSON.parse(stdout).files, made);
    expect(existsSync(session)).toBe(false);
  });

  it("the same command again with a file of --session sends to the same place", async () => {
    const session = join(makeFolder(), "session.json");
    const folder = folderOf(new Map([["a.txt", Buffer.from("one")]]));
    const options = ["--policy=data", `--session=${session}`];
    const script = '"$0" copy "$1" valetkey: && exit 3';
    const first = await run([...options, "--", "sh", "-c", script, rclone, folder]);
    expect(first.code, first.stderr).toBe(3);
    const changed = new Map([
      ["a.txt", Buffer.from("two")],
      ["b/c.txt", Buffer.from("three")],
    ]);
    const copy = [rclone, "copy", LARGE, folderOf(changed), "valetkey:"];
    const again = await run([...options, "--json", "--", ...copy]);
    expect(again.code, again.stderr).toBe(0);
    await expectFiles(JSON.parse(again.stdout).files, changed);
  });

  it("what is infected, of another type or empty is told by name, and removed", async () => {
    const bad = new Map([
      ["a folder/ü+1.txt", Buffer.from(TEST_FILE)],
      ["page.html", page],
      ["picture.png", page],
      ["empty.txt", Buffer.alloc(0)],
    ]);
    const good = new Map([["good.txt", Buffer.from("good")]]);
    const folder = folderOf(new Map([...bad, ...good]));
    const script = '"$1" copy "$2" valetkey: && echo "$VALETKEY_PREFIX" >&2';
    const { code, stdout, stderr } = await run([
      "--policy=scanned",
      "--json",
      "--",
      "sh",
      "-c",
      script,
      "sh",
      rclone,
      folder,
    ]);
    expect(code).toBe(1);
    const { files, refused } = JSON.parse(stdout);
    await expectFiles(files, good);
    const codes = refused.map(({ path, code }: { path: string; code: string }) => [path, code]);
    expect(new Map(codes).get("a folder/ü+1.txt")).toBe("UPLOAD_REFUSED_BY_SCAN");
    expect(new Set(codes.map(([path]: [string]) => path))).toEqual(new Set(bad.keys()));
    for (const { path, detail } of refused) expect(stderr).toContain(`${path}: ${detail}\n`);
    const [prefix = ""] = /^incoming\/credentials\/\S+$/m.exec(stderr) ?? [];
    expect(prefix).not.toBe("");
    expect(await namesBelow(prefix)).toEqual([]);
  });

  it("each printed form works as it is printed", async () => {
    const folder = folderOf(new Map([["a b/it's ü+1.txt", Buffer.from("printed")]]));
    const session = join(makeFolder(), "a session's.json");
    const print = async (form: string) => {
      const options = ["--policy=data", `--session=${session}`, `--print=${form}`];
      const { code, stdout, stderr } = await run(options);
      expect(code, stderr).toBe(0);
      expect(stderr).toContain("valetkey credentials complete ");
      const file = join(makeFolder(), form);
      writeFileSync(file, stdout);
      return file;
    };
    const env = await print("env");
    const { bucket, prefix } = JSON.parse(readFileSync(session, "utf8"));
    const uri = `s3://${bucket}/${prefix}`;
    expect(statSync(session).mode & 0o777).toBe(0o600);
    const boto3 = `${readFileSync(await print("boto3"), "utf8")}\ns3.upload_file("${folder}/a b/it's ü+1.txt", bucket, prefix + "boto3/a b/it's ü+1.txt")\n`;
    const config = join(makeFolder(), "config");
    const options = ["--org", "acme", "--endpoint", service.address];
    const quoted = [process.execPath, cli, "credentials", ...options, "--print", "process"];
    const command = `${quoted.join(" ")} --session "${session}"`;
    writeFileSync(
      config,
      `[profile p]\nregion = us-east-1\nendpoint_url = ${publicEndpoint()}\ncredential_process = ${command}\n`,
    );
    const copy = ["s3", "cp", "--recursive", folder];
    const runs = [
      tool(["sh", "-c", `. "$1" && "$2" copy "$3" valetkey:env`, "sh", env, rclone, folder]),
      tool([rclone, "--config", await print("rclone"), "copy", LARGE, folder, "valetkey:rclone"]),
      tool([aws, "--profile", "valetkey", ...copy, `${uri}aws`], {
        AWS_CONFIG_FILE: await print("aws"),
      }),
      tool([python, "-c", boto3]),
      tool([aws, "--profile", "p", ...copy, `${uri}process`], {
        AWS_CONFIG_FILE: config,
        VALETKEY_TOKEN: service.token,
      }),
    ];
    for (const { code, stderr } of await Promise.all(runs)) expect(code, stderr).toBe(0);
    const { code, stdout } = await run(["complete", session, "--json"]);
    expect(code).toBe(0);
    const paths = JSON.parse(stdout).files.map(({ path }: Listed) => path);
    const forms = ["aws", "boto3", "env", "process", "rclone"];
    expect(paths.toSorted()).toEqual(forms.map((form) => `${form}/a b/it's ü+1.txt`));
  });

  it("each tool says that it may not read, remove, list or write elsewhere", async () => {
    const session = join(makeFolder(), "session.json");
    const folder = folderOf(new Map([["a.txt", Buffer.from("stored")]]));
    const within = (...command: ReadonlyArray<string>) =>
      run(["--policy=data", `--session=${session}`, "--", ...command]);
    const stored = await within("sh", "-c", '"$0" copy "$1" valetkey: && exit 9', rclone, folder);
    expect(stored.code).toBe(9);
    const back = makeFolder();
    const denied: ReadonlyArray<readonly [ReadonlyArray<string>, string]> = [
      [[rclone, "copy", "valetkey:", back], "AccessDenied: Access Denied"],
      [[rclone, "delete", "valetkey:"], "AccessDenied: Access Denied"],
      [[rclone, "lsf", "valetkeystore:{bucket}"], "AccessDenied: Access Denied"],
      [[rclone, "sync", folder, "valetkey:"], "can't use --no-check-dest with sync: use copy"],
      [[rclone, "copy", folder, "valetkeystore:{bucket}/orgs"], "AccessDenied"],
      [[aws, "s3", "cp", "{uri}a.txt", back], "(403) when calling the HeadObject operation"],
      [[aws, "s3", "rm", "{uri}a.txt"], "(AccessDenied) when calling the DeleteObject operation"],
      [[aws, "s3", "ls", "s3://{bucket}/"], "(AccessDenied) when calling the ListObjectsV2"],
      [[aws, "s3", "sync", folder, "{uri}"], "(AccessDenied) when calling the ListObjectsV2"],
      [
        [aws, "s3", "cp", `${folder}/a.txt`, "s3://{bucket}/orgs/a.txt"],
        "(AccessDenied) when calling the PutObject operation",
      ],
      [[python, "-c", REFUSED], "get_object AccessDenied"],
    ];
    for (const [command, words] of denied) {
      const { code, stdout, stderr } = await within(...command);
      expect(code, command.join(" ")).not.toBe(0);
      expect(`${stdout}${stderr}`).toContain(words);
      if (command.includes(REFUSED)) {
        for (const call of ["head_object", "delete_object", "list_objects_v2", "put_object"])
          expect(stdout).toMatch(new RegExp(`^${call} (?:AccessDenied|403)$`, "m"));
      }
    }
    const printed = await run([`--session=${session}`, "--print=duckdb"]);
    const secret = join(makeFolder(), "secret.sql");
    writeFileSync(secret, printed.stdout);
    const { bucket, prefix } = JSON.parse(readFileSync(session, "utf8"));
    const read = await tool([python, "-c", DUCKDB_READ, secret, `s3://${bucket}/${prefix}a.txt`]);
    expect(read.stdout).toContain("(HTTP 403 Forbidden)\n\nAccessDenied: Access Denied.");
    const completed = await run(["complete", session]);
    expect(completed.code).toBe(0);
    expect(completed.stdout).toMatch(/^a\.txt +http/);
  });

  it("a tool has these credentials, and no others of its surroundings", async () => {
    const config = join(makeFolder(), "config");
    writeFileSync(config, "[default]\nignore_configured_endpoint_urls = true\nregion = mars\n");
    const { code, stdout } = await run(["--policy=data", "--", "sh", "-c", "env; exit 7"], {
      AWS_PROFILE: "another",
      AWS_ENDPOINT_URL: "http://another.invalid",
      AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: "true",
      AWS_WEB_IDENTITY_TOKEN_FILE: "/another",
      AWS_CONFIG_FILE: config,
      AWS_CA_BUNDLE: "/kept",
      RCLONE_CONFIG_VALETKEY_PROVIDER: "Another",
    });
    expect(code).toBe(7);
    expect(stdout).not.toMatch(/another|mars|VALETKEY_TOKEN/i);
    expect(stdout).not.toContain(service.token);
    expect(stdout).toContain("AWS_CA_BUNDLE=/kept\n");
    expect(stdout).toContain(`AWS_ENDPOINT_URL_S3=${publicEndpoint()}\n`);
  });

  it("a tool that fails completes nothing, and what it sent is completed later from a file or standard input", async () => {
    const folder = folderOf(new Map([["a.txt", Buffer.from("a")]]));
    const script = '"$0" copy "$1" valetkey: && exit 5';
    const failed = await run(["--policy=data", "--", "sh", "-c", script, rclone, folder]);
    expect([failed.code, failed.stdout]).toEqual([5, ""]);
    const [, file = ""] =
      /^sh ended with 5, so nothing was completed\. Run it again with --session (\S+) to go on\./m.exec(
        failed.stderr,
      ) ?? [];
    const content = readFileSync(file);
    const piped = start(["complete", "-"]);
    piped.stdin.end(content);
    expect(await ended(piped)).toMatchObject({ code: 0, stderr: "1 file, 0 refused.\n" });
    const again = await run(["complete", file]);
    expect([again.code, existsSync(file)]).toEqual([0, false]);
    const gone = await run(["complete", file]);
    expect([gone.code, gone.stderr]).toEqual([66, expect.stringContaining("There is no file")]);
    const none = await run(["--policy=data", "--", "no-such-program"]);
    expect([none.code, none.stderr]).toEqual([
      127,
      expect.stringMatching(/no-such-program cannot be started \(ENOENT\)/),
    ]);
  });

  it("a signal reaches the tool, and a command that was killed goes on with its file", async () => {
    const folder = folderOf(new Map([["a.txt", Buffer.from("a")]]));
    const session = join(makeFolder(), "session.json");
    const options = ["--policy=data", `--session=${session}`, "--"];
    // At the first instant at which the command can be told to end.
    const script = 'trap "exit 6" TERM; kill -TERM $PPID; while kill -0 $PPID; do sleep 0.05; done';
    expect((await run([...options, "sh", "-c", script])).code).toBe(6);
    const killed = start([
      ...options,
      "sh",
      "-c",
      `"$0" copy "$1" valetkey: && echo sent && exec cat`,
      rclone,
      folder,
    ]);
    const failed = ended(killed).then(({ stderr }) => stderr);
    expect(await Promise.race([once(killed.stdout, "data"), failed])).toEqual([expect.anything()]);
    killed.kill("SIGKILL");
    await once(killed, "exit");
    const { code, stderr } = await run([...options, rclone, "copy", folder, "valetkey:"]);
    expect(code).toBe(0);
    expect(stderr).toContain("1 file, 0 refused.\n");
  });

  if (isFullRun) {
    it("2 GB by rclone, whose connections are cut again and again, become the same files", async () => {
      const folder = makeFolder();
      const parts = Array.from({ length: 4 }, (_, at) => `large ${at}.bin`);
      for (const name of parts) {
        // Sparse, but for its ends.
        const file = openSync(join(folder, name), "w");
        ftruncateSync(file, 500_000_000);
        writeSync(file, randomBytes(1000), 0, 1000, 499_999_000);
        closeSync(file);
      }
      const limits = ["--policy=large", "--max-bytes=3 GB", "--json", "--"];
      proxy.cutEach(Array.from({ length: 6 }, () => 250_000_000));
      const child = await run([
        ...limits,
        rclone,
        "copy",
        "--low-level-retries=30",
        folder,
        "valetkey:",
      ]);
      expect(child.code, child.stderr).toBe(0);
      expect(proxy.cuts()).toBeGreaterThan(3);
      const { files } = JSON.parse(child.stdout) as { readonly files: ReadonlyArray<Listed> };
      expect(files.map(({ path }) => path).toSorted()).toEqual(parts);
      for (const { path, get_url: url } of files) {
        const stored = createHash("sha256");
        for await (const chunk of (await fetch(url)).body ?? []) stored.update(chunk);
        const sent = createHash("sha256");
        for await (const chunk of createReadStream(join(folder, path))) sent.update(chunk);
        expect(stored.digest("hex"), path).toBe(sent.digest("hex"));
      }
    });
  }
});
