import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse as parseYaml } from "yaml";
import { SECRET } from "../events/backend.ts";
import { ask } from "../support/ask.ts";
import { startCuttingProxy } from "../support/cutting-proxy.ts";
import { startFaultyServer } from "../support/faulty-server.ts";
import { freePort } from "../support/free-port.ts";
import { makeFolder } from "../support/make-folder.ts";
import { minioEnv } from "../support/minio.ts";
import { need } from "../support/need.ts";
import { startPrometheus } from "../support/prometheus.ts";
import { startRedis } from "../support/redis.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";

const GRAFANA = new URL("../../deploy/grafana/", import.meta.url);
const read = (path: string, base = GRAFANA) => readFileSync(new URL(path, base), "utf8");

const ALERTS = read("alerts.yaml");
const PAGE = read("../../docs/alerts.md", GRAFANA);

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}
const rules = (
  parseYaml(ALERTS) as { groups: ReadonlyArray<{ rules: ReadonlyArray<Rule> }> }
).groups.flatMap((group) => group.rules);
const alerts = rules.flatMap((rule) => (rule.alert === undefined ? [] : [rule.alert]));

interface Dashboard {
  readonly panels: ReadonlyArray<{
    readonly title: string;
    readonly targets: ReadonlyArray<{ readonly expr: string }>;
  }>;
}
const { panels } = JSON.parse(read("dashboard.json")) as Dashboard;

