import { execFileSync } from "node:child_process";

type Component = Readonly<Record<"bom-ref" | "name" | "version", string>>;

/** A bill of materials in the JSON of CycloneDX 1.5. */
export interface Bom {
  readonly serialNumber?: string;
  readonly metadata: { readonly timestamp?: string; readonly component: Component };
  readonly components: ReadonlyArray<Component>;
  readonly dependencies: ReadonlyArray<{
    readonly ref: string;
    readonly dependsOn: ReadonlyArray<string>;
  }>;
}

/**
 * Lists the packages of a folder's lock file whose `name@version` is in `packages`, always the same
 * for one lock file. Filters all packages, since `npm sbom --omit dev` also omits those that a tool
 * shares with the product.
 */
export function billOfMaterials(folder: string, packages: ReadonlySet<string>): Bom {
  const command = ["sbom", "--sbom-format", "cyclonedx", "--package-lock-only"];
  const all: Bom = JSON.parse(
    execFileSync("npm", command, { cwd: folder, encoding: "utf8", maxBuffer: 2 ** 26 }),
  );
  const { serialNumber: _, metadata, components, dependencies, ...rest } = all;
  const { timestamp: __, component, ...tools } = metadata;
  const root = component["bom-ref"];
  // npm uses the name of the folder.
  const name = root.slice(0, root.lastIndexOf("@"));
  const isListed = (ref: string) => ref === root || packages.has(ref);
  return {
    ...rest,
    metadata: { ...tools, component: { ...component, name } },
    components: components.filter(({ "bom-ref": ref }) => isListed(ref)),
    dependencies: dependencies
      .filter(({ ref }) => isListed(ref))
      .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter(isListed) })),
  };
}
