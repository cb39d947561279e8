import type * as Context from "effect/Context";
import * as Metric from "effect/Metric";

// Names and labels follow OpenTelemetry, as Prometheus writes them; docs/metrics.md has the same
// table.

interface Description<Labels extends ReadonlyArray<string> = ReadonlyArray<string>> {
  readonly kind: "counter" | "gauge" | "histogram";
  readonly labels: Labels;
  /** The question that the metric answers. */
  readonly question: string;
  /** Upper bounds of the buckets of a histogram. */
  readonly boundaries?: ReadonlyArray<number>;
}

const described =
  (kind: Description["kind"], boundaries?: ReadonlyArray<number>) =>
  <const Labels extends ReadonlyArray<string>>(question: string, ...labels: Labels) =>
    ({ kind, labels, question, boundaries }) as Description<Labels>;

const counter = described("counter");
const gauge = described("gauge");

/** OpenTelemetry's buckets for HTTP, in seconds. */
const HTTP_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const duration = described("histogram", HTTP_SECONDS);
/** From a small file to a day, after which no upload can be confirmed. */
const UPLOAD_SECONDS = [1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 21_600, 86_400];
const uploadTime = described("histogram", UPLOAD_SECONDS);

const METHOD = "http_request_method";
const SCHEME = "url_scheme";

export const METRICS = {
  http_server_request_duration_seconds: duration(
    "How long do answers take, and how many fail?",
    METHOD,
    "http_route",
    "http_response_status_code",
    SCHEME,
  ),
  http_server_active_requests: gauge("How many requests are under way?", METHOD, SCHEME),
  valetkey_requests_waiting: gauge("How many wait for the answer to an earlier one? (Node)"),
  valetkey_turned_away_total: counter(
    "How many were turned away since the service is full?",
    "what",
  ),
  valetkey_decisions_total: counter(
    "What is granted and what is refused, and why? `code` is empty when granted.",
    "action",
    "policy",
    "code",
  ),
  valetkey_uploads_granted_total: counter("How many uploads were granted?", "policy"),
  valetkey_uploads_confirmed_total: counter("How many uploads were confirmed?", "policy"),
  valetkey_granted_bytes_total: counter("How many bytes were granted?", "policy"),
  valetkey_confirmed_bytes_total: counter("How many bytes arrived and were confirmed?", "policy"),
  valetkey_confirm_delay_seconds: uploadTime(
    "How long do uploads take, to their confirm?",
    "policy",
  ),
  valetkey_parts_signed_total: counter("How many parts of large files were signed?"),
  valetkey_credentials_remaining_seconds: gauge(
    "When do the credentials end that sign (`put`, `get`) and that the service itself uses (`service`)?",
    "use",
  ),
  valetkey_store_clock_difference_seconds: gauge("How far is the clock here ahead of the store's?"),
  valetkey_store_calls_total: counter(
    "Does the store answer? Every attempt counts; `absent` means that there is no such object or upload.",
    "call",
    "outcome",
  ),
  valetkey_store_call_duration_seconds: duration("How long does the store take to answer?", "call"),
  valetkey_store_breaker_open: gauge(
    "Are calls to the store failed at once, since it has not answered for a while?",
  ),
  valetkey_document_fault: gauge(
    "Is a file that was changed at fault, so that what it had before stays in force? 1 if it is.",
    "document",
  ),
  valetkey_limiter_decisions_total: counter(
    "Do the limits refuse, and does their counter answer? `failed_open` was decided by this process alone.",
    "outcome",
  ),
  valetkey_events_attempts_total: counter(
    "Does the backend take events? `waiting` failed and is tried again, `dead` was given up.",
    "outcome",
  ),
  valetkey_events_kept: gauge("How many events wait, and how many were given up?", "state"),
  valetkey_stored_files: gauge("How many files are stored, of all organizations?"),
  valetkey_stored_bytes: gauge("How many bytes are stored, of all organizations?"),
  valetkey_reserved_bytes: gauge("How many bytes are granted, and may still be confirmed?"),
  valetkey_open_uploads: gauge("How many uploads are granted, whose URLs have not ended?"),
  valetkey_organizations_counted: gauge(
    "How many organizations have a count, and how many of them need a look?",
    "state",
  ),
  nodejs_eventloop_delay_p50_seconds: gauge("How late is the event loop, usually?"),
  nodejs_eventloop_delay_p99_seconds: gauge("How late is it one time in a hundred?"),
  nodejs_eventloop_delay_max_seconds: gauge("How late was it at worst, since the last reading?"),
  valetkey_build_info: gauge("What is running? Always 1.", "version", "runtime", "store"),
} satisfies Readonly<Record<string, Description>>;

export type MetricName = keyof typeof METRICS;

/** One value for each label of a metric. */
export type LabelsOf<Name extends MetricName> = EachText<(typeof METRICS)[Name]["labels"]>;
type EachText<Labels extends ReadonlyArray<string>> = ReadonlyArray<string> & {
  readonly [Index in keyof Labels]: string;
};

/** Returns one series of a metric in the registry that updates it. */
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

/** Reads a gauge by `read` whenever the registry of `context` is read. */
export const observe = (
  context: Context.Context<never>,
  { metric, read }: { readonly metric: ReturnType<typeof series>; readonly read: () => number },
): Metric.Registration =>
  Metric.registerUnsafe(metric, context, {
    get: () => ({ value: read() }),
    update: () => undefined,
    modify: () => undefined,
  });
