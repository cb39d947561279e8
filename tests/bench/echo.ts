import { serve } from "@hono/node-server";
import { Hono } from "hono";

// The least that a Hono route can do with a JSON body: parse it and send it back.
const app = new Hono();
app.post("/api/v1/orgs/:slug/files/presign", async (c) => c.json(await c.req.json()));

serve({ fetch: app.fetch, hostname: "127.0.0.1", port: Number(process.argv[2]) });
