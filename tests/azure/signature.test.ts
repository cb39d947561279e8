import {
  BlobSASPermissions,
  generateBlobSASQueryParameters,
  type SASProtocol,
  StorageSharedKeyCredential,
} from "@azure/storage-blob";
import * as Effect from "effect/Effect";
import fc from "fast-check";
import { expect, it } from "vitest";
import { clientSigner, signDirectory } from "../../adapters/storage/azure/sas.ts";
import { tries } from "../support/tries.ts";
import { readRequest, verifyDelegation } from "./signature.ts";

const ACCOUNT = "valetkeytest";
const IP = "192.0.2.7";

const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 30 });
/** What a header may carry, without white space around it. */
const visible = fc.stringMatching(/^[!-~]([ -~]{0,30}[!-~])?$/);
const key = fc.uint8Array({ minLength: 32, maxLength: 64 });
const instant = (min: number, max: number) =>
  fc.integer({ min, max }).map((seconds) => new Date(seconds * 1000));

/** Everything that our URLs use, and what else a signature can say of a blob. */
const given = fc.record({
  key,
  container: fc.stringMatching(/^[a-z0-9](-?[a-z0-9]){2,20}$/),
  blob: text.filter((name) => !/^\/|(^|\/)\.{1,2}(\/|$)|\\/.test(name)),
  permissions: fc.subarray(["r", "a", "c", "w", "d", "x", "t", "i"], { minLength: 1 }),
  startsOn: fc.option(instant(1_700_000_000, 1_790_000_000), { nil: undefined }),
  expiresOn: instant(1_800_000_000, 1_900_000_000),
  protocol: fc.constantFrom("https", "https,http", undefined),
  ipRange: fc.constantFrom(undefined, { start: IP }, { start: "192.0.2.0", end: "192.0.2.255" }),
  encryptionScope: fc.option(fc.stringMatching(/^[a-z]{3,9}$/), { nil: undefined }),
  cacheControl: fc.option(visible, { nil: undefined }),
  contentDisposition: fc.option(text, { nil: undefined }),
  contentEncoding: fc.option(visible, { nil: undefined }),
  contentLanguage: fc.option(visible, { nil: undefined }),
  contentType: fc.option(visible, { nil: undefined }),
});

const delegated = fc.record({
  signed: given,
  requestHeaders: fc.option(
    fc.dictionary(fc.stringMatching(/^x-ms-[a-z]{1,9}$/), visible, { minKeys: 1, maxKeys: 4 }),
    { nil: undefined },
  ),
  requestQueryParameters: fc.option(
    fc.dictionary(fc.constantFrom("comp", "blockid", "timeout"), text, { minKeys: 1 }),
    { nil: undefined },
  ),
  delegation: fc.record({
    signedObjectId: fc.uuid(),
    signedTenantId: fc.uuid(),
    signedStartsOn: instant(1_600_000_000, 1_700_000_000),
    signedExpiresOn: instant(1_900_000_001, 1_950_000_000),
    signedVersion: fc.constantFrom("2026-04-06", "2026-06-06"),
  }),
});

const NOW = 1_795_000_000_000;

const rights = ({ permissions }: { readonly permissions: ReadonlyArray<string> }) =>
  BlobSASPermissions.parse(permissions.join(""));

it("the double takes what the official client signs by delegation, and nothing else", () => {
  fc.assert(
    fc.property(delegated, fc.nat(), (request, chosen) => {
      const { signed, delegation, requestHeaders, requestQueryParameters } = request;
      const { container, blob } = signed;
      const value = Buffer.from(signed.key).toString("base64");
      const sas = generateBlobSASQueryParameters(
        {
          ...defined(signed),
          containerName: container,
          blobName: blob,
          permissions: rights(signed),
          version: "2026-04-06",
          ...defined({ requestHeaders, requestQueryParameters }),
        },
        { ...delegation, signedService: "b", value },
        ACCOUNT,
      );
      const sent = Object.entries(requestQueryParameters ?? {}).map(
        ([name, value]) => `&${name}=${encodeURIComponent(value)}`,
      );
      const target = `/${ACCOUNT}/${container}/${encodeURIComponent(blob)}?${sas}${sent.join("")}`;
      const headers = Object.entries(requestHeaders ?? {}).flat();
      const verify = (target: string, headers: ReadonlyArray<string>, now = NOW) =>
        verifyDelegation(readRequest("PUT", target, headers, IP), () => value, now);
      verify(target, headers);
      // Another value of any parameter, or header, is refused.
      const parameters = target.split(/(?=[?&])/);
      const at = 1 + (chosen % (parameters.length - 1));
      const altered = parameters.with(at, `${parameters[at]}0`).join("");
      expect(() => verify(altered, headers)).toThrow();
      expect(() => verify(target.replace(`${container}/`, `${container}0/`), headers)).toThrow();
      if (headers.length > 0) {
        expect(() => verify(target, headers.slice(2))).toThrow("was signed, but not sent");
        expect(() => verify(target, [...headers.slice(0, -1), "\t"])).toThrow("did not match");
      }
      if (sent.length > 0) {
        expect(() => verify(target.replace(sent[0] ?? "", ""), headers)).toThrow("not sent");
      }
      expect(() => verify(target, headers, signed.expiresOn.getTime())).toThrow("not of this time");
    }),
    { numRuns: tries(10_000) },
  );
});

