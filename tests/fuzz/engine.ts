import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Coverage, watchCoverage } from "./coverage.ts";
import { mutate, randomFrom } from "./mutate.ts";
import { fromText, toText } from "./text.ts";

/** What is tried with inputs, and what has to be true of every one of them. */
export interface Target {
  readonly name: string;
  /** Rejects, or throws, if a promise is broken. */
  readonly run: (input: Buffer) => unknown;
  /** Inputs to begin with, beside those of the corpus. */
  readonly seeds?: ReadonlyArray<Buffer>;
  /** Pieces that this target's inputs are made of. */
  readonly words: ReadonlyArray<string>;
  /** Most blocks that may run for an input, on top and for each of its bytes. */
  readonly work: readonly [base: number, perByte: number];
  readonly stop?: () => Promise<void>;
}

export interface Options {
  readonly seed: number;
  /** Whether there is time left; asked before each batch. */
  readonly isTime: (executions: number) => boolean;
  /** Without guidance no input is kept that reached something new. */
  readonly isGuided?: boolean;
  /** The folder of the corpus; of it, the target's inputs are in a folder of its name. */
  readonly corpus: string;
  /** Writes the smallest set of inputs that reach all that was reached. */
  readonly keep?: boolean;
}

export interface Outcome {
  readonly executions: number;
  readonly inputs: number;
  readonly reached: number;
  /** Most work for a byte that an input of 1,000 bytes or more took. */
  readonly workPerByte: number;
  readonly found?: { readonly fault: string; readonly file: string };
}

const BATCH = 128;

/** Runs the corpus, then mutates what reached something new, until there is no time or a fault. */
export async function fuzz(target: Target, options: Options): Promise<Outcome> {
  const { seed, isTime, isGuided = true, corpus, keep = false } = options;
  const folder = join(corpus, target.name);
  const random = randomFrom(seed);
  const coverage = watchCoverage(isOwn);
  const inputs: Array<Buffer> = [];
  const reachedBy: Array<ReadonlySet<string>> = [];
  const known = new Set<string>();
  const places = new Set<string>();
  let executions = 0;
  let workPerByte = 0;

  /** The fault of an input, and what it reached. */
  const look = async (input: Buffer): Promise<{ fault?: string } & Coverage> => {
    coverage();
    const fault = await faultOf(target, input);
    const { reached, work } = coverage();
    const [base, perByte] = target.work;
    if (input.length >= 1000) workPerByte = Math.max(workPerByte, work / input.length);
    if (fault !== undefined) return { fault, reached, work };
    return work > base + perByte * input.length
      ? { fault: `${work} blocks ran for ${input.length} bytes`, reached, work }
      : { reached, work };
  };
  const learn = async (input: Buffer): Promise<string | undefined> => {
    const { fault, reached } = await look(input);
    if (fault !== undefined) return fault;
    if (reached.every((block) => known.has(block))) return undefined;
    for (const block of reached) {
      known.add(block);
      places.add(placeOf(block));
    }
    inputs.push(input);
    reachedBy.push(new Set(reached));
    return undefined;
  };
  /** Learns from those of many inputs that reach something new, for a look takes as long as a run. */
  const explore = async (
    batch: ReadonlyArray<Buffer>,
  ): Promise<[input: Buffer, fault: string] | undefined> => {
    const [first = Buffer.alloc(0)] = batch;
    if (batch.length === 1) {
      const fault = await learn(first);
      return fault === undefined ? undefined : [first, fault];
    }
    coverage();
    for (const input of batch) {
      const fault = await faultOf(target, input);
      if (fault !== undefined) return [input, fault];
    }
    const { reached, work } = coverage();
    const length = batch.reduce((sum, input) => sum + input.length, 0);
    const isNew = isGuided && reached.some((block) => !places.has(placeOf(block)));
    if (!isNew && work <= target.work[0] * batch.length + target.work[1] * length) return undefined;
    const half = batch.length >> 1;
    const fault = (await explore(batch.slice(0, half))) ?? (await explore(batch.slice(half)));
    // Several together leave out other parts of a function than each of them.
    reached.forEach((block) => places.add(placeOf(block)));
    return fault;
  };
  const outcome = (found?: Outcome["found"]): Outcome => ({
    executions,
    inputs: inputs.length,
    reached: known.size,
    workPerByte: Math.round(workPerByte),
    ...(found && { found }),
  });
  const found = async (input: Buffer, fault: string): Promise<Outcome> => {
    const isThrown = (await faultOf(target, input)) !== undefined;
    const small = await minimize(input, (smaller) =>
      isThrown ? faultOf(target, smaller) : look(smaller).then(({ fault }) => fault),
    );
    return outcome({ fault, file: write(folder, small, "found-") });
  };

  // What is loaded and compiled with the first input is not reached by it.
  await faultOf(target, Buffer.alloc(0));
  for (const input of [...(target.seeds ?? []), ...readCorpus(folder)]) {
    const fault = await learn(input);
    if (fault !== undefined) return found(input, fault);
  }
  if (inputs.length === 0) inputs.push(Buffer.alloc(0));
  while (isTime(executions)) {
    const batch = Array.from({ length: BATCH }, () => {
      // Half of the time one of the newest.
      const recent =
        random(2) === 0
          ? inputs.length - 1 - random(Math.min(8, inputs.length))
          : random(inputs.length);
      return mutate(inputs[recent] ?? Buffer.alloc(0), inputs, target.words, random);
    });
    executions += batch.length;
    const fault = await explore(batch);
    if (fault !== undefined) return found(...fault);
  }
  if (keep) {
    rmSync(folder, { recursive: true, force: true });
    for (const index of fewestOf(reachedBy)) write(folder, inputs[index] ?? Buffer.alloc(0), "");
  }
  return outcome();
}

