/** The operations that show alarms and what happened to them. */
import type {
  CloudWatchOperations,
  DescribeAlarmsForMetricInput,
  DescribeAlarmsInput,
  DescribeAlarmsOutput,
} from "../../../protocol/generated/cloudwatch.ts";
import { AwsError } from "../../../protocol/aws-error.ts";
import type { OperationTable } from "../../../protocol/service.ts";
import { decodePaginationToken, encodePaginationToken } from "../../../resources/pagination-token.ts";
import type { ListCursor } from "../../../storage/record-store.ts";
import { invalidNextToken, validationError } from "../errors.ts";
import type { MetricSpace } from "../store/metric-index.ts";
import {
  isCompositeAlarm,
  isMetricAlarm,
  type AlarmRecord,
  type CompositeAlarmRecord,
  type MetricAlarmConfiguration,
  type WatchedMetric,
} from "./alarm-record.ts";
import { alarmsOf, parseAlarmRule } from "./alarm-rule.ts";
import { compositeAlarmShape, metricAlarmShape } from "./alarm-shapes.ts";
import type { AlarmStore } from "./alarm-store.ts";
import { alarmTypeOf, historyShape, type HistoryRecord } from "./history.ts";

type Operations = Pick<CloudWatchOperations, "DescribeAlarms" | "DescribeAlarmsForMetric" | "DescribeAlarmHistory">;

const defaultAlarms = 50;
const defaultHistory = 100;

export function describeAlarmOperations({ alarms }: { readonly alarms: AlarmStore }): OperationTable<Operations> {
  return {
    DescribeAlarms: { handle: (input, context) => describeAlarms(alarms, context, input) },
    DescribeAlarmsForMetric: {
      async handle(input, context) {
        const MetricAlarms = [];
        for await (const record of alarms.list(context)) {
          if (isMetricAlarm(record) && watches(record.body.configuration, input))
            MetricAlarms.push(metricAlarmShape(record));
        }
        return { MetricAlarms };
      },
    },
    DescribeAlarmHistory: {
      refuses: [{ parameter: "AlarmContributorId", because: "alarms have no contributors" }],
      async handle(input, context) {
        const {
          AlarmName,
          AlarmTypes = ["MetricAlarm"],
          HistoryItemType,
          StartDate,
          EndDate,
          ScanBy,
          NextToken,
        } = input;
        const limit = input.MaxRecords ?? defaultHistory;
        const descending = ScanBy !== "TimestampAscending";
        const query = [AlarmName, AlarmTypes, HistoryItemType, StartDate?.getTime(), EndDate?.getTime(), descending];
        const shown = ({ body }: HistoryRecord) =>
          // Who asks for one alarm wants it, whatever kind it is.
          (AlarmName !== undefined || AlarmTypes.includes(body.alarmType)) &&
          (HistoryItemType === undefined || body.type === HistoryItemType);
        const found: HistoryRecord[] = [];
        let after: ListCursor | undefined = NextToken === undefined ? undefined : cursorOf(NextToken, query);
        for (;;) {
          const page = await alarms.history(context, {
            ...(AlarmName === undefined ? {} : { alarmName: AlarmName }),
            ...(StartDate === undefined ? {} : { from: StartDate.getTime() }),
            ...(EndDate === undefined ? {} : { to: EndDate.getTime() }),
            descending,
            limit,
            ...(after === undefined ? {} : { after }),
          });
          for (const record of page.records) {
            if (!shown(record)) continue;
            if (found.length === limit) {
              const last = found.at(-1)!;
              const token = encodePaginationToken(query, [last.createdAt, last.name]);
              return { AlarmHistoryItems: found.map(historyShape), NextToken: token };
            }
            found.push(record);
          }
          if (page.next === undefined) return { AlarmHistoryItems: found.map(historyShape) };
          after = page.next;
        }
      },
    },
  };
}

function cursorOf(token: string, query: unknown): ListCursor {
  const [value, name] = positionOf(token, query, ["number", "string"]);
  return { value, name: name as string };
}

function positionOf(token: string, query: unknown, shape: readonly ("string" | "number")[]): (string | number)[] {
  try {
    return decodePaginationToken(token, query, shape);
  } catch (error) {
    throw error instanceof AwsError ? invalidNextToken() : error;
  }
}

