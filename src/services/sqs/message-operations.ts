/** Messages: sent, received, hidden, deleted. */
import type {
  Message,
  MessageAttributeValue,
  MessageSystemAttributeName,
  ReceiveMessageRequest,
  SendMessageRequest,
  SendMessageResult,
  SQSOperations,
} from "../../protocol/generated/sqs.ts";
import type { OperationTable, Refusal, RequestContext } from "../../protocol/service.ts";
import { invalidParameter, noFifo, sqsError } from "./errors.ts";
import { md5OfAttributes, md5OfBody, messageContent, shownAttribute, sizeOf } from "./message.ts";
import type { MessageQueue, Received } from "./message-queue.ts";
import { parseQueueUrl } from "./names.ts";
import { checkAttributeNames, maxMessageBytes, secondsOf } from "./queue-attributes.ts";
import type { QueueRecord, QueueStore } from "./queue-store.ts";
import { parseReceiptHandle } from "./receipt.ts";
import type { MessageContent } from "./records.ts";
import { eachOf, inRange, writeOptions } from "./requests.ts";

const fifoMembers = (prefix: string): Refusal[] => [
  { parameter: `${prefix}MessageDeduplicationId`, because: noFifo },
  { parameter: `${prefix}MessageGroupId`, because: noFifo },
];

const systemAttributes: readonly MessageSystemAttributeName[] = [
  "SenderId",
  "SentTimestamp",
  "ApproximateReceiveCount",
  "ApproximateFirstReceiveTimestamp",
  "SequenceNumber",
  "MessageDeduplicationId",
  "MessageGroupId",
  "AWSTraceHeader",
  "DeadLetterQueueSourceArn",
];

export function messageOperations({ store, messages }: { store: QueueStore; messages: MessageQueue }) {
  return {
    SendMessage: {
      checksInput: true,
      refuses: fifoMembers(""),
      async handle(input, context) {
        const queue = await queueOf(input, context);
        const message = sendable(queue, input, context);
        const [id] = await messages.send(queue, [message]);
        return sent(id, message.content);
      },
    },

    SendMessageBatch: {
      refuses: fifoMembers("Entries[]."),
      async handle(input, context) {
        const queue = await queueOf(input, context);
        const { done, Failed } = await eachOf(input.Entries, (entry) => sendable(queue, entry, context));
        const bytes = done.reduce((sum, { result }) => sum + sizeOf(result.content), 0);
        if (bytes > maxMessageBytes) {
          throw sqsError(
            "BatchRequestTooLong",
            `Batch requests cannot be longer than ${maxMessageBytes} bytes. You have sent ${bytes} bytes.`,
          );
        }
        const all = done.map(({ result }) => result);
        const ids = all.length === 0 ? [] : await messages.send(queue, all);
        const Successful = done.map(({ entry, result }, at) => ({ Id: entry.Id, ...sent(ids[at], result.content) }));
        return { Successful, Failed };
      },
    },

    ReceiveMessage: {
      // Older clients ask for the attributes of messages by the member for those of queues.
      checksInput: true,
      refuses: [{ parameter: "ReceiveRequestAttemptId", because: noFifo }],
      async handle(input, context) {
        const { AttributeNames = [], MessageSystemAttributeNames = [] } = input;
        checkAttributeNames([...AttributeNames, ...MessageSystemAttributeNames], systemAttributes);
        const received = await messages.receive(parseQueueUrl(input.QueueUrl, context.region), {
          max: inRange("MaxNumberOfMessages", input.MaxNumberOfMessages, 1, 10) ?? 1,
          visibilityTimeout: inRange("VisibilityTimeout", input.VisibilityTimeout, 0, 43_200),
          waitTime: inRange("WaitTimeSeconds", input.WaitTimeSeconds, 0, 20),
          signal: context.signal,
        });
        return received.length === 0 ? {} : { Messages: received.map((message) => shown(message, input)) };
      },
    },

    DeleteMessage: {
      async handle(input, context) {
        const queue = await queueOf(input, context);
        await messages.delete(queue, [parseReceiptHandle(input.ReceiptHandle)]);
      },
    },

    DeleteMessageBatch: {
      async handle(input, context) {
        const queue = await queueOf(input, context);
        const { done, Failed } = await eachOf(input.Entries, (entry) => parseReceiptHandle(entry.ReceiptHandle));
        await messages.delete(
          queue,
          done.map(({ result }) => result),
        );
        return { Successful: done.map(({ entry: { Id } }) => ({ Id })), Failed };
      },
    },

    ChangeMessageVisibility: {
      async handle(input, context) {
        await changeVisibility(await queueOf(input, context), input);
      },
    },

    ChangeMessageVisibilityBatch: {
      async handle(input, context) {
        const queue = await queueOf(input, context);
        const { done, Failed } = await eachOf(input.Entries, (entry) => changeVisibility(queue, entry));
        return { Successful: done.map(({ entry: { Id } }) => ({ Id })), Failed };
      },
    },

    PurgeQueue: {
      async handle(input, context) {
        await store.purge(parseQueueUrl(input.QueueUrl, context.region), writeOptions(context));
      },
    },
  } satisfies OperationTable<SQSOperations>;

  function queueOf({ QueueUrl }: { readonly QueueUrl?: string }, { region }: RequestContext): Promise<QueueRecord> {
    return store.require(parseQueueUrl(QueueUrl, region));
  }

  async function changeVisibility(
    queue: QueueRecord,
    { ReceiptHandle, VisibilityTimeout }: { readonly ReceiptHandle: string; readonly VisibilityTimeout?: number },
  ): Promise<void> {
    const receipt = parseReceiptHandle(ReceiptHandle);
    const seconds = inRange("VisibilityTimeout", VisibilityTimeout, 0, 43_200);
    if (seconds === undefined)
      throw sqsError("MissingParameter", "The request must contain the parameter VisibilityTimeout.");
    await messages.changeVisibility(queue, ReceiptHandle, receipt, seconds);
  }
}

