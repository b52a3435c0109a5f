import { EventStreamCodec } from "@smithy/eventstream-codec";
import { expect, test } from "vitest";
import { encodeFrame, type Frame } from "./event-frame.ts";
import { loadServiceModel } from "../service-models.ts";
import { AwsError } from "../aws-error.ts";
import { createCodec } from "./index.ts";

const smithy = new EventStreamCodec(
  (data) => Buffer.from(data as Uint8Array).toString("utf8"),
  (text) => Buffer.from(text, "utf8"),
);

test("Smithy's reader reads our frames: every type of header, lengths and both checksums", () => {
  const frame: Frame = {
    headers: {
      yes: { type: "boolean", value: true },
      no: { type: "boolean", value: false },
      byte: { type: "byte", value: -2 },
      short: { type: "short", value: -300 },
      integer: { type: "integer", value: -70_000 },
      long: { type: "long", value: -5_000_000_000 },
      binary: { type: "binary", value: Uint8Array.of(1, 2) },
      string: { type: "string", value: "한글" },
      time: { type: "timestamp", value: new Date(1422172800123) },
    },
    body: Buffer.from("payload"),
  };
  const { headers, body } = smithy.decode(encodeFrame(frame));
  expect(Buffer.from(body).toString()).toBe("payload");
  const values = Object.fromEntries(
    Object.entries(headers).map(([name, { value }]) => [
      name,
      typeof value === "object" && "bytes" in value ? value.valueOf() : value,
    ]),
  );
  expect(values).toEqual({
    yes: true,
    no: false,
    byte: -2,
    short: -300,
    integer: -70_000,
    long: -5_000_000_000,
    binary: Uint8Array.of(1, 2),
    string: "한글",
    time: new Date(1422172800123),
  });
});

test("what a receiver would refuse is not written", () => {
  const frame = (headers: Frame["headers"], body = new Uint8Array(0)) => encodeFrame({ headers, body });
  expect(() => frame({ ["n".repeat(256)]: { type: "string", value: "" } })).toThrow("at most 255 bytes, got 256");
  expect(() => frame({ h: { type: "string", value: "x".repeat(32768) } })).toThrow(
    "the event header h holds at most 32767 bytes, got 32768",
  );
  expect(() => frame({}, new Uint8Array(16 * 1024 * 1024 + 1))).toThrow(
    "an event payload holds at most 16777216 bytes",
  );
});

const runtime = loadServiceModel("sagemaker-runtime");
const codec = createCodec(runtime, "rest-json");

function stream(events: AsyncIterable<unknown>): AsyncIterable<Uint8Array> {
  const response = codec.encode(
    runtime.operation("InvokeEndpointWithResponseStream")!,
    { Body: events },
    { requestId: "id-1" },
  );
  expect(response.headers["content-type"]).toBe("application/vnd.amazon.eventstream");
  return response.body as AsyncIterable<Uint8Array>;
}

async function read(frames: AsyncIterable<Uint8Array>): Promise<Record<string, unknown>[]> {
  const all: Record<string, unknown>[] = [];
  for await (const frame of frames) {
    const { headers, body } = smithy.decode(frame);
    all.push({
      ...Object.fromEntries(Object.entries(headers).map(([name, { value }]) => [name, value])),
      body: Buffer.from(body).toString(),
    });
  }
  return all;
}

test("an error that the stream does not model is an error frame", async () => {
  async function* events() {
    yield { PayloadPart: { Bytes: Buffer.from("x") } };
    throw new AwsError("ThrottlingException", "slow down");
  }
  expect(await read(stream(events()))).toEqual([
    { ":message-type": "event", ":event-type": "PayloadPart", ":content-type": "application/octet-stream", body: "x" },
    { ":message-type": "error", ":error-code": "ThrottlingException", ":error-message": "slow down", body: "" },
  ]);
});

test("an exception may also be an event", async () => {
  async function* events() {
    yield { InternalStreamFailure: { Message: "sorry" } };
  }
  expect(await read(stream(events()))).toEqual([
    {
      ":message-type": "exception",
      ":exception-type": "InternalStreamFailure",
      ":content-type": "application/json",
      body: '{"Message":"sorry"}',
    },
  ]);
});

test("what is no AWS error breaks the stream instead of ending it", async () => {
  async function* events() {
    yield { PayloadPart: {} };
    throw new RangeError("a bug");
  }
  await expect(read(stream(events()))).rejects.toThrow("a bug");
});

test("an event with no member, an unknown one or two is the handler's mistake", async () => {
  async function* one(event: unknown) {
    yield event;
  }
  for (const event of [{}, { Other: {} }, { PayloadPart: {}, ModelStreamError: {} }]) {
    await expect(read(stream(one(event)))).rejects.toThrow(
      "an event of ResponseStream has exactly one of PayloadPart, ModelStreamError, InternalStreamFailure",
    );
  }
});
