import { spawn } from "node:child_process";
import { once } from "node:events";
import { atTestEnd } from "../support/at-test-end.ts";
import { freePort } from "../support/free-port.ts";
import { need } from "../support/need.ts";
import { until } from "../support/until.ts";

/** A way to a server that can be disturbed. */
export interface Way {
  readonly port: number;
  /** Disturbs it as a toxic of toxiproxy does, in both directions or in one. */
  readonly poison: (toxic: Toxic) => Promise<unknown>;
  /** Refuses connections and cuts those that are open, or lets them through again. */
  readonly open: (isOpen: boolean) => Promise<unknown>;
  /** Leads to another server from now on. */
  readonly lead: (port: number) => Promise<unknown>;
  /** Takes all toxics away, and cuts nothing. */
  readonly soothe: () => Promise<unknown>;
  /** Takes all toxics away, cuts what is open, and refuses connections for a moment. */
  readonly heal: () => Promise<unknown>;
  readonly end: () => Promise<unknown>;
}

interface Toxic {
  readonly type: "latency" | "timeout" | "reset_peer" | "limit_data" | "slicer";
  readonly stream?: "upstream" | "downstream";
  readonly attributes: Readonly<Record<string, number>>;
}

/** Starts toxiproxy with a way to a port of this machine. */
export async function startToxiproxy(target: number): Promise<Way> {
  const [path, control, port] = [await need("toxiproxy"), await freePort(), await freePort()];
  const child = spawn(path ?? "", ["-host", "127.0.0.1", "-port", String(control)], {
    stdio: "ignore",
  });
  const ended = once(child, "exit");
  const end = () => {
    child.kill("SIGKILL");
    return ended;
  };
  atTestEnd(end);
  const ask = async (method: string, path: string, body?: object) => {
    const answer = await fetch(`http://127.0.0.1:${control}${path}`, {
      method,
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`toxiproxy: ${method} ${path}: ${answer.status} ${text}`);
    return text;
  };
  await until("toxiproxy's start", () => ask("GET", "/version"));
  const upstream = `127.0.0.1:${target}`;
  const whole = { name: "way", listen: `127.0.0.1:${port}`, upstream, enabled: true };
  await ask("POST", "/proxies", whole);
  const soothe = () => ask("POST", "/reset");
  return {
    port,
    soothe,
    poison: (toxic) => ask("POST", "/proxies/way/toxics", { stream: "downstream", ...toxic }),
    open: (enabled) => ask("POST", "/proxies/way", { ...whole, enabled }),
    lead: (to) => ask("POST", "/proxies/way", { ...whole, upstream: `127.0.0.1:${to}` }),
    heal: async () => {
      await soothe();
      // A connection that hangs in a toxic ends with it.
      await ask("POST", "/proxies/way", { ...whole, enabled: false });
      await ask("POST", "/proxies/way", whole);
    },
    end,
  };
}