it("every alert has a section on what it means, what to look at and what to do, and links there", () => {
  const sections = PAGE.split(/^## /m).slice(1);
  expect(sections.map((section) => section.split("\n", 1)[0])).toEqual(alerts);
  for (const section of sections) {
    for (const part of ["**It means**", "**Look at**", "**Do**"]) expect(section).toContain(part);
  }
  for (const { alert, annotations, labels } of rules.filter((rule) => rule.alert)) {
    expect(annotations?.["runbook_url"]).toBe(
      `https://github.com/valetkey/valetkey/blob/main/docs/alerts.md#${alert?.toLowerCase()}`,
    );
    expect(labels?.["severity"]).toBeOneOf(["page", "ticket"]);
  }
});

it("the page names panels that the dashboard has", () => {
  const titles = panels.map(({ title }) => title);
  expect(titles).toHaveLength(12);
  const named = [...PAGE.matchAll(/panel "([^"]+)"/g)].map(([, title]) => title);
  expect(named.length).toBeGreaterThan(4);
  expect(named.filter((title = "") => !titles.includes(title))).toEqual([]);
});

/** A query over all jobs and five minutes, without white space. */
const plain = (expr = "") =>
  expr
    .replaceAll("$__rate_interval", "5m")
    .replaceAll(/by \(job\)|job=~"\$job"(?:, )?|\s+/g, "")
    .replaceAll("{}", "");

it("the panel of answers and the page show the share of failures that the alert judges", () => {
  const judged = rules.find(({ record }) => record === "valetkey:failed_answers:ratio5m");
  const shown = panels.flatMap(({ targets }) => targets.map(({ expr }) => plain(expr)));
  expect(shown).toContain(plain(judged?.expr));
  expect(plain(read("../../docs/metrics.md", GRAFANA))).toContain(plain(judged?.expr));
});

const promtool = (await need("promtool")) ?? "";
const prometheusPath = (await need("prometheus")) ?? "";
const minio = await need("minio");
const redisPath = (await need("redis")) ?? "";

const run = (...args: ReadonlyArray<string>) =>
  execFileSync(promtool, args, { cwd: new URL(".", import.meta.url), stdio: "pipe" });

describe.skipIf(promtool === "")("promtool", () => {
  it("finds the rules and the configuration right, and each alert at its threshold", () => {
    run("check", "rules", new URL("alerts.yaml", GRAFANA).pathname);
    run("test", "rules", "alert-rules.yaml");
    const folder = makeFolder();
    const config = read("prometheus.yaml").replace(
      "/etc/prometheus/alerts.yaml",
      new URL("alerts.yaml", GRAFANA).pathname,
    );
    writeFileSync(join(folder, "prometheus.yaml"), config);
    run("check", "config", join(folder, "prometheus.yaml"));
  });
});

/** The same rules with all times so much shorter. */
const SPEED = 120;

const MILLISECONDS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

const hasten = (text: string) =>
  text.replaceAll(
    /(\[|offset |for: )(\d+)([smhd])/g,
    (_, before: string, count: string, unit: keyof typeof MILLISECONDS) =>
      `${before}${Math.round((Number(count) * MILLISECONDS[unit]) / SPEED)}ms`,
  );

const canRun = prometheusPath !== "" && minio !== undefined && redisPath !== "";

describe.skipIf(!canRun)("a Prometheus that reads services, each with one fault", () => {
  /** The alert that a service is to cause, by the service's name. */
  const EXPECTED = {
    healthy: [],
    "store-gone": ["ValetkeyStoreFailing"],
    "redis-gone": ["ValetkeyLimiterFailing"],
    "credentials-end": ["ValetkeyCredentialsEnding"],
    "clock-off": ["ValetkeyClockOff"],
    "confirms-gone": ["ValetkeyUploadsUnconfirmed"],
    "directory-gone": ["ValetkeyRefusesByItself"],
    "scanner-gone": ["ValetkeyScannerFailing"],
    "backend-gone": ["ValetkeyEventsFailing", "ValetkeyEventsGivenUp"],
    "document-spoiled": ["ValetkeyDocumentAtFault"],
    strangers: ["ValetkeyNotificationsRefused", "ValetkeyAgentsRefused"],
  } as const;
  type Job = keyof typeof EXPECTED;

  let prometheus: Awaited<ReturnType<typeof startPrometheus>>;
  const services = new Map<Job, ServiceProcess>();
  const ends: Array<() => unknown> = [];
  const ended = new AbortController();
  /** Whether uploads are still confirmed, by the service's name. */
  const confirms = new Set<string>(["healthy", "confirms-gone", "scanner-gone", "backend-gone"]);

  beforeAll(async () => {
    if (minio === undefined) return;
    const store = {
      AUTH: "dev",
      ...minioEnv(minio),
    };
    const server = new URL(minio.endpoint);
    const cable = await startCuttingProxy(() => Number(server.port));
    // A double, since the clock of a store cannot be set.
    const wrongClock = await startFaultyServer(server);
    wrongClock.state.fault = async (response, _, pass) => {
      const answer = await pass();
      const date = new Date(Date.now() - 5 * 60_000).toUTCString();
      answer.pipe(response.writeHead(answer.statusCode ?? 502, { ...answer.headers, date }));
    };
    const backend = createServer((_, response) => response.writeHead(410).end());
    await once(backend.listen(0, "127.0.0.1"), "listening");
    ends.push(() => backend.close());
    const redis = await startRedis({ path: redisPath });
    const folder = makeFolder();
    ends.push(cable.close, wrongClock.close, redis.stop);
    const file = join(folder, "storage.json");
    const { STORAGE_ACCESS_KEY: access_key, STORAGE_SECRET_KEY: secret_key, ...keyless } = store;
    const policies = join(folder, "policies.json");
    writeFileSync(policies, "{}");
    const expires_at = new Date(Date.now() + 8 * 60_000).toISOString();
    writeFileSync(file, JSON.stringify({ access_key, secret_key, expires_at }));
    const environments: Record<Job, Record<string, string>> = {
      healthy: store,
      "store-gone": { ...store, STORAGE_ENDPOINT: `http://127.0.0.1:${cable.port}` },
      "redis-gone": { ...store, ...redis.env, LIMIT_REQUESTS_PER_SUBJECT: "1000000 per day" },
      "credentials-end": { ...keyless, STORAGE_CREDENTIALS_FILE: file },
      "clock-off": { ...store, STORAGE_ENDPOINT: wrongClock.url.origin },
      "confirms-gone": store,
      "directory-gone": {
        ...store,
        ORGANIZATIONS_URL: `http://127.0.0.1:${await freePort()}`,
      },
      "scanner-gone": {
        ...store,
        CLAMD_ADDRESS: `127.0.0.1:${await freePort()}`,
        STORAGE_POLICIES: JSON.stringify({
          scanned: { scan: "clamd", arrival: "incoming", write_once: true },
        }),
      },
      strangers: {
        ...store,
        MCP: "on",
        NOTIFICATIONS_SECRETS: "0123456789abcdef-._~ABCD",
        USAGE: "on",
      },
      "document-spoiled": { ...store, STORAGE_POLICIES: policies },
      "backend-gone": {
        ...store,
        EVENTS_URL: `http://127.0.0.1:${(backend.address() as AddressInfo).port}`,
        EVENTS_SECRETS: SECRET,
        EVENTS_ALLOW_PRIVATE: "on",
      },
    };
    const jobs: Record<string, string> = {};
    for (const [job, env] of Object.entries(environments)) {
      const port = await freePort();
      jobs[job] = `http://127.0.0.1:${port}`;
      services.set(job as Job, await startProcess({ ...env, METRICS_PORT: String(port) }));
    }
    prometheus = await startPrometheus({ path: prometheusPath, rules: hasten(ALERTS), jobs });
    for (const [job, service] of services) ends.push(keepUploading(job, service));
    await until("answers of all", async () => {
      const seen = await prometheus.query(
        'group by (job) (http_server_request_duration_seconds_count{http_route=~".*presign"} > 5)',
      );
      return seen.length === services.size;
    });
    cable.refuse(true);
    await redis.kill();
    writeFileSync(policies, "{");
    confirms.delete("confirms-gone");
  });
  afterAll(async () => {
    ended.abort();
    for (const end of ends) await end();
    for (const service of services.values()) await service.stop();
    await prometheus?.stop();
  });

  /** Presigns and confirms again and again, as a client does. */
  function keepUploading(job: string, service: ServiceProcess) {
    const call = async (path: string, body: object) => {
      const answer = await ask(service, path, body);
      return answer.ok ? answer.json() : undefined;
    };
    const upload = async () => {
      if (job === "strangers") {
        for (const path of ["/mcp", "/api/v1/events/s3"]) {
          await fetch(`${service.address}${path}`, { method: "POST", body: "{}" });
        }
      }
      const policy = job === "scanner-gone" ? "scanned" : "files";
      const file = { filename: "a.txt", content_type: "text/plain", size: 5, policy };
      const granted = await call("presign", file);
      if (granted === undefined || (job === "confirms-gone" && !confirms.has(job))) return;
      if (confirms.has(job)) {
        await fetch(granted.put_url, {
          method: "PUT",
          headers: granted.put_headers,
          body: "hello",
        });
      }
      await call("confirm", { receipt: granted.receipt });
    };
    // One after another: on a busy machine more would come than are done.
    const repeat = async () => {
      while (!ended.signal.aborted) {
        await upload().catch(() => undefined);
        await pause(150);
      }
    };
    const repeating = repeat();
    return () => repeating;
  }

  it.each(Object.entries(EXPECTED).flatMap(([job, names]) => names.map((name) => [job, name])))(
    "%s causes %s",
    async (job, name) => {
      await until(`${name} of ${job}`, async () => {
        const firing = await prometheus.query(
          `ALERTS{alertstate="firing", job="${job}", alertname="${name}"}`,
        );
        return firing.length > 0;
      });
    },
  );

  it("no service has caused another alert at any time", async () => {
    const fired = await prometheus.query(
      'group by (job, alertname) (count_over_time(ALERTS{alertstate="firing"}[1h]))',
    );
    const seen = fired.map(({ metric }) => `${metric["job"]}: ${metric["alertname"]}`);
    const expected = Object.entries(EXPECTED).flatMap(([job, names]) =>
      names.map((name) => `${job}: ${name}`),
    );
    // On a busy machine seconds that stand for minutes end before those of the cause: promtool tries
    // with a clock of its own that the cause alone is enough.
    const early = new Set(
      ["store-gone", "redis-gone", "credentials-end", "scanner-gone"].map(
        (job) => `${job}: ValetkeyRefusesByItself`,
      ),
    );
    const others = seen.filter((each) => !early.has(each));
    expect(others.toSorted()).toEqual(expected.toSorted());
  });

  it.each(
    panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
  )("the panel %s shows something: %s", async (title, expr) => {
    const query = hasten(expr.replaceAll("$__rate_interval", "5m").replaceAll("$job", ".+"));
    // Seconds stand for minutes, and a busy machine has some in which nothing was read.
    await until(`something at ${title}`, async () => {
      const samples = await prometheus.query(query);
      return samples.some(({ value: [, value] }) => value !== "NaN");
    });
  });

  it("the rules name metrics and labels that services have", async () => {
    const selectors = rules.flatMap(({ expr }) =>
      [
        ...expr
          .replaceAll(/by \([^)]*\)/g, "")
          .matchAll(/\b((?:valetkey|http|nodejs)_\w+)(?:\{([^}]*)\})?/g),
      ].map(([, name = "", matchers = ""]) => ({
        name,
        labels: [...matchers.matchAll(/(\w+)\s*(?:=|!)/g)].map(([, label]) => label),
      })),
    );
    expect(selectors.length).toBeGreaterThan(10);
    for (const { name, labels } of selectors) {
      const having = labels.map((label) => `${label}!=""`).join(", ");
      await until(`${name} with ${having}`, async () => {
        return (await prometheus.query(`${name}{${having}}`)).length > 0;
      });
    }
  });
});
