import { expect, test } from "vitest";
import { AwsError } from "../protocol/aws-error.ts";
import { createSignedFetch } from "../protocol/client/index.ts";
import type { SageMakerOperations } from "../protocol/generated/sagemaker.ts";
import { defineService, type OperationTable, type Principal, type Service } from "../protocol/service.ts";
import { StorageFull } from "../storage/record-store.ts";
import { SystemClock } from "../util/clock.ts";
import { Authorizer } from "./authorizer.ts";
import { RequestHandler, type IncomingRequest } from "./request-handler.ts";

const accountId = "000000000000";
const principal: Principal = {
  kind: "root",
  accountId,
  arn: `arn:aws:iam::${accountId}:root`,
  userId: accountId,
  accessKeyId: "AKID",
};
const credentials = { accessKeyId: "AKID", secretAccessKey: "secret" };

function handlerOf(
  operations: OperationTable<SageMakerOperations>,
  auth: "on" | "off" = "on",
  options: Partial<Service> = {},
) {
  const faults: unknown[] = [];
  const handler = new RequestHandler({
    services: [defineService("sagemaker", operations, options)],
    lookup: (id) => (id === credentials.accessKeyId ? { ...credentials, principal } : undefined),
    authorizer: new Authorizer({ policiesOf: () => ({ identity: [] }) }),
    clock: new SystemClock(),
    auth,
    accountId,
    region: "us-east-1",
    baseUrl: () => "http://127.0.0.1:7243",
    onFault: (error) => faults.push(error),
  });
  return { handler, faults };
}

function incoming(headers: Record<string, string>, body: string): IncomingRequest {
  const bytes = Buffer.from(body);
  return {
    method: "POST",
    path: "/",
    query: "",
    headers: { host: "127.0.0.1:7243", "content-type": "application/x-amz-json-1.1", ...headers },
    readBody: () => Promise.resolve(bytes),
    async *streamBody() {
      yield bytes;
    },
    address: "127.0.0.1",
    signal: new AbortController().signal,
  };
}

/** Signs with our own client; `change` spoils the request afterwards. */
async function call(
  { handler }: { handler: RequestHandler },
  operation: string,
  input: unknown,
  change: (headers: Record<string, string>) => Record<string, string> = (headers) => headers,
) {
  const body = JSON.stringify(input);
  let headers: Record<string, string> = {};
  const capture = createSignedFetch({
    endpoint: "http://127.0.0.1:7243",
    region: "eu-west-1",
    service: "sagemaker",
    credentials,
    fetch: (_url, init) => {
      headers = Object.fromEntries(new Headers(init!.headers));
      return Promise.resolve(new Response());
    },
  });
  await capture({
    method: "POST",
    path: "/",
    headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": `SageMaker.${operation}` },
    body,
  });
  const response = await handler.handle(incoming(change(headers), body));
  return {
    status: response.status,
    headers: response.headers,
    body: JSON.parse((response.body as string) || "null") as Record<string, unknown>,
  };
}

test("a signed request reaches its handler with the caller, the region of its signature and a request id", async () => {
  let seen: unknown;
  const server = handlerOf({
    DeleteModel: {
      handle: (input, context) => {
        seen = { input, region: context.region, arn: context.principal.arn, account: context.accountId };
        context.setHeader("x-test", "1");
      },
    },
  });
  const { status, headers } = await call(server, "DeleteModel", { ModelName: "m", Unknown: 1 });
  expect(status).toBe(200);
  expect(seen).toEqual({ input: { ModelName: "m" }, region: "eu-west-1", arn: principal.arn, account: accountId });
  expect(headers["x-test"]).toBe("1");
  expect(headers["x-amzn-requestid"] ?? headers["x-amzn-RequestId"]).toMatch(/^[0-9a-f-]{36}$/);
});

test("nothing unsigned or wrongly signed reaches a handler", async () => {
  const server = handlerOf({ DeleteModel: { handle: () => expect.unreachable() } });
  const unsigned = await server.handler.handle(
    incoming({ "x-amz-target": "SageMaker.DeleteModel" }, '{"ModelName":"m"}'),
  );
  expect(unsigned.body as string).toContain("MissingAuthenticationTokenException");
  const spoiled = await call(server, "DeleteModel", { ModelName: "m" }, (headers) => ({
    ...headers,
    authorization: headers["authorization"].replace(/[0-9a-f]$/, (digit) => (digit === "0" ? "1" : "0")),
  }));
  expect(spoiled.body["__type"]).toContain("InvalidSignatureException");
});

test("an operation without a handler is refused by name, after authentication", async () => {
  const server = handlerOf({});
  const answer = await call(server, "CreateCluster", { ClusterName: "c" });
  expect(answer.status).toBe(501);
  expect(answer.body["message"]).toBe(
    "The operation CreateCluster of sagemaker is not supported by Sagebrush; docs/coverage.md lists what is.",
  );
  const unsigned = await server.handler.handle(incoming({ "x-amz-target": "SageMaker.CreateCluster" }, "{}"));
  expect(unsigned.status).toBe(400);
});

test("input is validated before parameters are refused, and both before the handler runs", async () => {
  const server = handlerOf({
    CreateModel: {
      refuses: [{ parameter: "VpcConfig", because: "models have no network of their own" }],
      handle: () => expect.unreachable(),
    },
  });
  const invalid = await call(server, "CreateModel", { ModelName: "not a name" });
  expect(invalid.body["message"]).toContain("1 validation error detected: Value 'not a name' at 'modelName'");
  const refused = await call(server, "CreateModel", {
    ModelName: "m",
    VpcConfig: { SecurityGroupIds: ["sg-1"], Subnets: ["subnet-1"] },
  });
  expect(refused).toMatchObject({
    status: 400,
    body: { message: "VpcConfig is not supported by Sagebrush: models have no network of their own." },
  });
});