/** A block without the magnitude. */
const placeOf = (block: string) => block.replace(/:\d+$/, "");

const ROOT = new URL("../..", import.meta.url).href;
const isOwn = (url: string) =>
  url.startsWith(ROOT) &&
  /^(?:domain|application|adapters|node_modules\/effect|tests\/fuzz\/planted)\b/.test(
    url.slice(ROOT.length),
  );

async function faultOf(target: Target, input: Buffer): Promise<string | undefined> {
  try {
    await target.run(input);
    return undefined;
  } catch (cause) {
    return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
  }
}

const MOST_TRIES = 1500;

/** Leaves out of a faulty input what it is faulty without, in pieces of half of it to one byte. */
async function minimize(
  input: Buffer,
  faultOf: (input: Buffer) => Promise<string | undefined>,
): Promise<Buffer> {
  let small = input;
  let tries = 0;
  for (let size = small.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at < small.length && tries < MOST_TRIES; tries++) {
      const smaller = Buffer.concat([small.subarray(0, at), small.subarray(at + size)]);
      if ((await faultOf(smaller)) === undefined) at += size;
      else small = smaller;
    }
  }
  return small;
}

/** Takes, again and again, the input that reaches most of what none before has reached. */
function fewestOf(reachedBy: ReadonlyArray<ReadonlySet<string>>): ReadonlyArray<number> {
  // Without the magnitudes, which would keep ten times as many.
  const left = reachedBy.map((reached) => new Set([...reached].map(placeOf)));
  const chosen: Array<number> = [];
  for (;;) {
    const sizes = left.map(({ size }) => size);
    const most = Math.max(0, ...sizes);
    if (most === 0) return chosen;
    const index = sizes.indexOf(most);
    const taken = [...(left[index] ?? [])];
    chosen.push(index);
    for (const blocks of left) for (const block of taken) blocks.delete(block);
  }
}

const readCorpus = (folder: string): ReadonlyArray<Buffer> => {
  mkdirSync(folder, { recursive: true });
  return readdirSync(folder)
    .sort()
    .map((name) => fromText(readFileSync(join(folder, name), "utf8")));
};

function write(folder: string, input: Buffer, prefix: string): string {
  const hash = createHash("sha256").update(input).digest("hex").slice(0, 12);
  const file = join(folder, `${prefix}${hash}.txt`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, toText(input));
  return file;
}
