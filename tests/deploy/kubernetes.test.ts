import * as Duration from "effect/Duration";
import * as Result from "effect/Result";
import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse as parseYaml } from "yaml";
import { readAll, settings, unknownIn } from "../../adapters/service/settings.ts";
import { need } from "../support/need.ts";
import { freePort } from "../support/free-port.ts";
import { startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";

// The manifests of deploy/kubernetes, as an operator applies them.

const FOLDER = new URL("../../deploy/kubernetes", import.meta.url).pathname;
const OVERLAYS = globSync("overlays/*", { cwd: FOLDER });
const tools = await need("manifests");

/** What `kubectl apply -k` of it would send. */
const render = (overlay: string): string =>
  execFileSync(tools?.kustomize ?? "", ["build", join(FOLDER, overlay)], { encoding: "utf8" });

/** What the tests look at in it. */
interface Rendered {
  readonly ConfigMap: {
    readonly metadata: { readonly name: string };
    readonly data: Readonly<Record<string, string>>;
  };
  readonly Deployment: { readonly spec: { readonly template: Template } };
  readonly HorizontalPodAutoscaler: { readonly spec: { readonly minReplicas: number } };
  readonly NetworkPolicy: {
    readonly spec: {
      readonly podSelector: object;
      readonly egress: ReadonlyArray<{ readonly ports: ReadonlyArray<{ readonly port: number }> }>;
      readonly ingress: ReadonlyArray<{
        readonly from: ReadonlyArray<{ readonly ipBlock?: { readonly cidr: string } }>;
      }>;
    };
  };
  readonly ServiceAccount: {
    readonly metadata: {
      readonly name: string;
      readonly annotations: Readonly<Record<string, string>>;
    };
  };
  readonly Service: { readonly spec: { readonly selector: object } };
}

interface Template {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
  readonly spec: Pod;
}

interface Pod {
  readonly serviceAccountName: string;
  readonly terminationGracePeriodSeconds: number;
  readonly containers: readonly [Container];
  readonly volumes: readonly [
    {
      readonly name: string;
      readonly projected: {
        readonly sources: ReadonlyArray<
          Readonly<Partial<Record<"configMap" | "secret", { readonly name: string }>>>
        >;
      };
    },
  ];
}

type Container = Readonly<Record<"startupProbe" | "livenessProbe" | "readinessProbe", Probe>> & {
  readonly ports: ReadonlyArray<{ readonly name: string; readonly containerPort: number }>;
  readonly env: ReadonlyArray<{ readonly name: string; readonly value: string }>;
  readonly volumeMounts: readonly [{ readonly name: string; readonly mountPath: string }];
};

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
  readonly periodSeconds: number;
  readonly timeoutSeconds?: number;
  readonly failureThreshold?: number;
}

function parse(rendered: string): Rendered {
  const documents = rendered.split(/^---$/m).map((text) => parseYaml(text) as { kind: string });
  return Object.fromEntries(documents.map((of) => [of.kind, of])) as unknown as Rendered;
}

/** What the Secrets hold that the pods refer to, and what the platform gives them. */
const SECRETS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  valetkey: { RECEIPT_KEYS: `2026:${randomBytes(32).toString("base64")}` },
  "valetkey-store": Object.fromEntries(
    ["", "PUT_", "GET_"].flatMap((use) => [
      [`STORAGE_${use}ACCESS_KEY`, `AKIA${use}EXAMPLE`],
      [`STORAGE_${use}SECRET_KEY`, `a-${use}secret-of-the-tests`],
    ]),
  ),
};

/** What the service of the image reads in a pod, which has the variables in a folder. */
function environmentOf({ ConfigMap, Deployment }: Rendered): Record<string, string> {
  const { containers, volumes } = Deployment.spec.template.spec;
  const [{ env, volumeMounts }] = containers;
  const [{ name, projected }] = volumes;
  expect(volumeMounts).toMatchObject([{ name, mountPath: "/etc/valetkey" }]);
  expect(env).toEqual([{ name: "ENV_FILES", value: "/etc/valetkey" }]);
  const given = projected.sources.map(({ configMap, secret }) =>
    configMap?.name === ConfigMap.metadata.name ? ConfigMap.data : SECRETS[secret?.name ?? ""],
  );
  return Object.assign({ HOST: "0.0.0.0" }, ...given);
}

it("there are manifests for Amazon, for Azure, for Google and for a store of one's own", () => {
  const names = ["aws", "azure", "gke", "own-store"].map((name) => `overlays/${name}`);
  expect(OVERLAYS.toSorted()).toEqual(names);
});

it("no manifest holds a key, a password or a token", () => {
  for (const file of globSync("**/*.yaml", { cwd: FOLDER })) {
    const text = readFileSync(join(FOLDER, file), "utf8");
    expect(text, file).not.toMatch(/kind: Secret\b|(?:KEY|SECRET|TOKEN|PASSWORD)S?[=:]|secretGen/);
  }
});

