import { execFile } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { findGoTool, mayBuild } from "./go-tool.ts";
import type { Found } from "./setup.ts";
import { CACHE } from "./cached.ts";

/** What renders the manifests, what validates them, and against what. */
interface ManifestTools {
  readonly kustomize: string;
  readonly kubeconform: string;
  /** The `-schema-location` of kubeconform. */
  readonly schemas: string;
}

const KUBERNETES = "v1.34.3";

/** Finds or builds them with Go; the schemas are made of the OpenAPI document of Kubernetes. */
export async function findManifestTools(): Promise<Found<ManifestTools>> {
  const kustomize = await findGoTool({
    name: "kustomize",
    version: "v5.7.1",
    path: "sigs.k8s.io/kustomize/kustomize/v5",
  });
  const kubeconform = await findGoTool({
    name: "kubeconform",
    version: "v0.7.0",
    path: "github.com/yannh/kubeconform/cmd/kubeconform",
  });
  const folder = join(CACHE, `kubernetes-schemas-${KUBERNETES}`);
  if (!existsSync(folder) && mayBuild()) await makeSchemas(folder);
  if (kustomize === undefined || kubeconform === undefined || !existsSync(folder)) {
    return { value: undefined, source: "install Go" };
  }
  const schemas = join(folder, "{{.ResourceKind}}{{.KindSuffix}}.json");
  return {
    value: { kustomize, kubeconform, schemas },
    source: `${kustomize}, ${kubeconform}, and the schemas of Kubernetes ${KUBERNETES}`,
  };
}

/** Writes a strict JSON Schema for each kind, in the file that kubeconform asks for. */
async function makeSchemas(folder: string): Promise<void> {
  console.error(`Making the schemas of Kubernetes ${KUBERNETES}, once, into ${folder}...`);
  // Of a module of some 300 MB one file is needed, so that Go's own cache is not filled with it.
  const modules = mkdtempSync(join(tmpdir(), "valetkey-kubernetes-"));
  try {
    const { stdout } = await promisify(execFile)(
      "go",
      ["mod", "download", "-json", `k8s.io/kubernetes@${KUBERNETES}`],
      { cwd: modules, env: { ...process.env, GOMODCACHE: modules, GOFLAGS: "-modcacherw" } },
    );
    const { Dir } = JSON.parse(stdout);
    const openApi = readFileSync(join(Dir, "api/openapi-spec/swagger.json"), "utf8");
    const { definitions } = JSON.parse(openApi, strict);
    mkdirSync(CACHE, { recursive: true });
    const fresh = mkdtempSync(`${folder}.`);
    writeFileSync(join(fresh, "definitions.json"), JSON.stringify({ definitions }));
    for (const [name, definition] of Object.entries<Definition>(definitions)) {
      for (const { group, version, kind } of definition["x-kubernetes-group-version-kind"] ?? []) {
        const suffix = [...group.split(".").slice(0, 1), version].filter((part) => part !== "");
        const file = [kind, ...suffix].join("-").toLowerCase();
        writeFileSync(
          join(fresh, `${file}.json`),
          JSON.stringify({ $ref: `definitions.json#/definitions/${name}` }),
        );
      }
    }
    renameSync(fresh, folder);
  } finally {
    rmSync(modules, { recursive: true, force: true });
  }
}

interface Definition {
  readonly "x-kubernetes-group-version-kind"?: ReadonlyArray<
    Readonly<Record<"group" | "version" | "kind", string>>
  >;
}

/** Refuses members that a schema does not name, so that none is misspelt. */
function strict(_name: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const { type, format } = value as { readonly type?: unknown; readonly format?: unknown };
  if (format === "int-or-string") return { ...value, type: ["integer", "string"] };
  return type === "object" && "properties" in value
    ? { ...value, additionalProperties: false }
    : value;
}
