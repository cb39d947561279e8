import { createServer } from "node:http";

const { env } = process;
const { PORT = "3000" } = env;

// Started here, so that it stops when it is told to.
env.ASTRO_NODE_AUTOSTART = "disabled";
const { handler } = await import("./dist/server/entry.mjs");
const server = createServer(handler).listen(Number(PORT), "127.0.0.1");
process.once("SIGTERM", () => server.close());
