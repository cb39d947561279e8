import { testExample } from "./test-example.ts";

for (const name of ["node", "hono", "express", "fastify", "koa"]) testExample(name);
