import { events } from "../../adapters/embed/events.ts";
import { createValetkey, isValetkeyError } from "../../adapters/embed/index.ts";
import { local } from "../../adapters/embed/local.ts";

// A host that confirms so many uploads, prints them and the events that its function gets, and
// closes at the end of its input.

const [directory = "", uploads, behaviour] = process.argv.slice(2);

const valetkey = createValetkey({
  storage: local({ directory }),
  publicUrl: "http://127.0.0.1:3000",
  organizations: (slug) => slug,
  log: () => undefined,
  events: events({
    directory,
    to: ({ id, data }) => {
      console.log(`given ${"key" in data && data.key} ${id}`);
      return behaviour === "hang" ? new Promise(() => undefined) : undefined;
    },
  }),
});
process.stdin.resume().on("end", async () => {
  await valetkey.close();
  // Resources that would keep the process from its end.
  const timers = process.getActiveResourcesInfo().filter((name) => name === "Timeout");
  console.log(`closed ${timers.length}`);
});

const asked = { caller: { id: "mia" }, organization: "acme" };
const file = { filename: "a.txt", contentType: "text/plain", size: 5 };
/** Where the other process writes for long, no event can be kept: a client then asks again. */
const confirm = (receipt: string): ReturnType<typeof valetkey.confirmUpload> =>
  valetkey.confirmUpload({ ...asked, receipt }).catch((error: unknown) => {
    if (!isValetkeyError(error) || error.code !== "EVENTS_UNAVAILABLE") throw error;
    return confirm(receipt);
  });
for (let upload = 0; upload < Number(uploads); upload++) {
  const { receipt, putUrl, putHeaders } = await valetkey.requestUpload({ ...asked, ...file });
  const headers = { ...putHeaders, "Content-Length": "5" };
  await valetkey.fetch(new Request(putUrl, { method: "PUT", headers, body: "hello" }));
  const { key } = await confirm(receipt);
  console.log(`confirmed ${key}`);
}
