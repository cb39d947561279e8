import type { ArrivedSpan } from "./collector.ts";

const ROW = 24;
const WIDTH = 760;
/** Where bars begin, and how wide the longest is. */
const LEFT = 300;
const RIGHT = WIDTH - LEFT - 70;

/** Draws spans below each other, the first one around the others, as what shows traces does. */
export function waterfall(spans: ReadonlyArray<ArrivedSpan>): string {
  const [first] = spans;
  const begin = first?.start ?? 0n;
  const whole = Math.max(...spans.map(({ end }) => milliseconds(begin, end)));
  const sorted = spans.toSorted((a, b) => Number(a.start - b.start));
  const rows = sorted.map((span, index) => {
    const y = index * ROW;
    const x = LEFT + (milliseconds(begin, span.start) / whole) * RIGHT;
    const length = milliseconds(span.start, span.end);
    const width = Math.max(1.5, (length / whole) * RIGHT);
    const indent = span === first ? 8 : 24;
    return `<text x="${indent}" y="${y + 16}">${span.name}</text>
<rect x="${x.toFixed(1)}" y="${y + 5}" width="${width.toFixed(1)}" height="14" rx="2" class="k${span.kind}"/>
<text x="${(x + width + 5).toFixed(1)}" y="${y + 16}" class="ms">${length.toFixed(1)} ms</text>`;
  });
  const height = spans.length * ROW + 4;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" font-size="12">
<style>text{fill:#222}.ms{fill:#666}.k2{fill:#24507a}.k3{fill:#e08e45}rect.back{fill:#fff}</style>
<rect class="back" width="${WIDTH}" height="${height}"/>
${rows.join("\n")}
</svg>
`;
}

const milliseconds = (from: bigint, to: bigint) => Number(to - from) / 1e6;

/** The names of spans in such a picture. */
export const namesIn = (picture: string): ReadonlyArray<string> =>
  [...picture.matchAll(/<text x="\d+" y="\d+">([^<]*)</g)].map(([, name = ""]) => name);
