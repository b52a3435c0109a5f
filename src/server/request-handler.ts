/**
 * The life of a request, in order: identify the service, authenticate, decode, authorize, validate, refuse, handle, encode.
 *
 * Knows no socket: tests run the whole chain in process.
 */
import { createHash, randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import type { Access } from "../protocol/access.ts";
import { AwsError } from "../protocol/aws-error.ts";
import { hasStreamingInput } from "../protocol/codec/body.ts";
import type { Codec, ResponseIds, Structure } from "../protocol/codec/codec.ts";
import type { CompiledOperation } from "../protocol/compiled-service.ts";
import type { HttpRequest, HttpResponse } from "../protocol/http-message.ts";
import { compileRefusals, type CompiledRefusals } from "../protocol/refusals.ts";
import type { EdgeRequest, OperationDefinition, Principal, RequestContext, Service } from "../protocol/service.ts";
import { WholeBody } from "../protocol/whole-body.ts";
import {
  checkWhole,
  decodePayload,
  identifyCredentialScope,
  isUnsigned,
  verifyRequest,
  type CredentialLookup,
  type DecodedPayload,
  type PayloadExpectation,
} from "../protocol/sigv4/index.ts";
import { validateInput } from "../protocol/validation.ts";
import type { Clock } from "../util/clock.ts";
import { type Authorizer, isRootAtHome, type RequestFacts } from "./authorizer.ts";
import { bucketOfHost, hostName, isLoopbackHost } from "./host.ts";
import { ServiceIdentifier, type IdentifiedService } from "./identify.ts";

/** A request as the listener hands it over. */
export interface IncomingRequest {
  readonly method: string;
  /** Still percent-encoded, without the query. */
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Address of the client: `127.0.0.1`. */
  readonly address: string;
  /** The whole body; rejects with BodyTooLarge above `limit` bytes and with ClientHungUp. */
  readBody(limit: number): Promise<Uint8Array>;
  /** The body as it arrives, or ClientHungUp. Either this or `readBody` is called, once. */
  streamBody(): AsyncIterable<Uint8Array>;
  /** Aborts with ClientHungUp. */
  readonly signal: AbortSignal;
}

export class BodyTooLarge extends Error {
  constructor(limit: number) {
    super(`The request body is larger than ${limit} bytes`);
    this.name = "BodyTooLarge";
  }
}

/** The client went away before its request was complete: nobody's fault here, and nobody hears the answer. */
export class ClientHungUp extends Error {
  constructor(options?: ErrorOptions) {
    super("the client hung up", options);
    this.name = "ClientHungUp";
  }
}

export interface RequestHandlerOptions {
  readonly services: readonly Service[];
  readonly lookup: CredentialLookup;
  readonly authorizer: Authorizer;
  readonly clock: Clock;
  readonly auth: "on" | "off";
  readonly accountId: string;
  /** Region of unsigned requests when auth is off. */
  readonly region: string;
  readonly baseUrl: () => string;
  /** Told of every caller that proved who it is. */
  readonly noteUse?: (principal: Principal, use: { at: number; service: string; region: string }) => void;
  /** Told about faults of ours: what a client sees as InternalFailure. */
  readonly onFault: (error: unknown, facts: { requestId: string; service: string; operation: string }) => void;
}

/** Bodies that are not streamed are held in memory up to this size: InvokeEndpoint's 6 MiB and some room. */
const maxBufferedBody = 8 * 2 ** 20;

/** Who asks, from where, and what is to be checked of the body. */
interface Caller {
  readonly principal: Principal;
  readonly region: string;
  readonly payload: PayloadExpectation;
  /** How the request was signed, as `s3:authType` says it. */
  readonly signature?: "REST-HEADER" | "REST-QUERY-STRING";
}

/** Whoever sends no signature: an account of nobody, which no policy but "everybody" names. */
const anonymousPrincipal: Principal = {
  kind: "anonymous",
  accountId: "anonymous",
  arn: "anonymous",
  userId: "anonymous",
  accessKeyId: "anonymous",
};

/** Streamed bodies up to this size are taken at once; bytes. */
const maxBodyAtOnce = 16 * 2 ** 10;

interface MountedOperation {
  readonly definition: OperationDefinition<never, unknown>;
  readonly refusals: CompiledRefusals;
}

export class RequestHandler {
  readonly #options: RequestHandlerOptions;
  readonly #identifier: ServiceIdentifier;
  readonly #mounted = new Map<string, Service>();
  readonly #operations = new WeakMap<CompiledOperation, MountedOperation>();

  constructor(options: RequestHandlerOptions) {
    this.#options = options;
    for (const service of options.services) this.#mounted.set(service.description, service);
    this.#identifier = new ServiceIdentifier(
      [...this.#mounted.keys()],
      new Set(options.services.filter(({ anonymous }) => anonymous === true).map(({ description }) => description)),
    );
  }

  async handle(request: IncomingRequest): Promise<HttpResponse> {
    const requestId = randomUUID();
    const scope = identifyCredentialScope(request);
    const bucket = bucketOfHost(request.headers["host"] ?? "");
    const identified = this.#identifier.identify(request, scope?.service);
    if (identified === undefined) return unknownService(request, scope?.service, requestId);
    const { codec, description } = identified;
    const ids: ResponseIds = { requestId };
    let operation: CompiledOperation | undefined;
    const service = this.#mounted.get(description)!;
    try {
      this.#refuseForeignPages(request, service);
      if (service.edge !== undefined) {
        const answered = await service.edge.handle(this.#edgeRequest(request, requestId, codec));
        if (answered !== undefined) {
          refuseUnsendable(answered);
          return answered;
        }
      }
      // S3 names the bucket in the host or in the path; below this line there is only the path. The signature is
      // over what was sent.
      const routed =
        description === "s3" && bucket !== undefined ? { ...request, path: `/${bucket}${request.path}` } : request;
      operation = codec.resolveOperation(routed);
      const streams = operation !== undefined && hasStreamingInput(operation);
      const buffered = streams ? undefined : await request.readBody(maxBufferedBody);
      // The query protocol names its operation in the body.
      if (operation === undefined && buffered !== undefined)
        operation = codec.resolveOperation({ ...routed, body: buffered });
      const caller = await this.#authenticate(request, identified, buffered, scope?.region, bucket);
      if (operation === undefined) throw unknownOperation(request, codec);
      const mounted = this.#mount(operation);

      // A body in memory is held to its signature just as a streamed one is; aws-chunked framing comes off on the way.
      const payload = streams ? await streamedPayload(caller.payload, request) : undefined;
      const body = payload?.body ?? (await checkedBody(caller.payload, buffered!));
      if (body instanceof Uint8Array) mounted?.definition.verifyBody?.(request.headers, body);
      const message: HttpRequest = {
        method: request.method,
        path: routed.path,
        query: request.query,
        headers: request.headers,
        body,
      };
      const input = codec.decode(operation, message);

      const { principal, region } = caller;
      const facts = () => this.#facts(request, caller, identified.signingName);
      const { authorizer } = this.#options;
      const added: Record<string, string> = {};
      let status: number | undefined;
      const context: RequestContext = {
        requestId,
        service: description,
        operation: operation.name,
        accountId: principal.accountId,
        region,
        principal,
        clock: this.#options.clock,
        // Made on first use: most handlers never look whether the client is still there.
        get signal() {
          return request.signal;
        },
        headers: request.headers,
        baseUrl: this.#options.baseUrl(),
        setHeader: (name, value) => (added[name] = value),
        setStatus: (chosen) => (status = chosen),
        ...(payload === undefined ? {} : { trailers: () => payload.trailers() }),
        authorize: (...accesses) =>
          authorizer.authorize(principal, accesses, facts, codec.protocol, service.deniedCode),
      };
      const asked =
        service.accesses === undefined
          ? [{ action: `${identified.signingName}:${operation.name}`, resource: "*" }]
          : service.accesses(operation.name, (input ?? {}) as Readonly<Record<string, unknown>>, context);
      const accesses = asked instanceof Promise ? await asked : (asked as readonly Access[]);
      if (!accesses.every((access) => isRootAtHome(principal, access))) await context.authorize(...accesses);

      // Whoever may not call an operation is not told whether there is one.
      if (mounted === undefined) throw unsupportedOperation(operation);
      const { validationCode: code = "ValidationException" } = service;
      if (mounted.definition.checksInput !== true) validateInput(operation, input, { code });
      const refused = mounted.refusals.check(input);
      if (refused !== undefined) throw refusedParameter(description, code, refused);

      const output = await mounted.definition.handle(input as never, context);
      const response = codec.encode(operation, output as Structure | undefined, ids);
      if (status !== undefined) response.status = status;
      Object.assign(response.headers, added);
      refuseUnsendable(response);
      return service.edge?.decorate === undefined ? response : await decorated(service, request, response);
    } catch (error) {
      const response = codec.encodeError(operation, this.#asAwsError(error, requestId, description, operation), ids);
      return decorated(service, request, response);
    }
  }

  #edgeRequest(request: IncomingRequest, requestId: string, { protocol }: Codec): EdgeRequest {
    const { clock, lookup, authorizer, region, baseUrl } = this.#options;
    return {
      method: request.method,
      path: request.path,
      query: request.query,
      headers: request.headers,
      requestId,
      clock,
      baseUrl: baseUrl(),
      get signal() {
        return request.signal;
      },
      streamBody: () => request.streamBody(),
      lookup,
      authorize: (principal, ...accesses) =>
        authorizer.authorize(principal, accesses, () => this.#facts(request, { principal, region }, "s3"), protocol),
    };
  }

  /** The global condition keys of a request that do not depend on the principal. */
  #facts(
    request: IncomingRequest,
    { region, signature }: { readonly principal: Principal; readonly region: string; readonly signature?: string },
    signingName: string,
  ): RequestFacts {
    const now = this.#options.clock.now();
    const { "user-agent": agent, referer } = request.headers;
    return {
      "aws:CurrentTime": new Date(now).toISOString(),
      "aws:EpochTime": String(Math.floor(now / 1000)),
      "aws:SecureTransport": "false",
      "aws:SourceIp": request.address,
      "aws:RequestedRegion": region,
      "aws:ViaAWSService": "false",
      ...(agent === undefined ? {} : { "aws:UserAgent": agent }),
      ...(referer === undefined ? {} : { "aws:Referer": referer }),
      ...(signature === undefined || signingName !== "s3" ? {} : { "s3:authType": signature }),
    };
  }

  /**
   * A page from elsewhere may not talk to us: neither with the user's cookies-free fetch nor through a name that
   * DNS rebinding points here. Browsers say where a request comes from; other clients send no Origin.
   */
  #refuseForeignPages(request: IncomingRequest, service: Service): void {
    const { origin, host = "" } = request.headers;
    // S3 is made for pages: what they may read is for a bucket's CORS rules to say, and its policies say who may.
    if (service.anonymous === true && this.#options.auth === "on") return;
    // Images and links of pages come without an origin, and the query protocol changes things by GET.
    if (this.#options.auth === "off" && isOfForeignPage(request, service)) {
      throw new AwsError(
        "AccessDenied",
        "Requests of web pages are not accepted by a server that asks for no signature",
        {
          status: 403,
        },
      );
    }
    const foreign =
      origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== host || !isLoopbackHost(host));
    const unsignedRebinding = this.#options.auth === "off" && !isLoopbackHost(host);
    if (foreign || unsignedRebinding || (this.#options.auth === "off" && origin !== undefined)) {
      throw new AwsError(
        "AccessDenied",
        foreign || origin !== undefined
          ? `Requests of web pages are not accepted from the origin ${origin}`
          : `The host name ${hostName(host)} does not name this machine; use 127.0.0.1 or localhost`,
        { status: 403 },
      );
    }
  }

  async #authenticate(
    request: IncomingRequest,
    { codec, signingName, description }: IdentifiedService,
    buffered: Uint8Array | undefined,
    scopeRegion: string | undefined,
    bucket: string | undefined,
  ): Promise<Caller> {
    const { auth, accountId, region } = this.#options;
    if (auth === "off") {
      const arn = `arn:aws:iam::${accountId}:root`;
      const principal: Principal = { kind: "root", accountId, arn, userId: accountId, accessKeyId: "anonymous" };
      return { principal, region: scopeRegion ?? region, payload: unsignedPayload(request) };
    }
    const { anonymous } = this.#mounted.get(description)!;
    if (anonymous === true && isUnsigned(request)) {
      return { principal: anonymousPrincipal, region, payload: unsignedPayload(request) };
    }
    const bodySha256 = () =>
      Promise.resolve(
        createHash("sha256")
          .update(buffered ?? new Uint8Array())
          .digest("hex"),
      );
    const verified = await verifyRequest(request, {
      lookup: this.#options.lookup,
      clock: this.#options.clock,
      bodySha256,
      protocol: codec.protocol,
      service: signingName,
      ...(bucket === undefined ? {} : { bucket }),
    });
    const { principal } = verified.credential;
    this.#options.noteUse?.(principal, {
      at: this.#options.clock.now(),
      service: signingName,
      region: verified.region,
    });
    return {
      principal,
      region: verified.region,
      payload: verified.payload,
      signature: request.headers["authorization"] === undefined ? "REST-QUERY-STRING" : "REST-HEADER",
    };
  }

  #mount(operation: CompiledOperation): MountedOperation | undefined {
    const known = this.#operations.get(operation);
    if (known !== undefined) return known;
    const table = this.#mounted.get(operation.service.name)!.operations;
    if (!Object.hasOwn(table, operation.name)) return undefined;
    const definition = table[operation.name];
    const mounted = { definition, refusals: compileRefusals(definition.refuses) };
    this.#operations.set(operation, mounted);
    return mounted;
  }

  #asAwsError(error: unknown, requestId: string, service: string, operation: CompiledOperation | undefined): AwsError {
    if (error instanceof AwsError) return error;
    if (error instanceof BodyTooLarge)
      return new AwsError("RequestEntityTooLargeException", error.message, { status: 413, cause: error });
    if (error instanceof ClientHungUp) {
      return new AwsError(
        "IncompleteBody",
        "You did not provide the number of bytes specified by the Content-Length HTTP header.",
        { status: 400, cause: error },
      );
    }
    if (error instanceof Error && error.name === "StorageFull") {
      // 507 is not retried by clients: trying again does not help before somebody frees space.
      return new AwsError("InsufficientStorage", `${error.message}; free some space and try again`, {
        status: 507,
        cause: error,
      });
    }
    this.#options.onFault(error, { requestId, service, operation: operation?.name ?? "-" });
    return new AwsError(
      service === "s3" ? "InternalError" : "InternalFailure",
      `We encountered an internal error. The server's log has the details under request id ${requestId}.`,
      { status: 500, cause: error },
    );
  }
}

