import { most } from "../subject/races.ts";
import type { Written } from "../sending/send-written.ts";
import { hasOwnBody, type Row } from "./unsigned-headers.ts";

type Spell = (name: string, value: string) => string;

const named =
  (respell: (name: string) => string): Spell =>
  (name, value) =>
    `${respell(name)}: ${value}\r\n`;

/**
 * Spellings of a header that some server reads as the plain one, and that a check of names may not
 * know: those of servers that make a variable of a name (CGI, WSGI), and of parsers that follow
 * former rules (RFC 9112, sections 5.1, 5.2 and 7.1.2).
 */
export const SPELLINGS: Readonly<Record<string, Spell>> = {
  "in upper case": named((name) => name.toUpperCase()),
  "with underscores": named((name) => name.replaceAll("-", "_")),
  "with an underscore first": named((name) => name.replace("-", "_")),
  "with an underscore last": named((name) => name.replace(/-(?=[^-]*$)/, "_")),
  "with dots": named((name) => name.replaceAll("-", ".")),
  "with a space before the colon": named((name) => `${name} `),
  "with a tab before the colon": named((name) => `${name}\t`),
  "after an empty one": (name, value) => `${name}: \r\n${name}: ${value}\r\n`,
  "before an empty one": (name, value) => `${name}: ${value}\r\n${name}: \r\n`,
  "with a folded value": (name, value) => `${name}:\r\n ${value}\r\n`,
  "in a folded value": (name, value) => `x-valetkey: a\r\n ${name}: ${value}\r\n`,
  "in a trailer": named((name) => name),
};

/** Writes headers in one of the spellings. */
export function writtenAs(spelling: string, headers: Row): Written {
  const lines = Object.entries(headers).map(([name, value]) => SPELLINGS[spelling]?.(name, value));
  return spelling === "in a trailer"
    ? { head: `Trailer: ${Object.keys(headers).join(", ")}\r\n`, trailer: lines.join("") }
    : { head: lines.join("") };
}

/** A header that no server knows: one that refuses it refuses the spelling, whatever the name. */
const CONTROL: Row = { "x-valetkey-control": "a" };

type Try = readonly [rows: ReadonlyArray<Row>, spelling: string];

/** Looks for the effect of a request that was accepted. */
type Look = () => Promise<string | undefined>;

/**
 * Tries rows in every spelling that the server takes: first all that share a body in one request,
 * and each alone if that is refused or has an effect. So a server that ignores a spelling costs one
 * request for all. `attempt` returns undefined if the server refuses, and `wait` ends when a removal
 * could be seen. Returns what had an effect.
 */
export async function trySpellings(
  rows: ReadonlyArray<Row>,
  attempt: (row: Row, spelling: string) => Promise<Look | undefined>,
  wait: () => Promise<unknown>,
) {
  const tryEach = async (tries: ReadonlyArray<Try>) => {
    const looks: Array<Look | undefined> = [];
    for (const [rows, spelling] of tries) {
      looks.push(await attempt(Object.assign({}, ...rows), spelling));
    }
    if (tries.length > 0) await wait();
    const tried = [];
    for (const [at, [rows, spelling]] of tries.entries()) {
      const look = looks[at];
      tried.push({ rows, spelling, isRefused: look === undefined, effect: await look?.() });
    }
    return tried;
  };
  const shared = rows.filter((row) => !hasOwnBody(row));
  const groups = [
    ...(shared.length > 0 ? [shared] : []),
    ...rows.filter(hasOwnBody).map((row) => [row]),
  ];
  const tries: Array<Try> = [];
  for (const spelling of Object.keys(SPELLINGS).slice(0, most.rounds)) {
    if ((await attempt(CONTROL, spelling)) === undefined) continue;
    tries.push(...groups.map((rows): Try => [rows, spelling]));
  }
  const tried = await tryEach(tries);
  const suspects = tried.filter(({ isRefused, effect }) => isRefused || effect !== undefined);
  const alone = await tryEach(
    suspects.flatMap(({ rows, spelling }) =>
      rows.length === 1 ? [] : rows.map((row): Try => [[row], spelling]),
    ),
  );
  const found = alone.filter(({ effect }) => effect !== undefined);
  const isExplained = ({ rows, spelling }: (typeof tried)[number]) =>
    found.some((one) => one.spelling === spelling && one.rows.every((row) => rows.includes(row)));
  return [
    ...found,
    ...suspects.filter((group) => group.effect !== undefined && !isExplained(group)),
  ];
}
