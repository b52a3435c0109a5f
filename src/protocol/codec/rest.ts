/**
 * The two REST protocols: members are bound to path, query, headers, status and payload; the rest is a JSON or XML
 * body, which is all that the formats differ in.
 */
import { isUtf8 } from "node:buffer";
import type { AwsError } from "../aws-error.ts";
import type { CompiledOperation, CompiledService } from "../compiled-service.ts";
import type { HttpRequest, HttpResponse } from "../http-message.ts";
import type { ProtocolName, ShapeModel, ShapeReference } from "../service-model.ts";
import { bodyStream, hasStreamingInput, wholeBody } from "./body.ts";
import type { Codec, RequestHead, ResponseIds, Structure } from "./codec.ts";
import { compileOnce } from "./compile-once.ts";
import { isHead, resolveError, type ResolvedError } from "./errors.ts";
import { eventStreamEncoder, eventStreamType, type EventFormat } from "./event-stream.ts";
import { compileInputBinding, compileOutputBinding, type OutputBinding } from "./http-bindings.ts";
import { Malformed, malformedAs } from "./malformed.ts";
import { RouteTable, splitPath } from "./route-table.ts";
import { decodeUriPart, parseQuery } from "./uri.ts";

type MemberSelection = (reference: ShapeReference) => boolean;

/** What a body is written in. */
export interface RestFormat {
  readonly protocol: ProtocolName;
  readonly family: "json" | "xml";
  readonly contentType: string;
  /** The code of the error that answers a body which cannot be read. */
  readonly malformedCode: string;
  /** Reads a body that holds the selected members of the input. */
  readonly decodeMembers: (shape: ShapeModel, selects: MemberSelection) => (body: Uint8Array) => Structure;
  /** Reads a body that is one structure, document, list or map. */
  readonly decodePayload: (reference: ShapeReference) => (body: Uint8Array) => unknown;
  /** Writes the selected members of the output; `undefined` when such an output has no body at all. */
  readonly encodeMembers: (
    operation: CompiledOperation,
    shape: ShapeModel,
    selects: MemberSelection,
  ) => ((output: never) => string) | undefined;
  readonly encodePayload: (reference: ShapeReference) => (value: never) => string;
  readonly events: EventFormat;
  /** Headers that carry the request's ids. */
  readonly idHeaders: (ids: ResponseIds) => Record<string, string>;
  readonly errorHeaders: (error: ResolvedError) => Record<string, string>;
  readonly encodeError: (error: ResolvedError, ids: ResponseIds, selects: MemberSelection) => string;
}

type InputDecoder = (request: HttpRequest) => Structure;
type Body = { readonly contentType?: string; readonly body: HttpResponse["body"] };
type OutputEncoder = (output: Structure, ids: ResponseIds) => HttpResponse;

const isUnbound: MemberSelection = (reference) => reference.location === undefined;
/** A response has no path and no query, so what a shape binds to them for its use as input is in the body. */
const isInResponseBody: MemberSelection = ({ location }) =>
  location === undefined || location === "uri" || location === "querystring";

export function restCodec(service: CompiledService, format: RestFormat): Codec {
  return new RestCodec(service, format);
}

class RestCodec implements Codec {
  readonly protocol: ProtocolName;
  readonly #service: CompiledService;
  readonly #format: RestFormat;
  readonly #routes: RouteTable;
  readonly #inputs = new Map<CompiledOperation, InputDecoder>();
  readonly #outputs = new Map<CompiledOperation, OutputEncoder>();
  readonly #errorBindings = new Map<string, OutputBinding>();

  constructor(service: CompiledService, format: RestFormat) {
    this.protocol = format.protocol;
    this.#service = service;
    this.#format = format;
    this.#routes = new RouteTable(service);
  }