it.skipIf(tools === undefined)(
  "the manifests are what the API of Kubernetes takes, and a misspelt member is not",
  () => {
    const { kubeconform = "", schemas = "" } = tools ?? {};
    const validate = (rendered: ReadonlyArray<string>) =>
      spawnSync(kubeconform, ["-strict", "-summary", "-schema-location", schemas, "-"], {
        input: rendered.join("---\n"),
        encoding: "utf8",
      }).stdout;
    const rendered = OVERLAYS.map(render);
    expect(validate(rendered)).toContain("Valid: 28, Invalid: 0, Errors: 0, Skipped: 0");
    const misspelt = rendered.map((text) => text.replace("readinessProbe", "readynessProbe"));
    expect(validate(misspelt)).toMatch(/readynessProbe[^]*Valid: 24, Invalid: 4, Errors: 0/);
  },
);

describe.skipIf(tools === undefined).each(OVERLAYS)("%s", (overlay) => {
  it("the service would start with the variables of the pods, and knows each of them", () => {
    const env = environmentOf(parse(render(overlay)));
    const known = new Set(settings.map(({ variable }) => variable));
    expect(Object.keys(env).filter((name) => !known.has(name))).toEqual([]);
    const read = readAll(env);
    expect(Result.isFailure(read) ? read.failure : unknownIn(env).warnings).toEqual([]);
  });

  it("a pod is not killed before it has stopped, nor sent requests after that", () => {
    const rendered = parse(render(overlay));
    const { terminationGracePeriodSeconds, containers } = rendered.Deployment.spec.template.spec;
    const { grace, timeout } = Result.getOrThrow(readAll(environmentOf(rendered))).http.shutdown;
    expect(terminationGracePeriodSeconds).toBeGreaterThan(Duration.toSeconds(timeout));
    expect(Duration.toSeconds(timeout)).toBeGreaterThan(Duration.toSeconds(grace));
    const {
      periodSeconds,
      timeoutSeconds = 1,
      failureThreshold = 3,
    } = containers[0].readinessProbe;
    expect(failureThreshold * periodSeconds + timeoutSeconds).toBeLessThan(
      Duration.toSeconds(grace),
    );
  });

  it("requests reach the pods by a port that is open to the proxies that are trusted", () => {
    const rendered = parse(render(overlay));
    const { NetworkPolicy, Service, Deployment, HorizontalPodAutoscaler } = rendered;
    const { http, limits } = Result.getOrThrow(readAll(environmentOf(rendered)));
    const [{ ports }] = Deployment.spec.template.spec.containers;
    expect(ports).toEqual([
      { name: "http", containerPort: http.port },
      { name: "probes", containerPort: http.probePort },
    ]);
    expect(NetworkPolicy.spec.podSelector).toEqual({ matchLabels: Service.spec.selector });
    const open = NetworkPolicy.spec.ingress.flatMap(({ from }) =>
      from.flatMap(({ ipBlock }) => ipBlock?.cidr ?? []),
    );
    const trusted = rendered.ConfigMap.data["TRUSTED_PROXIES"] ?? "";
    expect(trusted.split(",")).toEqual(open.length === 0 ? [expect.any(String)] : open);
    expect(limits.replicas).toBe(HorizontalPodAutoscaler.spec.minReplicas);
  });

  it("the network lets the service reach its store", () => {
    const { ConfigMap, NetworkPolicy } = parse(render(overlay));
    const { STORAGE_ENDPOINT: endpoint = "https://provider" } = ConfigMap.data;
    const { port } = new URL(endpoint);
    const open = NetworkPolicy.spec.egress.flatMap(({ ports }) => ports.map(({ port }) => port));
    expect(open).toContain(Number(port || 443));
  });
});

it.skipIf(tools === undefined)(
  "at Azure the pods of the service account have the label by which they get its identity",
  () => {
    const { ConfigMap, Deployment, ServiceAccount } = parse(render("overlays/azure"));
    const { spec, metadata } = Deployment.spec.template;
    expect(spec.serviceAccountName).toBe(ServiceAccount.metadata.name);
    expect(metadata.labels["azure.workload.identity/use"]).toBe("true");
    const client = ServiceAccount.metadata.annotations["azure.workload.identity/client-id"];
    // Neither can be anybody's: an account has no hyphen in its name.
    expect(client).toMatch(/^[0-]{36}$/);
    expect(ConfigMap.data["STORAGE_ENDPOINT"]).toContain("//my-account.");
  },
);

it.skipIf(tools === undefined)(
  "a service with the variables of the pods answers every probe",
  async () => {
    const rendered = parse(render("overlays/own-store"));
    const [container] = rendered.Deployment.spec.template.spec.containers;
    const PROBE_PORT = String(await freePort());
    const own = { HOST: "127.0.0.1", PROBE_PORT, SHUTDOWN_GRACE: "0 seconds" };
    const service = await startProcess({ ...environmentOf(rendered), ...own });
    for (const probe of ["startupProbe", "livenessProbe", "readinessProbe"] as const) {
      const { path, port } = container[probe].httpGet;
      expect(port).toBe("probes");
      await until(path, async () => (await fetch(`http://127.0.0.1:${PROBE_PORT}${path}`)).ok);
    }
    await service.stop();
  },
);
