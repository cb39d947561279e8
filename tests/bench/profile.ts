import { parseArgs } from "node:util";
import { freePort } from "../support/free-port.ts";
import { until } from "../support/until.ts";
import { costOfRequest, service } from "./requests.ts";
import { markdown, short } from "./rounds.ts";

// Finds where the CPU of a presign request goes, by layer: folders of ours, and
// packages. A sample counts for every layer on its stack (inclusive) and for the one on top (own);
// what the engine does by itself counts for who called it. What is resumed after an `await` has
// only those on its stack that run it then.

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "8" },
    level: { type: "string", default: "warn" },
    json: { type: "boolean", default: false },
  },
});
const milliseconds = Number(values.seconds) * 1000;

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly children?: ReadonlyArray<number>;
}

/** A CPU profile, as the inspector gives it; times in microseconds. */
interface Profile {
  readonly nodes: ReadonlyArray<ProfileNode>;
  readonly samples: ReadonlyArray<number>;
  readonly timeDeltas: ReadonlyArray<number>;
}

const IDLE = "idle";

const inspectorPort = await freePort();
const server = await service(
  { LOG_LEVEL: values.level },
  { command: () => ["node", `--inspect=127.0.0.1:${inspectorPort}`, "deploy/node.ts"] },
);
try {
  await costOfRequest(server, milliseconds / 2);
  // Without the profiler, which costs something itself.
  const cost = await costOfRequest(server, milliseconds / 2);
  const inspector = await connectInspector(inspectorPort);
  await inspector.call("Profiler.enable");
  await inspector.call("Profiler.start");
  await costOfRequest(server, milliseconds);
  const { profile } = await inspector.call("Profiler.stop");
  inspector.close();
  print(layersOf(profile), cost);
} finally {
  await server.stop();
}

function print(layers: Layers, cost: number): void {
  const rows = [...layers.shares]
    .map(([layer, { own, inclusive }]) => ({
      layer,
      inclusive: (inclusive / layers.total) * cost,
      own: (own / layers.total) * cost,
    }))
    .toSorted((a, b) => b.inclusive - a.inclusive);
  if (values.json) {
    console.log(JSON.stringify({ cost, layers: rows }, null, 2));
    return;
  }
  console.log(`${short(cost)} µs of CPU for one presign request\n`);
  const table = rows
    .filter(({ inclusive }) => inclusive >= cost / 100)
    .map(({ layer, inclusive, own }) => [layer, inclusive.toFixed(1), own.toFixed(1)]);
  console.log(markdown([["layer", "inclusive µs", "own µs"], ...table]));
}

interface Layers {
  readonly shares: ReadonlyMap<string, { own: number; inclusive: number }>;
  readonly total: number;
}

function layersOf({ nodes, samples, timeDeltas }: Profile): Layers {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(
    nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])),
  );
  /** The layers on the stack of a node; the first is that of what runs. */
  const stackOf = (id: number | undefined): ReadonlyArray<string> => {
    const node = id === undefined ? undefined : byId.get(id);
    if (node === undefined) return [];
    const layer = layerOf(node.callFrame);
    const below = stackOf(parents.get(node.id));
    return layer === undefined ? below : [layer, ...below];
  };
  const shares = new Map<string, { own: number; inclusive: number }>();
  let total = 0;
  const stacks = new Map(nodes.map(({ id }) => [id, stackOf(id)]));
  for (const [i, id] of samples.entries()) {
    const stack = stacks.get(id) ?? [];
    const time = timeDeltas[i] ?? 0;
    if (stack[0] === IDLE) continue;
    total += time;
    for (const layer of new Set(stack)) {
      const share = shares.get(layer) ?? { own: 0, inclusive: 0 };
      share.inclusive += time;
      if (layer === stack[0]) share.own += time;
      shares.set(layer, share);
    }
  }
  return { shares, total };
}

/** The layer of a function; undefined for what the engine does itself. */
function layerOf({ functionName, url }: ProfileNode["callFrame"]): string | undefined {
  if (functionName === "(idle)") return IDLE;
  if (functionName === "(garbage collector)") return "garbage collection";
  if (functionName === "(program)") return "the engine and the system";
  const [, name] = /^node:(?:internal\/)?([a-z_]+)/.exec(url) ?? [];
  if (name !== undefined) return `node:${name}`;
  const inPackage = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  if (inPackage !== undefined) return inPackage;
  return /\/((?:domain|application|adapters|deploy)(?:\/.*)?)\/[^/]+$/.exec(url)?.[1];
}

/** Speaks the Chrome DevTools Protocol. */
async function connectInspector(port: number) {
  const [target] = await until("the inspector", async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/json/list`);
    return (await answer.json()) as ReadonlyArray<{ readonly webSocketDebuggerUrl: string }>;
  });
  const socket = new WebSocket(target?.webSocketDebuggerUrl ?? "");
  await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
  let last = 0;
  return {
    call: (method: string) => {
      const id = ++last;
      socket.send(JSON.stringify({ id, method }));
      return new Promise<{ readonly profile: Profile }>((resolve) => {
        const listen = ({ data }: MessageEvent<string>) => {
          const message = JSON.parse(data);
          if (message.id !== id) return;
          socket.removeEventListener("message", listen);
          resolve(message.result);
        };
        socket.addEventListener("message", listen);
      });
    },
    close: () => socket.close(),
  };
}