  resolveOperation(head: RequestHead): CompiledOperation | undefined {
    return malformedAs("MalformedInput", () => this.#routes.resolve(head));
  }

  decode(operation: CompiledOperation, request: HttpRequest): Structure {
    return compileOnce(this.#inputs, operation, () => this.#compileInput(operation))(request);
  }

  encode(operation: CompiledOperation, output: Structure | undefined, ids: ResponseIds): HttpResponse {
    return compileOnce(this.#outputs, operation, () => this.#compileOutput(operation))(output ?? {}, ids);
  }

  encodeError(operation: CompiledOperation | undefined, error: AwsError, ids: ResponseIds): HttpResponse {
    const format = this.#format;
    const resolved = resolveError(this.#service, error, format.family);
    const headers: Record<string, string> = {
      "content-type": format.contentType,
      ...format.idHeaders(ids),
      ...format.errorHeaders(resolved),
    };
    if (resolved.shape !== undefined) this.#errorBinding(resolved.shape)(resolved.members, headers);
    Object.assign(headers, error.headers);
    return {
      status: resolved.status,
      headers,
      body: isHead(operation) ? undefined : format.encodeError(resolved, ids, isInResponseBody),
    };
  }

  #errorBinding({ name, model }: NonNullable<ResolvedError["shape"]>): OutputBinding {
    return compileOnce(this.#errorBindings, name, () => compileOutputBinding(this.#service, model));
  }

  #compileInput(operation: CompiledOperation): InputDecoder {
    const { input } = operation.model;
    if (input === undefined) return () => ({});
    const shape = this.#service.shape(input.shape);
    const bind = compileInputBinding(this.#service, shape);
    const readBody = this.#inputBody(operation, shape);
    const path = this.#routes.pathOf(operation);
    return (request) => {
      const structure = malformedAs(this.#format.malformedCode, () => readBody(request));
      malformedAs("MalformedInput", () => {
        const segments = splitPath(request.path);
        const raw = path.match(segments) ?? path.match(segments.slice(0, -1)) ?? new Map<string, string>();
        const labels = new Map([...raw].map(([name, text]) => [name, decodeUriPart(text)]));
        bind({ labels, parameters: parseQuery(request.query), headers: request.headers }, structure);
      });
      return structure;
    };
  }

  #inputBody(operation: CompiledOperation, shape: ShapeModel): InputDecoder {
    const { payload } = shape;
    if (payload === undefined) {
      if (!Object.values(shape.members ?? {}).some(isUnbound)) return () => ({});
      const decode = this.#format.decodeMembers(shape, isUnbound);
      return (request) => decode(wholeBody(operation, request));
    }
    if (hasStreamingInput(operation)) return (request) => ({ [payload]: bodyStream(request.body) });
    const decode = this.#payloadDecoder(shape.members![payload]);
    return (request) => {
      const body = wholeBody(operation, request);
      return body.byteLength === 0 ? {} : { [payload]: decode(body) };
    };
  }

  #payloadDecoder(reference: ShapeReference): (body: Uint8Array) => unknown {
    switch (this.#service.shape(reference.shape).type) {
      case "blob":
        return (body) => body;
      case "string":
        return utf8Text;
      default:
        if (this.#service.shape(reference.shape).eventstream) {
          throw new Error(`${this.#service.name}: event streams of input are not served; no description has one`);
        }
        return this.#format.decodePayload(reference);
    }
  }

  #compileOutput(operation: CompiledOperation): OutputEncoder {
    const { idHeaders } = this.#format;
    const { output, http } = operation.model;
    const status = http.responseCode ?? 200;
    if (output === undefined) return (_structure, ids) => ({ status, headers: idHeaders(ids), body: undefined });
    const shape = this.#service.shape(output.shape);
    const bind = compileOutputBinding(this.#service, shape);
    const writeBody = isHead(operation) ? (): Body => ({ body: undefined }) : this.#outputBody(operation, shape);
    return (structure, ids) => {
      const { contentType, body } = writeBody(structure);
      const headers: Record<string, string> = idHeaders(ids);
      // A member that is bound to content-type overrides this one.
      if (contentType !== undefined) headers["content-type"] = contentType;
      const boundStatus = bind(structure, headers);
      return withoutNeedlessBody({ status: boundStatus ?? status, headers, body });
    };
  }

  #outputBody(operation: CompiledOperation, shape: ShapeModel): (output: Structure) => Body {
    const { payload } = shape;
    if (payload !== undefined) {
      const encode = this.#payloadEncoder(shape.members![payload]);
      return (output) => {
        const value = output[payload];
        return value === undefined || value === null ? { body: undefined } : encode(value as never);
      };
    }
    const encode = this.#format.encodeMembers(operation, shape, isInResponseBody);
    if (encode === undefined) return () => ({ body: undefined });
    return (output) => ({ contentType: this.#format.contentType, body: encode(output as never) });
  }

  #payloadEncoder(reference: ShapeReference): (value: never) => Body {
    const shape = this.#service.shape(reference.shape);
    switch (shape.type) {
      case "blob":
        return (value: HttpResponse["body"]) => ({ contentType: "application/octet-stream", body: value });
      case "string":
        return (value: string) => ({ contentType: "text/plain", body: value });
      default: {
        if (shape.eventstream) {
          const frames = eventStreamEncoder(this.#service, reference, this.#format.events);
          return (events: AsyncIterable<Structure>) => ({ contentType: eventStreamType, body: frames(events) });
        }
        const encode = this.#format.encodePayload(reference);
        return (value) => ({ contentType: this.#format.contentType, body: encode(value) });
      }
    }
  }
}

/** A response with one of these statuses ends with its headers (RFC 9110, section 6.4.1). */
function withoutNeedlessBody(response: HttpResponse): HttpResponse {
  if (response.status !== 204 && response.status !== 304) return response;
  const { "content-type": _contentType, ...headers } = response.headers;
  return { status: response.status, headers, body: undefined };
}

/** @throws Malformed when the bytes are not UTF-8 */
export function utf8Text(body: Uint8Array): string {
  if (!isUtf8(body)) throw new Malformed("The request body is not UTF-8");
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8");
}
