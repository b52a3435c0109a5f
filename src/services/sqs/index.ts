/**
 * Amazon Simple Queue Service: standard queues.
 *
 * A message is on disk before its sender is answered and is given out at least once, whatever happens to the server.
 * Receives wait on the clock, not in loops. Message move tasks are not there; neither are FIFO queues.
 */
import { evaluate } from "../../authorization/index.ts";
import type { RecordStore } from "../../storage/record-store.ts";
import type { Clock } from "../../util/clock.ts";
import type { SQSOperations } from "../../protocol/generated/sqs.ts";
import { defineService, type Service } from "../../protocol/service.ts";
import { AwsError } from "../../protocol/aws-error.ts";
import { parseArn } from "../../resources/arn.ts";
import { sqsAccessRules } from "./access-rules.ts";
import { queueDoesNotExist, sqsError } from "./errors.ts";
import { checkedContent } from "./message.ts";
import { checkSize, messageOperations } from "./message-operations.ts";
import { MessageQueue } from "./message-queue.ts";
import { queueArn } from "./names.ts";
import { queueOperations } from "./queue-operations.ts";
import { QueueStore } from "./queue-store.ts";
import type { MessageAttribute } from "./records.ts";

export interface SqsOptions {
  readonly records: RecordStore;
  readonly clock: Clock;
  readonly report: (what: string, error: unknown) => void;
}

/** A service that sends into a queue for one of its resources. */
export interface SendingService {
  /** e.g. `sns.amazonaws.com` */
  readonly service: string;
  /** For `aws:SourceArn`, e.g. the topic's ARN. */
  readonly sourceArn: string;
  readonly sourceAccount: string;
}

export interface SqsService extends Service {
  /**
   * Sends a message for a service of the platform; durable when resolved.
   * @throws AwsError when sending again cannot help: no such queue, its policy does not let the service in, or it does
   * not take the message; any other error when it may
   */
  deliver(
    queueArn: string,
    message: { readonly body: string; readonly attributes?: Readonly<Record<string, MessageAttribute>> },
    from: SendingService,
  ): Promise<void>;
  /** Goes on with what the last server left. */
  resume(): Promise<void>;
  close(): Promise<void>;
}

export function sqsService(options: SqsOptions): SqsService {
  const store = new QueueStore(options);
  const messages = new MessageQueue(store);
  const service = defineService<SQSOperations>(
    "sqs",
    { ...queueOperations({ store, messages }), ...messageOperations({ store, messages }) },
    { validationCode: "InvalidParameterValue", accesses: sqsAccessRules(store) },
  );
  return {
    ...service,
    async deliver(givenArn, { body, attributes }, from) {
      const arn = parseArn(givenArn);
      if (arn?.service !== "sqs") throw queueDoesNotExist();
      const id = { accountId: arn.accountId, region: arn.region, name: arn.resource };
      const queue = await store.require(id);
      const { Policy: policy } = queue.body.attributes;
      // The ARN as policies write it, whichever partition the sender has put there.
      const resource = queueArn(id);
      if (!serviceMaySend(resource, arn.accountId, policy, from)) {
        throw sqsError(
          "AccessDenied",
          `${from.service} is not authorized to perform: sqs:SendMessage on resource: ${resource} because no resource-based policy allows the sqs:SendMessage action`,
          403,
        );
      }
      const content = checkedContent({ body, senderId: from.service, ...(attributes && { attributes }) });
      checkSize(queue, content);
      try {
        await messages.send(queue, [{ content }]);
      } catch (error) {
        // A full queue has room again later.
        if (error instanceof AwsError && error.code === "OverLimit") throw new Error(error.message, { cause: error });
        throw error;
      }
    },
    resume: () => store.resume(),
    close: () => store.close(),
  };
}

/** Services have no policies of their own: a queue lets in whom its policy names, for the resource that it names. */
function serviceMaySend(
  resource: string,
  owner: string,
  policy: string | undefined,
  { service, sourceArn, sourceAccount }: SendingService,
): boolean {
  const decision = evaluate({
    principal: { kind: "service", accountId: sourceAccount, arn: service, userId: service, accessKeyId: service },
    policies: { identity: [] },
    access: { action: "sqs:SendMessage", resource, owner, ...(policy === undefined ? {} : { policy }) },
    facts: { "aws:SourceArn": sourceArn, "aws:SourceAccount": sourceAccount, "aws:SecureTransport": "false" },
  });
  return decision.effect === "allow";
}