const delegationIn = ({ delegation }: { readonly delegation: Delegation }) => ({
  skoid: delegation.signedObjectId,
  sktid: delegation.signedTenantId,
  skt: seconds(delegation.signedStartsOn),
  ske: seconds(delegation.signedExpiresOn),
  sks: "b",
  skv: delegation.signedVersion,
});

type Delegation =
  typeof delegated extends fc.Arbitrary<infer A extends { delegation: unknown }>
    ? A["delegation"]
    : never;

const seconds = (date: Date) => `${date.toISOString().slice(0, 19)}Z`;

const ours = fc.record({
  key,
  account: fc.stringMatching(/^[a-z0-9]{3,24}$/),
  container: fc.stringMatching(/^[a-z0-9](-?[a-z0-9]){2,20}$/),
  blob: fc.stringMatching(/^[\w-][\w.-]{0,9}(\/[\w-][\w.-]{0,9}){0,4}$/),
  kind: fc.constantFrom("put", "part", "get"),
  contentType: visible,
  announcement: fc.option(visible, { nil: undefined }),
  blockId: fc.base64String({ minLength: 4, maxLength: 64 }),
  disposition: text,
  isSecure: fc.boolean(),
  now: fc.integer({ min: 1_790_000_000_000, max: 1_799_000_000_000 }),
  expiresIn: fc.integer({ min: 1, max: 604_800 }),
  delegation: fc.option(
    delegated.map(({ delegation }) => delegation),
    { nil: undefined },
  ),
});

it("our URL has the parameters and the signature of the official client's", () => {
  fc.assert(
    fc.property(ours, (given) => {
      const { account, container, blob, kind, delegation, now, expiresIn } = given;
      const secret = Buffer.from(given.key);
      const headers: ReadonlyArray<readonly [string, string]> = [
        ["content-length", `${expiresIn}`],
        ["content-type", given.contentType],
        ["x-ms-blob-content-type", given.contentType],
        ["x-ms-blob-type", "BlockBlob"],
        ...(given.announcement === undefined
          ? []
          : [["x-ms-meta-valetkey_grant", given.announcement] as const]),
      ];
      const query: ReadonlyArray<readonly [string, string]> = {
        put: [],
        part: [["comp", "block"] as const, ["blockid", given.blockId] as const],
        get: [
          ["rscc", "private, max-age=60"] as const,
          ["rscd", given.disposition] as const,
          ["rsce", "identity"] as const,
          ["rsct", given.contentType] as const,
        ],
      }[kind];
      const signed = clientSigner({
        account,
        secret,
        ...(delegation && { delegation: delegationIn({ delegation }) }),
      }).sign({
        method: kind === "get" ? "GET" : "PUT",
        origin: given.isSecure ? "https://store.example" : "http://store.example",
        path: `/${container}/${blob}`,
        query,
        headers: kind === "put" ? headers : [],
        region: "",
        now,
        expiresIn,
      });
      const value = secret.toString("base64");
      const members = {
        containerName: container,
        blobName: blob,
        permissions: BlobSASPermissions.parse({ put: "c", part: "w", get: "r" }[kind]),
        expiresOn: new Date(now + expiresIn * 1000),
        version: delegation === undefined ? "2023-11-03" : "2026-04-06",
        ...(given.isSecure && { protocol: "https" as SASProtocol }),
        ...(kind === "get" && {
          cacheControl: "private, max-age=60",
          contentDisposition: given.disposition,
          contentEncoding: "identity",
          contentType: given.contentType,
        }),
      };
      const bound = {
        ...(kind === "put" && { requestHeaders: Object.fromEntries(headers) }),
        ...(kind === "part" && { requestQueryParameters: Object.fromEntries(query) }),
      };
      const official =
        delegation === undefined
          ? generateBlobSASQueryParameters(members, new StorageSharedKeyCredential(account, value))
          : generateBlobSASQueryParameters(
              { ...members, ...bound },
              { ...delegation, signedService: "b", value },
              account,
            );
      const own = query.filter(([name]) => !name.startsWith("rsc"));
      const expected = [...new URLSearchParams(official.toString()), ...own];
      const { pathname, searchParams } = new URL(Effect.runSync(signed));
      expect(pathname).toBe(`/${container}/${blob}`);
      expect([...searchParams].toSorted()).toEqual(expected.toSorted());
    }),
    { numRuns: tries(10_000) },
  );
});