async function describeAlarms(
  alarms: AlarmStore,
  space: MetricSpace,
  input: DescribeAlarmsInput,
): Promise<DescribeAlarmsOutput> {
  const { AlarmNames, AlarmNamePrefix, AlarmTypes = ["MetricAlarm"], StateValue, ActionPrefix, NextToken } = input;
  const { ChildrenOfAlarmName, ParentsOfAlarmName, MaxRecords = defaultAlarms } = input;
  if (AlarmNames !== undefined && AlarmNamePrefix !== undefined) {
    throw validationError("The parameters AlarmNames and AlarmNamePrefix are mutually exclusive.");
  }
  const { NextToken: _position, MaxRecords: _length, ...query } = input;
  const after = NextToken === undefined ? undefined : (positionOf(NextToken, query, ["string"])[0] as string);
  const related = await relatives(alarms, space, ChildrenOfAlarmName, ParentsOfAlarmName);
  const names = AlarmNames === undefined ? undefined : new Set(AlarmNames);
  const everyType = related !== undefined && input.AlarmTypes === undefined;
  const shown = (record: AlarmRecord) =>
    (everyType || AlarmTypes.includes(alarmTypeOf(record.body.configuration))) &&
    (names === undefined || names.has(record.name)) &&
    (related === undefined || related.has(record.name)) &&
    (ActionPrefix === undefined || allActions(record).some((action) => action.startsWith(ActionPrefix)));

  const output = { MetricAlarms: [], CompositeAlarms: [] } as Required<
    Pick<DescribeAlarmsOutput, "MetricAlarms" | "CompositeAlarms">
  >;
  let count = 0;
  let last: string | undefined;
  const filter = { prefix: AlarmNamePrefix, state: StateValue, after };
  for await (const record of alarms.list(space, filter)) {
    if (!shown(record)) continue;
    if (count === MaxRecords) return { ...output, NextToken: encodePaginationToken(query, [last!]) };
    if (isMetricAlarm(record)) output.MetricAlarms.push(metricAlarmShape(record));
    else if (isCompositeAlarm(record)) output.CompositeAlarms.push(compositeAlarmShape(record));
    last = record.name;
    count += 1;
  }
  return output;
}

/** Names of the alarms that a composite alarm looks at, or of the composite alarms that look at an alarm. */
async function relatives(
  alarms: AlarmStore,
  space: MetricSpace,
  childrenOf: string | undefined,
  parentsOf: string | undefined,
): Promise<ReadonlySet<string> | undefined> {
  if (childrenOf !== undefined && parentsOf !== undefined) {
    throw validationError("The parameters ChildrenOfAlarmName and ParentsOfAlarmName are mutually exclusive.");
  }
  if (childrenOf !== undefined) {
    const record = await alarms.find(space, childrenOf);
    return new Set(record !== undefined && isCompositeAlarm(record) ? childrenNames(record) : []);
  }
  if (parentsOf === undefined) return undefined;
  const parents = new Set<string>();
  for await (const record of alarms.list(space)) {
    if (isCompositeAlarm(record) && childrenNames(record).includes(parentsOf)) parents.add(record.name);
  }
  return parents;
}

function childrenNames({ body }: CompositeAlarmRecord): string[] {
  return alarmsOf(parseAlarmRule(body.configuration.rule));
}

function allActions({ body }: AlarmRecord): string[] {
  return Object.values(body.configuration.actions).flat();
}

/** Whether an alarm watches a metric, as one of several too. */
function watches({ watched, period }: MetricAlarmConfiguration, input: DescribeAlarmsForMetricInput): boolean {
  const { Period, Statistic, ExtendedStatistic, Unit, Dimensions = [] } = input;
  const same = ({ namespace, name, dimensions }: Pick<WatchedMetric, "namespace" | "name" | "dimensions">) =>
    namespace === input.Namespace &&
    name === input.MetricName &&
    dimensions.length === Dimensions.length &&
    Dimensions.every(({ Name, Value }) => dimensions.some((each) => each.Name === Name && each.Value === Value));
  if ("metric" in watched) {
    const { metric } = watched;
    return (
      same(metric) &&
      (Period === undefined || period === Period) &&
      (Statistic === undefined || metric.statistic === Statistic) &&
      (ExtendedStatistic === undefined || metric.extendedStatistic === ExtendedStatistic) &&
      (Unit === undefined || metric.unit === Unit)
    );
  }
  return watched.queries.some(({ MetricStat }) => {
    if (MetricStat === undefined) return false;
    const { Namespace = "", MetricName = "", Dimensions: dimensions = [] } = MetricStat.Metric;
    const stat = Statistic ?? ExtendedStatistic;
    return (
      same({ namespace: Namespace, name: MetricName, dimensions }) &&
      (Period === undefined || MetricStat.Period === Period) &&
      (stat === undefined || MetricStat.Stat === stat) &&
      (Unit === undefined || MetricStat.Unit === Unit)
    );
  });
}
