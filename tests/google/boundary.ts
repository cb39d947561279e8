// The access boundaries of tokens, as Google's Security Token Service gives them: a part of the
// tests' doubles, written from "Credential Access Boundaries overview" and "IAM permissions for XML
// requests" and "for JSON methods". A call of which it knows no permission needs one that no role has.
import { decode } from "./signature.ts";

export interface Rule {
  readonly availableResource: string;
  readonly availablePermissions: ReadonlyArray<string>;
  readonly availabilityCondition?: { readonly expression: string };
}

/** Reads the rules of a token exchange; throws where Google answers 400. */
export function rulesIn(options: string): ReadonlyArray<Rule> {
  const { accessBoundary } = JSON.parse(options);
  const rules: ReadonlyArray<Rule> = accessBoundary.accessBoundaryRules;
  if (rules.length < 1 || rules.length > 10) throw new Error("1 to 10 rules");
  for (const rule of rules) {
    if (!rule.availablePermissions.every((role) => PERMISSIONS.has(role))) throw new Error("role");
    conditionIn(rule);
  }
  return rules;
}

/** "IAM roles for Cloud Storage". */
const PERMISSIONS: ReadonlyMap<string, ReadonlyArray<string>> = new Map([
  [
    "inRole:roles/storage.objectCreator",
    [
      "objects.create",
      "folders.create",
      "multipartUploads.abort",
      "multipartUploads.create",
      "multipartUploads.listParts",
    ],
  ],
  [
    "inRole:roles/storage.legacyBucketReader",
    ["buckets.get", "objects.list", "managedFolders.list", "multipartUploads.list"],
  ],
]);

/** The two forms of conditions that are used. */
function conditionIn({ availabilityCondition }: Rule): (of: Asked) => boolean {
  const { expression = "" } = availabilityCondition ?? {};
  const [, name] = /^resource\.name\.startsWith\((".*")\)$/.exec(expression) ?? [];
  if (name !== undefined) return ({ resource }) => resource.startsWith(JSON.parse(name));
  const [, prefix] =
    /^api\.getAttribute\('storage\.googleapis\.com\/objectListPrefix', ''\)\.startsWith\((".*")\)$/.exec(
      expression,
    ) ?? [];
  if (prefix === undefined) throw new Error(`it does not know ${expression}`);
  return ({ listPrefix = "" }) => listPrefix.startsWith(JSON.parse(prefix));
}

interface Asked {
  readonly permission: string;
  readonly bucket: string;
  /** The full name of an object or a bucket. */
  readonly resource: string;
  readonly listPrefix?: string | undefined;
}

/** Returns true if one rule allows everything that a call needs. */
export const isWithin = (rules: ReadonlyArray<Rule>, asked: ReadonlyArray<Asked>): boolean =>
  asked.every((each) =>
    rules.some(
      (rule) =>
        rule.availableResource === `//storage.googleapis.com/projects/_/buckets/${each.bucket}` &&
        rule.availablePermissions.some((role) =>
          PERMISSIONS.get(role)?.includes(each.permission),
        ) &&
        conditionIn(rule)(each),
    ),
  );

/** The permissions that a call needs; `exists` is of its object, which a PUT would replace. */
export function neededBy(
  method: string,
  url: string,
  headers: Readonly<Record<string, unknown>>,
  exists: (bucket: string, object: string) => Promise<boolean>,
): Promise<ReadonlyArray<Asked>> | ReadonlyArray<Asked> {
  const [path = "", search = ""] = url.split("?");
  const query = new URLSearchParams(search);
  const one = (
    permission: string,
    bucket: string,
    object = "",
    listPrefix = query.get("prefix"),
  ) => [{ permission, ...placeOf(bucket, object), listPrefix: listPrefix ?? undefined }];
  const creating = async (bucket: string, object: string) =>
    (await exists(bucket, object))
      ? [...one("objects.create", bucket, object), ...one("objects.delete", bucket, object)]
      : one("objects.create", bucket, object);
  const [, upload, bucketOf, rest = ""] =
    /^\/((?:up|down)load\/)?storage\/v1\/b\/([^/]*)(?:\/(.*))?$/.exec(path) ?? [];
  if (bucketOf !== undefined) {
    if (upload === "upload/" && method === "POST")
      return creating(bucketOf, query.get("name") ?? "");
    if (rest === "o" && method === "GET") return one("objects.list", bucketOf);
    if (rest === "" && method === "GET") return one("buckets.get", bucketOf, "", "");
    return one("unknown", bucketOf);
  }
  const [, bucket = "", object = ""] = /^\/([^/]*)\/?(.*)$/s.exec(path) ?? [];
  const name = decode(object);
  const isCopy = ["goog", "amz"].some((vendor) => `x-${vendor}-copy-source` in headers);
  const isOther = ["acl", "tagging", "lifecycle", "retention", "compose"].some((each) =>
    query.has(each),
  );
  if (isOther || isCopy || "x-goog-acl" in headers) return one("unknown", bucket);
  if (name === "") {
    if (query.has("uploads")) return one("multipartUploads.list", bucket);
    if (method === "GET") return one("objects.list", bucket);
    return one(method === "HEAD" ? "buckets.get" : "unknown", bucket, "", "");
  }
  if (query.has("uploads") && method === "POST")
    return one("multipartUploads.create", bucket, name);
  if (query.has("uploadId")) {
    if (method === "GET") return one("multipartUploads.listParts", bucket, name);
    if (method === "DELETE") return one("multipartUploads.abort", bucket, name);
    return one("objects.create", bucket, name);
  }
  if (method === "PUT") return creating(bucket, name);
  if (method === "POST" && "x-goog-resumable" in headers) return creating(bucket, name);
  return one("unknown", bucket);
}

const placeOf = (bucket: string, object: string) => ({
  bucket,
  resource: `projects/_/buckets/${bucket}${object && `/objects/${object}`}`,
});
