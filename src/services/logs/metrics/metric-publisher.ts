/** Sends what metric filters find in events, as they are kept, to CloudWatch. */
import type { RecordStore } from "../../../storage/record-store.ts";
import type { Clock } from "../../../util/clock.ts";
import { RecentlyUsed } from "../../../util/recently-used.ts";
import type { KeptEvents, LogStore } from "../log-store.ts";
import type { MetricSink } from "../ports.ts";
import { families, logGroupArn, type LogSpace } from "../records.ts";
import {
  type CompiledMetricFilter,
  compileMetricFilter,
  datumOf,
  type MetricFilterBody,
  minuteMs,
} from "./metric-filter.ts";

/** Groups whose filters are at hand. */
const mostGroups = 1000;
/** In one group. Source: CloudWatch Logs quotas. */
export const mostFilters = 100;

export class MetricPublisher {
  readonly #records: RecordStore;
  readonly #logs: LogStore;
  readonly #metrics: MetricSink;
  readonly #clock: Clock;
  readonly #filters = new RecentlyUsed<string, Promise<readonly CompiledMetricFilter[]>>(mostGroups);
  /** Filters whose groups had events in this minute, and whether one matched. */
  readonly #minutes = new Map<string, { matched: boolean }>();
  readonly #cancels = new Set<() => void>();
  readonly #stopListening: () => void;

  constructor(options: { records: RecordStore; logs: LogStore; metrics: MetricSink; clock: Clock }) {
    this.#records = options.records;
    this.#logs = options.logs;
    this.#metrics = options.metrics;
    this.#clock = options.clock;
    this.#stopListening = options.logs.listen((kept) => {
      this.#publish(kept).catch((error: unknown) =>
        this.#logs.report(`metric filters of the log group ${kept.key.group} could not be applied`, error),
      );
    });
  }

  /** To be called when filters of a group were changed. */
  forget(space: LogSpace, group: string): void {
    this.#filters.delete(logGroupArn(space, group));
  }

  close(): void {
    this.#stopListening();
    for (const cancel of this.#cancels) cancel();
  }

  async #publish({ key, events }: KeptEvents): Promise<void> {
    const filters = await this.#filtersOf(key, key.group);
    for (const filter of filters) {
      const data = filter.measure(events);
      if (data.length > 0) this.#metrics.put(key, data);
      if (filter.transformation.defaultValue !== undefined) this.#note(key, key.group, filter, data.length > 0);
    }
  }

  /** A minute with events of which none matches has the default value. */
  #note(space: LogSpace, group: string, filter: CompiledMetricFilter, matched: boolean): void {
    const id = `${logGroupArn(space, group)}:${filter.id}`;
    const known = this.#minutes.get(id);
    if (known !== undefined) {
      known.matched ||= matched;
      return;
    }
    const minute = { matched };
    this.#minutes.set(id, minute);
    const start = Math.floor(this.#clock.now() / minuteMs) * minuteMs;
    const cancel = this.#clock.schedule(start + minuteMs - this.#clock.now(), () => {
      this.#cancels.delete(cancel);
      this.#minutes.delete(id);
      const { defaultValue } = filter.transformation;
      if (!minute.matched) this.#metrics.put(space, [datumOf(filter.transformation, start, defaultValue!)]);
    });
    this.#cancels.add(cancel);
  }

  #filtersOf(space: LogSpace, group: string): Promise<readonly CompiledMetricFilter[]> {
    const id = logGroupArn(space, group);
    const known = this.#filters.get(id);
    if (known !== undefined) return known;
    const filters = this.#load(space, group);
    this.#filters.set(id, filters);
    filters.catch(() => this.#filters.delete(id));
    return filters;
  }

  async #load({ accountId, region }: LogSpace, group: string): Promise<readonly CompiledMetricFilter[]> {
    const { records } = await this.#records.list<MetricFilterBody>({
      accountId,
      region,
      family: families.metricFilter,
      namePrefix: `${group}:`,
      limit: mostFilters,
    });
    return records.map(({ body }) => compileMetricFilter(body));
  }
}