/**
 * Whether a browser says that a page made the request. Pages of S3's own, and links to its objects, are another matter:
 * nothing is changed by looking at them, and no other page sees what comes.
 * Source: W3C, "Fetch Metadata Request Headers".
 */
function isOfForeignPage({ headers }: IncomingRequest, { edge }: Service): boolean {
  const { "sec-fetch-site": site, "sec-fetch-mode": mode } = headers;
  if (site === undefined || site === "none") return false;
  return edge === undefined || (site !== "same-origin" && mode !== "navigate");
}

/** Characters that no header can hold: others may follow them as lines of their own. */
const unsendable = /[^\t\x20-\x7e\x80-\xff]/;

/**
 * What a client wants to see in a header, e.g. by `response-content-type`, cannot always stand in one.
 * @throws AwsError InvalidArgument
 */
function refuseUnsendable({ headers, body }: HttpResponse): void {
  for (const name in headers) {
    if (!unsendable.test(headers[name])) continue;
    if (body instanceof Readable) body.destroy();
    throw new AwsError("InvalidArgument", `The value of the header ${name} has characters that HTTP does not allow`);
  }
}

/** Headers that a service adds to every answer of its API. */
async function decorated(service: Service, request: IncomingRequest, response: HttpResponse): Promise<HttpResponse> {
  await service.edge?.decorate?.(request, response);
  return response;
}

