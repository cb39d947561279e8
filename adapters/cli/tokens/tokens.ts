import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import * as SchemaTransformation from "effect/SchemaTransformation";
import * as Struct from "effect/Struct";
import { OrganizationSlug } from "../../../domain/organization.ts";
import { Scope, Subject } from "../../../domain/principal.ts";
import { CallerKind } from "../../../domain/upload-policy.ts";
import * as identity from "../../identity/settings.ts";
import {
  decodeTokens,
  expiryTime,
  tokenId,
  newToken,
  type StoredToken,
} from "../../identity/token-file.ts";
import { readJsonFile } from "../../settings/json-file.ts";
import { changeTokens } from "./change-tokens.ts";
import { asJson, columns, command, JSON_OPTION, option } from "../command/command.ts";
import { CommandFailure, EXIT } from "../command/failure.ts";

const FILE = option(
  "PATH",
  Schema.NonEmptyString,
  "the path of the file that keeps hashes of tokens",
  {
    isRequired: true,
    note: `$${identity.tokensFile.variable} if left out`,
    variable: identity.tokensFile.variable,
  },
);

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };
const DATE = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d))?$/;

/** A future instant, in ISO 8601 and UTC: after a length of time, or at a date. */
const Instant = Schema.String.pipe(
  Schema.decodeTo(
    Schema.NonEmptyString,
    SchemaTransformation.transform({
      decode: (text) => {
        const [, count, unit = ""] = /^([1-9]\d{0,4})([mhd])$/.exec(text) ?? [];
        const date = DATE.test(text) ? Date.parse(text) : Number.NaN;
        const end = count === undefined ? date : Date.now() + Number(count) * (UNITS[unit] ?? 0);
        return end > Date.now() ? new Date(end).toISOString().replace(/\.\d+Z$/, "Z") : "";
      },
      encode: (instant) => instant,
    }),
  ),
);

const USUAL = ["write", "read", "confirm"] as const;

const create = command({
  name: "token create",
  summary: "Make a token for AUTH=static, and print it once",
  options: {
    org: option(
      "SLUG",
      OrganizationSlug,
      "an organization's name, such as acme (letters, digits, _, - and .)",
      { note: "may be repeated", isRequired: true, isRepeatable: true },
    ),
    kind: option("KIND", CallerKind, "user or service", { note: "service if left out" }),
    scope: option("SCOPE", Scope, "write, read, confirm, list, remove or mine", {
      note: "the first three if left out",
      isRepeatable: true,
    }),
    subject: option("NAME", Subject, "1 to 256 printable characters", {
      note: "its id if left out",
    }),
    expires: option("WHEN", Instant, "90d, 12h, 30m or a date to come, such as 2027-01-31 (UTC)", {
      note: "never if left out",
    }),
    file: FILE,
    ...JSON_OPTION,
  },
  run: async ({ org, kind = "service", scope = USUAL, subject, expires, file, json }) => {
    const { id, token, sha256 } = newToken();
    const holder = { kind, subject: subject ?? id, organizations: org, scopes: scope };
    const added = { id, sha256, ...holder, ...(expires && { expires_at: expires }) };
    await changeTokens(file, (tokens) => [...tokens, added]);
    const life = expires ? `expires at ${expires}` : "never expires";
    return {
      result: json === true ? asJson({ token, id, ...holder, expires_at: expires }) : `${token}\n`,
      message: `The token ${id} was added to ${file} and ${life}. It is not shown again. To revoke it: valetkey token revoke ${id}`,
    };
  },
});

const list = command({
  name: "token list",
  summary: "List the tokens of AUTH=static",
  options: { file: FILE, ...JSON_OPTION },
  run: async ({ file, json = false }) => {
    const tokens = Result.flatMap(readJsonFile(file), decodeTokens);
    if (Result.isFailure(tokens)) {
      const message = `The file ${file} ${tokens.failure}.`;
      throw new CommandFailure({ code: EXIT.noInput, message });
    }
    return {
      result: json
        ? asJson(tokens.success.map((token) => Struct.omit(token, ["sha256"])))
        : columns([HEAD, ...tokens.success.map(cells)]),
    };
  },
});

const HEAD = ["ID", "KIND", "SUBJECT", "ORGANIZATIONS", "SCOPES", "EXPIRES"];

const cells = (token: StoredToken): ReadonlyArray<string> => [
  token.id,
  token.kind,
  token.subject,
  token.organizations.join(","),
  token.scopes.join(","),
  `${token.expires_at ?? "never"}${Date.now() < expiryTime(token) ? "" : " (expired)"}`,
];

const revoke = command({
  name: "token revoke",
  summary: "Revoke a token of AUTH=static; a running service refuses it within seconds",
  options: {
    id: option("ID", Schema.NonEmptyString, "the id of a token, or the token itself", {
      isArgument: true,
      isRequired: true,
    }),
    file: FILE,
  },
  run: async ({ id: given, file }) => {
    const id = tokenId(given) ?? given;
    await changeTokens(file, (tokens) => {
      const left = tokens.filter((token) => token.id !== id);
      if (left.length < tokens.length) return left;
      const message = `There is no such token in ${file}. To see its tokens: valetkey token list`;
      throw new CommandFailure({ code: EXIT.usage, message });
    });
    return {
      message: `The token ${id} was removed from ${file}; a running service refuses it within seconds.`,
    };
  },
});

export const tokenCommands = [create, list, revoke];
