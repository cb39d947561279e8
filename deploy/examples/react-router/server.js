import { createRequestHandler } from "@react-router/express";
import express from "express";

const { PORT = "3000" } = process.env;

// In place of react-router-serve, which writes every address to its log: signatures, links and all.
const app = express();
app.use(express.static("build/client"));
app.use(createRequestHandler({ build: () => import("./build/server/index.js") }));

const server = app.listen(Number(PORT), "127.0.0.1");
process.once("SIGTERM", () => server.close());
