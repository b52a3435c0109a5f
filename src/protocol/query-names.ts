/**
 * Services that have left the query protocol, and what they were called in it.
 *
 * SDKs from before the change still speak it, but today's descriptions no longer tell its names and codes. They are told
 * here as differences to the description, in the description's own terms.
 */
import { CompiledService } from "./compiled-service.ts";
import type { ServiceModel, ShapeModel, ShapeReference } from "./service-model.ts";

export interface QueryNames {
  readonly xmlNamespace: string;
  /** Flattened lists, by the name of their elements. */
  readonly lists: Readonly<Record<string, string>>;
  /** Flattened maps, by the names of key and value. */
  readonly maps: Readonly<Record<string, readonly [key: string, value: string]>>;
  /** Members that have another name, `Shape.Member`. */
  readonly members: Readonly<Record<string, string>>;
  /** Codes of errors whose shape has another name, and their status. */
  readonly errors: Readonly<Record<string, readonly [code: string, status: number]>>;
}

/** Source: the last description of each service with the protocol `query`; SQS's is in botocore 1.29.165. */
const formerNames: Readonly<Record<string, QueryNames>> = {
  sqs: {
    xmlNamespace: "http://queue.amazonaws.com/doc/2012-11-05/",
    lists: {
      AWSAccountIdList: "AWSAccountId",
      ActionNameList: "ActionName",
      AttributeNameList: "AttributeName",
      BatchResultErrorEntryList: "BatchResultErrorEntry",
      BinaryList: "BinaryListValue",
      ChangeMessageVisibilityBatchRequestEntryList: "ChangeMessageVisibilityBatchRequestEntry",
      ChangeMessageVisibilityBatchResultEntryList: "ChangeMessageVisibilityBatchResultEntry",
      DeleteMessageBatchRequestEntryList: "DeleteMessageBatchRequestEntry",
      DeleteMessageBatchResultEntryList: "DeleteMessageBatchResultEntry",
      ListMessageMoveTasksResultEntryList: "ListMessageMoveTasksResultEntry",
      MessageAttributeNameList: "MessageAttributeName",
      MessageList: "Message",
      MessageSystemAttributeList: "MessageSystemAttributeName",
      QueueUrlList: "QueueUrl",
      SendMessageBatchRequestEntryList: "SendMessageBatchRequestEntry",
      SendMessageBatchResultEntryList: "SendMessageBatchResultEntry",
      StringList: "StringListValue",
      TagKeyList: "TagKey",
    },
    maps: {
      MessageBodyAttributeMap: ["Name", "Value"],
      MessageBodySystemAttributeMap: ["Name", "Value"],
      MessageSystemAttributeMap: ["Name", "Value"],
      QueueAttributeMap: ["Name", "Value"],
      TagMap: ["Key", "Value"],
    },
    members: {
      "CreateQueueRequest.Attributes": "Attribute",
      "CreateQueueRequest.tags": "Tag",
      "GetQueueAttributesResult.Attributes": "Attribute",
      "ListQueueTagsResult.Tags": "Tag",
      "Message.Attributes": "Attribute",
      "Message.MessageAttributes": "MessageAttribute",
      "SendMessageBatchRequestEntry.MessageAttributes": "MessageAttribute",
      "SendMessageBatchRequestEntry.MessageSystemAttributes": "MessageSystemAttribute",
      "SendMessageRequest.MessageAttributes": "MessageAttribute",
      "SendMessageRequest.MessageSystemAttributes": "MessageSystemAttribute",
      "SetQueueAttributesRequest.Attributes": "Attribute",
      "TagQueueRequest.Tags": "Tag",
    },
    errors: {
      BatchEntryIdsNotDistinct: ["AWS.SimpleQueueService.BatchEntryIdsNotDistinct", 400],
      BatchRequestTooLong: ["AWS.SimpleQueueService.BatchRequestTooLong", 400],
      EmptyBatchRequest: ["AWS.SimpleQueueService.EmptyBatchRequest", 400],
      InvalidBatchEntryId: ["AWS.SimpleQueueService.InvalidBatchEntryId", 400],
      OverLimit: ["OverLimit", 403],
      PurgeQueueInProgress: ["AWS.SimpleQueueService.PurgeQueueInProgress", 403],
      QueueDoesNotExist: ["AWS.SimpleQueueService.NonExistentQueue", 400],
      QueueNameExists: ["QueueAlreadyExists", 400],
      TooManyEntriesInBatchRequest: ["AWS.SimpleQueueService.TooManyEntriesInBatchRequest", 400],
      UnsupportedOperation: ["AWS.SimpleQueueService.UnsupportedOperation", 400],
    },
  },
};

/** Whether a service is understood in the query protocol although its description does not say so. */
export function hasFormerQueryNames(description: string): boolean {
  return Object.hasOwn(formerNames, description);
}

/** The service as the query protocol has it; the service itself when its description is of that protocol. */
export function withQueryNames(service: CompiledService): CompiledService {
  if (!hasFormerQueryNames(service.name)) return service;
  return new CompiledService(service.name, renamed(service.model, formerNames[service.name]));
}

function renamed(model: ServiceModel, names: QueryNames): ServiceModel {
  const shapes = Object.entries(model.shapes).map(([name, shape]) => [name, renamedShape(name, shape, names)]);
  return {
    ...model,
    metadata: { ...model.metadata, protocol: "query", protocols: ["query"], xmlNamespace: names.xmlNamespace },
    shapes: Object.fromEntries(shapes) as ServiceModel["shapes"],
  };
}

function renamedShape(name: string, shape: ShapeModel, { lists, maps, members, errors }: QueryNames): ShapeModel {
  if (Object.hasOwn(lists, name)) {
    return { ...shape, flattened: true, member: { ...shape.member!, locationName: lists[name] } };
  }
  if (Object.hasOwn(maps, name)) {
    const [key, value] = maps[name];
    return {
      ...shape,
      flattened: true,
      key: { ...shape.key!, locationName: key },
      value: { ...shape.value!, locationName: value },
    };
  }
  if (Object.hasOwn(errors, name)) {
    const [code, httpStatusCode] = errors[name];
    return { ...shape, error: { code, httpStatusCode, senderFault: true } };
  }
  if (shape.members === undefined) return shape;
  const renamedMembers = Object.entries(shape.members).map(([member, reference]): [string, ShapeReference] => {
    const path = `${name}.${member}`;
    return [member, Object.hasOwn(members, path) ? { ...reference, locationName: members[path] } : reference];
  });
  return { ...shape, members: Object.fromEntries(renamedMembers) };
}
