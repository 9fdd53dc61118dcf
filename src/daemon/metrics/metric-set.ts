import { Counter, Gauge, Registry } from 'prom-client';

type Labels = Readonly<Record<string, string>>;

/**
 * The metrics of one scrape, made anew each time: what is gone since the last one leaves no series
 * behind, and the numbers stay those of the rooms that count.
 */
export class MetricSet {
  readonly #registry = new Registry();
  readonly #counters = new Map<string, Counter>();
  readonly #gauges = new Map<string, Gauge>();

  /** A number that only grows; `_total` is added to its name. */
  counter(name: string, help: string, labels: Labels, value: number): void {
    const full = `${name}_total`;
    const metric =
      this.#counters.get(full) ??
      new Counter({ name: full, help, labelNames: Object.keys(labels), registers: [this.#registry] });
    this.#counters.set(full, metric);
    metric.inc(labels, value);
  }

  /** A number that goes up and down; null: not known, and left out. */
  gauge(name: string, help: string, labels: Labels, value: number | null): void {
    if (value === null) return;
    const metric =
      this.#gauges.get(name) ??
      new Gauge({ name, help, labelNames: Object.keys(labels), registers: [this.#registry] });
    this.#gauges.set(name, metric);
    metric.set(labels, value);
  }

  /** The text format, version 0.0.4. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }
}

export const CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;
