/**
 * Event streams out: a sequence of union members becomes `application/vnd.amazon.eventstream` frames.
 *
 * A frame is headers (`:message-type`, `:event-type`, members marked as event headers) and a payload (the member
 * marked as event payload, else the other members in the protocol's body format).
 * Source: Smithy 2.0, "Event Stream Specification" and "Amazon Event Stream Specification".
 */
import { AwsError } from "../aws-error.ts";
import type { CompiledOperation, CompiledService } from "../compiled-service.ts";
import type { ShapeReference } from "../service-model.ts";
import type { Structure } from "./codec.ts";
import { resolveError } from "./errors.ts";
import { encodeFrame, type Frame, type FrameHeader } from "./event-frame.ts";

export const eventStreamType = "application/vnd.amazon.eventstream";

/** How the protocol writes a structure into a frame. */
export interface EventFormat {
  readonly contentType: string;
  /** The encoder of the members of a structure that `selects`. */
  readonly encode: (
    reference: ShapeReference,
    selects: (member: ShapeReference) => boolean,
  ) => (value: never) => string | Uint8Array;
}

/**
 * Turns events into frames, one at a time as they come. `initialResponse` is the encoded rest of the output,
 * which RPC protocols send as the first frame.
 *
 * An event that is a modelled exception, or an AwsError thrown by the iterable, becomes the last frame. Any other
 * error leaves the stream as it came: the server logs it and breaks the connection.
 */
export type EventStreamEncoder = (
  events: AsyncIterable<Structure>,
  initialResponse?: string | Uint8Array,
) => AsyncIterable<Uint8Array>;

type HeaderEncoder = (value: never) => FrameHeader;
type EventEncoder = (event: Structure) => Frame;

const text = (value: string): FrameHeader => ({ type: "string", value });

/** The output member that is an event stream, in the protocols that have no payload member. */
export function rpcStreamMember(operation: CompiledOperation): string | undefined {
  const { output } = operation.model;
  if (output === undefined) return undefined;
  const members = Object.entries(operation.service.shape(output.shape).members ?? {});
  return members.find(([, reference]) => operation.service.shape(reference.shape).eventstream)?.[0];
}

/** Compiles the encoder of one event stream. */
export function eventStreamEncoder(
  service: CompiledService,
  stream: ShapeReference,
  format: EventFormat,
): EventStreamEncoder {
  const union = service.shape(stream.shape);
  const encoders = new Map<string, EventEncoder>();
  const exceptionMembers = new Map<string, string>();
  for (const [name, reference] of Object.entries(union.members ?? {})) {
    encoders.set(name, eventEncoder(service, name, reference, format));
    if (service.shape(reference.shape).exception) exceptionMembers.set(reference.shape, name);
  }

  const encodeEvent = (event: Structure): Frame => {
    const [name, ...others] = Object.keys(event).filter((key) => event[key] !== undefined);
    const encode = name === undefined ? undefined : encoders.get(name);
    if (encode === undefined || others.length > 0) {
      throw new TypeError(
        `an event of ${stream.shape} has exactly one of ${[...encoders.keys()].join(", ")}, got ${Object.keys(event).join(", ")}`,
      );
    }
    return encode(event[name] as Structure);
  };

  const encodeThrown = (error: AwsError): Frame => {
    const resolved = resolveError(service, error, "json");
    const member = resolved.shape === undefined ? undefined : exceptionMembers.get(resolved.shape.name);
    if (member !== undefined) return encoders.get(member)!(resolved.members);
    return {
      headers: {
        ":message-type": text("error"),
        ":error-code": text(resolved.code),
        ":error-message": text(error.message),
      },
      body: new Uint8Array(0),
    };
  };

  return async function* frames(events, initialResponse) {
    if (initialResponse !== undefined) {
      yield encodeFrame(eventMessage("initial-response", format.contentType, initialResponse));
    }
    try {
      for await (const event of events) yield encodeFrame(encodeEvent(event));
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      yield encodeFrame(encodeThrown(error));
    }
  };
}

function eventMessage(type: string, contentType: string, payload: string | Uint8Array): Frame {
  return {
    headers: { ":message-type": text("event"), ":event-type": text(type), ":content-type": text(contentType) },
    body: typeof payload === "string" ? Buffer.from(payload, "utf8") : payload,
  };
}

function eventEncoder(
  service: CompiledService,
  name: string,
  reference: ShapeReference,
  format: EventFormat,
): EventEncoder {
  const shape = service.shape(reference.shape);
  const members = Object.entries(shape.members ?? {});
  const headers = members
    .filter(([, member]) => member.eventheader)
    .map(([key, member]) => [key, headerEncoder(service, member)] as const);
  const payload = members.find(([, member]) => member.eventpayload);
  const body = payload === undefined ? undefined : payloadEncoder(service, payload[1], format);
  const rest = format.encode(reference, (member) => !member.eventheader);
  // An event without members says all it has to say by its name.
  const restIsEmpty = members.every(([, member]) => member.eventheader);
  const typeHeaders: Frame["headers"] = shape.exception
    ? { ":message-type": text("exception"), ":exception-type": text(name) }
    : { ":message-type": text("event"), ":event-type": text(name) };

  return (event) => {
    const message: Frame = { headers: { ...typeHeaders }, body: new Uint8Array(0) };
    for (const [key, encode] of headers) {
      if (event[key] !== undefined) message.headers[key] = encode(event[key] as never);
    }
    if (payload !== undefined) {
      const value = event[payload[0]];
      if (value === undefined) return message;
      message.headers[":content-type"] = text(body!.contentType);
      message.body = bytesOf(body!.encode(value as never));
    } else if (!restIsEmpty) {
      message.headers[":content-type"] = text(format.contentType);
      message.body = bytesOf(rest(event as never));
    }
    return message;
  };
}

function payloadEncoder(
  service: CompiledService,
  reference: ShapeReference,
  format: EventFormat,
): { contentType: string; encode: (value: never) => string | Uint8Array } {
  switch (service.shape(reference.shape).type) {
    case "blob":
      return { contentType: "application/octet-stream", encode: (value: Uint8Array | string) => value };
    case "string":
      return { contentType: "text/plain", encode: (value: string) => value };
    default:
      return { contentType: format.contentType, encode: format.encode(reference, () => true) };
  }
}

function headerEncoder(service: CompiledService, reference: ShapeReference): HeaderEncoder {
  switch (service.shape(reference.shape).type) {
    case "boolean":
      return (value: boolean) => ({ type: "boolean", value });
    case "byte":
      return (value: number) => ({ type: "byte", value });
    case "short":
      return (value: number) => ({ type: "short", value });
    case "integer":
      return (value: number) => ({ type: "integer", value });
    case "long":
      return (value: number) => ({ type: "long", value: value });
    case "blob":
      return (value: Uint8Array) => ({ type: "binary", value });
    case "timestamp":
      return (value: Date) => ({ type: "timestamp", value });
    case "string":
      return text;
    default:
      throw new Error(`service description ${service.name}: ${reference.shape} cannot be an event header`);
  }
}

function bytesOf(payload: string | Uint8Array): Uint8Array {
  return typeof payload === "string" ? Buffer.from(payload, "utf8") : payload;
}
