/** Publish and PublishBatch. */
import { AwsError } from "../../protocol/aws-error.ts";
import type { BatchResultErrorEntry, PublishBatchRequestEntry, SNSOperations } from "../../protocol/generated/sns.ts";
import type { OperationTable, Refusal } from "../../protocol/service.ts";
import { invalidParameter, noFifo } from "./errors.ts";
import { maxMessageBytes, messageContent, type MessageContent } from "./message.ts";
import type { Publisher } from "./publisher.ts";
import { requestedTopic, writeOptions } from "./requests.ts";

const maxBatch = 10;

const fifoMembers = (prefix: string): Refusal[] => [
  { parameter: `${prefix}MessageDeduplicationId`, because: noFifo },
  { parameter: `${prefix}MessageGroupId`, because: noFifo },
];

export function publishOperations({ publisher }: { publisher: Publisher }) {
  return {
    Publish: {
      refuses: [...fifoMembers(""), { parameter: "PhoneNumber", because: "it sends no text messages" }],
      async handle(input, context) {
        const { TopicArn, TargetArn } = input;
        if (TopicArn !== undefined && TargetArn !== undefined) {
          throw invalidParameter("TopicArn or TargetArn Reason: only one of them may be given");
        }
        const arn = TopicArn ?? TargetArn;
        if (arn === undefined) throw invalidParameter("TopicArn or TargetArn Reason: no value for required parameter");
        const topic = requestedTopic(arn, context, TopicArn === undefined ? "TargetArn" : "TopicArn");
        const [MessageId] = await publisher.publish(topic, [messageContent(input)], writeOptions(context));
        return { MessageId };
      },
    },

    PublishBatch: {
      refuses: fifoMembers("PublishBatchRequestEntries[]."),
      async handle({ TopicArn, PublishBatchRequestEntries: entries }, context) {
        const topic = requestedTopic(TopicArn, context);
        checkBatch(entries);
        const good: { entry: PublishBatchRequestEntry; content: MessageContent }[] = [];
        const Failed: BatchResultErrorEntry[] = [];
        for (const entry of entries) {
          try {
            good.push({ entry, content: messageContent(entry) });
          } catch (error) {
            if (!(error instanceof AwsError)) throw error;
            // On the wire the codes are without the suffix of their shapes.
            const Code = error.code === "InvalidParameterException" ? "InvalidParameter" : "ParameterValueInvalid";
            Failed.push({ Id: entry.Id, Code, Message: error.message, SenderFault: true });
          }
        }
        const size = good.reduce((sum, { content }) => sum + content.size, 0);
        if (size > maxMessageBytes) {
          throw new AwsError(
            "BatchRequestTooLongException",
            "The length of all the messages put together is more than the limit.",
          );
        }
        const contents = good.map(({ content }) => content);
        const ids = await publisher.publish(topic, contents, writeOptions(context));
        return { Successful: good.map(({ entry }, at) => ({ Id: entry.Id, MessageId: ids[at] })), Failed };
      },
    },
  } satisfies OperationTable<SNSOperations>;
}

function checkBatch(entries: readonly PublishBatchRequestEntry[]): void {
  if (entries.length === 0) {
    throw new AwsError("EmptyBatchRequestException", "The batch request doesn't contain any entries.");
  }
  if (entries.length > maxBatch) {
    throw new AwsError(
      "TooManyEntriesInBatchRequestException",
      "The batch request contains more entries than permissible.",
    );
  }
  if (!entries.every(({ Id }) => /^[\w-]{1,80}$/.test(Id))) {
    throw new AwsError(
      "InvalidBatchEntryIdException",
      "The Id of a batch entry in a batch request doesn't abide by the specification.",
    );
  }
  if (new Set(entries.map(({ Id }) => Id)).size !== entries.length) {
    throw new AwsError(
      "BatchEntryIdsNotDistinctException",
      "Two or more batch entries in the request have the same Id.",
    );
  }
}
