import { expect, test } from "vitest";
import { AwsError } from "../aws-error.ts";
import { CompiledService } from "../compiled-service.ts";
import { loadServiceModel } from "../service-models.ts";
import type { ShapeModel } from "../service-model.ts";
import { createCodec } from "./index.ts";

/** Shapes that hold one of everything, and themselves. */
const shapes: Record<string, ShapeModel> = {
  Text: { type: "string" },
  Count: { type: "integer" },
  Rate: { type: "double" },
  Flag: { type: "boolean" },
  Data: { type: "blob" },
  Time: { type: "timestamp" },
  IsoTime: { type: "timestamp", timestampFormat: "iso8601" },
  Names: { type: "list", member: { shape: "Text" } },
  Tags: { type: "map", key: { shape: "Text" }, value: { shape: "Text" } },
  Anything: { type: "structure", document: true },
  Everything: {
    type: "structure",
    members: {
      Text: { shape: "Text" },
      Count: { shape: "Count" },
      Rate: { shape: "Rate" },
      Flag: { shape: "Flag" },
      Data: { shape: "Data" },
      Time: { shape: "Time" },
      IsoTime: { shape: "IsoTime" },
      Names: { shape: "Names" },
      Tags: { shape: "Tags" },
      Anything: { shape: "Anything" },
      Inner: { shape: "Everything" },
      Renamed: { shape: "Text", locationName: "other-name" },
    },
  },
  Broken: {
    type: "structure",
    exception: true,
    fault: true,
    members: { Message: { shape: "Text" }, Detail: { shape: "Count" } },
  },
};

const service = new CompiledService("test", {
  version: "2.0",
  metadata: {
    apiVersion: "2020-01-01",
    endpointPrefix: "test",
    protocol: "json",
    jsonVersion: "1.1",
    targetPrefix: "Test_2020",
    serviceId: "Test",
  },
  operations: {
    Do: {
      name: "Do",
      http: { method: "POST", requestUri: "/" },
      input: { shape: "Everything" },
      output: { shape: "Everything" },
    },
    Ping: { name: "Ping", http: { method: "POST", requestUri: "/" } },
  },
  shapes,
});
const codec = createCodec(service, "json");
const operation = service.operation("Do")!;
const ids = { requestId: "id-1" };

const request = (body: string | Uint8Array, headers: Record<string, string> = {}) => ({
  method: "POST",
  path: "/",
  query: "",
  headers,
  body: typeof body === "string" ? Buffer.from(body) : body,
});
const decode = (body: string | Uint8Array) => codec.decode(operation, request(body));

test("the target names the operation, with the service's prefix and nothing else", () => {
  const resolve = (target?: string) =>
    codec.resolveOperation(request("", target === undefined ? {} : { "x-amz-target": target }))?.name;
  expect(resolve("Test_2020.Do")).toBe("Do");
  expect(resolve("Test_2020.Other")).toBeUndefined();
  expect(resolve("Other.Do")).toBeUndefined();
  expect(resolve("Do")).toBeUndefined();
  expect(resolve("Test_2020.constructor")).toBeUndefined();
  expect(resolve()).toBeUndefined();
});

test("every type is decoded, unknown members and nulls are dropped", () => {
  const body = `{"Text":"a","Count":3,"Rate":"NaN","Flag":false,"Data":"aGk=","Time":1422172800.25,"IsoTime":"2015-01-25T08:00:00Z",
    "Names":["a",null],"Tags":{"k":"v"},"Anything":{"a":[1,null]},"Inner":{"Text":null},"other-name":"r","Unknown":{"deep":[]}}`;
  expect(decode(body)).toEqual({
    Text: "a",
    Count: 3,
    Rate: NaN,
    Flag: false,
    Data: new Uint8Array([104, 105]),
    Time: new Date(1422172800250),
    IsoTime: new Date(1422172800000),
    Names: ["a", null],
    Tags: { k: "v" },
    Anything: { a: [1, null] },
    Inner: {},
    Renamed: "r",
  });
});

test("keys such as __proto__ and constructor are keys like any other", () => {
  const { Tags } = decode('{"Tags":{"__proto__":"p","constructor":"c"},"__proto__":{"Text":"polluted"}}') as {
    Tags: Record<string, string>;
  };
  expect(Object.entries(Tags)).toEqual([
    ["__proto__", "p"],
    ["constructor", "c"],
  ]);
  expect(Tags["toString"]).toBeUndefined();
  expect(decode('{"__proto__":{"Text":"polluted"}}')["Text"]).toBeUndefined();
  expect(codec.encode(operation, { Tags }, ids).body).toBe('{"Tags":{"__proto__":"p","constructor":"c"}}');
});

test.each([
  ['{"Count":"1"}', "STRING_VALUE can not be converted to an Integer at 'Count'"],
  ['{"Count":true}', "TRUE_VALUE can not be converted to an Integer at 'Count'"],
  ['{"Count":1.5}', "1.5 can not be converted to an Integer at 'Count'"],
  ['{"Text":1}', "NUMBER_VALUE can not be converted to a String at 'Text'"],
  ['{"Text":["a"]}', "Start of list found where not expected at 'Text'"],
  ['{"Text":{}}', "Start of structure or map found where not expected. at 'Text'"],
  ['{"Names":"a"}', "Expected list or null at 'Names'"],
  ['{"Names":["a",2]}', "NUMBER_VALUE can not be converted to a String at 'Names[1]'"],
  ['{"Inner":{"Inner":{"Flag":"true"}}}', "STRING_VALUE can not be converted to a Boolean at 'Inner.Inner.Flag'"],
  ['{"Inner":"x"}', "Expected a structure or map, or null at 'Inner'"],
  ['{"Tags":{"k":1}}', "NUMBER_VALUE can not be converted to a String at 'Tags.k'"],
  ['{"Data":"a"}', "\"a\" is not base64 at 'Data'"],
  ['{"Time":"2015"}', "STRING_VALUE can not be converted to milliseconds since epoch at 'Time'"],
  ['{"Time":1e300}', "\"1e+300\" is not a time that exists at 'Time'"],
  ['{"IsoTime":"yesterday"}', "\"yesterday\" is not a timestamp such as 2015-01-25T08:00:00Z at 'IsoTime'"],
  ["[]", "Start of list found where not expected"],
  ['"x"', "Expected a structure or map, or null"],
  ["null", "Expected a structure or map, or null"],
])("the malformed input %s says what is wrong and where", (body, message) => {
  expect(() => decode(body)).toThrow(expect.objectContaining({ code: "SerializationException", status: 400, message }));
});

