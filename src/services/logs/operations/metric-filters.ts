/** Metric filters: tried on messages, kept for a group, listed, deleted. */
import { AwsError } from "../../../protocol/aws-error.ts";
import type { CloudWatchLogsOperations, MetricFilter, MetricTransformation } from "../../../protocol/generated/logs.ts";
import type { OperationTable } from "../../../protocol/service.ts";
import type { RecordKey, RecordStore, StoredRecord } from "../../../storage/record-store.ts";
import { invalid, limitExceeded } from "../errors.ts";
import type { LogStore } from "../log-store.ts";
import { isReference, type MetricFilterBody, type MetricTransformationBody } from "../metrics/metric-filter.ts";
import { mostFilters } from "../metrics/metric-publisher.ts";
import { compileFilterPattern, type FilterPattern, FilterPatternError } from "../patterns/filter-pattern.ts";
import { numberOf } from "../patterns/pattern-values.ts";
import { families, type LogSpace } from "../records.ts";
import { actorOf, decodeToken, encodeToken, requireGroup } from "./lookups.ts";

const mostDimensions = 3;

export function testMetricFilterOperation() {
  return {
    TestMetricFilter: {
      handle({ filterPattern, logEventMessages }) {
        const pattern = patternOf(filterPattern);
        const matches = logEventMessages.flatMap((eventMessage, at) =>
          pattern.matches(eventMessage)
            ? [{ eventNumber: at + 1, eventMessage, extractedValues: pattern.extract(eventMessage) }]
            : [],
        );
        return { matches };
      },
    },
  } satisfies OperationTable<CloudWatchLogsOperations>;
}

/** @param changed called when filters of a group were changed */
export function metricFilterOperations(options: {
  records: RecordStore;
  logs: LogStore;
  changed: (space: LogSpace, group: string) => void;
}) {
  const { records, logs, changed } = options;
  return {
    PutMetricFilter: {
      refuses: [
        { parameter: "applyOnTransformedLogs", values: [true], because: "log events are not transformed" },
        { parameter: "fieldSelectionCriteria", because: "logs have no system fields to select by" },
        { parameter: "emitSystemFieldDimensions", because: "logs have no system fields" },
      ],
      async handle(input, context) {
        const { logGroupName, filterName, filterPattern } = input;
        await requireGroup(logs, context, logGroupName);
        patternOf(filterPattern);
        const transformation = transformationOf(input.metricTransformations[0]);
        const key = keyOf(context, logGroupName, filterName);
        if ((await records.get(key)) === undefined && (await filtersOf(context, logGroupName)).length >= mostFilters) {
          throw limitExceeded(`The log group ${logGroupName} has ${mostFilters} metric filters already.`);
        }
        const body: MetricFilterBody = { filterName, logGroupName, filterPattern, transformation };
        await records.write([{ op: "put", key, body }], { actor: actorOf(context), at: context.clock.now() });
        changed(context, logGroupName);
      },
    },

    DescribeMetricFilters: {
      async handle(input, context) {
        const { logGroupName, metricName, metricNamespace, limit = 50 } = input;
        if ((metricName === undefined) !== (metricNamespace === undefined)) {
          throw invalid("metricName and metricNamespace must be specified together.");
        }
        if (logGroupName !== undefined) await requireGroup(logs, context, logGroupName);
        const isWanted = ({ filterName, transformation }: MetricFilterBody) =>
          filterName.startsWith(input.filterNamePrefix ?? "") &&
          (metricName === undefined ||
            (transformation.metricName === metricName && transformation.metricNamespace === metricNamespace));
        const metricFilters: MetricFilter[] = [];
        let nameAfter =
          input.nextToken === undefined ? undefined : decodeToken(input.nextToken, { name: "string" }).name;
        let lastName = "";
        for (;;) {
          const page = await pageOf(context, logGroupName === undefined ? "" : `${logGroupName}:`, nameAfter);
          for (const record of page.records) {
            if (!isWanted(record.body)) continue;
            if (metricFilters.length === limit) return { metricFilters, nextToken: encodeToken({ name: lastName }) };
            metricFilters.push(describe(record));
            lastName = record.name;
          }
          if (page.next === undefined) return { metricFilters };
          nameAfter = page.records.at(-1)!.name;
        }
      },
    },

    DeleteMetricFilter: {
      async handle({ logGroupName, filterName }, context) {
        await requireGroup(logs, context, logGroupName);
        const key = keyOf(context, logGroupName, filterName);
        if ((await records.get(key)) === undefined) {
          throw new AwsError("ResourceNotFoundException", "The specified metric filter does not exist.");
        }
        await records.write([{ op: "delete", key, ifExists: true }], {
          actor: actorOf(context),
          at: context.clock.now(),
        });
        changed(context, logGroupName);
      },
    },
  } satisfies OperationTable<CloudWatchLogsOperations>;

  function pageOf({ accountId, region }: LogSpace, namePrefix: string, nameAfter: string | undefined) {
    return records.list<MetricFilterBody>({
      accountId,
      region,
      family: families.metricFilter,
      orderBy: "name",
      limit: 1000,
      ...(namePrefix === "" ? {} : { namePrefix }),
      ...(nameAfter === undefined ? {} : { nameAfter }),
    });
  }

  async function filtersOf(space: LogSpace, group: string): Promise<readonly StoredRecord<MetricFilterBody>[]> {
    return (await pageOf(space, `${group}:`, undefined)).records;
  }
}

function keyOf({ accountId, region }: LogSpace, group: string, filter: string): RecordKey {
  return { accountId, region, family: families.metricFilter, name: `${group}:${filter}` };
}

function patternOf(filterPattern: string): FilterPattern {
  try {
    return compileFilterPattern(filterPattern);
  } catch (error) {
    if (error instanceof FilterPatternError) throw invalid(error.message, error);
    throw error;
  }
}

function transformationOf(input: MetricTransformation): MetricTransformationBody {
  const { metricName, metricNamespace, metricValue, defaultValue, dimensions = {}, unit } = input;
  if (numberOf(metricValue) === undefined && !isReference(metricValue)) {
    throw invalid(
      `Invalid metric transformation: the metric value ${metricValue} is neither a number nor a field such as $.latency.`,
    );
  }
  const names = Object.keys(dimensions);
  if (names.length > mostDimensions) {
    throw invalid(
      `Invalid metric transformation: at most ${mostDimensions} dimensions are allowed, got ${names.length}.`,
    );
  }
  const wrong = names.find((name) => !isReference(dimensions[name]));
  if (wrong !== undefined) {
    throw invalid(
      `Invalid metric transformation: the dimension ${wrong} must be a field such as $.user, got ${dimensions[wrong]}.`,
    );
  }
  if (names.length > 0 && defaultValue !== undefined) {
    throw invalid("Invalid metric transformation: dimensions and default value are mutually exclusive properties.");
  }
  return {
    metricName,
    metricNamespace,
    metricValue,
    ...(defaultValue === undefined ? {} : { defaultValue }),
    ...(names.length === 0 ? {} : { dimensions }),
    ...(unit === undefined ? {} : { unit }),
  };
}

function describe({ body, createdAt }: StoredRecord<MetricFilterBody>): MetricFilter {
  const { dimensions, ...transformation } = body.transformation;
  return {
    filterName: body.filterName,
    filterPattern: body.filterPattern,
    logGroupName: body.logGroupName,
    creationTime: createdAt,
    metricTransformations: [
      {
        ...transformation,
        ...(dimensions === undefined ? {} : { dimensions: { ...dimensions } }),
      } as MetricTransformation,
    ],
  };
}
