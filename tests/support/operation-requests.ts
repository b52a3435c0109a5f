/**
 * Requests for every operation of a service, made from its description: as little as it takes to be routed and decoded,
 * signed by whom the test wants, handled in process.
 */
import { createSigner, type ClientCredentials } from "../../src/protocol/client/signer.ts";
import { serviceIndex } from "../../src/protocol/generated/service-index.ts";
import { loadServiceModel } from "../../src/protocol/service-models.ts";
import type { OperationModel, ProtocolName, ServiceModel, ShapeModel } from "../../src/protocol/service-model.ts";
import type { IncomingRequest, RequestHandler } from "../../src/server/request-handler.ts";

export interface UnsignedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** What members are given, by their name; a member without an entry gets a value of its type. */
export type Values = Readonly<Record<string, string>>;

const host = "127.0.0.1:7243";

export class ServiceRequests {
  readonly description: string;
  readonly protocol: ProtocolName;
  readonly #model: ServiceModel;
  readonly #values: Values;

  /** @param protocol the description's first that is not CBOR unless given; a request in CBOR has no members here */
  constructor(description: string, values: Values, protocol?: ProtocolName) {
    this.description = description;
    this.#model = loadServiceModel(description).model;
    const spoken = serviceIndex[description].protocols.filter((name) => name !== "smithy-rpc-v2-cbor");
    this.protocol = protocol ?? spoken[0];
    this.#values = values;
  }

  get operations(): readonly string[] {
    return Object.keys(this.#model.operations);
  }

  get signingName(): string {
    const { signingName, endpointPrefix } = serviceIndex[this.description];
    return signingName ?? endpointPrefix;
  }

  request(name: string): UnsignedRequest {
    const operation = this.#model.operations[name];
    const input = operation.input === undefined ? undefined : this.#model.shapes[operation.input.shape];
    switch (this.protocol) {
      case "json":
        return this.#json(name, input);
      case "smithy-rpc-v2-cbor":
        return this.#cbor(name);
      case "query":
      case "ec2":
        return this.#query(name, input);
      default:
        return this.#rest(operation, input);
    }
  }

  #json(name: string, input: ShapeModel | undefined): UnsignedRequest {
    const { targetPrefix = "", jsonVersion = "1.0" } = this.#model.metadata;
    return {
      method: "POST",
      path: "/",
      query: "",
      headers: { "content-type": `application/x-amz-json-${jsonVersion}`, "x-amz-target": `${targetPrefix}.${name}` },
      body: JSON.stringify(input === undefined ? {} : this.#structure(input)),
    };
  }

  #cbor(name: string): UnsignedRequest {
    return {
      method: "POST",
      path: `/service/${this.#model.metadata.targetPrefix}/operation/${name}`,
      query: "",
      headers: { "content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor" },
      // An empty map. RFC 8949, section 3.1
      body: Uint8Array.of(0xa0),
    };
  }

