/** The operations that make, change and remove alarms. */
import type { CloudWatchOperations } from "../../../protocol/generated/cloudwatch.ts";
import { AwsError } from "../../../protocol/aws-error.ts";
import type { OperationTable, RequestContext } from "../../../protocol/service.ts";
import { RecordMissing, RevisionConflict, type Actor } from "../../../storage/record-store.ts";
import { validationError } from "../errors.ts";
import { checkTags } from "../tags.ts";
import { checkAlarmName, compositeAlarm, metricAlarm } from "./alarm-input.ts";
import type { AlarmRecord } from "./alarm-record.ts";
import { alarmsOf, parseAlarmRule } from "./alarm-rule.ts";
import type { AlarmStore } from "./alarm-store.ts";

type Operations = Pick<
  CloudWatchOperations,
  | "PutMetricAlarm"
  | "PutCompositeAlarm"
  | "SetAlarmState"
  | "DeleteAlarms"
  | "EnableAlarmActions"
  | "DisableAlarmActions"
>;

export interface AlarmOperationDependencies {
  readonly alarms: AlarmStore;
  /** Told when an alarm was set to a state by hand. */
  readonly stateWasSet: () => void;
}

const noBands = "there are no anomaly detectors";
const maxConflicts = 20;

export function alarmOperations({ alarms, stateWasSet }: AlarmOperationDependencies): OperationTable<Operations> {
  const switchActions =
    (actionsEnabled: boolean) => async (input: { AlarmNames: string[] }, context: RequestContext) => {
      await decided(async () => {
        // Names of no alarm are passed over, as CloudWatch does.
        const found = await findAll(alarms, context, input.AlarmNames);
        const records = found.flatMap((record) => record ?? []);
        const change = (configuration: AlarmRecord["body"]["configuration"]) => ({ ...configuration, actionsEnabled });
        if (records.length > 0) await alarms.reconfigure(records, change, actorOf(context), context.clock.now());
      });
    };

  return {
    PutMetricAlarm: {
      refuses: [
        { parameter: "ThresholdMetricId", because: noBands },
        {
          parameter: "ComparisonOperator",
          values: ["LessThanLowerOrGreaterThanUpperThreshold", "LessThanLowerThreshold", "GreaterThanUpperThreshold"],
          because: noBands,
        },
        { parameter: "EvaluationCriteria", because: "alarms are not evaluated with PromQL" },
        { parameter: "EvaluationWindow", because: "periods always end at the last whole minute" },
        { parameter: "EvaluationInterval", because: "the period says how often an alarm is evaluated" },
        { parameter: "Metrics[].AccountId", because: "accounts are not linked for monitoring" },
      ],
      caveat: "actions publish to SNS topics; all other actions are refused",
      async handle(input, context) {
        const name = checkAlarmName(input.AlarmName);
        const configuration = metricAlarm(context, input);
        await alarms.put(context, name, configuration, checkTags(input.Tags), actorOf(context), context.clock.now());
      },
    },
    PutCompositeAlarm: {
      refuses: [
        { parameter: "ActionsSuppressor", because: "actions are suppressed only by DisableAlarmActions" },
        { parameter: "ActionsSuppressorWaitPeriod", because: "actions are suppressed only by DisableAlarmActions" },
        {
          parameter: "ActionsSuppressorExtensionPeriod",
          because: "actions are suppressed only by DisableAlarmActions",
        },
      ],
      async handle(input, context) {
        const name = checkAlarmName(input.AlarmName);
        const configuration = compositeAlarm(context, input);
        const children = alarmsOf(parseAlarmRule(configuration.rule));
        const found = await findAll(alarms, context, children);
        const unknown = children.filter((_, index) => found[index] === undefined);
        if (unknown.length > 0) {
          throw validationError(`AlarmRule must refer to alarms that exist; there is no alarm ${unknown.join(", ")}`);
        }
        await alarms.put(context, name, configuration, checkTags(input.Tags), actorOf(context), context.clock.now());
        stateWasSet();
      },
    },
    SetAlarmState: {
      async handle(input, context) {
        const { AlarmName, StateValue, StateReason, StateReasonData } = input;
        if (StateReasonData !== undefined && !isJson(StateReasonData)) {
          throw new AwsError("InvalidFormatFault", "StateReasonData is not valid JSON");
        }
        for (let conflicts = 0; ; conflicts += 1) {
          const record = await alarms.find(context, AlarmName);
          if (record === undefined) throw noSuchAlarms([AlarmName]);
          const at = context.clock.now();
          if (await alarms.enter(record, StateValue, StateReason, StateReasonData, actorOf(context), at)) break;
          if (conflicts >= maxConflicts)
            throw new AwsError("ConcurrentModificationException", "The alarm is being changed");
        }
        stateWasSet();
      },
    },
    DeleteAlarms: {
      async handle(input, context) {
        const names = [...new Set(input.AlarmNames)];
        await decided(async () => {
          const found = await findAll(alarms, context, names);
          const missing = names.filter((_, index) => found[index] === undefined);
          if (missing.length > 0) throw noSuchAlarms(missing);
          await alarms.delete(found as AlarmRecord[], actorOf(context), context.clock.now());
        });
        stateWasSet();
      },
    },
    EnableAlarmActions: { handle: switchActions(true) },
    DisableAlarmActions: { handle: switchActions(false) },
  };
}

/** Reads, decides and writes again while others write in between. */
async function decided(work: () => Promise<void>): Promise<void> {
  for (let conflicts = 0; ; conflicts += 1) {
    try {
      await work();
      return;
    } catch (error) {
      const conflict = error instanceof RevisionConflict || error instanceof RecordMissing;
      if (!conflict || conflicts >= maxConflicts) throw error;
    }
  }
}

function findAll(
  alarms: AlarmStore,
  context: RequestContext,
  names: readonly string[],
): Promise<(AlarmRecord | undefined)[]> {
  return Promise.all(names.map((name) => alarms.find(context, name)));
}

export function actorOf(context: RequestContext): Actor {
  return { by: context.principal.arn, call: `cloudwatch:${context.operation}`, requestId: context.requestId };
}

function noSuchAlarms(names: readonly string[]): AwsError {
  return new AwsError("ResourceNotFound", `There is no alarm ${names.join(", ")}`, { status: 404 });
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false; // what is wrong with it is the caller's to find
  }
}