/** A body that is to be streamed; a small one is taken at once, which costs a fraction of a stream. */
async function streamedPayload(payload: PayloadExpectation, request: IncomingRequest): Promise<DecodedPayload> {
  const length = Number(request.headers["content-length"] ?? Number.NaN);
  const chunked = payload.kind === "chunked-signed" || payload.kind === "chunked-unsigned";
  if (chunked || !(length <= maxBodyAtOnce)) return decodePayload(payload, request.streamBody());
  const bytes = await request.readBody(maxBodyAtOnce);
  checkWhole(payload, bytes);
  return { body: new WholeBody(bytes), trailers: () => ({}) };
}

/** A body in memory after the checks of its payload's kind. */
async function checkedBody(payload: PayloadExpectation, body: Uint8Array): Promise<Uint8Array> {
  if (payload.kind === "checked" || payload.kind === "unsigned") return body;
  const pieces: Uint8Array[] = [];
  for await (const piece of decodePayload(payload, oneChunk(body)).body) pieces.push(piece);
  return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
}

async function* oneChunk(body: Uint8Array): AsyncIterable<Uint8Array> {
  if (body.length > 0) yield body;
}

function unsignedPayload(request: IncomingRequest): PayloadExpectation {
  const declared = request.headers["x-amz-content-sha256"] ?? "";
  if (declared === "STREAMING-UNSIGNED-PAYLOAD-TRAILER") {
    const decodedLength = Number(request.headers["x-amz-decoded-content-length"] ?? NaN);
    if (!Number.isSafeInteger(decodedLength))
      throw new AwsError("MissingContentLength", "You must provide the Content-Length HTTP header.", { status: 411 });
    const trailerNames = (request.headers["x-amz-trailer"] ?? "")
      .toLowerCase()
      .split(/\s*,\s*/)
      .filter((name) => name !== "");
    return { kind: "chunked-unsigned", trailer: true, decodedLength, trailerNames };
  }
  if (!declared.startsWith("STREAMING-")) return { kind: "unsigned" };
  throw new AwsError(
    "InvalidRequest",
    `x-amz-content-sha256=${declared} needs a signature, and this server checks none (--auth off)`,
  );
}

