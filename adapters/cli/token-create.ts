import * as Result from "effect/Result";
import { parseArgs } from "node:util";
import { newToken, StoredToken } from "../identity/token-file.ts";
import { decoder } from "../settings/decode.ts";
import { changeTokens } from "./change-tokens.ts";
import { FILE, fileOf, TokenFailure, USAGE_ERROR, type TokenOutcome } from "./token-arguments.ts";

const decode = decoder(StoredToken);

/** The options by what they become. */
const OPTIONS = new Map([
  ["organizations", "--org"],
  ["kind", "--kind"],
  ["scopes", "--scope"],
  ["subject", "--subject"],
]);

/** Makes a token, adds its hash to the file and gives it, once. */
export async function createToken(args: ReadonlyArray<string>): Promise<TokenOutcome> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...FILE,
      org: { type: "string", multiple: true },
      kind: { type: "string", default: "service" },
      scope: { type: "string", multiple: true, default: ["write", "read", "confirm"] },
      subject: { type: "string" },
      expires: { type: "string" },
    },
  });
  const { org: organizations, kind, scope: scopes, subject, expires } = values;
  if (organizations === undefined) throw new TokenFailure(USAGE_ERROR, "--org is missing.");
  const file = fileOf(values.file);
  const end = expires === undefined ? {} : { expires_at: endOf(expires, Date.now()) };
  const { id, token, sha256 } = newToken();
  const entry = { id, sha256, kind, subject: subject ?? id, organizations, scopes, ...end };
  const stored = decode(entry);
  if (Result.isFailure(stored)) {
    const wrong = stored.failure.map(({ pointer }) => OPTIONS.get(pointer.split("/")[1] ?? ""));
    throw new TokenFailure(USAGE_ERROR, `The value of ${wrong.join(" and ")} is not right.`);
  }
  await changeTokens(file, (tokens) => [...tokens, stored.success]);
  const until = end.expires_at === undefined ? "for ever" : `until ${end.expires_at}`;
  return {
    result: `${token}\n`,
    message: `The token ${id} was added to ${file}, and is good ${until}. It is shown this once; valetkey token revoke ${id} takes it back.`,
  };
}

const UNITS: ReadonlyMap<string, number> = new Map([
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

const DATE = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d))?$/;

/** The end that a length of time or a date means, as ISO 8601 in UTC. */
function endOf(text: string, now: number): string {
  const [, count, unit = ""] = /^([1-9]\d{0,4})([mhd])$/.exec(text) ?? [];
  const dated = DATE.test(text) ? Date.parse(text) : Number.NaN;
  const end = count === undefined ? dated : now + Number(count) * (UNITS.get(unit) ?? 0);
  if (end > now) return new Date(end).toISOString().replace(/\.\d+Z$/, "Z");
  throw new TokenFailure(
    USAGE_ERROR,
    Number.isNaN(end)
      ? "The value of --expires is not right: use 90d, 12h, 30m, or a date such as 2027-01-31, which is its beginning in UTC."
      : "The value of --expires is not right: it is over already.",
  );
}
