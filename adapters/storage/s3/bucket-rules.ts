import * as Effect from "effect/Effect";
import { hash } from "node:crypto";
import { StoreUnavailable } from "../../../domain/errors.ts";
import { refusalIn } from "../rest/refusal-reason.ts";
import { type StoreResponse, type Bucket, signedFetch, unavailable } from "../rest/signed-fetch.ts";
import { document, element, textsIn } from "../rest/xml.ts";

interface Kind {
  readonly query: string;
  readonly root: string;
  /** The elements of rules. */
  readonly rule: string | ReadonlyArray<string>;
  /** True for a document that always exists and cannot be removed. */
  readonly isKept?: true;
  /** Names of the rules, in messages. */
  readonly rules: string;
  readonly whole: string;
  /** Advice by status. */
  readonly advice?: ReadonlyMap<number, string>;
  readonly isOfValetkey: (rule: string) => boolean;
  /** Compares rules, which the store may write in another way. */
  readonly isSame: (rule: string, written: string) => boolean;
}

/** A property beside the rules, in a header of request and answer: a `PUT` without it resets it. */
const MINIMUM = "x-amz-transition-default-minimum-object-size";

type Texts = ReadonlyArray<string>;

/**
 * A `PUT` replaces all rules at once ("PutBucketCors", "PutBucketLifecycleConfiguration", Amazon S3
 * API Reference), so the new rules are inserted into the store's own text, without touching others.
 */
export const bucketRules = (bucket: Bucket, kind: Kind) => {
  const { root, rules: title, isOfValetkey, isSame } = kind;
  const names = [kind.rule].flat();
  const query = [[kind.query, ""]] as const;
  const refused = (done: "read" | "written", answer: StoreResponse) =>
    new StoreUnavailable({
      kind: "refused",
      reason: `the bucket's ${kind.whole} could not be ${done}: ${answer.status} ${refusalIn(answer).code ?? ""}${kind.advice?.get(answer.status) ?? ""}`,
    });
  const documentWith = (rules: Texts) => document(root, rules.join(""));

  /** Reads the rules, each from tag to tag; the text is empty if there are none. */
  const read = Effect.fnUntraced(function* (consequence = "") {
    const answer = yield* signedFetch(bucket, { method: "GET", query });
    const minimum = answer.headers.get(MINIMUM);
    if (isUnset(answer)) return { text: kind.isKept ? documentWith([]) : "", rules: [], minimum };
    if (!answer.ok) return yield* refused("read", answer);
    const text = answer.text.trimEnd().endsWith("/>") ? documentWith([]) : answer.text;
    const rules = names.flatMap((name) =>
      textsIn(text, name).map((content) => element(name, content)),
    );
    const tags = names.flatMap((name) => text.split(`${name}>`).slice(1));
    const isWhole = tags.length === 2 * rules.length;
    if (answer.text.includes(`<${root}`) && isWhole) return { text, rules, minimum };
    return yield* unavailable(
      `this store's answer about its ${title} is not understood${consequence}`,
      "senseless",
    );
  });

  const write = Effect.fnUntraced(function* (body: string, minimum: string | null) {
    const headers = [
      ["content-md5", hash("md5", body, "base64")],
      ["content-type", "application/xml"],
      ...(minimum === null ? [] : [[MINIMUM, minimum] as const]),
    ] as const;
    const answer = yield* signedFetch(
      bucket,
      body === "" ? { method: "DELETE", query } : { method: "PUT", query, headers, body },
    );
    if (!answer.ok) yield* refused("written", answer);
  });

  const withRules = ({ text, rules }: Effect.Success<ReturnType<typeof read>>, wanted: Texts) => {
    if (wanted.length === 0) return "";
    if (text === "") return documentWith(wanted);
    return rules
      .reduce((rest, rule) => rest.replace(rule, ""), text)
      .replace(`</${root}>`, () => `${wanted.join("")}</${root}>`);
  };

  return {
    read: read(),
    documentWith,
    /** Changes Valetkey's rules by a plan. Undoes the change if the store fails to keep it. */
    change: Effect.fnUntraced(function* <A>(
      plan: (present: Texts) => { readonly planned: Texts; readonly result: A },
    ) {
      const before = yield* read(", so none was changed");
      const { planned, result } = plan(before.rules.filter(isOfValetkey));
      const others = before.rules.filter((rule) => !isOfValetkey(rule));
      const isThere = (rules: Texts) => {
        const present = rules.filter(isOfValetkey);
        return (
          present.length === planned.length &&
          planned.every((one) => present.some((rule) => isSame(rule, one)))
        );
      };
      if (isThere(before.rules)) return { outcome: "there" as const, ...result };
      yield* write(withRules(before, [...others, ...planned]), before.minimum);
      const after = yield* read();
      const lost = others.filter((rule) => !after.rules.includes(rule));
      // A bucket without rules need not name the default.
      const keepsMinimum = before.minimum === null || after.minimum === before.minimum;
      if (lost.length === 0 && isThere(after.rules) && keepsMinimum) {
        return { outcome: "added" as const, ...result };
      }
      yield* write(before.text, before.minimum);
      return yield* unavailable(
        lost.length > 0
          ? `the store changed ${lost.length} of the bucket's other ${title}; they were restored, and no rule was added`
          : isThere(after.rules)
            ? `the store changed ${MINIMUM}; it was restored, and no rule was added`
            : `the store did not keep what was added; the bucket's ${title} are as they were`,
      );
    }),
  };
};

/**
 * Returns true for an unset document. A server that ignores the query may answer with the bucket's
 * list, and would remove the bucket by DELETE.
 */
const isUnset = (answer: StoreResponse): boolean =>
  answer.ok
    ? answer.text.trim() === ""
    : answer.status === 404 && /^NoSuch\w*Configuration$/.test(refusalIn(answer).code ?? "");