test("an AwsError reaches the client as it is; a fault of ours is reported and says nothing but the request id", async () => {
  const faulty = new Error("secret detail");
  const server = handlerOf({
    DeleteModel: { handle: () => Promise.reject(new AwsError("ResourceNotFound", "Could not find model")) },
    DeleteEndpoint: { handle: () => Promise.reject(faulty) },
    DeleteEndpointConfig: { handle: () => Promise.reject(new StorageFull("a record")) },
  });
  expect((await call(server, "DeleteModel", { ModelName: "m" })).body).toMatchObject({
    Message: "Could not find model",
  });
  const fault = await call(server, "DeleteEndpoint", { EndpointName: "e" });
  expect(fault.status).toBe(500);
  expect(JSON.stringify(fault.body)).not.toContain("secret detail");
  expect(server.faults).toEqual([faulty]);
  const full = await call(server, "DeleteEndpointConfig", { EndpointConfigName: "c" });
  expect(full.status).toBe(507);
  expect(full.body["message"]).toContain("no space left");
});

test("pages of other origins are refused even with a valid signature", async () => {
  const server = handlerOf({ DeleteModel: { handle: () => undefined } });
  const foreign = await call(server, "DeleteModel", { ModelName: "m" }, (headers) => ({
    ...headers,
    origin: "https://evil.example",
  }));
  expect(foreign.status).toBe(403);
  const own = await call(server, "DeleteModel", { ModelName: "m" }, (headers) => ({
    ...headers,
    origin: "http://127.0.0.1:7243",
  }));
  expect(own.status).toBe(200);
});

test("with auth off, unsigned programs are the root user; pages and rebound names are refused", async () => {
  const server = handlerOf(
    { DeleteModel: { handle: (_input, { principal: { arn } }) => expect(arn).toBe(principal.arn) } },
    "off",
  );
  const target = { "x-amz-target": "SageMaker.DeleteModel" };
  expect((await server.handler.handle(incoming(target, '{"ModelName":"m"}'))).status).toBe(200);
  const spoilers: Record<string, string>[] = [{ origin: "http://127.0.0.1:7243" }, { host: "rebound.example" }];
  for (const spoiled of spoilers) {
    expect((await server.handler.handle(incoming({ ...target, ...spoiled }, '{"ModelName":"m"}'))).status).toBe(403);
  }
});

test("with auth off, what a browser sends for a page is refused even without an origin, as images have none", async () => {
  const server = handlerOf({ DeleteModel: { handle: () => undefined } }, "off");
  const target = { "x-amz-target": "SageMaker.DeleteModel" };
  const statusOf = async (site: string) =>
    (await server.handler.handle(incoming({ ...target, "sec-fetch-site": site }, '{"ModelName":"m"}'))).status;
  expect(await statusOf("none")).toBe(200);
  for (const site of ["cross-site", "same-site", "same-origin"]) expect(await statusOf(site), site).toBe(403);
});

test("with auth off, a browser sees objects when it goes to them, not when another page asks for them", async () => {
  const edge = { handle: () => Promise.resolve({ status: 200, headers: {}, body: "object" }) };
  const { handler } = handlerOf({}, "off", { edge });
  const statusOf = async (site: string, mode: string) =>
    (
      await handler.handle(
        incoming({ "x-amz-target": "SageMaker.X", "sec-fetch-site": site, "sec-fetch-mode": mode }, ""),
      )
    ).status;
  expect(await statusOf("cross-site", "navigate")).toBe(200);
  expect(await statusOf("same-origin", "no-cors")).toBe(200);
  expect(await statusOf("cross-site", "no-cors")).toBe(403);
  expect(await statusOf("same-site", "cors")).toBe(403);
});

test("an answer with a header that HTTP does not allow is a mistake of the request, and no second header", async () => {
  const server = handlerOf({
    DeleteModel: {
      handle: (_input, context) => context.setHeader("x-chosen", "a\r\nset-cookie: b"),
    },
  });
  const answer = await call(server, "DeleteModel", { ModelName: "m" });
  expect(answer.status).toBe(400);
  expect(answer.body).toMatchObject({
    message: "The value of the header x-chosen has characters that HTTP does not allow",
  });
});

test("a target of no service of ours is said to be unknown", async () => {
  const server = handlerOf({});
  const answer = await server.handler.handle(incoming({ "x-amz-target": "DynamoDB_20120810.ListTables" }, "{}"));
  expect(answer.status).toBe(400);
  expect(answer.body as string).toContain("UnknownOperationException");
});

test("a service that is not served is refused by name, in the protocol of the request", async () => {
  const { handler } = handlerOf({});
  const scope = (service: string) =>
    `AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/${service}/aws4_request, SignedHeaders=host, Signature=x`;
  const form = { "content-type": "application/x-www-form-urlencoded" };
  const ec2 = await handler.handle(incoming({ ...form, authorization: scope("ec2") }, "Action=DescribeInstances"));
  expect(ec2.status).toBe(400);
  expect(ec2.body).toMatch(/^<Response><Errors><Error>.*The service ec2 is not served by Sagebrush;/);
  const query = await handler.handle(incoming({ ...form, authorization: scope("a<b") }, "Action=X"));
  expect(query.body).toMatch(/^<ErrorResponse><Error>.*The service a&#60;b is not served/);
  const json = await handler.handle(incoming({ "x-amz-target": "DynamoDB_20120810.ListTables" }, "{}"));
  expect(json.headers["x-amzn-errortype"]).toBe("UnknownOperationException");
  expect(json.body).toContain("The target DynamoDB_20120810.ListTables is not served by Sagebrush;");
});
