import * as Schema from "effect/Schema";
import { HttpUrl, List, Pair } from "../../settings/codecs.ts";
import { oneOf, optional, readSettings, type Values, withDefault } from "../../settings/setting.ts";
import type { Source } from "../../settings/source.ts";

// "OpenTelemetry Environment Variable Specification" and "OpenTelemetry Protocol Exporter".

const PAIRS = {
  codec: List(
    Pair(
      "=",
      Schema.String.check(Schema.isPattern(/^[\w.-]+$/)),
      Schema.StringFromUriComponent.check(Schema.isPattern(/^\P{Cc}*$/u)),
    ),
  ),
  shape: "pairs such as name=value, separated by commas, with all else percent-encoded",
};

const SAMPLER = /^(?:parentbased_)?(?:always_on|always_off|traceidratio)$/;

export const settings = {
  endpoint: optional({
    variable: "OTEL_EXPORTER_OTLP_ENDPOINT",
    meaning: "The collector that [traces](traces.md) and metrics are sent to.",
    otherwise: "nothing is sent",
    codec: HttpUrl,
    shape: "an http or https URL without credentials, query or fragment",
    example: "http://collector:4318",
  }),
  headers: optional({
    variable: "OTEL_EXPORTER_OTLP_HEADERS",
    meaning: "Headers for the collector, such as a key.",
    ...PAIRS,
    codec: Schema.RedactedFromValue(PAIRS.codec),
    example: "authorization=Bearer%20secret",
  }),
  metrics: withDefault("otlp", {
    ...oneOf(["otlp", "none"]),
    variable: "OTEL_METRICS_EXPORTER",
    meaning: "`none` sends traces only.",
    example: "none",
  }),
  serviceName: withDefault("valetkey", {
    variable: "OTEL_SERVICE_NAME",
    meaning: "The name of this service at the collector.",
    codec: Schema.NonEmptyString,
    shape: "a name",
    example: "uploads",
  }),
  attributes: optional({
    variable: "OTEL_RESOURCE_ATTRIBUTES",
    meaning: "Further attributes of this service.",
    ...PAIRS,
    example: "deployment.environment.name=production",
  }),
  sampler: withDefault("parentbased_always_on", {
    variable: "OTEL_TRACES_SAMPLER",
    meaning: "Which requests are traced; `parentbased` obeys the caller's `traceparent`.",
    codec: Schema.String.check(Schema.isPattern(SAMPLER)),
    shape: "always_on, always_off or traceidratio, or one of these after parentbased_",
    example: "parentbased_traceidratio",
  }),
  ratio: withDefault(1, {
    variable: "OTEL_TRACES_SAMPLER_ARG",
    meaning: "The share of requests that a `traceidratio` traces.",
    codec: Schema.FiniteFromString.check(Schema.isBetween({ minimum: 0, maximum: 1 })),
    shape: "a number from 0 to 1",
    example: "0.1",
  }),
};

export type TraceSettings = Values<typeof settings>;

export const read = (source: Source) => readSettings(settings, source);
