import type { MiddlewareHandler } from "astro";
import { valetkey } from "./lib/valetkey.ts";

/** Before Astro looks for a page. */
export const onRequest: MiddlewareHandler = ({ request }, next) =>
  valetkey.handles(request) ? valetkey.fetch(request) : next();