const directory = fc.record({
  key,
  account: fc.stringMatching(/^[a-z0-9]{3,24}$/),
  container: fc.stringMatching(/^[a-z0-9](-?[a-z0-9]){2,20}$/),
  prefix: fc.stringMatching(/^([\w-][\w.-]{0,9}\/){1,6}$/),
  isSecure: fc.boolean(),
  now: fc.integer({ min: 1_790_000_000_000, max: 1_799_000_000_000 }),
  expiresIn: fc.integer({ min: 1, max: 604_800 }),
  delegation: delegated.map(({ delegation }) => delegation),
});

it("our signature of a directory is the official client's, and the double takes it below it alone", () => {
  fc.assert(
    fc.property(directory, text, (given, name) => {
      const { account, container, prefix, delegation, isSecure, now, expiresIn } = given;
      const secret = Buffer.from(given.key);
      const origin = isSecure ? "https://store.example" : "http://store.example";
      const signed = signDirectory(
        { account, secret, delegation: delegationIn({ delegation }) },
        { origin, path: `/${container}/${prefix}`, now, expiresIn },
      );
      const value = secret.toString("base64");
      const official = generateBlobSASQueryParameters(
        {
          containerName: container,
          blobName: prefix.slice(0, -1),
          isDirectory: true,
          // Its type of a blob's rights has none to list; a directory has.
          permissions: { toString: () => "c" } as BlobSASPermissions,
          expiresOn: new Date(now + expiresIn * 1000),
          version: "2026-04-06",
          ...(isSecure && { protocol: "https" as SASProtocol }),
        },
        { ...delegation, signedService: "b", value },
        account,
      );
      const asked = new URLSearchParams(signed);
      const expected = new URLSearchParams(official.toString());
      expect(asked.get("sp")).toBe("cl");
      for (const name of ["sp", "sig"]) {
        asked.delete(name);
        expected.delete(name);
      }
      expect([...asked].toSorted()).toEqual([...expected].toSorted());

      const verify = (blob: string, query = signed, method = "PUT") =>
        verifyDelegation(
          readRequest(method, `/${account}/${container}${blob}?${query}`, [], IP),
          () => value,
          now,
        );
      const below = `/${prefix}${encodeURIComponent(name)}`;
      // So that both are of one form, whose rights alone are others.
      verify(below, official.toString());
      verify(below);
      for (const outside of [
        `/${prefix.slice(0, -1)}0/${encodeURIComponent(name)}`,
        `/0${prefix}${encodeURIComponent(name)}`,
        `/no-generated-name/${prefix}a`,
        "",
      ]) {
        expect(() => verify(outside)).toThrow();
      }
      // The depth is not signed itself, and what it makes of the name is.
      const depth = prefix.split("/").length - 1;
      for (const other of [depth - 1, depth + 1]) {
        expect(() => verify(below, signed.replace(`sdd=${depth}`, `sdd=${other}`))).toThrow();
      }
      expect(() => verify(below, signed.replace("sp=cl", "sp=rl"))).toThrow();
      const list = (of: string) => `${signed}&comp=list&prefix=${encodeURIComponent(of)}`;
      verify("", list(prefix), "GET");
      for (const of of ["", prefix.slice(0, -1), `0${prefix}`]) {
        expect(() => verify("", list(of), "GET")).toThrow();
      }
    }),
    { numRuns: tries(2_000) },
  );
});

/** Without what is undefined, and with the client's own type of a protocol. */
function defined<A extends object>(members: A) {
  type Given = {
    [Name in keyof A]: Name extends "protocol" ? SASProtocol : Exclude<A[Name], undefined>;
  };
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== undefined),
  ) as Given;
}
