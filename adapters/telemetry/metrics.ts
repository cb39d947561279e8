import type * as Context from "effect/Context";
import * as Metric from "effect/Metric";

// Names, units and labels of OpenTelemetry. Prometheus gets them with underscores, the unit and
// `_total`. docs/metrics.md has the same table.

interface Description<Labels extends ReadonlyArray<string> = ReadonlyArray<string>> {
  readonly kind: "counter" | "gauge" | "histogram";
  /** In UCUM: seconds or bytes; empty for what is counted. */
  readonly unit: "" | "s" | "By";
  readonly labels: Labels;
  /** The question that it answers. */
  readonly question: string;
  /** Upper bounds of the buckets of a histogram. */
  readonly boundaries?: ReadonlyArray<number>;
}

const described =
  (kind: Description["kind"], unit: Description["unit"], boundaries?: ReadonlyArray<number>) =>
  <const Labels extends ReadonlyArray<string>>(question: string, ...labels: Labels) =>
    ({ kind, unit, labels, question, boundaries }) as Description<Labels>;

const counter = described("counter", "");
const bytes = described("counter", "By");
const gauge = described("gauge", "");
const seconds = described("gauge", "s");

/** The buckets of HTTP in OpenTelemetry's semantic conventions, in seconds. */
const HTTP_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const duration = described("histogram", "s", HTTP_SECONDS);
/** From a small file to a day, after which nothing can be confirmed. */
const UPLOAD_SECONDS = [1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 21_600, 86_400];
const uploadTime = described("histogram", "s", UPLOAD_SECONDS);

const METHOD = "http.request.method";
const SCHEME = "url.scheme";

export const METRICS = {
  "http.server.request.duration": duration(
    "How long do answers take, and how many fail?",
    METHOD,
    "http.route",
    "http.response.status_code",
    SCHEME,
  ),
  "http.server.active_requests": gauge("How many requests are under way?", METHOD, SCHEME),
  "valetkey.requests.waiting": gauge("How many wait for the answer to an earlier one? (Node)"),
  "valetkey.turned_away": counter("How many were turned away since the service is full?", "what"),
  "valetkey.decisions": counter(
    "What is granted and what is refused, and why? `code` is empty when granted.",
    "action",
    "policy",
    "code",
  ),
  "valetkey.uploads.granted": counter("How many uploads were granted?", "policy"),
  "valetkey.uploads.confirmed": counter("How many uploads were confirmed?", "policy"),
  "valetkey.granted": bytes("How many bytes were granted?", "policy"),
  "valetkey.confirmed": bytes("How many bytes arrived and were confirmed?", "policy"),
  "valetkey.confirm.delay": uploadTime("How long do uploads take, to their confirm?", "policy"),
  "valetkey.parts.signed": counter("How many parts of large files were signed?"),
  "valetkey.credentials.remaining": seconds(
    "When do the credentials end that sign (`put`, `get`) and that the service itself uses (`service`)?",
    "use",
  ),
  "valetkey.store.clock.difference": seconds("How far is the clock here ahead of the store's?"),
  "valetkey.store.calls": counter(
    "Does the store answer? Every attempt counts; `absent` means that there is no such object or upload.",
    "call",
    "outcome",
  ),
  "valetkey.store.call.duration": duration("How long does the store take to answer?", "call"),
  "valetkey.store.breaker.open": gauge(
    "Are calls to the store failed at once, since it has not answered for a while?",
  ),
  "valetkey.limiter.decisions": counter(
    "Do the limits refuse, and does their counter answer? `failed_open` was decided by this process alone.",
    "outcome",
  ),
  "valetkey.events.attempts": counter(
    "Does the backend take events? `waiting` failed and is tried again, `dead` was given up.",
    "outcome",
  ),
  "valetkey.events.kept": gauge("How many events wait, and how many were given up?", "state"),
  "nodejs.eventloop.delay.p50": seconds("How late is the event loop, usually?"),
  "nodejs.eventloop.delay.p99": seconds("How late is it one time in a hundred?"),
  "nodejs.eventloop.delay.max": seconds("How late was it at worst, since the last reading?"),
  "valetkey.build.info": gauge("What is running? Always 1.", "version", "runtime", "store"),
} satisfies Readonly<Record<string, Description>>;

export type MetricName = keyof typeof METRICS;

/** One value for each label of a metric. */
export type LabelsOf<Name extends MetricName> = EachText<(typeof METRICS)[Name]["labels"]>;
type EachText<Labels extends ReadonlyArray<string>> = ReadonlyArray<string> & {
  readonly [Index in keyof Labels]: string;
};

/** One series of a metric, in the registry of whoever updates it. */
export function series(
  name: MetricName,
  attributes: Readonly<Record<string, string>> = {},
): Metric.Metric<number, unknown> {
  const { kind, question: description, boundaries = [] }: Description = METRICS[name];
  const options = { description, attributes };
  if (kind === "histogram") return Metric.histogram(name, { ...options, boundaries });
  return kind === "counter"
    ? Metric.counter(name, { ...options, incremental: true })
    : Metric.gauge(name, options);
}

/** Has a counter or gauge read whenever somebody reads the registry of `context`. */
export const observe = (
  context: Context.Context<never>,
  { metric, read }: { readonly metric: ReturnType<typeof series>; readonly read: () => number },
): Metric.Registration =>
  Metric.registerUnsafe(metric, context, {
    get: () =>
      metric.type === "Counter" ? { count: read(), incremental: true } : { value: read() },
    update: () => undefined,
    modify: () => undefined,
  });
