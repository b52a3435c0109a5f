/**
 * A small client of the public API, for the command line and the studio. It signs on WebCrypto and sends with fetch;
 * types come from the generated `…Operations` interfaces.
 */
import { XMLParser } from "fast-xml-parser";
import { readError } from "./aws-client-error.ts";
import { clientServices, type ClientServiceName, type JsonServiceName, type QueryServiceName } from "./services.ts";
import { createSigner, encodeQuery, type SignerOptions } from "./signer.ts";
import { type JsonWire, type QueryWire, toJsonWire, toQueryParameters } from "./wire.ts";

export interface ClientOptions<Service extends ClientServiceName> extends Pick<SignerOptions, "credentials" | "now"> {
  /** Base URL of the server, e.g. `http://127.0.0.1:7243`. */
  readonly endpoint: string;
  readonly region: string;
  readonly service: Service;
  /** The fetch to use; the global one when absent. */
  readonly fetch?: typeof globalThis.fetch;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

/** A request of a REST service. */
export interface ClientRequest {
  readonly method: string;
  /** Percent-encoded (`encodeComponent` for each part), starting with `/`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | ReadableStream<Uint8Array>;
  readonly signal?: AbortSignal;
}

/** @throws AwsClientError when the answer is an error or a redirect */
export type SignedFetch = (request: ClientRequest) => Promise<Response>;

type OperationsOf<Operations> = { [Name in keyof Operations]: { input: unknown; output: unknown } };

export interface JsonClient<Operations extends OperationsOf<Operations>> {
  /** Calls an operation by name. @throws AwsClientError when the service answers with an error */
  call<Name extends keyof Operations & string>(
    operation: Name,
    input: Operations[Name]["input"],
    options?: CallOptions,
  ): Promise<JsonWire<Operations[Name]["output"]>>;
  readonly signedFetch: SignedFetch;
}

export interface QueryClient<Operations extends OperationsOf<Operations>> {
  /** Calls an operation by name. @throws AwsClientError when the service answers with an error */
  call<Name extends keyof Operations & string>(
    operation: Name,
    input: Operations[Name]["input"],
    options?: CallOptions,
  ): Promise<QueryWire<Operations[Name]["output"]>>;
  readonly signedFetch: SignedFetch;
}

/**
 * A client of a JSON service.
 *
 *     const sagemaker = createClient<SageMakerOperations>({ endpoint, region, credentials, service: "sagemaker" });
 *     const { Endpoints } = await sagemaker.call("ListEndpoints", { MaxResults: 10 });
 */
export function createClient<Operations extends OperationsOf<Operations>>(
  options: ClientOptions<JsonServiceName>,
): JsonClient<Operations> {
  const { targetPrefix, jsonVersion } = clientServices[options.service];
  const signedFetch = createSignedFetch(options);
  return {
    signedFetch,
    call: async (operation, input, callOptions = {}) => {
      const response = await signedFetch({
        method: "POST",
        path: "/",
        headers: {
          "content-type": `application/x-amz-json-${jsonVersion}`,
          "x-amz-target": `${targetPrefix}.${operation}`,
        },
        body: JSON.stringify(toJsonWire(input ?? {})),
        ...callOptions,
      });
      const text = await response.text();
      return (text === "" ? {} : JSON.parse(text)) as JsonWire<Operations[typeof operation]["output"]>;
    },
  };
}

/** A client of a query service (STS, IAM); every leaf of an answer is text, since only a description could tell more. */
export function createQueryClient<Operations extends OperationsOf<Operations>>(
  options: ClientOptions<QueryServiceName>,
): QueryClient<Operations> {
  const { apiVersion } = clientServices[options.service];
  const signedFetch = createSignedFetch(options);
  return {
    signedFetch,
    call: async (operation, input, callOptions = {}) => {
      const parameters = new URLSearchParams([
        ["Action", operation],
        ["Version", apiVersion],
        ...toQueryParameters(input ?? {}),
      ]);
      const response = await signedFetch({
        method: "POST",
        path: "/",
        headers: { "content-type": "application/x-www-form-urlencoded; charset=utf-8" },
        body: parameters.toString(),
        ...callOptions,
      });
      return readQueryResult(await response.text(), operation) as QueryWire<Operations[typeof operation]["output"]>;
    },
  };
}

const xml = new XMLParser({
  ignoreAttributes: true,
  parseTagValue: false,
  // Lists of the query protocol are elements called `member`; one of them is a list all the same.
  isArray: (name) => name === "member",
});

function readQueryResult(text: string, operation: string): unknown {
  const document = xml.parse(text) as Record<string, Record<string, unknown>>;
  const result = document[`${operation}Response`]?.[`${operation}Result`];
  return unwrapMembers(result === undefined || result === "" ? {} : result);
}

function unwrapMembers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unwrapMembers);
  if (typeof value !== "object" || value === null) return value;
  const { member, ...rest } = value as Record<string, unknown>;
  if (Array.isArray(member) && Object.keys(rest).length === 0) return member.map(unwrapMembers);
  return Object.fromEntries(Object.entries(value).map(([name, child]) => [name, unwrapMembers(child)]));
}

/** Sends signed requests to a service; for S3 and the runtime, whose operations are methods and paths. */
export function createSignedFetch(options: ClientOptions<ClientServiceName>): SignedFetch {
  const { credentials, region, now } = options;
  const { signingName } = clientServices[options.service];
  const sign = createSigner({ credentials, region, signingName, ...(now === undefined ? {} : { now }) });
  const send = options.fetch ?? globalThis.fetch;
  const endpoint = new URL(options.endpoint);

  return async (request) => {
    const query = encodeQuery(request.query ?? {});
    const url = new URL(`${endpoint.origin}${request.path}${query === "" ? "" : `?${query}`}`);
    if (url.pathname !== request.path) {
      throw new Error(
        `the path ${request.path} would be sent as ${url.pathname}; encode its parts and avoid "." and ".."`,
      );
    }
    const { method, body, signal } = request;
    const headers = await sign({
      method,
      host: url.host,
      path: request.path,
      query,
      headers: Object.fromEntries(
        Object.entries(request.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
      ),
      body,
    });
    const response = await send(url, {
      method,
      headers,
      ...(body === undefined ? {} : { body: body as string }),
      ...(signal === undefined ? {} : { signal }),
      // Streams go one way: fetch demands that this is said.
      ...(body instanceof ReadableStream ? { duplex: "half" as const } : {}),
      redirect: "manual",
    });
    // A redirect would need a signature of its own; S3 explains it in the body, as an error.
    if (response.status >= 300 && response.status !== 304) throw await readError(response);
    return response;
  };
}