/** No description says how to answer, so the form of the request does: clients read the error of their own protocol. */
function unknownService(request: IncomingRequest, signingName: string | undefined, requestId: string): HttpResponse {
  const target = request.headers["x-amz-target"];
  const named = target ?? signingName;
  const message =
    named === undefined
      ? "The request names no service of Sagebrush; docs/coverage.md lists those there are."
      : `${target === undefined ? "The service" : "The target"} ${named} is not served by Sagebrush; docs/coverage.md lists what is.`;
  if ((request.headers["content-type"] ?? "").startsWith("application/x-www-form-urlencoded")) {
    const error = `<Error><Type>Sender</Type><Code>UnknownOperationException</Code><Message>${escapeText(message)}</Message></Error>`;
    return {
      status: 400,
      headers: { "content-type": "text/xml", "x-amzn-requestid": requestId },
      body:
        signingName === "ec2"
          ? `<Response><Errors>${error}</Errors><RequestID>${requestId}</RequestID></Response>`
          : `<ErrorResponse>${error}<RequestId>${requestId}</RequestId></ErrorResponse>`,
    };
  }
  return {
    status: 400,
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amzn-requestid": requestId,
      "x-amzn-errortype": "UnknownOperationException",
    },
    body: JSON.stringify({ __type: "UnknownOperationException", message }),
  };
}

/** Text as XML has it; header values and scope names are the client's own. */
function escapeText(text: string): string {
  return text.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
}

function unknownOperation(request: IncomingRequest, codec: Codec): AwsError {
  const named = request.headers["x-amz-target"] ?? `${request.method} ${request.path}`;
  if (codec.protocol === "query")
    return new AwsError(
      "InvalidAction",
      "The action or operation requested is invalid. Verify that the action is typed correctly.",
    );
  if (codec.protocol === "rest-xml")
    return new AwsError("MethodNotAllowed", "The specified method is not allowed against this resource.", {
      status: 405,
    });
  return new AwsError("UnknownOperationException", `The operation ${named} is unknown.`, {
    status: codec.protocol === "rest-json" ? 404 : 400,
  });
}

function unsupportedOperation(operation: CompiledOperation): AwsError {
  return new AwsError(
    "NotImplemented",
    `The operation ${operation.name} of ${operation.service.name} is not supported by Sagebrush; docs/coverage.md lists what is.`,
    { status: 501 },
  );
}

function refusedParameter(description: string, code: string, message: string): AwsError {
  // S3's own word for a request that implies something it does not do.
  if (description === "s3") return new AwsError("NotImplemented", message, { status: 501 });
  return new AwsError(code, message);
}
