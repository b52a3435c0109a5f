/** ARNs of what CloudWatch keeps. */
import { formatArn, partitionOf } from "../../resources/arn.ts";
import type { MetricSpace } from "./store/metric-index.ts";

export function alarmArn({ accountId, region }: MetricSpace, name: string): string {
  return formatArn({ service: "cloudwatch", region, accountId, resource: `alarm:${name}` });
}

/** Dashboards belong to the account, not to a region. */
export function dashboardArn({ accountId, region }: MetricSpace, name: string): string {
  return formatArn({
    partition: partitionOf(region),
    service: "cloudwatch",
    region: "",
    accountId,
    resource: `dashboard/${name}`,
  });
}
