import handler, { createServerEntry } from "@tanstack/react-start/server-entry";
import { valetkey } from "./valetkey.ts";

/** Before TanStack Start looks for a route. */
export default createServerEntry({
  fetch: (request) =>
    valetkey.handles(request) ? valetkey.fetch(request) : handler.fetch(request),
});
