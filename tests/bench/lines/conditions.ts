import { reply } from "../../support/cutting-proxy.ts";
import type { Line } from "./line.ts";

/** What a line does while a file of `size` bytes goes over it. */
export interface Condition {
  readonly name: string;
  /** Bytes a second. */
  readonly rate: number;
  /** The machine of the browser sleeps for so many seconds in the middle. */
  readonly sleep?: number;
  readonly run: (line: Line, size: number) => unknown;
}

/** A number from `least` to `most`. */
type Between = (least: number, most: number) => number;

const MB = 1e6;
const PORTAL = reply("200 OK", "<h1>Welcome to our network</h1>");
const LOGIN = reply("302 Found", "", "Location: http://portal.invalid/\r\n");
const GATEWAY = reply("502 Bad Gateway", "<h1>Bad Gateway</h1>");

const outage = (seconds: number) => async (line: Line) => {
  line.refuse(true);
  await line.wait(seconds);
  line.refuse(false);
};
const standstill = (seconds: number) => async (line: Line) => {
  line.stall(true);
  await line.wait(seconds);
  line.stall(false);
};
const answered = (text: string, seconds: number) => async (line: Line) => {
  line.answer(() => text);
  line.cut();
  await line.wait(seconds);
  line.answer(() => undefined);
};
/** In the middle of the file. */
const halfway = (run: Condition["run"]) => async (line: Line, size: number) => {
  await line.past(size * 0.4);
  await run(line, size);
};
const flapping = (between: Between) => async (line: Line) => {
  for (;;) {
    await line.wait(between(4, 9));
    await outage(between(2, 6))(line);
  }
};
const handover = (seconds: number) => async (line: Line) => {
  for (;;) {
    await line.wait(seconds);
    line.cut();
  }
};
const loss = (between: Between) => async (line: Line) => {
  for (;;) {
    await line.past(line.sent() + between(0.1, 1) * MB);
    await standstill(between(0.2, 3))(line);
    if (between(0, 20) < 1) line.cut();
  }
};
const loseEach = (count: number) => (line: Line) => {
  let answers = 0;
  line.loseAnswers(() => ++answers % count === 0);
};

/** The conditions of the table, in which all clients send the same file. */
export const conditions = (between: Between): ReadonlyArray<Condition> => [
  { name: "none of these, 2 MB/s", rate: 2 * MB, run: () => undefined },
  { name: "no network for 60 s", rate: 2 * MB, run: halfway(outage(60)) },
  { name: "no network for 150 s", rate: 2 * MB, run: halfway(outage(150)) },
  { name: "stands still for 100 s", rate: 2 * MB, run: halfway(standstill(100)) },
  {
    name: "all connections reset every 6 to 15 MB",
    rate: 2 * MB,
    run: (line) => line.cutEach(() => between(6, 15) * MB),
  },
  {
    name: "all connections reset every 1 to 2.5 MB",
    rate: 2 * MB,
    run: (line) => line.cutEach(() => between(1, 2.5) * MB),
  },
  { name: "flapping: 4 to 9 s up, 2 to 6 s away", rate: 2 * MB, run: flapping(between) },
  { name: "loss: stands still every 0.1 to 1 MB, resets", rate: 2 * MB, run: loss(between) },
  { name: "handover every 4 s, 1 MB/s", rate: MB, run: handover(4) },
  {
    name: "another address: open connections stay silent",
    rate: 2 * MB,
    run: halfway((line) => line.abandon()),
  },
  {
    name: "captive portal for 30 s: 200 and a page",
    rate: 2 * MB,
    run: halfway(answered(PORTAL, 30)),
  },
  { name: "captive portal for 30 s: a redirect", rate: 2 * MB, run: halfway(answered(LOGIN, 30)) },
  { name: "a gateway answers 502 for 30 s", rate: 2 * MB, run: halfway(answered(GATEWAY, 30)) },
  {
    name: "a proxy takes whole bodies, 100 kB/s behind it",
    rate: 0.1 * MB,
    run: (line) => line.hoard(),
  },
  { name: "every third answer is lost", rate: 2 * MB, run: loseEach(3) },
  { name: "the machine sleeps for 5 minutes", rate: 2 * MB, sleep: 300, run: () => undefined },
  { name: "slow: 60 kB/s", rate: 0.06 * MB, run: () => undefined },
];

/** An upload over a line that was drawn. */
export interface Drawn extends Condition {
  readonly size: number;
}

/**
 * Draws a file, and a line over which it can arrive: it breaks now and then, but carries a part of
 * what is sent with one request, if that is sent alone.
 */
export function draw(between: Between): Drawn {
  const size = Math.ceil(Math.exp(between(Math.log(1e3), Math.log(40 * MB))));
  const rate = Math.exp(between(Math.log(0.3 * MB), Math.log(8 * MB)));
  // So much is sent with one request, at most.
  const body = Math.min(size, 5 * 2 ** 20);
  const rare = () => between(2, 6) * Math.max(body, 4 * MB);
  const troubles: ReadonlyArray<readonly [string, Condition["run"]]> = [
    ["an outage", outage(between(1, 120))],
    ["a standstill", standstill(between(1, 200))],
    ["a portal", answered(between(0, 2) < 1 ? PORTAL : LOGIN, between(1, 60))],
    ["a gateway", answered(GATEWAY, between(1, 60))],
    ["another address", (line) => line.abandon()],
    ["resets", (line) => line.cutEach(rare)],
    ["lost answers", loseEach(Math.ceil(between(2, 6)))],
    ["loss", loss(between)],
    ["a proxy", (line) => line.hoard()],
  ];
  const count = Math.floor(between(1, 4));
  const drawn = Array.from({ length: count }, () => {
    const [name = "nothing", run = () => undefined] =
      troubles[Math.floor(between(0, troubles.length))] ?? [];
    return { name, run, at: between(0, 1) };
  }).toSorted((a, b) => a.at - b.at);
  return {
    name: drawn.map(({ name, at }) => `${name} at ${at.toFixed(2)}`).join(", "),
    size,
    rate,
    run: async (line) => {
      for (const { run, at } of drawn) {
        await line.past(at * size);
        // Some go on to the end of the upload.
        void run(line, size);
      }
    },
  };
}
