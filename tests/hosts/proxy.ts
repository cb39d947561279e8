import { once } from "node:events";
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { makeCertificate } from "../support/certificate.ts";
import type { Example } from "../support/example.ts";

/**
 * Starts a proxy that ends TLS in front of a starter, and tells the starter of it as its sources
 * say: the address, and what an example has as a comment.
 */
export async function putBehindProxy({ folder, run }: Example) {
  const { PORT } = parseEnv(readFileSync(join(folder, ".env"), "utf8"));
  const certificate = makeCertificate();
  const [cert, key] = [readFileSync(certificate.cert), readFileSync(certificate.key)];
  const server = createServer({ cert, key }, (asked, answer) => {
    const { method, url, headers } = asked;
    const sent = { ...headers, "x-forwarded-proto": "https" };
    const passed = request({ host: "127.0.0.1", port: PORT, path: url, method, headers: sent });
    passed.on("error", () => answer.destroy());
    passed.on("response", (got) => {
      answer.writeHead(got.statusCode ?? 502, got.headers);
      got.pipe(answer);
    });
    asked.pipe(passed);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const sources = globSync("**/*.ts", { cwd: folder, exclude: ["node_modules", "dist", "build"] });
  for (const name of sources) {
    const path = join(folder, name);
    const code = readFileSync(path, "utf8")
      .replace("`http://127.0.0.1:${PORT}`", JSON.stringify(address))
      .replace(/\/\/ (.*)"app\.example\.com"/, '$1"127.0.0.1"');
    writeFileSync(path, code);
  }
  const { scripts } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  if (scripts.build !== undefined) await run(["npm", "run", "build"]);
  return {
    address,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
