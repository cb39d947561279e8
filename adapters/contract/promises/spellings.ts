import * as Effect from "effect/Effect";
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

/**
 * Tries rows in every spelling that the server takes: first all that share a body in one request,
 * and each alone if that is refused or has an effect. So a server that ignores a spelling costs one
 * request for all. `attempt` succeeds with undefined if the server refuses, else with a later look
 * for the effect. Succeeds with what had one.
 */
export const trySpellings = Effect.fnUntraced(function* <E, F, R>(
  rows: ReadonlyArray<Row>,
  attempt: (
    row: Row,
    spelling: string,
  ) => Effect.Effect<Effect.Effect<string | undefined, E, R> | undefined, F, R>,
  /** Ends when a removal could be seen. */
  wait: Effect.Effect<void>,
) {
  const tryEach = Effect.fnUntraced(function* (tries: ReadonlyArray<Try>) {
    const looks = yield* Effect.forEach(tries, ([rows, spelling]) =>
      attempt(Object.assign({}, ...rows), spelling),
    );
    if (tries.length > 0) yield* wait;
    const effects = yield* Effect.forEach(looks, (look) => look ?? Effect.undefined);
    return tries.map(([rows, spelling], index) => {
      const isRefused = looks[index] === undefined;
      return { rows, spelling, isRefused, effect: effects[index] };
    });
  });
  if (rows.length === 0) return [];
  const together = [rows.filter((row) => !hasOwnBody(row))].filter(({ length }) => length > 0);
  const groups = [...together, ...rows.filter(hasOwnBody).map((row) => [row])];
  const spellings = Object.keys(SPELLINGS).slice(0, most.rounds);
  const taken = yield* Effect.filter(spellings, (spelling) =>
    Effect.map(attempt(CONTROL, spelling), (look) => look !== undefined),
  );
  const tried = yield* tryEach(
    taken.flatMap((spelling) => groups.map((rows): Try => [rows, spelling])),
  );
  const suspects = tried.filter(({ isRefused, effect }) => isRefused || effect !== undefined);
  const alone = yield* tryEach(
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
});
