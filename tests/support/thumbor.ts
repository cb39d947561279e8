import { freePort } from "./free-port.ts";
import { makeFolder } from "./make-folder.ts";
import { startServer } from "./server-process.ts";

const CONFIGURATION = new URL("../../deploy/compose/thumbor.conf", import.meta.url).pathname;

/** Starts thumbor as the files for Compose do, for pictures whose addresses begin with `source`. */
export async function startThumbor(path: string, { key = "", source = "", port = 0 }) {
  port ||= await freePort();
  const address = `http://127.0.0.1:${port}`;
  const folder = makeFolder();
  const server = await startServer({
    path,
    args: [`--port=${port}`, "--ip=127.0.0.1", `--conf=${CONFIGURATION}`],
    folder,
    env: { IMAGES_KEY: key, IMAGES_SOURCE: source, IMAGES_FOLDER: folder },
    isUp: async () => (await fetch(`${address}/healthcheck`)).ok,
  });
  return { ...server, address };
}
