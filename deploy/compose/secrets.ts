import { randomBytes } from "node:crypto";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

// Makes the secrets of a compose project, on its first start. Exits with 78 if settings for one
// machine, AUTH=dev and the known password of MinIO, would serve others.

const { AUTH = "dev", PUBLIC_URL = "", PUBLISH = "", MINIO_ROOT_PASSWORD } = process.env;
if (!/^http:\/\/localhost:\d+$/.test(PUBLIC_URL) || !PUBLISH.startsWith("127.0.0.1:")) {
  const others = `others than this machine are served: PUBLIC_URL is ${PUBLIC_URL} and PUBLISH is ${PUBLISH}`;
  if (AUTH === "dev") {
    refuse(
      `AUTH=dev lets in everyone who has the token, and ${others}. Set AUTH=jwt, and what goes with it.`,
    );
  }
  if (MINIO_ROOT_PASSWORD === "valetkey-development") {
    refuse(`Everyone knows the password of MinIO, and ${others}. Set MINIO_ROOT_PASSWORD.`);
  }
}

function refuse(why: string): never {
  console.error(why);
  process.exit(78);
}

const { values } = parseArgs({
  options: {
    folder: { type: "string", default: "/data" },
    policies: { type: "string", default: "/policies" },
    store: { type: "string" },
    images: { type: "string" },
  },
});
const file = (name: string) => `${values.folder}/${name}`;
const secret = () => randomBytes(30).toString("base64url");

const USES = ["service", "put", "get"] as const;

/** Returns the users of SeaweedFS: one with all rights, and one for each use. */
function usersWith(keys: Readonly<Record<"admin" | (typeof USES)[number], string>>) {
  const policies = USES.map((use) => {
    const policy = JSON.parse(readFileSync(`${values.policies}/s3-${use}.json`, "utf8"));
    // SeaweedFS accepts no statement that denies, and needs none:
    // adapters/storage/s3/policies/README.md.
    const Statement = policy.Statement.filter(
      ({ Effect }: { Effect: string }) => Effect !== "Deny",
    );
    return { name: `valetkey-${use}`, content: JSON.stringify({ ...policy, Statement }) };
  });
  const user = (use: keyof typeof keys, may: object) => ({
    name: `valetkey-${use}`,
    credentials: [{ accessKey: `valetkey-${use}`, secretKey: keys[use] }],
    ...may,
  });
  return {
    identities: [
      user("admin", { actions: ["Admin"] }),
      ...USES.map((use) => user(use, { policyNames: [`valetkey-${use}`] })),
    ],
    policies,
  };
}

if (!existsSync(file("valetkey.env"))) {
  const lines = [
    `RECEIPT_KEYS=1:${randomBytes(32).toString("base64")}`,
    // The token of AUTH=dev, the same for all replicas.
    `DEV_TOKEN=${secret()}`,
    `DEV_SERVICE_TOKEN=${secret()}`,
  ];
  if (values.store === "azurite") {
    const key = randomBytes(64).toString("base64");
    writeFileSync(file("azurite.env"), `AZURITE_ACCOUNTS=valetkey:${key}\n`);
    lines.push("STORAGE_ACCESS_KEY=valetkey", `STORAGE_SECRET_KEY=${key}`);
  } else if (values.store !== undefined) {
    const keys = { admin: secret(), service: secret(), put: secret(), get: secret() };
    if (values.store === "seaweedfs") {
      writeFileSync(file("seaweedfs.json"), JSON.stringify(usersWith(keys)));
      const key = `STORAGE_ACCESS_KEY=valetkey-admin\nSTORAGE_SECRET_KEY=${keys.admin}\n`;
      writeFileSync(file("bucket.env"), key);
    }
    for (const use of USES) {
      const name = use === "service" ? "" : `${use.toUpperCase()}_`;
      lines.push(`STORAGE_${name}ACCESS_KEY=valetkey-${use}`);
      lines.push(`STORAGE_${name}SECRET_KEY=${keys[use]}`);
    }
  }
  // Written last: without it, the first start is incomplete.
  writeFileSync(file("valetkey.env"), `${lines.join("\n")}\n`);
}

// Also for a project that was started before there were pictures.
if (values.images !== undefined && !existsSync(`${values.images}/thumbor.env`)) {
  const line = `IMAGES_KEY=${randomBytes(32).toString("hex")}\n`;
  appendFileSync(file("valetkey.env"), line);
  writeFileSync(`${values.images}/thumbor.env`, line);
}

if (AUTH === "dev") {
  const [, token = ""] = /^DEV_TOKEN=(.*)$/m.exec(readFileSync(file("valetkey.env"), "utf8")) ?? [];
  console.log(`The page to try it: ${PUBLIC_URL}/#token=${token}`);
}
