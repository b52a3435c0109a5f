import { expect, test } from "vitest";
import { AwsError } from "../aws-error.ts";
import { CompiledService } from "../compiled-service.ts";
import { createCodec } from "./index.ts";

const service = new CompiledService("test", {
  version: "2.0",
  metadata: { apiVersion: "2020-01-01", endpointPrefix: "test", protocol: "rest-json", serviceId: "Test" },
  operations: {
    Do: {
      name: "Do",
      http: { method: "POST", requestUri: "/things/{Id}", responseCode: 202 },
      input: { shape: "Input" },
      output: { shape: "Output" },
    },
    Read: { name: "Read", http: { method: "GET", requestUri: "/things" } },
  },
  shapes: {
    Text: { type: "string" },
    Count: { type: "integer" },
    Flag: { type: "boolean" },
    Time: { type: "timestamp" },
    Texts: { type: "list", member: { shape: "Text" } },
    Times: { type: "list", member: { shape: "Time" } },
    Json: { type: "string" },
    Input: {
      type: "structure",
      members: {
        Id: { shape: "Count", location: "uri", locationName: "Id" },
        Filter: { shape: "Texts", location: "querystring", locationName: "filter" },
        Since: { shape: "Time", location: "querystring", locationName: "since" },
        Flag: { shape: "Flag", location: "header", locationName: "X-Flag" },
        Names: { shape: "Texts", location: "header", locationName: "X-Names" },
        Times: { shape: "Times", location: "header", locationName: "X-Times" },
        Json: { shape: "Json", jsonvalue: true, location: "header", locationName: "X-Json" },
        Body: { shape: "Text" },
      },
    },
    Output: {
      type: "structure",
      members: {
        Status: { shape: "Count", location: "statusCode" },
        Names: { shape: "Texts", location: "header", locationName: "X-Names" },
        Times: { shape: "Times", location: "header", locationName: "X-Times" },
        Json: { shape: "Json", jsonvalue: true, location: "header", locationName: "X-Json" },
        Body: { shape: "Text" },
      },
    },
    Throttled: {
      type: "structure",
      exception: true,
      error: { httpStatusCode: 429 },
      members: {
        RetryAfter: { shape: "Count", location: "header", locationName: "Retry-After" },
        message: { shape: "Text" },
      },
    },
  },
});
const codec = createCodec(service, "rest-json");
const operation = service.operation("Do")!;
const ids = { requestId: "id-1" };
const decode = (path: string, query: string, headers: Record<string, string>, body = "") =>
  codec.decode(operation, { method: "POST", path, query, headers, body: Buffer.from(body) });

test("members come from path, query, headers and body", () => {
  const headers = {
    "x-flag": "true",
    "x-names": 'a, "b, c" ,"say \\"d\\"",e',
    "x-times": "Sun, 25 Jan 2015 08:00:00 GMT, Mon, 26 Jan 2015 08:00:00 GMT",
    "x-json": Buffer.from('{"a":[1]}').toString("base64"),
  };
  expect(
    decode("/things/7", "filter=a&since=2015-01-25T08%3A00%3A00Z&filter=b", headers, '{"Body":"x","Id":9}'),
  ).toEqual({
    Id: 7,
    Filter: ["a", "b"],
    Since: new Date(1422172800000),
    Flag: true,
    Names: ["a", "b, c", 'say "d"', "e"],
    Times: [new Date(1422172800000), new Date(1422259200000)],
    Json: { a: [1] },
    Body: "x",
  });
  expect(decode("/things/7", "", { "x-flag": "", "x-names": " " })).toEqual({ Id: 7, Names: [] });
});

test.each([
  ["/things/x", "", {}, "", "\"x\" is not an integer at 'Id'"],
  ["/things/7", "since=now", {}, "", "\"now\" is not a timestamp such as 2015-01-25T08:00:00Z at 'Since'"],
  ["/things/7", "", { "x-flag": "yes" }, "", "\"yes\" is neither true nor false at 'Flag'"],
  ["/things/7", "", { "x-names": 'a"b' }, "", "The header is not a list of values separated by commas at 'Names'"],
  ["/things/7", "", { "x-names": '"a"b' }, "", "The header is not a list of values separated by commas at 'Names'"],
  ["/things/7", "", { "x-names": '"' }, "", "The header is not a list of values separated by commas at 'Names'"],
  ["/things/7", "", { "x-names": '"open' }, "", "The header is not a list of values separated by commas at 'Names'"],
  [
    "/things/7",
    "",
    { "x-times": "Sun, 25 Jan 2015 08:00:00 GMT, x" },
    "",
    "The header is not a list of dates at 'Times'",
  ],
  ["/things/7", "", { "x-json": "e30" }, "", "\"e30\" is not base64 at 'Json'"],
  ["/things/7", "", { "x-json": "fg==" }, "", "The header is not base64 of JSON"],
  ["/things/7", "", {}, "{", "The request body is not JSON"],
  ["/things/7", "", {}, '{"Body":1}', "NUMBER_VALUE can not be converted to a String at 'Body'"],
])("malformed: %s?%s %j %s", (path, query, headers, body, message) => {
  expect(() => decode(path, query, headers as Record<string, string>, body)).toThrow(
    expect.objectContaining({ status: 400, message: expect.stringContaining(message) as string }),
  );
});

test("an output goes to status, headers and body", () => {
  const output = {
    Status: 201,
    Names: ["a", "b, c", 'd"'],
    Times: [new Date(1422172800000)],
    Json: { a: 1 },
    Body: "x",
  };
  expect(codec.encode(operation, output, ids)).toEqual({
    status: 201,
    headers: {
      "content-type": "application/json",
      "x-amzn-requestid": "id-1",
      "x-names": 'a, "b, c", "d\\""',
      "x-times": "Sun, 25 Jan 2015 08:00:00 GMT",
      "x-json": "eyJhIjoxfQ==",
    },
    body: '{"Body":"x"}',
  });
  expect(codec.encode(operation, {}, ids)).toMatchObject({ status: 202, body: "{}" });
  expect(codec.encode(operation, { Status: 204, Body: "x" }, ids)).toEqual({
    status: 204,
    headers: { "x-amzn-requestid": "id-1" },
    body: undefined,
  });
  expect(codec.encode(service.operation("Read")!, undefined, ids)).toEqual({
    status: 200,
    headers: { "x-amzn-requestid": "id-1" },
    body: undefined,
  });
});

test("an error's type is in a header, and its bound members are, too", () => {
  expect(
    codec.encodeError(operation, new AwsError("Throttled", "slow down", { members: { RetryAfter: 3 } }), ids),
  ).toEqual({
    status: 429,
    headers: {
      "content-type": "application/json",
      "x-amzn-requestid": "id-1",
      "x-amzn-errortype": "Throttled",
      "retry-after": "3",
    },
    body: '{"message":"slow down"}',
  });
});

test("a header list of nothing but spaces and quotes ends in time", () => {
  expect(decode("/things/7", "", { "x-names": `a${" ".repeat(100_000)}` })).toMatchObject({ Names: ["a"] });
  expect(() => decode("/things/7", "", { "x-names": `a${" ".repeat(100_000)}"x` })).toThrow("not a list");
  expect(() => decode("/things/7", "", { "x-names": '"\\'.repeat(50_000) })).toThrow("not a list");
});
