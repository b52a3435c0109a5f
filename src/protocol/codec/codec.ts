/**
 * The server side of an AWS wire protocol: HTTP in, typed input out; typed output in, HTTP out.
 *
 * All protocols have this one shape. A codec belongs to one service and compiles its description operation by
 * operation, on first use, into closures: no call interprets the description again.
 */
import type { AwsError } from "../aws-error.ts";
import type { CompiledOperation } from "../compiled-service.ts";
import type { HttpRequest, HttpResponse } from "../http-message.ts";
import type { ProtocolName } from "../service-model.ts";

/** A structure as handlers see it: members by the description's names. */
export type Structure = Record<string, unknown>;

/** What identifies the operation. `awsQuery` reads `Action` from the body; the other protocols ignore it. */
export type RequestHead = Pick<HttpRequest, "method" | "path" | "query" | "headers"> &
  Partial<Pick<HttpRequest, "body">>;

/** Ids that every response carries. `hostId` is S3's `x-amz-id-2`. */
export interface ResponseIds {
  readonly requestId: string;
  readonly hostId?: string;
}

export interface Codec {
  readonly protocol: ProtocolName;

  /** The operation that a request names, by target, path, `Action`, or route; undefined when the service has none such. */
  resolveOperation(head: RequestHead): CompiledOperation | undefined;

  /**
   * The operation's input, typed but not validated: unknown members dropped, timestamps as `Date`, blobs as
   * `Uint8Array`, maps without prototype, a streaming payload as the stream itself.
   *
   * @throws AwsError 400 `SerializationException` (JSON, CBOR), `MalformedXML` (S3) or `MalformedInput`, saying what and where
   */
  decode(operation: CompiledOperation, request: HttpRequest): Structure;

  /** The response of a handler's output; members that are undefined are left out, a streaming body passes through. */
  encode(operation: CompiledOperation, output: Structure | undefined, ids: ResponseIds): HttpResponse;

  /** The response of an error: status and code of the description where it has the shape, else the error's own. */
  encodeError(operation: CompiledOperation | undefined, error: AwsError, ids: ResponseIds): HttpResponse;
}