/** @throws AwsError when the message breaks SQS's rules or those of the queue */
function sendable(
  queue: QueueRecord,
  input: Pick<SendMessageRequest, "MessageBody" | "MessageAttributes" | "MessageSystemAttributes" | "DelaySeconds">,
  { principal }: RequestContext,
): { content: MessageContent; delay?: number } {
  const { DelaySeconds: delay } = input;
  if (delay !== undefined && !(Number.isInteger(delay) && delay >= 0 && delay <= 900)) {
    throw invalidParameter("DelaySeconds", delay, "DelaySeconds must be >= 0 and <= 900.");
  }
  const content = messageContent(input, principal.userId);
  checkSize(queue, content);
  return { content, ...(delay === undefined ? {} : { delay }) };
}

/** @throws AwsError InvalidParameterValue when it is longer than the queue takes */
export function checkSize(queue: QueueRecord, content: MessageContent): void {
  const most = secondsOf(queue.body, "MaximumMessageSize");
  if (sizeOf(content) <= most) return;
  throw sqsError(
    "InvalidParameterValue",
    `One or more parameters are invalid. Reason: Message must be shorter than ${most} bytes.`,
  );
}

function sent(
  id: string,
  { body, attributes, traceHeader }: MessageContent,
): Required<Pick<SendMessageResult, "MessageId" | "MD5OfMessageBody">> & SendMessageResult {
  const ofAttributes = md5OfAttributes(attributes);
  const ofSystem =
    traceHeader === undefined ? undefined : md5OfAttributes({ AWSTraceHeader: { type: "String", value: traceHeader } });
  return {
    MessageId: id,
    MD5OfMessageBody: md5OfBody(body),
    ...(ofAttributes === undefined ? {} : { MD5OfMessageAttributes: ofAttributes }),
    ...(ofSystem === undefined ? {} : { MD5OfMessageSystemAttributes: ofSystem }),
  };
}

/** A message with the attributes that were asked for; the digest is of those. */
function shown(message: Received, asked: ReceiveMessageRequest): Message {
  const { content } = message;
  const system: Record<string, string> = {
    SenderId: content.senderId,
    SentTimestamp: String(message.sentAt),
    ApproximateReceiveCount: String(message.receiveCount),
    ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt),
    ...(content.traceHeader === undefined ? {} : { AWSTraceHeader: content.traceHeader }),
    ...(content.deadLetterSourceArn === undefined ? {} : { DeadLetterQueueSourceArn: content.deadLetterSourceArn }),
  };
  const systemNames: readonly string[] = [
    ...(asked.AttributeNames ?? []),
    ...(asked.MessageSystemAttributeNames ?? []),
  ];
  const all = systemNames.includes("All");
  const Attributes = Object.fromEntries(Object.entries(system).filter(([name]) => all || systemNames.includes(name)));
  const attributes = Object.fromEntries(
    Object.entries(content.attributes ?? {}).filter(([name]) => isAsked(name, asked.MessageAttributeNames ?? [])),
  );
  const digest = md5OfAttributes(attributes);
  const MessageAttributes = Object.fromEntries(
    Object.entries(attributes).map(([name, value]): [string, MessageAttributeValue] => [name, shownAttribute(value)]),
  );
  return {
    MessageId: message.id,
    ReceiptHandle: message.receiptHandle,
    MD5OfBody: md5OfBody(content.body),
    Body: content.body,
    ...(Object.keys(Attributes).length === 0 ? {} : { Attributes }),
    ...(digest === undefined ? {} : { MD5OfMessageAttributes: digest, MessageAttributes }),
  };
}

/** `All` and `.*` ask for every attribute, `name.*` for those whose names begin so. */
function isAsked(name: string, asked: readonly string[]): boolean {
  return asked.some((each) => {
    if (each === "All" || each === ".*") return true;
    return each.endsWith(".*") ? name.startsWith(each.slice(0, -2)) : name === each;
  });
}
