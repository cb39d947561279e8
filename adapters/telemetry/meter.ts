import * as Context from "effect/Context";
import * as Metric from "effect/Metric";
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics";
import { type LabelsOf, type MetricName, METRICS, observe, series } from "../values/metrics.ts";

/** Most series of one metric; one more stands for all others. */
const MOST_SERIES = 200;

const OVERFLOW = "overflow";

export type Meter = ReturnType<typeof makeMeter>;

/** Makes the metrics of a process, or those of a part of it, which have further labels. */
export function makeMeter(
  whole: Context.Context<never> = Context.make(Metric.MetricRegistry, new Registry()),
  labels?: Readonly<Record<string, string>>,
) {
  const context = labels ? Context.add(whole, Metric.CurrentMetricAttributes, labels) : whole;
  const metrics = new Map<MetricName, Map<string, Series>>();
  const observed = new Map<Series, Set<() => number>>();

  function find(name: MetricName, values: ReadonlyArray<string>): Series {
    const known = metrics.get(name) ?? new Map<string, Series>();
    metrics.set(name, known);
    const key = values.join("\n");
    const attributes = known.get(key);
    if (attributes !== undefined) return attributes;
    if (known.size >= MOST_SERIES && values.some((value) => value !== OVERFLOW)) {
      return find(
        name,
        values.map(() => OVERFLOW),
      );
    }
    const made = series(name, attributesFrom(name, values));
    known.set(key, made);
    return made;
  }

  return {
    /** Services through which metrics are updated and read elsewhere. */
    context,
    labels,
    /** Adds to a counter, or records in a histogram. */
    update<Name extends MetricName>(name: Name, labels: LabelsOf<Name>, amount = 1): void {
      find(name, labels).updateUnsafe(amount, context);
    },
    /** Changes a gauge by an amount. */
    shift<Name extends MetricName>(name: Name, labels: LabelsOf<Name>, amount: number): void {
      find(name, labels).modifyUnsafe(amount, context);
    },
    /**
     * Reads a gauge by `read` whenever metrics are read, until the returned function is called. Of
     * several values, the largest counts.
     */
    observe<Name extends MetricName>(name: Name, labels: LabelsOf<Name>, read: () => number) {
      const metric = find(name, labels);
      const reads = observed.get(metric) ?? new Set<() => number>();
      if (!observed.has(metric)) {
        // Without one it has no number, and is left out.
        const largest = () => Math.max(...Array.from(reads, (each) => each()));
        observe(context, { metric, read: largest });
      }
      observed.set(metric, reads.add(read));
      return () => void reads.delete(read);
    },
    /** Formats all metrics for Prometheus. */
    format: () => PrometheusMetrics.formatUnsafe(context),
  };
}

/** An empty label equals none. */
function attributesFrom(name: MetricName, values: ReadonlyArray<string>) {
  const names: ReadonlyArray<string> = METRICS[name].labels;
  return Object.fromEntries(
    values.flatMap((value, index) => (value === "" ? [] : [[names[index], value]])),
  );
}

type Series = ReturnType<typeof series>;

type Registered = Metric.MetricRegistry extends Map<string, infer A> ? A : never;

class Registry extends Map<string, Registered> {
  /** Leaves out gauges without a number, such as the time left of keys that never expire. */
  override *values(): MapIterator<Registered> {
    for (const registered of super.values()) {
      const { value = 0 }: { readonly value?: number } = registered.hooks.get(Context.empty());
      if (Number.isFinite(value)) yield registered;
    }
  }
}
