import * as Effect from "effect/Effect";
import type { LifecycleRule } from "../../../application/ports/object-store.ts";
import { refusalIn } from "../../storage/rest/refusal-reason.ts";
import type { Answer } from "../../storage/rest/signed-fetch.ts";
import { failed, type Findings, passed, unknown } from "./finding.ts";
import { check, type Target } from "./target.ts";

/** The role that may look at these things and change nothing. */
const ROLE =
  "allow the service's key also what `valetkey policy diagnose` prints, which only looks, and run the doctor again";

/** How the bucket is set up: what removes objects, and what keeps or encrypts them. */
export const configuration = (target: Target, waits: number | undefined): Effect.Effect<Findings> =>
  Effect.all([lifecycle(target, waits), ...(target.s3 === undefined ? [] : setUp(target))]).pipe(
    Effect.map((findings) => findings.flat()),
  );

const setUp = (target: Target) => [
  look(target, "versioning", "versioning", "VersioningConfiguration", (text) =>
    text.includes("<Status>Enabled</Status>")
      ? "on: an overwritten file is kept as an older version"
      : "off: an overwritten file is gone",
  ),
  look(target, "encryption", "encryption", "ServerSideEncryptionConfiguration", (text) => {
    const algorithm = /<SSEAlgorithm>([\w:-]{1,40})</.exec(text)?.[1];
    return algorithm === undefined
      ? "the bucket has no default encryption of its own"
      : `the bucket encrypts with ${algorithm}`;
  }),
  look(target, "object lock", "object-lock", "ObjectLockConfiguration", (text) =>
    text.includes("<DefaultRetention>")
      ? "on, with a default: no upload can be removed before its time"
      : text.includes("Enabled")
        ? "on, without a default"
        : "off",
  ),
];

/** Whether the bucket's rules remove what nobody confirms or completes, and nothing else. */
const lifecycle = (target: Target, waits: number | undefined): Effect.Effect<Findings> =>
  check(
    "lifecycle",
    Effect.gen(function* () {
      const { effects } = target.store.lifecycle ?? {};
      if (effects === undefined) return [];
      const rules = yield* effects;
      const marked = rules.filter(({ scope }) => scope === "unconfirmed");
      const soon = marked.find(({ days = 0 }) => waits !== undefined && days < waits);
      const unconfirmed =
        waits === undefined
          ? passed("lifecycle", "no policy marks uploads, so no rule has to remove them")
          : soon !== undefined
            ? failed(
                "lifecycle",
                `${named(soon)}, and a policy waits ${waits} days`,
                "Uploads are removed before they can be confirmed.",
                "valetkey lifecycle --apply, if the rule is Valetkey's; else remove it",
              )
            : marked.length > 0
              ? passed("lifecycle", "the bucket removes uploads that nobody confirms")
              : failed(
                  "lifecycle",
                  "a policy sets unconfirmed_after, and the bucket has no rule for it",
                  "Uploads that nobody confirms stay for ever.",
                  "valetkey lifecycle --apply",
                );
      return [unconfirmed, ...rules.flatMap(ofOthers), ...abandonedParts(target, rules)];
    }).pipe(
      Effect.catch(({ reason }) =>
        Effect.succeed([unknown("lifecycle", reason, reason.includes(" 403 ") ? ROLE : undefined)]),
      ),
    ),
  );

const named = ({ name, effect }: LifecycleRule) => `the rule ${name} ${effect}`;

/** A rule that also reaches what was confirmed. */
function ofOthers(rule: LifecycleRule): Findings {
  if (rule.scope === "every") {
    return [
      failed(
        "lifecycle",
        named(rule),
        "It does so with confirmed files too, and nobody is told.",
        "remove the rule, or give it a prefix outside of orgs/, or the filter that `valetkey lifecycle` prints",
      ),
    ];
  }
  const mend = OTHERS.get(rule.scope);
  return mend === undefined
    ? []
    : [unknown("lifecycle", `${named(rule)}, also a confirmed one`, mend)];
}

const OTHERS = new Map<LifecycleRule["scope"], string>([
  ["replaced", "keep the rule if files are written once (write_once); else remove it"],
  ["tagged", "look at who sets that tag, since Valetkey does not; or remove the rule"],
]);

/** Whether parts that nobody completes are removed, by a rule or by the store itself. */
function abandonedParts({ store }: Target, rules: ReadonlyArray<LifecycleRule>): Findings {
  const { multipart, lifecycle } = store;
  if (multipart === undefined) return [];
  if (rules.some(({ scope }) => scope === "parts")) {
    return [passed("abandoned parts", "the bucket removes parts of uploads that nobody completes")];
  }
  if (multipart.abandoned !== undefined) return [passed("abandoned parts", multipart.abandoned)];
  const seen = "the bucket has no rule that removes parts of uploads that nobody completes";
  return lifecycle?.removesParts === true
    ? [
        failed(
          "abandoned parts",
          seen,
          "They are paid for, and no list of objects shows them.",
          "valetkey lifecycle --apply",
        ),
      ]
    : [unknown("abandoned parts", seen)];
}

const look = (
  target: Target,
  name: string,
  query: string,
  root: string,
  describe: (text: string) => string,
): Effect.Effect<Findings> =>
  check(
    name,
    Effect.map(ask(target, query), (answer) => [
      (answer.ok && answer.text.includes(`<${root}`)) || isUnset(answer)
        ? passed(name, describe(answer.ok ? answer.text : ""))
        : hidden(name, answer),
    ]),
  );

const ask = (target: Target, query: string) =>
  target.asKey("service", { method: "GET", query: [[query, ""]] });

/** Nothing is set, which stores answer with 404. */
const isUnset = ({ status }: Answer) => status === 404;

const hidden = (name: string, answer: Answer) =>
  answer.status === 403
    ? unknown(name, "the service's key may not look at it", ROLE)
    : answer.status === 501 || answer.ok
      ? unknown(name, "this store has no such setting, or does not tell it")
      : unknown(
          name,
          `the store does not tell (${answer.status} ${refusalIn(answer).code ?? ""})`.replace(
            " )",
            ")",
          ),
        );
