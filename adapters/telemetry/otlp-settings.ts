import * as Schema from "effect/Schema";
import { HttpUrl, Parsed, WholeNumber } from "../settings/codecs.ts";
import {
  fault,
  oneOf,
  optional,
  readSettings,
  type Values,
  withDefault,
} from "../settings/setting.ts";
import type { Source } from "../settings/source.ts";

// "OpenTelemetry Environment Variable Specification" and "OpenTelemetry Protocol Exporter".

/** As W3C Baggage writes them; a header takes no control characters. */
const Pairs = Parsed((text): Readonly<Record<string, string>> | undefined => {
  const pairs = text.split(",").map((pair) => PAIR.exec(pair.trim()));
  try {
    const decoded = pairs.map((pair) => decodeURIComponent(pair?.[2] ?? "%"));
    if (decoded.some((value) => CONTROL.test(value))) return undefined;
    return Object.fromEntries(decoded.map((value, index) => [pairs[index]?.[1], value]));
  } catch {
    return undefined;
  }
});

const PAIR = /^([\w!#$%&'*+.^`|~-]+)=([^\s",;\\]*)$/;
const CONTROL = /\p{Cc}/u;

const PAIRS = "pairs such as name=value, separated by commas, with all else percent-encoded";

export const SIGNALS = ["metrics", "traces"] as const;
export type Signal = (typeof SIGNALS)[number];

const SAMPLER = /^(?:parentbased_)?(?:always_on|always_off|traceidratio)$/;

const exporter = (signal: string) =>
  withDefault("otlp", {
    ...oneOf(["otlp", "none"]),
    variable: `OTEL_${signal}_EXPORTER`,
    meaning: `Whether ${signal.toLowerCase()} are sent, if there is an endpoint.`,
    example: "none",
  });

export const settings = {
  endpoint: optional({
    variable: "OTEL_EXPORTER_OTLP_ENDPOINT",
    meaning: "The collector that metrics and traces are sent to: see [metrics](metrics.md#otlp).",
    otherwise: "nothing is sent",
    codec: HttpUrl,
    shape: "an http or https URL without credentials, query or fragment",
    example: "http://collector:4318",
  }),
  metrics: exporter("METRICS"),
  traces: exporter("TRACES"),
  protocol: withDefault("http/protobuf", {
    ...oneOf(["http/protobuf", "http/json"]),
    variable: "OTEL_EXPORTER_OTLP_PROTOCOL",
    meaning: "The encoding of what is sent.",
    example: "http/json",
  }),
  headers: optional({
    variable: "OTEL_EXPORTER_OTLP_HEADERS",
    meaning: "Headers for the collector, such as a key.",
    codec: Schema.RedactedFromValue(Pairs),
    shape: PAIRS,
    example: "authorization=Bearer%20secret",
  }),
  serviceName: optional({
    variable: "OTEL_SERVICE_NAME",
    meaning: "The name of this service at the collector.",
    otherwise: "`valetkey`",
    codec: Schema.NonEmptyString,
    shape: "a name",
    example: "uploads",
  }),
  attributes: optional({
    variable: "OTEL_RESOURCE_ATTRIBUTES",
    meaning: "Further attributes of this service.",
    codec: Pairs,
    shape: PAIRS,
    example: "deployment.environment.name=production",
  }),
  sampler: withDefault("parentbased_always_on", {
    codec: Schema.String.check(Schema.isPattern(SAMPLER)),
    shape: "always_on, always_off or traceidratio, or one of these after parentbased_",
    variable: "OTEL_TRACES_SAMPLER",
    meaning:
      "Which requests are traced. `parentbased` follows the decision of a proxy in `TRUSTED_PROXIES`.",
    example: "parentbased_traceidratio",
  }),
  ratio: withDefault(1, {
    variable: "OTEL_TRACES_SAMPLER_ARG",
    meaning: "The share of requests that a `traceidratio` traces.",
    codec: Schema.FiniteFromString.check(Schema.isBetween({ minimum: 0, maximum: 1 })),
    shape: "a number from 0 to 1",
    example: "0.1",
  }),
  interval: withDefault(60_000, {
    variable: "OTEL_METRIC_EXPORT_INTERVAL",
    meaning: "Milliseconds between two reports of metrics.",
    codec: WholeNumber({ minimum: 1_000, maximum: 3_600_000 }),
    shape: "a number of milliseconds from 1000 to 3600000",
    example: "15000",
  }),
  isDisabled: withDefault(false, {
    variable: "OTEL_SDK_DISABLED",
    meaning: "Nothing is sent, whatever else is set.",
    codec: Parsed((text) => (/^(?:true|false)$/i.test(text) ? /^true$/i.test(text) : undefined)),
    shape: "true or false",
    example: "true",
  }),
};

export type OtlpSettings = Values<typeof settings>;

export const read = (source: Source) =>
  readSettings(settings, source, ({ endpoint }) =>
    SIGNALS.map(
      (signal) =>
        source.valueOf(settings[signal]) === "otlp" &&
        endpoint === undefined &&
        fault(
          settings.endpoint,
          ({ assign }) => `must be set where ${assign(settings[signal], "otlp")}`,
        ),
    ),
  );

export const isSent = (signal: Signal, settings: OtlpSettings): boolean =>
  settings.endpoint !== undefined && settings[signal] === "otlp" && !settings.isDisabled;
