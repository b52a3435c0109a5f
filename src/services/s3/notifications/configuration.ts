/** Notification configurations: how they are set, and whom they tell of an event. */
import { randomUUID } from "node:crypto";
import type {
  NotificationConfiguration,
  NotificationConfigurationFilter,
  TopicConfiguration,
} from "../../../protocol/generated/s3.ts";
import type { Refusal } from "../../../protocol/service.ts";
import { invalidArgument, s3Error } from "../errors.ts";
import type { ObjectEventName } from "../events.ts";

const maxConfigurations = 100;
const maxFilterBytes = 1024;

/** The events that there are. */
const eventNames: readonly ObjectEventName[] = [
  "ObjectCreated:Put",
  "ObjectCreated:Post",
  "ObjectCreated:Copy",
  "ObjectCreated:CompleteMultipartUpload",
  "ObjectRemoved:Delete",
  "ObjectRemoved:DeleteMarkerCreated",
  "ObjectTagging:Put",
  "ObjectTagging:Delete",
  "ObjectAcl:Put",
  "LifecycleExpiration:Delete",
  "LifecycleExpiration:DeleteMarkerCreated",
];
const kinds = ["ObjectCreated", "ObjectRemoved", "ObjectTagging", "LifecycleExpiration"];
const accepted: ReadonlySet<string> = new Set(
  [...eventNames, ...kinds.map((kind) => `${kind}:*`)].map((name) => `s3:${name}`),
);

const topicsAlone = "notifications go to SNS topics";

export const notificationRefusals: readonly Refusal[] = [
  { parameter: "NotificationConfiguration.QueueConfigurations[]", because: topicsAlone },
  { parameter: "NotificationConfiguration.LambdaFunctionConfigurations[]", because: topicsAlone },
  { parameter: "NotificationConfiguration.EventBridgeConfiguration", because: topicsAlone },
  {
    parameter: "NotificationConfiguration.TopicConfigurations[].Events[]",
    values: [
      "s3:ReducedRedundancyLostObject",
      "s3:ObjectRestore:*",
      "s3:ObjectRestore:Post",
      "s3:ObjectRestore:Completed",
      "s3:ObjectRestore:Delete",
      "s3:Replication:*",
      "s3:Replication:OperationFailedReplication",
      "s3:Replication:OperationNotTracked",
      "s3:Replication:OperationMissedThreshold",
      "s3:Replication:OperationReplicatedAfterThreshold",
      "s3:LifecycleTransition",
      "s3:IntelligentTiering",
      "s3:ObjectAnnotation:*",
      "s3:ObjectAnnotation:Put",
      "s3:ObjectAnnotation:Delete",
    ],
    because: "this never happens, for objects are neither archived nor replicated nor annotated",
  },
];

/**
 * A configuration that can be kept; parts without an id get one.
 * @throws AwsError InvalidArgument, MalformedXML
 */
export function checkedNotification({
  TopicConfigurations: topics = [],
}: NotificationConfiguration): NotificationConfiguration {
  if (topics.length > maxConfigurations) throw s3Error("MalformedXML");
  const checked = topics.map((topic): TopicConfiguration => {
    checkEvents(topic.Events);
    checkFilter(topic.Filter);
    return { ...topic, Id: topic.Id || randomUUID() };
  });
  if (new Set(checked.map(({ Id }) => Id)).size < checked.length) {
    throw invalidArgument("Id", "", "Same ID used for multiple configurations");
  }
  checked.forEach((topic, index) => {
    if (checked.slice(0, index).some((other) => overlap(topic, other))) {
      throw invalidArgument(
        "Filter",
        topic.Id,
        "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are overlapping for the same event type.",
      );
    }
  });
  return checked.length === 0 ? {} : { TopicConfigurations: checked };
}

function checkEvents(events: readonly string[]): void {
  if (events.length === 0) throw s3Error("MalformedXML");
  const unknown = events.find((event) => !accepted.has(event));
  if (unknown !== undefined) throw invalidArgument("Event", unknown, "The event is not supported for notifications");
}

function checkFilter(filter: NotificationConfigurationFilter | undefined): void {
  const seen = new Set<string>();
  for (const { Name, Value = "" } of filter?.Key?.FilterRules ?? []) {
    const name = String(Name).toLowerCase();
    if (name !== "prefix" && name !== "suffix") {
      throw invalidArgument("FilterRule.Name", Name, "filter rule name must be either prefix or suffix");
    }
    if (seen.has(name)) {
      throw invalidArgument("FilterRule.Name", Name, `Cannot specify more than one ${name} rule in a filter.`);
    }
    if (Buffer.byteLength(Value) > maxFilterBytes) {
      throw invalidArgument(
        "FilterRule.Value",
        Value,
        `Size of filter rule value cannot exceed ${maxFilterBytes} bytes in UTF-8`,
      );
    }
    seen.add(name);
  }
}

/** Whether some event could be told twice. */
function overlap(a: TopicConfiguration, b: TopicConfiguration): boolean {
  const sharesEvent = eventNames.some((name) => namesEvent(a, name) && namesEvent(b, name));
  const [x, y] = [boundsOf(a), boundsOf(b)];
  return (
    sharesEvent &&
    (x.prefix.startsWith(y.prefix) || y.prefix.startsWith(x.prefix)) &&
    (x.suffix.endsWith(y.suffix) || y.suffix.endsWith(x.suffix))
  );
}

/** The parts of a configuration that are told of an event. */
export function listenersOf(
  configuration: NotificationConfiguration | undefined,
  name: ObjectEventName,
  key: string,
): readonly TopicConfiguration[] {
  return (configuration?.TopicConfigurations ?? []).filter((topic) => {
    if (!namesEvent(topic, name)) return false;
    const { prefix, suffix } = boundsOf(topic);
    return key.startsWith(prefix) && key.endsWith(suffix);
  });
}

function namesEvent({ Events }: TopicConfiguration, name: ObjectEventName): boolean {
  return Events.some(
    (event) => event === `s3:${name}` || (event.endsWith("*") && `s3:${name}`.startsWith(event.slice(0, -1))),
  );
}

function boundsOf({ Filter }: TopicConfiguration): { prefix: string; suffix: string } {
  const rules = Filter?.Key?.FilterRules ?? [];
  const valueOf = (wanted: string) => rules.find(({ Name }) => String(Name).toLowerCase() === wanted)?.Value ?? "";
  return { prefix: valueOf("prefix"), suffix: valueOf("suffix") };
}
