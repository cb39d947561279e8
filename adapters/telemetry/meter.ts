import * as Context from "effect/Context";
import * as Metric from "effect/Metric";
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics";
import { type LabelsOf, type MetricName, METRICS, observe, series } from "../values/metrics.ts";

/** Most series of one metric, beside the one for all others. */
const MOST_SERIES = 200;

const OVERFLOW = "overflow";

export type Meter = ReturnType<typeof makeMeter>;

/** Makes the numbers of a process. */
export function makeMeter() {
  const context = Context.make(Metric.MetricRegistry, new Registry());
  const metrics = new Map<MetricName, Map<string, Series>>();

  function find(name: MetricName, values: ReadonlyArray<string>): Series {
    const known = metrics.get(name) ?? new Map<string, Series>();
    metrics.set(name, known);
    const key = values.join("\n");
    const found = known.get(key);
    if (found !== undefined) return found;
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
    /** The services with which metrics are updated elsewhere, and read. */
    context,
    /** Counts, or measures with a histogram. */
    update<Name extends MetricName>(name: Name, labels: LabelsOf<Name>, amount = 1): void {
      find(name, labels).updateUnsafe(amount, context);
    },
    /** Changes a gauge by an amount. */
    shift<Name extends MetricName>(name: Name, labels: LabelsOf<Name>, amount: number): void {
      find(name, labels).modifyUnsafe(amount, context);
    },
    /** Has a gauge read whenever somebody asks. */
    observe<Name extends MetricName>(name: Name, labels: LabelsOf<Name>, read: () => number): void {
      observe(context, { metric: series(name, attributesFrom(name, labels)), read });
    },
    /** All of them as Prometheus reads them. */
    format: () => PrometheusMetrics.formatUnsafe(context),
  };
}

/** An empty label is the same as none. */
function attributesFrom(name: MetricName, values: ReadonlyArray<string>) {
  const names: ReadonlyArray<string> = METRICS[name].labels;
  return Object.fromEntries(
    values.flatMap((value, index) => (value === "" ? [] : [[names[index], value]])),
  );
}

type Series = ReturnType<typeof series>;

type Registered = Metric.MetricRegistry extends Map<string, infer A> ? A : never;

class Registry extends Map<string, Registered> {
  /** Gauges without a number, such as the time left of keys that never end, are left out. */
  override *values(): MapIterator<Registered> {
    for (const registered of super.values()) {
      const { value = 0 }: { readonly value?: number } = registered.hooks.get(Context.empty());
      if (Number.isFinite(value)) yield registered;
    }
  }
}
