import * as Effect from "effect/Effect";
import { recountFiles } from "../../application/files/count-files.ts";
import { Usage, type UsageReading } from "../../application/ports/usage.ts";
import { OrganizationId } from "../../domain/organization.ts";
import { percentOf } from "../../domain/usage-threshold.ts";
import { readCount } from "../service/usage.ts";
import { isoText } from "../values/time.ts";
import { asJson, columns, command, flag, JSON_OPTION, option } from "./command/command.ts";
import { orFail, readStoresOrFail } from "./command/configuration.ts";
import { CommandFailure, EXIT } from "./command/failure.ts";
import { organizationOrFail, orgOption } from "./command/organization.ts";
import { showProgress } from "./command/output.ts";
import { openAll } from "./command/all-stores.ts";
import { runWithStore } from "./command/with-store.ts";

export const usage = command({
  name: "usage",
  summary: "Show what organizations have stored, or count it anew by a list of the store",
  options: {
    org: orgOption({ note: "all that have files if left out" }),
    after: option("ID", OrganizationId, "the id of an organization, as in keys", {
      note: "goes on behind it, where a command for all has ended",
    }),
    reconcile: flag("lists the store, and corrects the count of the service; uploads go on"),
    csv: flag("prints lines of day (UTC), organization, files and bytes"),
    ...JSON_OPTION,
  },
  run: async ({ org, after, reconcile = false, csv = false, json = false }) => {
    const stores = readStoresOrFail(process.env);
    const { counting, isShared, bytes } = orFail(
      readCount(process.env),
      "The command cannot run",
      process.env,
    );
    if (reconcile && !isShared) {
      throw new CommandFailure({ code: EXIT.configuration, message: NOT_SHARED });
    }
    const rows: Array<Row> = [];
    const busy: Array<OrganizationId> = [];
    let last = "";
    const look = Effect.fnUntraced(function* (organization: OrganizationId) {
      const before = yield* read(organization);
      if (reconcile || !isShared) {
        const report = (files: number) => showProgress(`${organization}: ${files} files`);
        if (!(yield* recountFiles(organization, report))) busy.push(organization);
        last = organization;
      }
      const after = yield* read(organization);
      if (after !== undefined)
        rows.push({ organization, before, ...after, limit: after.plan ?? bytes });
    });
    const program = Effect.gen(function* () {
      const inStores = yield* openAll(stores);
      const one = org && organizationOrFail(process.env, org);
      const asked = one ? [one] : yield* inStores.organizations;
      for (const each of asked) {
        if (after === undefined || each > after) yield* inStores.of(each, look(each));
      }
    }).pipe(Effect.provide(counting), Effect.scoped);
    await runWithStore(stores[0].storage, program, "Not all was counted", { isLong: true }).catch(
      (cause: unknown) => {
        if (last !== "") showProgress(`Go on with --after ${last}.`);
        throw cause;
      },
    );
    showProgress("");
    const unknown = rows.filter(({ isKnown }) => !isKnown).map(({ organization }) => organization);
    const message = [
      reconcile && corrected(rows),
      busy.length > 0 && `Another process is counting ${busy.join(", ")}.`,
      unknown.length > 0 && `Not known: ${unknown.join(", ")}. --reconcile counts them.`,
    ].filter((sentence) => sentence !== false);
    return {
      result: json ? asJson(rows.map(memberOf)) : csv ? linesOf(rows) : tableOf(rows),
      message: message.length > 0 ? message.join("\n") : undefined,
      code: unknown.length > 0 || busy.length > 0 ? EXIT.failure : undefined,
    };
  },
});

const read = (organization: OrganizationId) =>
  Effect.flatMap(Usage, (usage) => usage?.read({ organization }) ?? Effect.undefined);

interface Row extends UsageReading {
  readonly organization: OrganizationId;
  readonly limit: number | undefined;
  readonly before: UsageReading | undefined;
}

const NOT_SHARED =
  "--reconcile corrects a count in REDIS_URL, where USAGE or a limit on stored bytes is set. Without Redis each process counts in its memory, and lists the store itself.";

/** What a row shows, named as in the API. */
const memberOf = ({ organization, files, bytes, granted, open, limit, isKnown, since }: Row) => ({
  organization,
  files,
  bytes,
  granted,
  open,
  ...(limit !== undefined && { limit, percent: percentOf(bytes, limit) }),
  known: isKnown,
  ...(since !== undefined && { since: isoText(since) }),
});

const HEAD = ["organization", "files", "bytes", "granted", "open", "of its limit", "counted"];

function tableOf(rows: ReadonlyArray<Row>): string {
  const cells = rows
    .map(memberOf)
    .map(({ organization, percent, known, since, ...numbers }) => [
      organization,
      ...[numbers.files, numbers.bytes, numbers.granted, numbers.open].map(String),
      percent === undefined ? "" : `${percent} %`,
      known ? (since ?? "") : "not known",
    ]);
  return columns([HEAD, ...cells]);
}

/** Without a head, so that lines of days can be put together. Leaves out what is not known. */
function linesOf(rows: ReadonlyArray<Row>): string {
  const day = isoText(Date.now()).slice(0, "2026-12-01".length);
  return rows
    .filter(({ isKnown }) => isKnown)
    .map(({ organization, files, bytes }) => `${[day, organization, files, bytes].join()}\n`)
    .join("");
}

function corrected(rows: ReadonlyArray<Row>): string {
  const changed = rows.flatMap(({ organization, before, files, bytes, isKnown }) => {
    const more = { files: files - (before?.files ?? 0), bytes: bytes - (before?.bytes ?? 0) };
    return before?.isKnown === true && isKnown && (more.files !== 0 || more.bytes !== 0)
      ? [`${organization} by ${signed(more.files)} files and ${signed(more.bytes)} bytes`]
      : [];
  });
  const what = changed.length === 0 ? "none has changed" : `changed: ${changed.join(", ")}`;
  return `${rows.length} counted; ${what}.`;
}

const signed = (number: number) => (number > 0 ? `+${number}` : String(number));
