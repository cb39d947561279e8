import type { Handle, ServerInit } from "@sveltejs/kit/hooks";
import { valetkey } from "./lib/server/valetkey.ts";

export const init: ServerInit = () => valetkey.ready();

export const handle: Handle = ({ event, resolve }) =>
  valetkey.handles(event.request) ? valetkey.fetch(event.request) : resolve(event);
