/** CloudWatch: metrics, alarms and dashboards. */
import type { CloudWatchOperations } from "../../protocol/generated/cloudwatch.ts";
import { defineService, type Service } from "../../protocol/service.ts";
import { cloudwatchAccessRules } from "./access-rules.ts";
import { metricOperations } from "./metrics/metric-operations.ts";
import type { MetricStore } from "./store/metric-store.ts";

export { MetricStore } from "./store/metric-store.ts";

export interface CloudWatchDependencies {
  readonly metrics: MetricStore;
}

export function cloudwatchService({ metrics }: CloudWatchDependencies): Service {
  return defineService<CloudWatchOperations>(
    "cloudwatch",
    { ...metricOperations(metrics) },
    { validationCode: "ValidationError", accesses: cloudwatchAccessRules },
  );
}
