import * as Context from "effect/Context";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import { statSync } from "node:fs";
import { type MovedObject, moveFiles } from "../../../application/files/move-files.ts";
import type { ObjectStore } from "../../../application/ports/object-store.ts";
import type { Presigner } from "../../../application/ports/presigner.ts";
import { portsIn } from "../../../application/store/both-stores.ts";
import { guarded } from "../../../application/store/guarded-store.ts";
import { sizeInWords } from "../../../domain/byte-size.ts";
import { MULTIPART_LIFETIME } from "../../../domain/multipart.ts";
import { OrganizationId } from "../../../domain/organization.ts";
import { StoreName } from "../../../domain/place.ts";
import { CONFIRM_GRACE } from "../../../domain/receipt.ts";
import type { UploadPolicy } from "../../../domain/upload-policy.ts";
import { readStore } from "../../service/settings.ts";
import { isoText } from "../../values/time.ts";
import { S3Access } from "../../storage/s3/access.ts";
import { copyBetween } from "../../storage/s3/copy-between.ts";
import { command, option } from "../command/command.ts";
import { orFail } from "../command/configuration.ts";
import { CommandFailure, EXIT } from "../command/failure.ts";
import { print, showProgress } from "../command/output.ts";
import { quietly } from "../command/store-log.ts";
import { runWithStore, s3Access } from "../command/with-store.ts";
import { sendTo } from "./send-bytes.ts";

const store = (what: string) => [StoreName, `the name of ${what} in STORES`] as const;

export const move = command({
  name: "move",
  summary:
    "Copy the files of an organization to the store that STORES says, while it works; run it again for what has changed",
  options: {
    org: option("ID", OrganizationId, "the id of an organization, as in keys: orgs/{id}/", {
      isRequired: true,
    }),
    to: option("NAME", ...store("the new store"), { isRequired: true }),
    from: option("NAME", ...store("the old store"), { note: "as STORES says if left out" }),
  },
  run: async ({ org, to, from }) => {
    const read = readStore(process.env);
    const { policies, several, storage } = orFail(read, "The move cannot begin", process.env);
    const place = several?.organizations.get(org);
    if (place?.from === undefined || place.store !== to || (from ?? place.from) !== place.from) {
      throw new CommandFailure({ code: EXIT.usage, message: notMoving(org, to, from) });
    }
    const [toStorage, fromStorage] = [to, place.from].map(
      (name) => several?.stores.get(name)?.storage ?? storage,
    ) as [typeof storage, typeof storage];

    const counts = { copied: 0, there: 0, removed: 0, foreign: 0, failed: 0 };
    let bytes = 0;
    let shownAt = performance.now();
    const show = () => {
      if (performance.now() - shownAt < (process.stderr.isTTY ? 200 : 10_000)) return;
      shownAt = performance.now();
      showProgress(`${counts.copied} copied, ${counts.there} there, ${sizeInWords(bytes)} sent`);
    };
    const report = (object: MovedObject) => {
      counts[object.outcome]++;
      if (["foreign", "failed"].includes(object.outcome)) print(`${JSON.stringify(object)}\n`);
      show();
    };
    const program = Effect.scoped(
      Effect.gen(function* () {
        const old = yield* Layer.build(guarded(quietly(fromStorage.layer)));
        const into = portsIn(yield* Effect.context<ObjectStore | Presigner>());
        const access = Option.getOrUndefined(Context.getOption(old, S3Access));
        const own = yield* s3Access;
        const { parts, abilities } = into.store;
        const copy =
          access && own && parts && abilities.has("copies")
            ? yield* copyBetween(access, own, parts)
            : undefined;
        const sendBytes = sendTo(toStorage.untrusted);
        return yield* moveFiles({
          organization: org,
          to: into,
          from: portsIn(old),
          copy,
          report,
          send: (request, piece) =>
            Effect.map(sendBytes(request, piece), () => {
              bytes += piece.length;
              show();
            }),
        });
      }),
    );
    const failure = "The move did not end; run it again";
    const { waiting } = await runWithStore(toStorage, program, failure, { isLong: true });
    if (process.stderr.isTTY) showProgress("");
    const { copied, there, removed, foreign, failed } = counts;
    const done = `${copied} files copied from ${place.from} to ${to}, ${there} were there, ${removed} were removed meanwhile.`;
    const left = [
      ...(foreign > 0 ? [`${foreign} other objects were left in ${place.from}.`] : []),
      ...(failed > 0 ? [`${failed} files could not be copied; run this again.`] : []),
      ...(waiting > 0
        ? [`${waiting} uploads wait in ${place.from}, and are confirmed there.`]
        : []),
      whatIsLeft(org, to, arrivals([...policies.values()], several?.file?.path)),
    ];
    return { message: [done, ...left].join("\n"), code: failed > 0 ? EXIT.failure : undefined };
  },
});

interface Arrivals {
  /** In milliseconds; undefined if `STORES` is not a file. */
  readonly placedAt: number | undefined;
  /** How long an upload that began in the old store may take until it is a file there. */
  readonly longest: Duration.Duration;
}

function arrivals(policies: ReadonlyArray<UploadPolicy>, document?: string): Arrivals {
  const longest = policies
    .map(({ putLifetime }): Duration.Duration => putLifetime)
    .reduce(Duration.max, MULTIPART_LIFETIME);
  const grace = Duration.sum(CONFIRM_GRACE, Duration.hours(1));
  const file = document === undefined ? undefined : statSync(document);
  return {
    // A file that was copied may have the time of its original.
    placedAt: file && Math.ceil(Math.max(file.mtimeMs, file.ctimeMs)),
    longest: Duration.sum(longest, grace),
  };
}

function whatIsLeft(org: string, to: string, { placedAt, longest }: Arrivals): string {
  const last = `write "${org}": "${to}" among "organizations" of STORES, if nothing above is left.`;
  if (placedAt === undefined) {
    return `Uploads that began before STORES was changed may arrive for ${Math.ceil(Duration.toHours(longest))} hours after it: run this again then, and ${last}`;
  }
  const until = placedAt + Duration.toMillis(longest);
  return until > Date.now()
    ? `Uploads that began before STORES was changed, at ${isoText(placedAt)}, may arrive until ${isoText(until)}: run this again then.`
    : `No more uploads can arrive there: ${last}`;
}

const notMoving = (org: string, to: string, from = "NAME") =>
  `STORES does not say that ${org} moves to ${to}: write "${org}": { "store": "${to}", "from": "${from}" } among its "organizations", for the service and for this command.`;
