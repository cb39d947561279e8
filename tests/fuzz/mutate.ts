/** Random numbers that a seed decides: mulberry32, by Tommy Ettinger, in the public domain. */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Longest input, in bytes: a little more than the service reads of a body. */
const LONGEST = 20_000;

/** Bytes at which parsers decide. */
const EDGES = Buffer.from(
  "\0\t\n\r \"%&'()*+,-./0:;<=>?@A[\\]^_`a{|}~\x7f\x80\xc2\xe2\xed\xf0\xff",
  "latin1",
);

/** Changes an input once to six times; `others` and `words` lend it pieces. */
export function mutate(
  input: Buffer,
  others: ReadonlyArray<Buffer>,
  words: ReadonlyArray<string>,
  random: (below: number) => number,
): Buffer {
  let bytes = input;
  for (let left = random(2) === 0 ? 1 : 1 + random(5); left > 0; left--) {
    // Often near an end, where what is left over is.
    const at = random(6) === 0 ? Math.max(0, bytes.length - random(4)) : random(bytes.length + 1);
    const end = at + random(Math.min(bytes.length - at, 1 << random(9)) + 1);
    const piece = bytes.subarray(at, end);
    const other = others[random(others.length)] ?? bytes;
    const from = random(other.length + 1);
    const changes: ReadonlyArray<() => [from: number, to: number, by: Uint8Array]> = [
      () => [at, at + 1, Buffer.of(random(2) === 0 ? random(256) : 0x20 + random(0x5f))],
      () => [at, at, Buffer.of(0x20 + random(0x5f))],
      () => [at, at + 1, Buffer.of((bytes[at] ?? 0) ^ (1 << random(8)))],
      () => [at, at, EDGES.subarray(random(EDGES.length), EDGES.length).subarray(0, 1)],
      () => [at, end, Buffer.alloc(0)],
      () => [at, at, Buffer.from(words[random(words.length)] ?? "")],
      () => [at, end, Buffer.from(words[random(words.length)] ?? "")],
      () => [at, at, other.subarray(from, from + (1 << random(9)))],
      () => [at, bytes.length, other.subarray(from)],
      () => [end, end, piece],
      () => [
        at,
        end,
        Buffer.from(piece.toString("latin1").replace(/\d+/, String(random(2 ** 31)))),
      ],
      // Rarely very long: what costs more than it should shows there.
      () => [
        end,
        end,
        random(20) > 0
          ? piece
          : Buffer.concat(Array<Buffer>(1 << random(14)).fill(piece.subarray(0, 16))),
      ],
    ];
    const [start, stop, by] = changes[random(changes.length)]?.() ?? [at, at, piece];
    bytes = Buffer.concat([bytes.subarray(0, start), by, bytes.subarray(stop)]).subarray(
      0,
      LONGEST,
    );
  }
  return bytes;
}
