/** What CloudWatch Logs needs of its neighbours. */
export type { MetricDatum, MetricSink } from "../../jobs/ports.ts";
