import { toNodeHandler } from "valetkey/node";
import { valetkey } from "../utils/valetkey.ts";

/** Before Nuxt looks for a route, and with bodies unread. */
export default fromNodeMiddleware(toNodeHandler(valetkey));
