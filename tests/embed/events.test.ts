import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { events, type UploadEvent } from "../../adapters/embed/events.ts";
import { LEASE } from "../../adapters/events/outbox.ts";
import { atTestEnd } from "../support/at-test-end.ts";
import { makeFolder } from "../support/make-folder.ts";
import { until } from "../support/until.ts";
import { SECRET, startReceiver } from "../events/backend.ts";
import { FILE, MIA, put, startHost } from "./host.ts";

type Host = Awaited<ReturnType<typeof startHost>>;

async function confirm({ valetkey }: Host, asked: object = {}) {
  const { receipt, ...upload } = await valetkey.requestUpload({ ...FILE, ...asked });
  await put(upload);
  return valetkey.confirmUpload({ caller: MIA, organization: "acme", receipt });
}

it("a function gets an event as plain data, and again with the same id once it rejected", async () => {
  const given: Array<UploadEvent> = [];
  const host = await startHost({
    events: events({
      directory: makeFolder(),
      to: async (event) => {
        if (given.push(event) === 1) throw new Error("the database is away");
      },
    }),
  });
  const metadata = { line_item: "7", timestamp: "soon" };
  const { key, etag, fileUrl } = await confirm(host, { metadata, path: "holidays/a.png" });
  await until("the second attempt", () => given.length > 1);
  const [first, second] = given;
  expect(second).toEqual(first);
  expect(first).toEqual({
    id: expect.stringMatching(/^evt_[\w-]{32}$/),
    type: "upload.confirmed",
    timestamp: expect.any(Date),
    data: {
      key,
      organization: "org_1",
      subject: "mia",
      policy: "files",
      filename: "photo.png",
      path: "holidays/a.png",
      size: 5,
      contentType: "image/png",
      metadata,
      grantedAt: expect.any(Date),
      etag,
      final: false,
      fileUrl,
    },
  });
  expect(first?.timestamp.getTime()).toBeGreaterThan(Date.now() - 60_000);
  expect(host.log).toContainEqual({
    level: "warn",
    message: expect.stringContaining("was not taken"),
    facts: { id: first?.id, failures: 1, failure: "the database is away" },
  });
});

it("an address gets signed events, and is asked again after it failed", async () => {
  const { received, answers, port } = await startReceiver();
  answers.push(500);
  const host = await startHost({
    events: events({
      directory: makeFolder(),
      url: `http://127.0.0.1:${port}/hook`,
      secrets: [SECRET],
      allowPrivate: true,
    }),
  });
  const { key } = await confirm(host);
  await until("the second attempt", () => received.length > 1);
  expect(received[1]).toEqual(received[0]);
  expect(received[0]).toMatchObject({ type: "upload.confirmed", data: { key } });
});

it("nothing is confirmed while its event cannot be kept, and ready() says why", async () => {
  const host = await startHost({ events: events({ directory: "/dev/null", to: () => 0 }) });
  await expect(host.valetkey.ready()).rejects.toThrow(
    /events cannot be kept in \/dev\/null: .*; make the folder writable/,
  );
  await expect(host.valetkey.requestUpload(FILE)).rejects.toThrow("events cannot be kept");
});

/** A host in a process of its own; see there. */
function startProcess(directory: string, uploads: number, behaviour: "take" | "hang") {
  const script = new URL("events-process.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [script, directory, String(uploads), behaviour], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  atTestEnd(() => child.kill("SIGKILL"));
  let written = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (written += text));
  return {
    child,
    printed: (word: "given" | "confirmed" | "closed") =>
      written
        .split("\n")
        .slice(0, -1)
        .flatMap((line) => (line.startsWith(word) ? [line.split(" ")] : []))
        .map(([, key = "", id = ""]) => ({ key, id })),
  };
}

it("an event of a process that was killed is given to the next one, with the same id", async () => {
  const directory = makeFolder();
  const { child, printed } = startProcess(directory, 1, "hang");
  await until("the confirmation and the event", () =>
    [printed("confirmed"), printed("given")].every(({ length }) => length === 1),
  );
  child.kill("SIGKILL");
  await once(child, "exit");
  // As if the time had passed in which nobody else may have it.
  const database = new DatabaseSync(join(directory, "events.db"));
  database.exec(`UPDATE events SET at = at - ${LEASE}`);
  database.close();
  const given: Array<string> = [];
  const { valetkey } = await startHost({
    events: events({ directory, to: ({ id }) => given.push(id) }),
  });
  await valetkey.ready();
  await until("the event", () => given.length > 0);
  expect(given).toEqual(printed("given").map(({ id }) => id));
});

it("two processes with one folder give each event once, and all of them", async () => {
  const directory = makeFolder();
  const both = [1, 2].map(() => startProcess(directory, 20, "take"));
  const keys = (word: "given" | "confirmed") =>
    both
      .flatMap(({ printed }) => printed(word))
      .map(({ key }) => key)
      .sort();
  await until("all events", () => keys("given").length >= 40);
  for (const { child } of both) {
    child.stdin.end();
    expect(await once(child, "exit")).toEqual([0, null]);
  }
  expect(keys("given")).toEqual(keys("confirmed"));
});

it("close() ends deliveries, also one that hangs, and leaves no timer that keeps a process", async () => {
  const { child, printed } = startProcess(makeFolder(), 1, "hang");
  await until("the event", () => printed("given").length === 1);
  child.stdin.end();
  await until("the close", () => printed("closed").length === 1);
  expect(printed("closed")).toMatchObject([{ key: "0" }]);
});
