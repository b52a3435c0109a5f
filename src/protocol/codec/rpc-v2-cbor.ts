/** Smithy RPC v2 CBOR: `POST /service/<Service>/operation/<Operation>`, one CBOR map each way. */
import type { AwsError } from "../aws-error.ts";
import type { CompiledOperation, CompiledService } from "../compiled-service.ts";
import type { HttpRequest, HttpResponse } from "../http-message.ts";
import { wholeBody } from "./body.ts";
import { CborEncoders, cborDecoders, parseCbor, type CborEncoder } from "./cbor-values.ts";
import { CborWriter } from "./cbor-writer.ts";
import type { Codec, RequestHead, ResponseIds, Structure } from "./codec.ts";
import { compileOnce } from "./compile-once.ts";
import { queryErrorHeader, resolveError } from "./errors.ts";
import { rpcStreamMember } from "./event-stream.ts";
import { malformedAs } from "./malformed.ts";
import type { TreeDecoder, TreeDecoders } from "./tree-decoder.ts";

const protocolHeader = { "smithy-protocol": "rpc-v2-cbor" };
const contentType = { "content-type": "application/cbor" };
const pathPattern = /^\/service\/([^/]+)\/operation\/([^/]+)$/;

/** @param service a service whose protocols include `smithy-rpc-v2-cbor` */
export function rpcV2CborCodec(service: CompiledService): Codec {
  return new RpcV2CborCodec(service);
}

class RpcV2CborCodec implements Codec {
  readonly protocol = "smithy-rpc-v2-cbor";
  readonly #service: CompiledService;
  readonly #decoders: TreeDecoders;
  readonly #encoders: CborEncoders;
  readonly #inputs = new Map<CompiledOperation, TreeDecoder>();
  readonly #outputs = new Map<CompiledOperation, CborEncoder>();

  constructor(service: CompiledService) {
    this.#service = service;
    this.#decoders = cborDecoders(service);
    this.#encoders = new CborEncoders(service);
  }

  resolveOperation(head: RequestHead): CompiledOperation | undefined {
    const match = pathPattern.exec(head.path);
    if (match === null || head.method !== "POST") return undefined;
    const { targetPrefix } = this.#service.model.metadata;
    return match[1] === targetPrefix ? this.#service.operation(match[2]) : undefined;
  }

  decode(operation: CompiledOperation, request: HttpRequest): Structure {
    return malformedAs("SerializationException", () => {
      const body = wholeBody(operation, request);
      return this.#input(operation)(parseCbor(body), 1) as Structure;
    });
  }

  encode(operation: CompiledOperation, output: Structure | undefined, ids: ResponseIds): HttpResponse {
    const headers = { ...protocolHeader, "x-amzn-requestid": ids.requestId };
    // An operation without output has no body, and then no content type either.
    if (operation.model.output === undefined) return { status: 200, headers, body: undefined };
    const writer = new CborWriter();
    this.#output(operation)((output ?? {}) as never, writer);
    return { status: 200, headers: { ...headers, ...contentType }, body: writer.finish() };
  }

  encodeError(_operation: CompiledOperation | undefined, error: AwsError, ids: ResponseIds): HttpResponse {
    const resolved = resolveError(this.#service, error, "json");
    const writer = new CborWriter();
    if (resolved.shape === undefined) writer.plain({ __type: resolved.type, ...resolved.members });
    else this.#encoders.structure(resolved.shape.model, resolved.type)(resolved.members as never, writer);
    return {
      status: resolved.status,
      headers: {
        ...protocolHeader,
        ...contentType,
        "x-amzn-requestid": ids.requestId,
        ...queryErrorHeader(this.#service, resolved),
        ...error.headers,
      },
      body: writer.finish(),
    };
  }

  #input(operation: CompiledOperation): TreeDecoder {
    const { input } = operation.model;
    return compileOnce(this.#inputs, operation, () => (input === undefined ? () => ({}) : this.#decoders.of(input)));
  }

  #output(operation: CompiledOperation): CborEncoder {
    return compileOnce(this.#outputs, operation, () => {
      if (rpcStreamMember(operation) !== undefined) {
        throw new Error(`${operation.name}: event streams are not served over RPC v2 CBOR; no description has one`);
      }
      return this.#encoders.of(operation.model.output!);
    });
  }
}
