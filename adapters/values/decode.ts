import * as Arr from "effect/Array";
import * as Predicate from "effect/Predicate";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import * as SchemaIssue from "effect/SchemaIssue";

export const MemberFault = Schema.Struct({
  pointer: Schema.String.annotate({ description: "JSON Pointer (RFC 6901) to the member." }),
  reason: Schema.String.annotate({
    description: "Completes a sentence about it, and never shows its value.",
  }),
}).annotate({ identifier: "Fault" });
export type MemberFault = typeof MemberFault.Type;

const MOST_MEMBERS = 1000;

/**
 * The value, or up to 20 faults; only the first fault in a document of more than 1,000 members and
 * items, where a search for all takes much longer.
 */
export type Decoded<A> = Result.Result<A, Arr.NonEmptyReadonlyArray<MemberFault>>;

export const MISSING = "it is missing";

/**
 * Returns a decoder of parsed JSON. Every member must be one of `members`, which a refusal lists
 * down to `depth`; without `members`, unknown members are ignored.
 */
export function decoder<A>(
  schema: Schema.ConstraintCodec<A, unknown>,
  members?: ReadonlyArray<string>,
  depth = 1,
): (value: unknown) => Decoded<A> {
  const onExcessProperty = members === undefined ? "ignore" : "error";
  const decode = Schema.decodeUnknownResult(schema, { onExcessProperty });
  const decodeAll = Schema.decodeUnknownResult(schema, { errors: "all", onExcessProperty });
  const format = formatter(members ?? []);
  return (value) => {
    const decoded = decode(value);
    const all = Result.isFailure(decoded) && isSmall(value) ? decodeAll(value) : decoded;
    return Result.mapError(all, ({ issue }) => {
      const faults = format(issue)
        .issues.slice(0, 20)
        .map(({ message, path = [] }) => ({
          pointer: toPointer(path),
          reason: path.length > depth && message.startsWith(UNKNOWN) ? UNKNOWN : message,
        }));
      return Arr.isReadonlyArrayNonEmpty(faults)
        ? faults
        : [{ pointer: "", reason: "it is not of the expected form" }];
    });
  };
}

function isSmall(document: unknown): boolean {
  let left = MOST_MEMBERS;
  const isWithin = (value: unknown): boolean => {
    if (!Predicate.isObjectKeyword(value)) return true;
    for (const name in value) {
      if (left-- === 0 || !isWithin(value[name as keyof typeof value])) return false;
    }
    return true;
  };
  return isWithin(document);
}

/** Hides a long name that is not made of words: it may be a secret in the wrong place. */
export const shownPointer = (pointer: string): string =>
  pointer
    .split("/")
    .map((name) => (name.length < 16 || (name.length < 64 && isOfWords(name)) ? name : "…"))
    .join("/") || "the document";

const isOfWords = (name: string) =>
  name.split(/[-_]/).every((part) => /^(?:[a-z]+\d{0,4}|\d{1,4})$/.test(part));

export function inWords(faults: ReadonlyArray<MemberFault>): string {
  const each = faults.map(({ pointer, reason }) => `${shownPointer(pointer)}: ${reason}`);
  return `has a fault: ${each.join("; ")}`;
}

const UNKNOWN = "it is not a known member";

const formatter = (members: ReadonlyArray<string>) => {
  const [last, ...others] = members.toReversed();
  const all =
    others.length === 0
      ? `member is ${last}`
      : `members are ${others.toReversed().join(", ")} and ${last}`;
  const known = `${UNKNOWN}; the ${all}`;
  return SchemaIssue.makeFormatterStandardSchemaV1({
    leafHook: (issue) => {
      if (issue._tag === "MissingKey") return MISSING;
      if (issue._tag === "UnexpectedKey") return known;
      const ast = "ast" in issue ? issue.ast : undefined;
      const { message } = ("annotations" in issue ? issue : ast)?.annotations ?? {};
      if (typeof message === "string") return message;
      const type = ast && EXPECTED.get(ast._tag);
      return `it is not ${type ?? "of the right type"}`;
    },
  });
};

/** RFC 6901, section 3. */
export const toPointer = (path: ReadonlyArray<unknown>): string =>
  path.map((member) => `/${String(member).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

const EXPECTED: ReadonlyMap<string, string> = new Map([
  ["String", "a string"],
  ["Number", "a number"],
  ["Boolean", "true or false"],
  ["Objects", "an object"],
  ["Arrays", "a list"],
]);

export const memberAt = (value: unknown, names: ReadonlyArray<string>): unknown =>
  names.reduce(
    (parent, name) =>
      typeof parent === "object" && parent !== null && Object.hasOwn(parent, name)
        ? (parent as Readonly<Record<string, unknown>>)[name]
        : undefined,
    value,
  );
