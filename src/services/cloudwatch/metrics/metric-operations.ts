/** The operations on metrics. */
import type { CloudWatchOperations } from "../../../protocol/generated/cloudwatch.ts";
import type { OperationTable } from "../../../protocol/service.ts";
import type { MetricStore } from "../store/metric-store.ts";
import { getMetricData } from "./get-metric-data.ts";
import { getMetricStatistics } from "./get-metric-statistics.ts";
import { listMetrics } from "./list-metrics.ts";
import { pointsOf } from "./put-metric-data.ts";

type Operations = Pick<CloudWatchOperations, "PutMetricData" | "GetMetricData" | "GetMetricStatistics" | "ListMetrics">;

export function metricOperations(metrics: MetricStore): OperationTable<Operations> {
  return {
    PutMetricData: {
      checksInput: true,
      refuses: [{ parameter: "EntityMetricData", because: "metrics are not related to entities" }],
      async handle(input, context) {
        await metrics.write(context, pointsOf(input, context.clock.now()));
      },
    },
    GetMetricData: {
      refuses: [
        { parameter: "LabelOptions.Timezone", because: "times in labels are in UTC" },
        { parameter: "MetricDataQueries[].AccountId", because: "accounts are not linked for monitoring" },
      ],
      caveat:
        "percentiles are exact up to 200 different values in a period and within 1 % beyond; ANOMALY_DETECTION_BAND, SERVICE_QUOTA, INSIGHT_RULE_METRIC and SELECT are refused in expressions",
      handle: (input, context) => getMetricData(metrics, context, input, context.clock.now()),
    },
    GetMetricStatistics: {
      checksInput: true,
      handle: (input, context) => getMetricStatistics(metrics, context, input, context.clock.now()),
    },
    ListMetrics: {
      checksInput: true,
      refuses: [
        { parameter: "IncludeLinkedAccounts", values: [true], because: "accounts are not linked for monitoring" },
        { parameter: "OwningAccount", because: "accounts are not linked for monitoring" },
      ],
      handle: (input, context) => listMetrics(metrics, context, input, context.clock.now()),
    },
  };
}
