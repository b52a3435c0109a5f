import { expect, test } from "vitest";
import { AwsError } from "./aws-error.ts";
import { createCodec } from "./codec/index.ts";
import { loadServiceModel } from "./service-models.ts";

const sqs = createCodec(loadServiceModel("sqs"), "query");

function request(form: string) {
  const headers = { "content-type": "application/x-www-form-urlencoded; charset=utf-8" };
  return { method: "POST", path: "/000000000000/q", query: "", headers, body: Buffer.from(form) };
}

function decoded(form: string): unknown {
  const head = request(form);
  return sqs.decode(sqs.resolveOperation(head)!, head);
}

test("forms of SDKs from before JSON are understood", () => {
  // The example of the API reference for SendMessage, with an attribute.
  expect(
    decoded(
      "Action=SendMessage&QueueUrl=u&MessageBody=This+is+a+test&DelaySeconds=5" +
        "&MessageAttribute.1.Name=kind&MessageAttribute.1.Value.StringValue=a&MessageAttribute.1.Value.DataType=String",
    ),
  ).toEqual({
    QueueUrl: "u",
    MessageBody: "This is a test",
    DelaySeconds: 5,
    MessageAttributes: { kind: { StringValue: "a", DataType: "String" } },
  });
  expect(
    decoded(
      "Action=CreateQueue&QueueName=q&Attribute.1.Name=VisibilityTimeout&Attribute.1.Value=40&Tag.1.Key=a&Tag.1.Value=b",
    ),
  ).toEqual({ QueueName: "q", Attributes: { VisibilityTimeout: "40" }, tags: { a: "b" } });
  expect(
    decoded(
      "Action=DeleteMessageBatch&QueueUrl=u&DeleteMessageBatchRequestEntry.1.Id=a&DeleteMessageBatchRequestEntry.1.ReceiptHandle=h",
    ),
  ).toEqual({ QueueUrl: "u", Entries: [{ Id: "a", ReceiptHandle: "h" }] });
  expect(decoded("Action=ReceiveMessage&QueueUrl=u&AttributeName.1=All&MessageAttributeName.1=kind")).toEqual({
    QueueUrl: "u",
    AttributeNames: ["All"],
    MessageAttributeNames: ["kind"],
  });
});

test("answers are the XML that they expect", () => {
  const operation = loadServiceModel("sqs").operation("ReceiveMessage")!;
  const Messages = [{ MessageId: "m", Body: "b", Attributes: { SenderId: "s" } }];
  const queryOperation = sqs.resolveOperation(request("Action=ReceiveMessage&QueueUrl=u"))!;
  expect(queryOperation.name).toBe(operation.name);
  expect(sqs.encode(queryOperation, { Messages }, { requestId: "r" }).body).toBe(
    '<ReceiveMessageResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/"><ReceiveMessageResult><Message>' +
      "<MessageId>m</MessageId><Body>b</Body><Attribute><Name>SenderId</Name><Value>s</Value></Attribute></Message>" +
      "</ReceiveMessageResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></ReceiveMessageResponse>",
  );
});

test("errors have the codes that they know", () => {
  const { status, body } = sqs.encodeError(undefined, new AwsError("QueueDoesNotExist", "none"), { requestId: "r" });
  expect(status).toBe(400);
  expect(body).toContain("<Code>AWS.SimpleQueueService.NonExistentQueue</Code>");
});

test("the JSON protocol keeps its names", () => {
  const json = createCodec(loadServiceModel("sqs"), "json");
  const operation = loadServiceModel("sqs").operation("ListQueues")!;
  expect(json.encode(operation, { QueueUrls: ["u"] }, { requestId: "r" }).body).toBe('{"QueueUrls":["u"]}');
});
