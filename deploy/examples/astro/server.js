import { createServer } from "node:http";
import { handler } from "./dist/server/entry.mjs";

const { PORT = "3000" } = process.env;

const server = createServer(handler).listen(Number(PORT), "127.0.0.1");
process.once("SIGTERM", () => server.close());
