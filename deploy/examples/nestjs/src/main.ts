import { NestFactory } from "@nestjs/core";
import type { NestExpressApplication } from "@nestjs/platform-express";
import { toNodeHandler } from "valetkey/node";
import { AppModule } from "./app.js";
import { valetkey } from "./valetkey.js";

const app = await NestFactory.create<NestExpressApplication>(AppModule, {
  logger: ["error", "warn"],
});
// Requests to Valetkey are answered here, with their bodies unread.
app.use(toNodeHandler(valetkey));
// The page, and the modules that it uploads with.
app.useStaticAssets("public");
app.useStaticAssets("node_modules/valetkey/dist/adapters/client", { prefix: "/valetkey/" });
app.enableShutdownHooks();
await app.listen(Number(process.env.PORT ?? "3000"), "127.0.0.1");
