import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { billOfMaterials } from "../../deploy/bom.ts";
import { readLock, used } from "../support/lock.ts";
import { packageBom } from "../support/package-bom.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const faultsOf = (bom: object) =>
  new Validation.JsonStrictValidator(Spec.Version.v1dot5).validate(JSON.stringify(bom));

it("the bill of materials of the package has all that comes with it, and nothing else", async () => {
  const { metadata, components } = packageBom();
  const { name, dependencies, peerDependencies, peerDependenciesMeta } = manifest();
  expect(metadata.component.name).toBe(name);
  const names = components.map(({ name }) => name);
  const required = Object.keys(peerDependencies).filter(
    (peer) => !peerDependenciesMeta[peer]?.optional,
  );
  expect(names).toEqual(expect.arrayContaining([...Object.keys(dependencies), ...required]));
  expect(names).not.toContain("@aws-sdk/client-s3");
  expect(names).not.toContain("vitest");
});

const manifest = (): {
  readonly name: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional?: boolean }>>;
} => JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));

it("a bill of materials is of the form that CycloneDX 1.5 defines", async () => {
  const lock = readLock(ROOT);
  const packages = [...used(lock)].map(
    (path) => `${path.replace(/.*node_modules\//, "")}@${lock.get(path)?.version}`,
  );
  const bom = billOfMaterials(ROOT, new Set(packages));
  expect(bom.components).toHaveLength(new Set(packages).size);
  expect(await faultsOf(bom)).toBeNull();
  expect(await faultsOf({ ...bom, components: [{ name: "without a type" }] })).not.toBeNull();
});

it("a bill of materials is the same for the same packages", () => {
  expect(JSON.stringify(packageBom())).toBe(JSON.stringify(packageBom()));
});
