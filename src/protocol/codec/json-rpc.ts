/** awsJson1.0 and awsJson1.1: `X-Amz-Target: Prefix.Operation`, one JSON object each way. */
import type { AwsError } from "../aws-error.ts";
import type { CompiledOperation, CompiledService, ErrorShape } from "../compiled-service.ts";
import type { HttpRequest, HttpResponse } from "../http-message.ts";
import { wholeBody } from "./body.ts";
import type { Codec, RequestHead, ResponseIds, Structure } from "./codec.ts";
import { compileOnce } from "./compile-once.ts";
import { queryErrorHeader, resolveError, type ResolvedError, jsonErrorBody } from "./errors.ts";
import { eventStreamEncoder, eventStreamType, rpcStreamMember, type EventStreamEncoder } from "./event-stream.ts";
import { JsonEncoders, jsonDecoders, parseJson, type JsonEncoder, onceIfFrozen } from "./json-values.ts";
import { malformedAs } from "./malformed.ts";
import type { TreeDecoder, TreeDecoders } from "./tree-decoder.ts";

interface CompiledOutput {
  readonly encode: JsonEncoder;
  readonly stream?: { readonly member: string; readonly encode: EventStreamEncoder };
}

/** @param service a service whose protocols include `json` */
export function jsonRpcCodec(service: CompiledService): Codec {
  return new JsonRpcCodec(service);
}

class JsonRpcCodec implements Codec {
  readonly protocol = "json";
  readonly #service: CompiledService;
  readonly #contentType: string;
  readonly #decoders: TreeDecoders;
  readonly #encoders: JsonEncoders;
  readonly #inputs = new Map<CompiledOperation, TreeDecoder>();
  readonly #outputs = new Map<CompiledOperation, CompiledOutput>();
  readonly #errors = new Map<string, JsonEncoder>();

  constructor(service: CompiledService) {
    this.#service = service;
    this.#contentType = `application/x-amz-json-${service.model.metadata.jsonVersion ?? "1.0"}`;
    this.#decoders = jsonDecoders(service);
    this.#encoders = new JsonEncoders(service);
  }

  resolveOperation(head: RequestHead): CompiledOperation | undefined {
    const target = head.headers["x-amz-target"];
    if (target === undefined) return undefined;
    const dot = target.lastIndexOf(".");
    if (target.slice(0, Math.max(dot, 0)) !== (this.#service.model.metadata.targetPrefix ?? "")) return undefined;
    return this.#service.operation(target.slice(dot + 1));
  }

  decode(operation: CompiledOperation, request: HttpRequest): Structure {
    return malformedAs("SerializationException", () => {
      const body = wholeBody(operation, request);
      return this.#input(operation)(parseJson(body), 1) as Structure;
    });
  }

  encode(operation: CompiledOperation, output: Structure | undefined, ids: ResponseIds): HttpResponse {
    const compiled = this.#output(operation);
    const structure = (output ?? {}) as never;
    if (compiled.stream !== undefined) {
      return {
        status: 200,
        headers: { "content-type": eventStreamType, "x-amzn-requestid": ids.requestId },
        body: compiled.stream.encode(
          structure[compiled.stream.member] as AsyncIterable<Structure>,
          compiled.encode(structure),
        ),
      };
    }
    return {
      status: 200,
      headers: { "content-type": this.#contentType, "x-amzn-requestid": ids.requestId },
      body: compiled.encode(structure),
    };
  }

  encodeError(_operation: CompiledOperation | undefined, error: AwsError, ids: ResponseIds): HttpResponse {
    const resolved = resolveError(this.#service, error, "json");
    return {
      status: resolved.status,
      headers: {
        "content-type": this.#contentType,
        "x-amzn-requestid": ids.requestId,
        "x-amzn-errortype": resolved.type,
        ...queryErrorHeader(this.#service, resolved),
        ...error.headers,
      },
      body: this.#errorBody(resolved),
    };
  }

  #errorBody(error: ResolvedError): string {
    const typed = `"__type":${JSON.stringify(error.type)}`;
    const body = jsonErrorBody(error, (members) => this.#errorEncoder(error.shape!)(members as never));
    return body === "{}" ? `{${typed}}` : `{${typed},${body.slice(1)}`;
  }

  #errorEncoder({ name, model }: ErrorShape): JsonEncoder {
    return compileOnce(this.#errors, name, () => this.#encoders.members(model, () => true));
  }

  #input(operation: CompiledOperation): TreeDecoder {
    const { input } = operation.model;
    return compileOnce(this.#inputs, operation, () => (input === undefined ? () => ({}) : this.#decoders.of(input)));
  }

  #output(operation: CompiledOperation): CompiledOutput {
    return compileOnce(this.#outputs, operation, () => this.#compileOutput(operation));
  }

  #compileOutput(operation: CompiledOperation): CompiledOutput {
    const { output } = operation.model;
    if (output === undefined) return { encode: () => "{}" };
    const member = rpcStreamMember(operation);
    if (member === undefined) return { encode: onceIfFrozen(this.#encoders.of(output)) };
    const shape = this.#service.shape(output.shape);
    const streamReference = shape.members![member];
    return {
      encode: this.#encoders.members(shape, (reference) => reference !== streamReference),
      stream: {
        member,
        encode: eventStreamEncoder(this.#service, streamReference, {
          contentType: "application/json",
          encode: (reference, selects) => this.#encoders.members(this.#service.shape(reference.shape), selects),
        }),
      },
    };
  }
}
