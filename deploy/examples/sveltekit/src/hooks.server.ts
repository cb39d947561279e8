import { valetkey } from "./lib/server/valetkey.ts";

/** What SvelteKit hands to `handle`; its own type has another address in version 3 than in 2. */
interface Call<Event> {
  readonly event: Event;
  readonly resolve: (event: Event) => Response | Promise<Response>;
}

export const init = (): Promise<void> => valetkey.ready();

export const handle = <Event extends { readonly request: Request }>({
  event,
  resolve,
}: Call<Event>): Response | Promise<Response> =>
  valetkey.handles(event.request) ? valetkey.fetch(event.request) : resolve(event);
