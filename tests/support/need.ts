import { request } from "node:http";
import { text } from "node:stream/consumers";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { inject } from "vitest";
import type { Needs } from "./setup.ts";

/**
 * What the tests of a file need beside Node, started or built by the first file that asks; its
 * tests are skipped where this gives nothing. In CI everything is tested, so that it throws there,
 * but for `npm test`, which leaves what needs the servers of others to the commands after it.
 */
export async function need<Name extends keyof Needs>(name: Name): Promise<Needs[Name] | undefined> {
  // On the runtimes of same-suite.test.ts nobody answers.
  const address: string | undefined = inject("needs");
  if (address === undefined) return undefined;
  // A kept connection could be closed by the other end just as this is asked.
  const asked = request(`${address}${name}`, { agent: false }).end();
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  const { value, source, fault, isLater } = JSON.parse(await text(answer));
  if (fault !== undefined) throw new Error(fault);
  if (value === undefined && !isLater && process.env["CI"])
    throw new Error(`${name} is missing: ${source}`);
  return value;
}
