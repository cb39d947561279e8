import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { send } from "../../adapters/contract/sending/send.ts";
import { SPELLINGS, writtenAs } from "../../adapters/contract/promises/spellings.ts";
import {
  attemptWith,
  HARMS,
  type Row,
  UNSIGNED_HEADERS,
} from "../../adapters/contract/promises/unsigned-headers.ts";
import { freePort } from "../support/free-port.ts";
import { makeFolder } from "../support/make-folder.ts";
import { need } from "../support/need.ts";
import { until } from "../support/until.ts";

// deploy/compose/store.caddy in a real Caddy, before a server that writes down what reaches it.

const caddy = await need("caddy");
const CONFIGURATION = new URL("../../deploy/compose/store.caddy", import.meta.url);

/** What Caddy sends of its own, and what frames a body. */
const OWN =
  /^(?:host|content-length|transfer-encoding|trailer|via|user-agent|accept-encoding|x-forwarded-(?:for|host|proto))$/;

describe.skipIf(caddy === undefined)("the proxy in front of a store", () => {
  let address: string;
  const arrived: Array<ReadonlyArray<string>> = [];
  const folder = makeFolder();
  const ends: Array<() => void> = [];
  afterAll(() => {
    for (const end of ends.toReversed()) end();
  });
  beforeEach(() => void arrived.splice(0));

  beforeAll(async () => {
    const store = createServer(async (request, response) => {
      await request.resume().toArray();
      const { rawHeaders, rawTrailers } = request;
      const lines = [...rawHeaders, ...rawTrailers];
      const pairs = lines.flatMap((name, at) =>
        at % 2 === 0 ? [`${name.toLowerCase()}: ${lines[at + 1]}`] : [],
      );
      arrived.push(pairs.filter((pair) => !OWN.test(pair.slice(0, pair.indexOf(":")))));
      response.end();
    });
    await once(store.listen(0, "127.0.0.1"), "listening");
    ends.push(() => store.close());
    address = `http://127.0.0.1:${await freePort()}`;
    const file = join(folder, "Caddyfile");
    const text = readFileSync(CONFIGURATION, "utf8")
      .replace(", http://store:9000", "")
      .replace("http://:9000", `http://:${new URL(address).port}`);
    writeFileSync(file, `{\n\tadmin off\n\tdefault_bind 127.0.0.1\n}\n${text}`);
    const running = spawn(`${caddy}`, ["run", "--config", file], {
      env: {
        HOME: folder,
        STORE_URL: address,
        STORE: `127.0.0.1:${(store.address() as AddressInfo).port}`,
      },
      stdio: "ignore",
    });
    ends.push(() => running.kill());
    await until("an answer", () =>
      fetch(address).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
  });

  const put = (written: ReturnType<typeof writtenAs>, signed: ReadonlyArray<string>) =>
    send("PUT", `${address}/files/a.png?X-Amz-SignedHeaders=${signed.join("%3B")}`, {
      headers: { "Content-Type": "image/png" },
      body: Buffer.from("body"),
      written,
    });

  it.each(HARMS)("passes on no header that %s, in no spelling", async (harm) => {
    const place = { bucket: "files", other: "other.png", content: Buffer.from("body") };
    const rows: ReadonlyArray<Row> = UNSIGNED_HEADERS[harm];
    for (const row of rows) {
      const { headers } = attemptWith(row, place, "new.png");
      const plain = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      const everyWay = Object.keys(SPELLINGS).map((spelling) => writtenAs(spelling, headers));
      for (const written of [{ head: plain.join("") }, ...everyWay]) {
        await put(written, ["content-length", "content-type", "host"]);
      }
    }
    expect(arrived.length).toBeGreaterThan(rows.length);
    expect(new Set(arrived.flat())).toEqual(new Set(["content-type: image/png"]));
  });

  it("refuses what is sent to another name, in place of taking it", async () => {
    const init = { headers: { host: "other.example" }, method: "PUT" };
    const [answer] = await once(request(`${address}/files/a.png`, init).end(), "response");
    expect(answer.statusCode).toBe(421);
    expect(arrived).toEqual([]);
  });

  it("passes on what an upload binds, a preflight asks and a download may have", async () => {
    const sent = {
      "content-md5": "XUFAKrxLKna5cZ2REBfFkg==",
      "if-none-match": "*",
      "x-amz-checksum-crc32c": "AAAAAA==",
      "x-amz-checksum-sha256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
      "x-amz-meta-valetkey-grant": "{env.HOME}",
      origin: "https://app.example.com",
      "access-control-request-method": "PUT",
      range: "bytes=0-9",
    };
    const { head } = writtenAs("in upper case", sent);
    await put({ head }, Object.keys(sent));
    const pairs = Object.entries(sent).map(([name, value]) => `${name}: ${value}`);
    expect(arrived[0]?.toSorted()).toEqual([...pairs, "content-type: image/png"].toSorted());
  });

  it("passes on the source of a copy only where its URL binds it", async () => {
    const sent = { head: "x-amz-copy-source: files/a.png\r\n" };
    await put(sent, ["host", "x-amz-copy-source-if-match"]);
    await put(sent, ["host", "x-amz-copy-source"]);
    expect(arrived.map((pairs) => pairs.length)).toEqual([1, 2]);
  });
});
