import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import type { LifecycleRule } from "../../../application/ports/object-store.ts";
import { check, type Doctor } from "./doctor.ts";
import type { Report } from "./finding.ts";

const DIAGNOSE =
  "allow the service's key also what `valetkey policy diagnose` prints, which only looks, and run the doctor again";

export const configuration = (doctor: Doctor): Effect.Effect<unknown> =>
  Effect.all([
    lifecycle(doctor),
    ...(doctor.s3 === undefined ? [] : SETTINGS.map((look) => look(doctor))),
  ]);

const setting = (name: string, query: string, root: string, describe: (text: string) => string) =>
  check(name, function* ({ sendAs }, { passed, unknown }) {
    const { ok, status, text, told } = yield* sendAs("service", {
      method: "GET",
      query: [[query, ""]],
    });
    // Stores answer with 404 where nothing is set.
    if (status === 404 || (ok && text.includes(`<${root}`))) passed(describe(ok ? text : ""));
    else if (status === 403) unknown("the service's key may not look at it", DIAGNOSE);
    else if (status === 501 || ok) unknown("this store has no such setting, or does not show it");
    else unknown(`the store does not show it (${told})`);
  });

const SETTINGS = [
  setting("versioning", "versioning", "VersioningConfiguration", (text) =>
    text.includes("<Status>Enabled</Status>")
      ? "on: an overwritten file is kept as an older version"
      : "off: an overwritten file is gone",
  ),
  setting("encryption", "encryption", "ServerSideEncryptionConfiguration", (text) => {
    const algorithm = /<SSEAlgorithm>([\w:-]{1,40})</.exec(text)?.[1];
    return algorithm === undefined
      ? "the bucket has no default encryption of its own"
      : `the bucket encrypts with ${algorithm}`;
  }),
  setting("object lock", "object-lock", "ObjectLockConfiguration", (text) =>
    text.includes("<DefaultRetention>")
      ? "on, with a default: no upload can be removed before its time"
      : text.includes("Enabled")
        ? "on, without a default"
        : "off",
  ),
];

/** Finds the rules that remove what waits or is incomplete, and those that remove more. */
const lifecycle = check("lifecycle", function* (doctor, report) {
  const { store, incoming } = doctor;
  const { failed, unknown } = report;
  const read = yield* Effect.result(store.lifecycle?.effects ?? Effect.undefined);
  if (read._tag === "Failure") {
    const { reason } = read.failure;
    return unknown(reason, reason.includes(" 403 ") ? DIAGNOSE : undefined);
  }
  const rules = read.success;
  if (rules === undefined) return;
  if (incoming > 0) {
    yield* retention(doctor);
    const ours = rules.filter(({ scope }) => scope === "incoming");
    removal(doctor.report("incoming"), ours, incoming);
  }
  for (const rule of rules) {
    const { scope } = rule;
    if (scope === "replaced" || scope === "tagged") {
      unknown(`${describe(rule)}, also a confirmed one`, MENDS[scope]);
    } else if (scope === "every") {
      failed(
        describe(rule),
        "It also removes or changes confirmed files, and nothing reports it.",
        "remove the rule, or give it a prefix outside of orgs/, or the filter that `valetkey lifecycle` prints",
      );
    }
  }
  abandonedParts(doctor, rules);
});

/** Reports whether uploads are removed that nobody confirms, and not before `waits` days are over. */
function removal(
  { passed, failed }: Report,
  rules: ReadonlyArray<LifecycleRule>,
  waits: number,
): void {
  const soon = rules.find(({ days = 0 }) => days < waits);
  if (soon !== undefined) {
    const why = "Uploads are removed before they can be confirmed.";
    const mend = "valetkey lifecycle --apply, if the rule is Valetkey's; else remove it";
    failed(`${describe(soon)}, and a policy waits ${waits} days`, why, mend);
  } else if (rules.length > 0) passed("the bucket removes what nobody confirms below incoming/");
  else {
    const seen = "uploads wait below incoming/, and the bucket has no rule that removes them";
    const mend =
      "valetkey lifecycle --apply; where the store has no rules, valetkey sweep --apply once a day";
    failed(seen, "What nobody confirms stays for ever.", mend);
  }
}

const retention = Effect.fnUntraced(function* ({ store, report }: Doctor) {
  const looked = yield* Effect.option(store.lifecycle?.retention ?? Effect.undefined);
  const held = Option.getOrUndefined(looked);
  if (held === undefined) return;
  const seen = `the bucket holds each object for ${held}, also what waits below incoming/`;
  const why = "It stays there after it was confirmed, and if nobody confirms it.";
  report("incoming").failed(seen, why, "use a bucket without a default retention");
});

const describe = ({ name, effect }: LifecycleRule) => `the rule ${name} ${effect}`;

const MENDS = {
  replaced: "keep the rule if files are written once (write_once); else remove it",
  tagged: "look at who sets that tag, since Valetkey does not; or remove the rule",
} as const;

function abandonedParts({ store, report }: Doctor, rules: ReadonlyArray<LifecycleRule>): void {
  const { multipart, lifecycle } = store;
  if (multipart === undefined) return;
  const { passed, failed, unknown } = report("abandoned parts");
  const seen = "the bucket has no rule that removes parts of uploads that nobody completes";
  const why = "They cost money, and no list of objects shows them.";
  if (rules.some(({ scope }) => scope === "parts")) {
    passed("the bucket removes parts of uploads that nobody completes");
  } else if (multipart.abandoned !== undefined) passed(multipart.abandoned);
  else if (lifecycle?.removesParts) failed(seen, why, "valetkey lifecycle --apply");
  else unknown(seen);
}
