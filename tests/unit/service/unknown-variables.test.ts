import { expect, it } from "vitest";
import { readAll, readStore, settings, unknownIn } from "../../../adapters/service/settings.ts";
import * as Result from "effect/Result";

const ended = (env: Readonly<Record<string, string>>) =>
  unknownIn(env).faults.map(({ setting, problem }) => `${setting.variable} ${String(problem)}`);

it.each([
  ["STORAGE_BUKET", "STORAGE_BUCKET"],
  ["STORAGE_BUCKTES", "STORAGE_BUCKET"],
  ["STORAGE_MAX_SIZE", "STORAGE_MAX_FILE_SIZE"],
  ["STORAGE_ADAPTOR", "STORAGE_ADAPTER"],
  ["LIMIT_REQUESTS_SUBJECT", "LIMIT_REQUESTS_PER_SUBJECT"],
  ["LIMIT_REQUEST_PER_SUBJECT", "LIMIT_REQUESTS_PER_SUBJECT"],
  ["ORGANISATIONS", "ORGANIZATIONS"],
  ["TRUSTED_PROXYES", "TRUSTED_PROXIES"],
  ["CORS_ORIGIN", "CORS_ORIGINS"],
  ["REPLICA", "REPLICAS"],
  ["JTW_ISSUER", "JWT_ISSUER"],
  ["MPC", "MCP"],
  ["AUHT", "AUTH"],
])("%s ends the start where %s is not set", (name, meant) => {
  const sentence = `${name} is not a known variable; did you mean ${meant}? If another`;
  expect(ended({ [name]: "x" })).toEqual([expect.stringContaining(sentence)]);
  // Of another program, or set twice.
  expect(ended({ [name]: "x", [meant]: "" })).toEqual([]);
  expect(ended({ [name]: "" })).toEqual([]);
  const env = { [name]: "x" };
  expect(
    [readAll(env), readStore(env)].map((read) => Result.isFailure<unknown, unknown>(read)),
  ).toEqual([true, true]);
});

it("variables of OpenTelemetry that have no effect are named in one line", () => {
  const { faults, warnings } = unknownIn({
    OTEL_SERVICE_NAME: "a",
    OTEL_LOG_LEVEL: "a",
    OTEL_SDK_DISABLED: "true",
  });
  expect(faults).toEqual([]);
  expect(warnings).toEqual([expect.stringMatching(/^OTEL_LOG_LEVEL, OTEL_SDK_DISABLED: not used/)]);
});

it("a name with a prefix of ours is named, and a similar one suggested", () => {
  expect(unknownIn({ STORAGE_BUKET: "a", STORAGE_BUCKET: "b", AUTH_SECRET: "c" })).toEqual({
    faults: [],
    warnings: [
      "STORAGE_BUKET is not a known variable; did you mean STORAGE_BUCKET?",
      "AUTH_SECRET is not a known variable",
    ],
  });
});

it("variables of systems, platforms and other programs are left alone", () => {
  const others = `HOSTNAME PWD OLDPWD PATH HOME SHLVL TERM LANG USER LOGNAME TMP TMPDIR TZ PS1 CI GCP TCP
    DEBUG NODE_ENV NODE_OPTIONS NO_COLOR NODE_PORT POD_IP POD_NAME npm_config_cache INIT_CWD SECRET_KEY
    INVOCATION_ID JOURNAL_STREAM NOTIFY_SOCKET LISTEN_FDS CREDENTIALS_DIRECTORY GITHUB_TOKEN GH_TOKEN
    DB_TOKEN DO_TOKEN DB_URL DATABASE_URL REDIS_URI REDIS_HOST REDIS_PORT REDIS_PASSWORD PUBLIC_URI
    PUBLIC_DIR BASE_URL API_URL POST SORT COST PORTS LOGLEVEL LOG_DIR K_SERVICE K_REVISION DYNO
    AWS_REGION AWS_ENDPOINT_URL AZURE_CLIENT_ID GOOGLE_APPLICATION_CREDENTIALS_JSON RAILWAY_TOKEN
    FLY_REGION RENDER_SERVICE_ID VERCEL_URL KUBERNETES_SERVICE_HOST KUBERNETES_PORT_443_TCP_ADDR
    STORAGE_SERVICE_HOST STORAGE_SERVICE_PORT_HTTP STORAGE_PORT_9000_TCP MINIO_ROOT_USER VALETKEY_TOKEN`;
  const links = { PROBES_PORT: "tcp://10.0.0.1:80", EVENTS_PORT: "udp://10.0.0.1:80" };
  const env = Object.fromEntries(others.split(/\s+/).map((name) => [name, "x"]));
  expect(unknownIn({ ...env, ...links })).toEqual({ faults: [], warnings: [] });
});

it("no variable of ours is near another", () => {
  const all = settings.map(({ variable }) => [variable, "x"]);
  expect(unknownIn(Object.fromEntries(all))).toEqual({ faults: [], warnings: [] });
});
