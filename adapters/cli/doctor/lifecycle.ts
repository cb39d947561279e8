import * as Effect from "effect/Effect";
import type { LifecycleRule } from "../../../application/ports/object-store.ts";
import { check, type Doctor } from "./doctor.ts";
import type { Report } from "./finding.ts";

/** Reports the rules that remove waiting or incomplete uploads, and those that remove more. */
export const lifecycle = check("lifecycle", function* (doctor, report) {
  const { store, incoming } = doctor;
  const { failed, unknown } = report;
  const read = yield* Effect.result(store.rules?.effects ?? Effect.undefined);
  if (read._tag === "Failure") {
    const { reason } = read.failure;
    const mend =
      "allow the service's key also what `valetkey policy diagnose` prints, which only looks, and run the doctor again";
    return unknown(reason, reason.includes(" 403 ") ? mend : undefined);
  }
  const rules = read.success;
  if (rules === undefined) return;
  if (incoming > 0) {
    const incomingRules = rules.filter(({ scope }) => scope === "incoming");
    removal(doctor.report("incoming"), incomingRules, incoming);
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

/** Reports if unconfirmed uploads are removed, and not before `waits` days are over. */
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

const describe = ({ name, effect }: LifecycleRule) => `the rule ${name} ${effect}`;

const MENDS = {
  replaced: "keep the rule if files are written once (write_once); else remove it",
  tagged: "look at who sets that tag, since Valetkey does not; or remove the rule",
} as const;

function abandonedParts({ store, report }: Doctor, rules: ReadonlyArray<LifecycleRule>): void {
  const { parts } = store;
  if (parts === undefined) return;
  const { passed, failed, unknown } = report("abandoned parts");
  const seen = "the bucket has no rule that removes parts of uploads that nobody completes";
  const why = "They cost money, and no list of objects shows them.";
  if (rules.some(({ scope }) => scope === "parts")) {
    passed("the bucket removes parts of uploads that nobody completes");
  } else if (parts.abandoned !== undefined) passed(parts.abandoned);
  else if (store.rules?.removesParts) failed(seen, why, "valetkey lifecycle --apply");
  else unknown(seen);
}