test("a body that is not JSON or not UTF-8 is refused", () => {
  expect(() => decode('{"Text":')).toThrow(
    expect.objectContaining({
      code: "SerializationException",
      message: expect.stringMatching(/^The request body is not JSON: /) as string,
    }),
  );
  expect(() => decode(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]))).toThrow(
    expect.objectContaining({ message: "The request body is not UTF-8" }),
  );
});

test("an empty body is an empty input", () => {
  expect(decode("")).toEqual({});
  expect(codec.decode(service.operation("Ping")!, request(""))).toEqual({});
});

test("nesting is limited where it is read, and harmless where it is not", () => {
  const nested = (depth: number) => '{"Inner":'.repeat(depth) + "{}" + "}".repeat(depth);
  expect(() => decode(nested(99))).not.toThrow();
  expect(() => decode(nested(100))).toThrow(
    expect.objectContaining({
      code: "SerializationException",
      message: expect.stringContaining("nested deeper than 100 levels") as string,
    }),
  );
  expect(() => decode(nested(200_000))).toThrow("nested deeper than 100 levels");
  const brackets = "[".repeat(200_000) + "]".repeat(200_000);
  expect(() => decode(`{"Anything":${brackets}}`)).toThrow("nested deeper than 100 levels");
  expect(decode(`{"Unknown":${brackets}}`)).toEqual({});
});

test("the output is written without what is absent, numbers and times as AWS writes them", () => {
  const output = {
    Text: 'q"\n',
    Count: 0,
    Rate: -Infinity,
    Flag: false,
    Data: Buffer.from("hi"),
    Time: new Date(1422172800250),
    IsoTime: new Date(1422172800000),
    Names: ["a", undefined],
    Tags: { k: "v", gone: undefined },
    Inner: { Text: undefined },
    Renamed: "r",
    Internal: "not of the shape",
  };
  const response = codec.encode(operation, output, ids);
  expect(response).toMatchObject({
    status: 200,
    headers: { "content-type": "application/x-amz-json-1.1", "x-amzn-requestid": "id-1" },
  });
  expect(response.body).toBe(
    '{"Text":"q\\"\\n","Count":0,"Rate":"-Infinity","Flag":false,"Data":"aGk=","Time":1422172800.25,"IsoTime":"2015-01-25T08:00:00Z","Names":["a",null],"Tags":{"k":"v"},"Inner":{},"other-name":"r"}',
  );
  expect(codec.encode(service.operation("Ping")!, undefined, ids).body).toBe("{}");
});

test("an invalid date in an output is the handler's mistake", () => {
  expect(() => codec.encode(operation, { Time: new Date(NaN) }, ids)).toThrow(TypeError);
});

test("an error has its type in body and header, its members, those that no description has too, and status", () => {
  const modelled = codec.encodeError(
    operation,
    new AwsError("Broken", "it broke", { members: { Detail: 7, Other: 1 }, headers: { "retry-after": "1" } }),
    ids,
  );
  expect(modelled).toEqual({
    status: 500,
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amzn-requestid": "id-1",
      "x-amzn-errortype": "Broken",
      "retry-after": "1",
    },
    body: '{"__type":"Broken","Detail":7,"Message":"it broke","Other":1}',
  });
  const unmodelled = codec.encodeError(undefined, new AwsError("ValidationException", "bad", { status: 400 }), ids);
  expect([unmodelled.status, unmodelled.body]).toEqual([400, '{"__type":"ValidationException","message":"bad"}']);
  expect(codec.encodeError(undefined, new AwsError("Silent", ""), ids).body).toBe('{"__type":"Silent"}');
});

test("a service that used to speak query tells the old code in a header, and its status is not the query protocol's", () => {
  const cloudwatch = loadServiceModel("cloudwatch");
  const error = new AwsError("DashboardNotFoundError", "Dashboard d does not exist");
  const response = createCodec(cloudwatch, "json").encodeError(cloudwatch.operation("GetDashboard"), error, ids);
  expect(response.status).toBe(400);
  expect(response.headers["x-amzn-query-error"]).toBe("ResourceNotFound;Sender");
  expect(response.body).toContain('"__type":"DashboardNotFoundError"');
  const query = createCodec(cloudwatch, "query").encodeError(cloudwatch.operation("GetDashboard"), error, ids);
  expect([query.status, query.headers["x-amzn-query-error"]]).toEqual([404, undefined]);
  expect(query.body).toContain("<Code>ResourceNotFound</Code>");
});

test("a protocol that the service does not speak is refused, and ec2 by name", () => {
  expect(() => createCodec(service, "query")).toThrow("test does not speak query, only json");
  expect(() => createCodec(service, "ec2")).toThrow("the ec2 protocol is not served");
});