  #query(name: string, input: ShapeModel | undefined): UnsignedRequest {
    const parameters = new URLSearchParams({ Action: name, Version: this.#model.metadata.apiVersion });
    const flatten = (value: unknown, path: string): void => {
      if (Array.isArray(value)) value.forEach((item, index) => flatten(item, `${path}.member.${index + 1}`));
      else if (typeof value === "object" && value !== null) {
        for (const [member, inner] of Object.entries(value)) flatten(inner, path === "" ? member : `${path}.${member}`);
      } else parameters.append(path, String(value));
    };
    if (input !== undefined) flatten(this.#structure(input), "");
    return {
      method: "POST",
      path: "/",
      query: "",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: parameters.toString(),
    };
  }

  #rest({ http, httpChecksum }: OperationModel, input: ShapeModel | undefined): UnsignedRequest {
    const isS3Checked = httpChecksum?.["requestChecksumRequired"] === true;
    const [template, literals = ""] = http.requestUri.split("?");
    const members = Object.entries(input?.members ?? {});
    const path = template.replace(/\{([^}]+)\}/g, (_, label: string) => {
      const named = members.find(
        ([name, { location, locationName }]) => location === "uri" && (locationName ?? name) === label.replace("+", ""),
      );
      const text = String(this.#value(named![1].shape, named![0]));
      return label.endsWith("+") ? text.split("/").map(encodeURIComponent).join("/") : encodeURIComponent(text);
    });
    const query = literals === "" ? [] : literals.split("&").map((part) => (part.includes("=") ? part : `${part}=`));
    // Of an empty body.
    const headers: Record<string, string> = isS3Checked ? { "content-md5": "1B2M2Y8AsgTpgAmY7PhCfg==" } : {};
    const body: Record<string, unknown> = {};
    for (const [name, { location, locationName = name, shape }] of members) {
      if (location === "uri" || !(input?.required ?? []).includes(name)) continue;
      const value = this.#value(shape, name);
      if (location === "header") headers[locationName.toLowerCase()] = String(value);
      else if (location === "querystring")
        query.push(`${encodeURIComponent(locationName)}=${encodeURIComponent(String(value))}`);
      else if (location === undefined && name !== input?.payload) body[locationName] = value;
    }
    const isJson = this.protocol === "rest-json";
    const hasBody = http.method === "POST" || http.method === "PUT";
    return {
      method: http.method,
      path,
      query: query.sort(byName).join("&"),
      headers: hasBody && isJson ? { "content-type": "application/json", ...headers } : headers,
      body: hasBody && isJson && input?.payload === undefined ? JSON.stringify(body) : "",
    };
  }

  /** The members that a structure must have. */
  #structure(shape: ShapeModel): Record<string, unknown> {
    return Object.fromEntries(
      (shape.required ?? []).map((name) => [name, this.#value(shape.members![name].shape, name)]),
    );
  }

  #value(shapeName: string, member: string): unknown {
    const shape = this.#model.shapes[shapeName];
    switch (shape.type) {
      case "structure":
        return this.#structure(shape);
      case "list":
        return [this.#value(shape.member!.shape, member)];
      case "map":
        return {};
      case "boolean":
        return true;
      case "timestamp":
        return this.protocol === "json" ? 1_700_000_000 : "2024-01-01T00:00:00Z";
      case "blob":
        return "";
      case "string":
      case "character":
        return this.#values[member] ?? shape.enum?.[0] ?? "matrix";
      default:
        return Math.max(1, shape.min ?? 1);
    }
  }
}

/** The order in which parameters are signed. */
function byName(one: string, other: string): number {
  const [a, b] = [one, other].map((parameter) => parameter.slice(0, parameter.indexOf("=")));
  return a < b ? -1 : Number(a > b);
}

/** Sends a request through the whole chain of the server, signed when there are credentials. */
export async function send(
  handler: RequestHandler,
  signingName: string,
  request: UnsignedRequest,
  credentials?: ClientCredentials,
  now: number = Date.now(),
): Promise<Answer> {
  const { method, path, query, body } = request;
  const bytes = Buffer.from(body);
  const head = { ...request.headers, host, ...(bytes.length > 0 && { "content-length": String(bytes.length) }) };
  const { host: _, ...unsigned } = head;
  const signed =
    credentials === undefined
      ? {}
      : await createSigner({ credentials, region: "us-east-1", signingName, now: () => now })({
          method,
          host,
          path,
          query,
          headers: unsigned,
          body,
        });
  const hangUp = new AbortController();
  const incoming: IncomingRequest = {
    method,
    path,
    query,
    headers: { ...head, ...signed },
    address: "127.0.0.1",
    readBody: () => Promise.resolve(bytes),
    async *streamBody() {
      if (bytes.length > 0) yield bytes;
    },
    signal: hangUp.signal,
  };
  const response = await handler.handle(incoming);
  const text = await textOf(response.body);
  hangUp.abort();
  return { status: response.status, headers: response.headers, text };
}

/** At most so much of a streamed answer is read: some have no end. Bytes. */
const maxRead = 64 * 1024;

async function textOf(body: Uint8Array | string | AsyncIterable<Uint8Array> | undefined): Promise<string> {
  if (body === undefined || typeof body === "string") return body ?? "";
  if (body instanceof Uint8Array) return Buffer.from(body).toString();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > maxRead || isEventStream(chunk)) break;
  }
  return Buffer.concat(chunks).toString();
}

/** The first frame of an event stream says that it began; what follows comes when it happens. */
function isEventStream(chunk: Uint8Array): boolean {
  return Buffer.from(chunk).includes(":event-type");
}

/** The code of an error as clients of its protocol read it; undefined where the answer has none. */
export function errorCode({ headers, text }: Answer): string | undefined {
  const header = headers["x-amzn-errortype"] ?? headers["x-amzn-query-error"]?.split(";")[0];
  const xml = /<Code>([^<]*)<\/Code>/.exec(text)?.[1];
  // In CBOR a byte or two in front of a text tell its length; the next text follows without a gap.
  const cbor = /__type.{1,2}?(?:[\w.]+#)?([A-Z]\w*?Exception)/.exec(text)?.[1];
  return header ?? xml ?? /"__type":"(?:[^"#]*#)?([^"]*)"/.exec(text)?.[1] ?? cbor;
}
