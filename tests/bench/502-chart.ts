import type { Line } from "./link.ts";

/** An upload to try. */
export interface Cell extends Line {
  readonly name: string;
  /** Bytes of the file. */
  readonly size: number;
}

/** What came of it. */
export interface Outcome {
  /** HTTP status of the last answer; 0 where the connection was cut off instead. */
  readonly status: number;
  /** Seconds until a URL shows the file, or until the refusal. */
  readonly seconds: number;
  /** Bytes that the backend exchanged with the client. */
  readonly bytes: number;
  /** Bytes of memory that the backend held at most. */
  readonly peak: number;
}

/** How an outcome is told. */
export const told = ({ status, seconds }: Outcome): string =>
  status === 200 ? `${seconds.toFixed(1)} s` : status === 0 ? "cut off" : `${status}`;

const LIMIT = 15;
const WIDTH = 760;
const LEFT = 210;
const TOP = 62;
const ROW = 34;
const BAR = 11;

/**
 * A picture of how long each upload took through the proxy and straight into the store, with its
 * own colours where people read on a dark ground.
 */
export function chartOf(
  cells: ReadonlyArray<Cell>,
  proxied: ReadonlyArray<Outcome>,
  direct: ReadonlyArray<Outcome>,
): string {
  const longest = Math.max(...[...proxied, ...direct].map(({ seconds }) => seconds));
  const end = Math.ceil(longest / 5) * 5;
  const scale = (WIDTH - LEFT - 60) / end;
  const height = TOP + cells.length * ROW + 34;
  const x = (seconds: number) => (LEFT + seconds * scale).toFixed(1);
  const ticks = Array.from({ length: end / 5 + 1 }, (_, i) => i * 5);
  const bottom = TOP + cells.length * ROW;
  const rows = cells.map((cell, i) => {
    const y = TOP + i * ROW + 5;
    const bars = [
      { kind: "proxy", outcome: proxied[i], y },
      { kind: "ours", outcome: direct[i], y: y + BAR + 2 },
    ].map(({ kind, outcome, y }) => {
      if (outcome === undefined) return "";
      const { seconds, status } = outcome;
      const failed = status === 200 ? "" : " failed";
      return (
        `<rect class="${kind}${failed}" x="${LEFT}" y="${y}" width="${(seconds * scale).toFixed(1)}" height="${BAR}" rx="2"/>` +
        `<text class="said${failed}" x="${Number(x(seconds)) + 6}" y="${y + BAR - 1.5}">${told(outcome)}</text>`
      );
    });
    const name = `${cell.name}, ${cell.bandwidth / 1e6} Mbit/s: ${cell.size / 1024 ** 2} MiB`;
    return `<text class="name" x="${LEFT - 12}" y="${y + BAR + 5}">${name}</text>${bars.join("")}`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="Seconds until a file is there, through a proxy with a limit of 15 seconds and straight into the store">
<style>
text { font: 12px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328; }
.name { text-anchor: end; }
.tick { text-anchor: middle; fill: #59636e; }
.said { font-size: 11px; fill: #59636e; }
.said.failed { font-weight: 600; fill: #b3261e; }
.grid { stroke: #d1d9e0; }
.limit { stroke: #b3261e; stroke-dasharray: 4 3; }
.proxy { fill: #8c959f; }
.proxy.failed { fill: #d1453b; }
.ours { fill: #1f7a4d; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.tick, .said { fill: #9198a1; }
.said.failed { fill: #ff8a80; }
.grid { stroke: #30363d; }
.limit { stroke: #ff8a80; }
.proxy { fill: #6e7681; }
.proxy.failed { fill: #e5534b; }
.ours { fill: #3fb97a; }
}
</style>
<rect class="proxy" x="${LEFT}" y="10" width="12" height="${BAR}" rx="2"/><text x="${LEFT + 18}" y="20">through a proxy</text>
<rect class="proxy failed" x="${LEFT + 130}" y="10" width="12" height="${BAR}" rx="2"/><text x="${LEFT + 148}" y="20">and lost</text>
<rect class="ours" x="${LEFT + 220}" y="10" width="12" height="${BAR}" rx="2"/><text x="${LEFT + 238}" y="20">straight into the store, signed by Valetkey</text>
${ticks.map((tick) => `<line class="grid" x1="${x(tick)}" x2="${x(tick)}" y1="${TOP - 6}" y2="${bottom}"/><text class="tick" x="${x(tick)}" y="${bottom + 18}">${tick === end ? `${tick} s` : tick}</text>`).join("\n")}
<line class="limit" x1="${x(LIMIT)}" x2="${x(LIMIT)}" y1="${TOP - 14}" y2="${bottom}"/><text class="said failed" x="${x(LIMIT)}" y="${TOP - 20}" text-anchor="middle">the proxy's limit</text>
${rows.join("\n")}
</svg>
`;
}
