import type { Handle, ServerInit } from "@sveltejs/kit/hooks";
import { valetkey } from "./lib/server/valetkey.ts";

const OURS = /^\/(?:api\/v1\/orgs\/[^/]+\/files|f|store)\//;

export const init: ServerInit = () => valetkey.ready();

export const handle: Handle = ({ event, resolve }) =>
  OURS.test(event.url.pathname) ? valetkey.fetch(event.request) : resolve(event);
