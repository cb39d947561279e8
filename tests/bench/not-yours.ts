import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RUNTIMES, startProcess } from "../support/service-process.ts";
import { receiptKey } from "../support/receipt-key.ts";

const ID = "0123456789abcdef";
const TOKEN = `vk_${ID}_${"A".repeat(43)}`;
const ROUNDS = 6000;
const BODY = JSON.stringify({ filename: "a.png", content_type: "image/png", size: 5 });

/**
 * How long the answer takes for an organization that is there and not the caller's, and for one
 * that is not there; the latter twice, which shows how far two samples of the same thing differ.
 */
export async function benchNotYours(tell: (text: string) => void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "valetkey-bench-"));
  const file = join(folder, "tokens.json");
  const sha256 = createHash("sha256").update(TOKEN).digest("hex");
  const token = { id: ID, sha256, kind: "user", subject: "bench", scopes: ["write"] };
  writeFileSync(file, JSON.stringify({ tokens: [{ ...token, organizations: ["acme"] }] }));
  const service = await startProcess(
    {
      AUTH: "static",
      AUTH_TOKENS_FILE: file,
      ORGANIZATIONS: "acme=org_1,globex=org_2",
      RECEIPT_KEYS: `bench:${receiptKey("test").toString("base64")}`,
      LOG_LEVEL: "error",
      AUDIT: "off",
    },
    RUNTIMES.node,
  );
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const time = (slug: string) =>
    new Promise<number>((resolve, reject) => {
      const start = performance.now();
      const url = `${service.address}/api/v1/orgs/${slug}/files/presign`;
      const headers = { Authorization: `Bearer ${TOKEN}`, "Content-Type": "application/json" };
      request(url, { method: "POST", agent, headers }, (answer) => {
        if (answer.statusCode !== 404) reject(new Error(`${slug} answered ${answer.statusCode}`));
        answer.resume().on("end", () => resolve(performance.now() - start));
      })
        .on("error", reject)
        .end(BODY);
    });
  try {
    const names = ["globex", "absent", "absent"];
    const times = names.map((): Array<number> => []);
    for (let round = -500; round < ROUNDS; round++) {
      // In an order that changes, so that none always follows the same other.
      for (const i of [0, 1, 2].map((n) => (n + round + 500) % 3)) {
        const taken = await time(names[i] ?? "");
        if (round >= 0) times[i]?.push(taken);
      }
    }
    const [yours = [], absent = [], again = []] = times;
    tell(`\n404 of an organization, ${ROUNDS} requests each, milliseconds`);
    tell(`  ${"".padEnd(36)}   10 %    50 %    90 %    99 %`);
    for (const [name, sample] of [
      ["there, and not yours", yours],
      ["not there", absent],
      ["not there, once more", again],
    ] as const) {
      const sorted = sample.toSorted((a, b) => a - b);
      const at = [0.1, 0.5, 0.9, 0.99].map((q) => sorted[Math.floor(q * sorted.length)] ?? NaN);
      tell(`  ${name.padEnd(36)} ${at.map((value) => value.toFixed(3).padStart(7)).join(" ")}`);
    }
    tell(`  overlap, not yours and not there     ${overlap(yours, absent).toFixed(3)}`);
    tell(`  overlap, not there and once more     ${overlap(absent, again).toFixed(3)}`);
  } finally {
    agent.destroy();
    await service.stop();
    rmSync(folder, { recursive: true });
  }
}

/** How much of two distributions is under both: 1 where they are the same, 0 where apart. */
function overlap(a: ReadonlyArray<number>, b: ReadonlyArray<number>): number {
  const sorted = [...a, ...b].toSorted((x, y) => x - y);
  const edges = Array.from(
    { length: 39 },
    (_, i) => sorted[Math.floor(((i + 1) * sorted.length) / 40)] ?? 0,
  );
  const shares = (sample: ReadonlyArray<number>) => {
    const counts = Array.from({ length: 40 }, () => 0);
    for (const value of sample) {
      const bin = edges.findIndex((edge) => value < edge);
      const at = bin < 0 ? 39 : bin;
      counts[at] = (counts[at] ?? 0) + 1;
    }
    return counts.map((count) => count / sample.length);
  };
  const others = shares(b);
  return shares(a).reduce((sum, share, i) => sum + Math.min(share, others[i] ?? 0), 0);
}
