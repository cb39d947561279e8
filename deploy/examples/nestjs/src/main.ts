import { NestFactory } from "@nestjs/core";
import { toNodeHandler } from "valetkey/node";
import { AppModule } from "./app.js";
import { valetkey } from "./valetkey.js";

const app = await NestFactory.create(AppModule, { logger: ["error", "warn"] });
// Requests to Valetkey are answered here, with their bodies unread.
app.use(toNodeHandler(valetkey));
app.enableShutdownHooks();
await app.listen(Number(process.env.PORT ?? "3000"), "127.0.0.1");
