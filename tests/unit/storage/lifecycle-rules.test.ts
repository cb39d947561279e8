import { expect, it } from "vitest";
import { effectsIn } from "../../../adapters/storage/s3/lifecycle.ts";
import { effectsIn as effectsAtGoogle } from "../../../adapters/storage/gcs/rules.ts";

const rule = (inside: string, status = "Enabled") =>
  `<Rule><ID>r</ID><Status>${status}</Status>${inside}</Rule>`;
const EXPIRES = "<Expiration><Days>1</Days></Expiration>";
const tag = (key: string, value: string) => `<Tag><Key>${key}</Key><Value>${value}</Value></Tag>`;

it.each<[string, string | undefined, string?]>([
  [rule(EXPIRES), "every: removes every file 1 day after it was stored"],
  [rule(`<Filter/>${EXPIRES}`), "every: removes every file 1 day after it was stored"],
  [rule(`<Prefix></Prefix>${EXPIRES}`), "every: removes every file 1 day after it was stored"],
  [
    rule(`<Filter><Prefix>o</Prefix></Filter>${EXPIRES}`),
    "every: removes every file 1 day after it was stored",
  ],
  [
    rule(`<Filter><Prefix>orgs/acme/</Prefix></Filter>${EXPIRES}`),
    "every: removes every file below orgs/acme/ 1 day after it was stored",
  ],
  [rule(`<Filter><Prefix>logs/</Prefix></Filter>${EXPIRES}`), undefined],
  [
    rule(`<Filter><Prefix>incoming/</Prefix></Filter>${EXPIRES}`),
    "incoming: removes what is below incoming/ 1 day after it was stored",
  ],
  [rule(`<Filter><Prefix>incoming/orgs/acme/</Prefix></Filter>${EXPIRES}`), undefined],
  [rule(EXPIRES, "Disabled"), undefined],
  [
    rule("<Expiration><Date>2027-01-02T00:00:00Z</Date></Expiration>"),
    "every: removes every file on 2027-01-02",
  ],
  [
    rule("<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>"),
    undefined,
  ],
  [
    rule(`<Filter><And>${tag("a", "b")}${tag("c", "d")}</And></Filter>${EXPIRES}`),
    "tagged: removes every file with the tag a=b with the tag c=d 1 day after it was stored",
  ],
  [
    rule(`<Filter>${tag("class", "temporary")}</Filter>${EXPIRES}`),
    "tagged: removes every file with the tag class=temporary 1 day after it was stored",
  ],
  [
    rule(`<Filter><ObjectSizeGreaterThan>5</ObjectSizeGreaterThan></Filter>${EXPIRES}`),
    "every: removes every file above 5 bytes 1 day after it was stored",
  ],
  [
    rule("<Transition><Days>30</Days><StorageClass>GLACIER</StorageClass></Transition>"),
    "every: moves every file to GLACIER 30 days after it was stored, where it cannot be opened",
  ],
  [
    rule("<Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass></Transition>"),
    undefined,
  ],
  [
    rule(
      "<NoncurrentVersionExpiration><NoncurrentDays>7</NoncurrentDays></NoncurrentVersionExpiration>",
    ),
    "replaced: removes every file 7 days after another version took its place",
  ],
])("a rule of S3's API %s does this to files: %s", (document, expected) => {
  const effects = effectsIn(document).map(({ scope, effect }) => `${scope}: ${effect}`);
  expect(effects).toEqual(expected === undefined ? [] : [expected]);
});

it("each action of a rule is told", () => {
  const both = `${EXPIRES}<NoncurrentVersionExpiration><NoncurrentDays>2</NoncurrentDays></NoncurrentVersionExpiration>`;
  expect(effectsIn(rule(both)).map(({ scope }) => scope)).toEqual(["every", "replaced"]);
});

it.each<[object, string | undefined]>([
  [{ age: 1 }, "every: removes every file 1 day after it was stored"],
  [{ age: 1, matchesPrefix: ["logs/"] }, undefined],
  [
    { age: 1, matchesPrefix: ["logs/", "orgs/a/"] },
    "every: removes every file below orgs/a/ 1 day after it was stored",
  ],
  [
    { age: 3, matchesPrefix: ["incoming/"] },
    "incoming: removes what is below incoming/ 3 days after it was stored",
  ],
  [{ createdBefore: "2027-01-02" }, "every: removes every file if it was stored before 2027-01-02"],
  [{ daysSinceCustomTime: 3 }, undefined],
  [
    { daysSinceNoncurrentTime: 2 },
    "replaced: removes every file 2 days after another version took its place",
  ],
  [
    { numNewerVersions: 1, age: 5 },
    "replaced: removes every file once another version took its place 5 days after it was stored",
  ],
])("a rule of Google's with the condition %j does this to files: %s", (condition, expected) => {
  const effects = effectsAtGoogle({
    lifecycle: { rule: [{ action: { type: "Delete" }, condition }] },
  });
  expect(effects.map(({ scope, effect }) => `${scope}: ${effect}`)).toEqual(
    expected === undefined ? [] : [expected],
  );
});

it("a class of Google's changes nothing for readers", () => {
  const action = { type: "SetStorageClass", storageClass: "ARCHIVE" } as const;
  expect(effectsAtGoogle({ lifecycle: { rule: [{ action, condition: { age: 1 } }] } })).toEqual([]);
});
