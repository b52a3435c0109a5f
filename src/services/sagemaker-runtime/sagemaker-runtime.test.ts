import { afterEach, beforeEach, expect, test } from "vitest";
import { Place } from "../../../tests/support/serving/place.ts";
import { Authorizer } from "../../server/authorizer.ts";
import { RequestHandler } from "../../server/request-handler.ts";
import { sagemakerRuntimeService } from "./index.ts";

let place: Place;
let handler: RequestHandler;
let faults: unknown[];

beforeEach(async () => {
  place = await Place.make();
  faults = [];
  handler = new RequestHandler({
    services: [sagemakerRuntimeService({ router: place.router })],
    lookup: () => undefined,
    authorizer: new Authorizer({ policiesOf: () => ({ identity: [] }) }),
    clock: place.clock,
    auth: "off",
    accountId: "000000000000",
    region: "us-east-1",
    baseUrl: () => "http://127.0.0.1:7243",
    onFault: (error) => faults.push(error),
  });
});

afterEach(async () => {
  await place.end();
});

/** A call on the wire, as an unsigned client sends it. */
async function call(path: string, body: string | Uint8Array, headers: Record<string, string> = {}) {
  const bytes = Buffer.from(body);
  const response = await handler.handle({
    method: "POST",
    path,
    query: "",
    headers: {
      host: "127.0.0.1:7243",
      "content-type": "text/csv",
      authorization:
        "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/sagemaker/aws4_request, SignedHeaders=host, Signature=x",
      ...headers,
    },
    readBody: async () => bytes,
    streamBody: async function* () {
      yield bytes;
    },
    address: "127.0.0.1",
    signal: new AbortController().signal,
  });
  const answer = response.body;
  if (answer !== undefined && typeof answer !== "string" && !(answer instanceof Uint8Array))
    throw new Error("a stream");
  const text = Buffer.from(answer ?? "").toString();
  const error = response.headers["x-amzn-errortype"] ?? response.headers["x-amzn-ErrorType"];
  return { status: response.status, headers: response.headers, error, text };
}

const header = (headers: Record<string, string>, name: string) =>
  Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];

test("InvokeEndpoint answers with the model's body, its type and the variant", async () => {
  await place.deploy([await place.variant("AllTraffic", 2)]);
  const { status, headers, text } = await call("/endpoints/scores/invocations", "21", {
    accept: "application/x-number",
  });
  expect({ status, text }).toEqual({ status: 200, text: "42" });
  expect(header(headers, "content-type")).toBe("application/x-number");
  expect(header(headers, "x-amzn-invoked-production-variant")).toBe("AllTraffic");
});

test("a target variant gets the request, and an unknown one is a ValidationError", async () => {
  await place.deploy([await place.variant("a", 2), await place.variant("b", 3, { weight: 0 })]);
  const ask = (variant: string) =>
    call("/endpoints/scores/invocations", "10", { "x-amzn-sagemaker-target-variant": variant });
  expect((await ask("b")).text).toBe("30");
  const unknown = await ask("c");
  expect(unknown).toMatchObject({ status: 400, error: "ValidationError" });
  expect(JSON.parse(unknown.text)).toMatchObject({ Message: "Variant c not found for endpoint scores." });
});

test("an unknown endpoint has AWS's words", async () => {
  const { status, error, text } = await call("/endpoints/nothing/invocations", "1");
  expect({ status, error }).toEqual({ status: 400, error: "ValidationError" });
  expect(JSON.parse(text)).toMatchObject({ Message: "Endpoint nothing of account 000000000000 not found." });
});

test("a request the model refuses becomes ModelError 424 with all its members", async () => {
  await place.deploy([await place.variant("AllTraffic", 2)]);
  const { status, error, text } = await call("/endpoints/scores/invocations", "refuse");
  expect({ status, error }).toEqual({ status: 424, error: "ModelError" });
  expect(JSON.parse(text)).toMatchObject({
    LogStreamArn: "arn:aws:logs:us-east-1:000000000000:log-group:/aws/sagemaker/Endpoints/scores",
    Message:
      'Received client error (415) from primary with message "no such thing as refuse". See https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logEventViewer:group=/aws/sagemaker/Endpoints/scores in account 000000000000 for more information.',
    OriginalMessage: "no such thing as refuse",
    OriginalStatusCode: 415,
  });
});

test("a bug in the model and a model that dies are server errors of the model", async () => {
  await place.deploy([await place.variant("AllTraffic", 2)]);
  const bug = await call("/endpoints/scores/invocations", "crash");
  expect(bug).toMatchObject({ status: 424, error: "ModelError" });
  expect(JSON.parse(bug.text)).toMatchObject({ OriginalStatusCode: 500, OriginalMessage: "a bug in the model" });
  expect(JSON.parse(bug.text).Message).toMatch(/^Received server error \(500\) from primary/);
  const died = await call("/endpoints/scores/invocations", "die");
  expect(died).toMatchObject({ status: 424, error: "ModelError" });
  expect(JSON.parse(died.text)).toMatchObject({
    OriginalStatusCode: 0,
    OriginalMessage: "An error occurred while handling request as the model process exited.",
  });
});

test("a body of 6,291,456 bytes is sent and one byte more is refused", async () => {
  await place.deploy([await place.variant("AllTraffic", 1)]);
  expect((await call("/endpoints/scores/invocations", "0".repeat(6_291_456))).text).toBe("0");
  const refused = await call("/endpoints/scores/invocations", "0".repeat(6_291_457));
  expect(refused).toMatchObject({ status: 400, error: "ValidationError" });
  expect(refused.text).toContain("6291456");
});

test("what is not served is refused by name", async () => {
  const refused = await call("/endpoints/scores/invocations", "1", { "x-amzn-sagemaker-target-model": "m.tar.gz" });
  expect(refused).toMatchObject({ status: 400, error: "ValidationError" });
  expect(refused.text).toContain("TargetModel is not supported by Sagebrush: endpoints serve one model per variant");
  const streamed = await call("/endpoints/scores/invocations-response-stream", "1");
  expect(streamed.status).toBeGreaterThanOrEqual(400);
  expect(streamed.text).toContain("InvokeEndpointWithResponseStream");
});
