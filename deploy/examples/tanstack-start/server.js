import { serve } from "@hono/node-server";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono } from "hono";
import built from "./dist/server/server.js";

const { PORT = "3000" } = process.env;

const app = new Hono();
app.use(serveStatic({ root: "dist/client" }));
app.all("*", ({ req }) => built.fetch(req.raw));

const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: Number(PORT) });
process.once("SIGTERM", () => server.close());
