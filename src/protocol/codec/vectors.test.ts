/**
 * The protocol vectors of botocore, run in reverse: what its client would send must decode to the parameters it was
 * given, and what it would parse must be what we encode. Nothing is skipped silently: a vector passes, or it is listed
 * with a reason in vectors-not-applicable.ts, and a listed vector that would pass fails the list.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { EventStreamCodec } from "@smithy/eventstream-codec";
import { cbor } from "@smithy/core/cbor";
import { XMLParser } from "fast-xml-parser";
import { expect, test } from "vitest";
import { AwsError } from "../aws-error.ts";
import { CompiledService } from "../compiled-service.ts";
import type { HttpResponse } from "../http-message.ts";
import type { OperationModel, ServiceModel, ShapeModel, ShapeReference } from "../service-model.ts";
import type { Codec, ResponseIds, Structure } from "./codec.ts";
import { createCodec } from "./index.ts";
import { notApplicable } from "./vectors-not-applicable.ts";

const folder = fileURLToPath(new URL("../../../../shared/vectors/protocols/", import.meta.url));
const docs = fileURLToPath(new URL("../../../docs/protocols.md", import.meta.url));

interface Suite {
  readonly description: string;
  readonly metadata: ServiceModel["metadata"];
  readonly shapes: ServiceModel["shapes"];
  readonly cases: readonly VectorCase[];
}

interface VectorCase {
  readonly id?: string;
  readonly given: OperationModel;
  readonly params?: Structure;
  readonly serialized?: {
    readonly method?: string;
    readonly uri: string;
    readonly headers?: Record<string, string>;
    readonly body?: string;
  };
  readonly result?: Structure;
  readonly error?: Structure;
  readonly errorCode?: string;
  readonly errorMessage?: string;
  readonly response?: {
    readonly status_code: number;
    readonly headers?: Record<string, string>;
    readonly body?: string;
  };
}

interface Vector {
  readonly name: string;
  /** The file's name, e.g. `json_1_0`, with `legacy/` before it for the older set. */
  readonly set: string;
  readonly suite: Suite;
  readonly test: VectorCase;
}

function readVectors(): Vector[] {
  if (!existsSync(folder)) return [];
  return ["", "legacy/"].flatMap((generation) =>
    ["input", "output"].flatMap((direction) =>
      readdirSync(`${folder}${generation}${direction}`).flatMap((file) => {
        const set = generation + file.replace(".json", "");
        const suites = JSON.parse(readFileSync(`${folder}${generation}${direction}/${file}`, "utf8")) as Suite[];
        return suites.flatMap((suite, suiteIndex) =>
          suite.cases.map((vector, index) => ({
            name: `${set} ${direction} ${vector.id ?? `${suiteIndex + 1}.${index + 1} ${suite.description}`}`,
            set,
            suite,
            test: vector,
          })),
        );
      }),
    ),
  );
}

const vectors = readVectors();
/** The request id that a vector's response happens to show. */
function idsOf(response: NonNullable<VectorCase["response"]>): ResponseIds {
  const header = Object.entries(response.headers ?? {}).find(([name]) => name.toLowerCase() === "x-amzn-requestid");
  return { requestId: header?.[1] ?? "request-id" };
}

function codecOf({ suite, test: { given } }: Vector): { service: CompiledService; codec: Codec } {
  const metadata = { ...suite.metadata, endpointPrefix: "vector", serviceId: "Vector" };
  const operation = { ...given, http: given.http ?? { method: "POST", requestUri: "/" } };
  const model: ServiceModel = {
    version: "2.0",
    metadata,
    operations: { [given.name]: operation },
    shapes: todaysShapes(suite, given),
  };
  const service = new CompiledService("vector", model);
  return { service, codec: createCodec(service, metadata.protocol) };
}

/** The legacy vectors have traits on shapes and on the operation that descriptions have on members and structures today. */
function todaysShapes({ shapes }: Suite, { input }: OperationModel): ServiceModel["shapes"] {
  const withMemberTraits = Object.entries(shapes).map(([name, shape]): [string, ShapeModel] => {
    if (shape.members === undefined) return [name, shape];
    const members = Object.entries(shape.members).map(([member, reference]): [string, ShapeReference] => {
      const { location, locationName } = shapes[reference.shape] as Partial<ShapeReference>;
      return [member, location === undefined ? reference : { location, locationName, ...reference }];
    });
    const payload = name === input?.shape ? (input as { payload?: string }).payload : undefined;
    return [name, { ...shape, ...(payload === undefined ? {} : { payload }), members: Object.fromEntries(members) }];
  });
  return Object.fromEntries(withMemberTraits);
}

/** A value of a vector file as handlers see it: there, timestamps are seconds, blobs text and special numbers strings. */
function typed(service: CompiledService, reference: ShapeReference, value: unknown): unknown {
  if (value === null || value === undefined || (reference.jsonvalue && reference.location === "header")) return value;
  const shape = service.shape(reference.shape);
  if (shape.document) return value;
  switch (shape.type) {
    case "structure": {
      if (shape.eventstream) return eventsOf(service, reference, value as Structure[]);
      const members = Object.entries(value as Structure)
        // A member that is null is an absent one.
        .filter(([, item]) => item !== null)
        .map(([name, item]) => {
          if (shape.members?.[name] === undefined) throw new Error(`${reference.shape} has no member ${name}`);
          return [name, typed(service, shape.members[name], item)];
        });
      return Object.fromEntries(members);
    }
    case "list":
      return (value as unknown[]).map((item) => typed(service, shape.member!, item));
    case "map":
      return Object.fromEntries(
        Object.entries(value as Structure).map(([key, item]) => [key, typed(service, shape.value!, item)]),
      );
    case "timestamp":
      return new Date(Math.round((value as number) * 1000));
    case "blob":
      return Buffer.from(value as string, "utf8");
    case "float":
    case "double":
      return Number(value);
    default:
      return value;
  }
}

async function* eventsOf(
  service: CompiledService,
  reference: ShapeReference,
  events: readonly Structure[],
): AsyncGenerator<Structure> {
  const members = service.shape(reference.shape).members!;
  for (const event of events) {
    const [name, value] = Object.entries(event)[0];
    yield { [name]: typed(service, members[name], value) };
  }
}

/** A value without the accidents of its representation, so that it can be compared. */
async function canonical(value: unknown): Promise<unknown> {
  if (value instanceof Date) return { $time: value.getTime() };
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString("base64") };
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (Array.isArray(value)) return Promise.all(value.map(canonical));
  if (typeof value !== "object" || value === null) return value;
  if (Symbol.asyncIterator in value) return canonical(await collect(value as AsyncIterable<Uint8Array>));
  const entries = await Promise.all(
    Object.entries(value).map(async ([key, item]) => [key, await canonical(item)] as const),
  );
  return Object.fromEntries(entries.filter(([, item]) => item !== undefined));
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

async function runInput(vector: Vector): Promise<void> {
  const { service, codec } = codecOf(vector);
  const { given, serialized, params } = vector.test;
  const { method, uri, headers = {}, body = "" } = serialized!;
  const [path, query = ""] = uri.split("?");
  const isCbor = vector.suite.metadata.protocol === "smithy-rpc-v2-cbor";
  const sent = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  // A vector states only the headers that it is about; every client of these protocols sends the target.
  if (vector.suite.metadata.protocol === "json")
    sent["x-amz-target"] ??= `${vector.suite.metadata.targetPrefix}.${given.name}`;
  const request = {
    method: method ?? given.http?.method ?? "POST",
    path,
    query,
    headers: sent,
    body: Buffer.from(body, isCbor ? "base64" : "utf8"),
  };
  const operation = codec.resolveOperation(request);
  expect(operation?.name).toBe(given.name);
  const input = (await canonical(codec.decode(operation!, request))) as Structure;
  const expected = (await canonical(
    given.input === undefined ? {} : typed(service, given.input, params ?? {}),
  )) as Structure;
  expect(withoutNamedParameters(service, given, input, expected)).toEqual(expected);
}

/** A server's map of query parameters holds all of them; the vectors are of two minds about those that are members, too. */
function withoutNamedParameters(
  service: CompiledService,
  given: OperationModel,
  input: Structure,
  expected: Structure,
): Structure {
  const members = given.input === undefined ? {} : (service.shape(given.input.shape).members ?? {});
  const inQuery = Object.entries(members).filter(([, { location }]) => location === "querystring");
  const named = new Set(inQuery.map(([name, { locationName }]) => locationName ?? name));
  const result = { ...input };
  for (const [name, { shape }] of inQuery) {
    if (service.shape(shape).type !== "map" || input[name] === undefined) continue;
    const wanted = (expected[name] ?? {}) as Structure;
    const entries = Object.entries(input[name] as Structure).filter(
      ([key]) => !named.has(key) || Object.hasOwn(wanted, key),
    );
    if (entries.length === 0 && expected[name] === undefined) delete result[name];
    else result[name] = Object.fromEntries(entries);
  }
  return result;
}

async function runOutput(vector: Vector): Promise<void> {
  const { service, codec } = codecOf(vector);
  const { given, result, response } = vector.test;
  const output = given.output === undefined ? undefined : (typed(service, given.output, result) as Structure);
  const actual = codec.encode(service.operation(given.name)!, output, idsOf(response!));
  expect(actual.status).toBe(response!.status_code);
  for (const [name, value] of Object.entries(response!.headers ?? {})) {
    // Two vectors carry over the target of the request.
    if (name === "X-Amz-Target") continue;
    expect([name, comparableText(String(actual.headers[name.toLowerCase()]))]).toEqual([name, comparableText(value)]);
  }
  if (response!.body === undefined) return;
  const body = await bytesOf(actual.body);
  const isEventStream = actual.headers["content-type"] === "application/vnd.amazon.eventstream";
  expect(isEventStream ? frames(body) : parseBody(vector, body)).toEqual(
    isEventStream ? frames(Buffer.from(response!.body, "base64")) : parseBody(vector, expectedBytes(vector)),
  );
}

function expectedBytes({ suite, test: { response } }: Vector): Buffer {
  return Buffer.from(response!.body ?? "", suite.metadata.protocol === "smithy-rpc-v2-cbor" ? "base64" : "utf8");
}

async function bytesOf(body: HttpResponse["body"]): Promise<Buffer> {
  if (body === undefined) return Buffer.alloc(0);
  if (typeof body === "string" || body instanceof Uint8Array) return Buffer.from(body as string);
  return Buffer.from(await collect(body));
}

/** A body as its structure, read by parsers that are not ours. */
function parseBody({ suite, test: { given } }: Vector, body: Buffer): unknown {
  const payload = given.output === undefined ? undefined : suite.shapes[given.output.shape].payload;
  const payloadType =
    payload === undefined ? "structure" : suite.shapes[suite.shapes[given.output!.shape].members![payload].shape].type;
  if (payloadType === "blob" || payloadType === "string") return body.toString("utf8");
  switch (suite.metadata.protocol) {
    case "json":
    case "rest-json":
      return body.length === 0 ? {} : comparableJson(JSON.parse(body.toString("utf8")));
    case "smithy-rpc-v2-cbor":
      return body.length === 0 ? {} : plainCbor(cbor.deserialize(body));
    default:
      return xmlTree(body.toString("utf8"), given);
  }
}

function plainCbor(value: unknown): unknown {
  if (value instanceof Uint8Array || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(plainCbor);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plainCbor(item)]));
}

interface XmlNode {
  readonly name: string;
  readonly attributes: Record<string, string>;
  readonly text: string;
  readonly children: readonly XmlNode[];
}

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: "",
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  ignoreDeclaration: true,
  htmlEntities: true,
});

/** Children by name, in the order of names, since the order of different members says nothing. */
function xmlTree(text: string, given?: OperationModel): XmlNode | undefined {
  if (text === "") return undefined;
  type Parsed = Record<string, unknown>;
  const convert = (parsed: Parsed): XmlNode => {
    const name = Object.keys(parsed).find((key) => key !== ":@")!;
    const content = parsed[name] as Parsed[];
    const attributes = (parsed[":@"] ?? {}) as Record<string, string>;
    const children = content.filter((child) => !("#text" in child)).map(convert);
    const own = content.flatMap((child) => ("#text" in child ? [String(child["#text"])] : [])).join("");
    return {
      name,
      attributes,
      // Between elements, white space is layout.
      text: children.length > 0 ? own.trim() : comparableText(own),
      children: children
        .filter((child) => !requestIdElements.has(child.name))
        .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)),
    };
  };
  const root = convert((parser.parse(text) as Parsed[]).find((node) => !("#text" in node))!);
  // Clients do not look at the root's name and namespace unless the description gives them; ours is the shape's name.
  return given?.output?.locationName === undefined ? { ...root, name: "root", attributes: {} } : root;
}

const requestIdElements = new Set(["RequestId", "ResponseMetadata"]);

function comparableJson(value: unknown): unknown {
  if (typeof value === "string") return comparableText(value);
  if (Array.isArray(value)) return value.map(comparableJson);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, comparableJson(item)]));
}

/** Equal instants may be written differently, and an empty element on two lines. */
function comparableText(text: string): string {
  if (/^\n\s*$/.test(text)) return "";
  if (/^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(text)) return `time ${Date.parse(text)}`;
  return text;
}

function frames(bytes: Uint8Array): unknown[] {
  const codec = new EventStreamCodec(
    (data) => Buffer.from(data as Uint8Array).toString("utf8"),
    (text) => Buffer.from(text, "utf8"),
  );
  const all: unknown[] = [];
  const data = Buffer.from(bytes);
  for (let at = 0; at < data.length; at += data.readUInt32BE(at)) {
    const { headers, body } = codec.decode(data.subarray(at, at + data.readUInt32BE(at)));
    const sorted = Object.entries(headers).map(([name, { type, value }]) => [
      name,
      type,
      type === "timestamp"
        ? Number(value)
        : value instanceof Uint8Array
          ? Buffer.from(value).toString()
          : String(value).replace("text/json", "application/json"),
    ]);
    const contentType = String(headers[":content-type"]?.value);
    const content = Buffer.from(body).toString("utf8");
    const comparable = contentType.endsWith("json")
      ? comparableJson(JSON.parse(content))
      : contentType.endsWith("xml")
        ? { ...xmlTree(content), name: "root", attributes: {} }
        : content;
    all.push({ headers: sorted.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)), body: comparable });
  }
  return all;
}

interface SeenError {
  readonly status: number;
  readonly code: string | undefined;
  readonly queryError: string | undefined;
  readonly content: unknown;
}

async function runError(vector: Vector): Promise<void> {
  const { service, codec } = codecOf(vector);
  const { given, error = {}, errorCode, errorMessage, response } = vector.test;
  const shape = service.errorShape(errorCode!);
  const members = shape === undefined ? error : (typed(service, { shape: shape.name }, error) as Structure);
  const thrown = new AwsError(shape?.name ?? errorCode!, errorMessage ?? "", {
    status: response!.status_code,
    members,
  });
  const actual = codec.encodeError(service.operation(given.name), thrown, idsOf(response!));
  const expectedHeaders = Object.fromEntries(
    Object.entries(response!.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
  );
  expect(seenError(vector, actual.status, actual.headers, await bytesOf(actual.body))).toEqual(
    seenError(vector, response!.status_code, expectedHeaders, expectedBytes(vector)),
  );
  // The headers that the shape's members are bound to.
  for (const [name, reference] of Object.entries(shape?.model.members ?? {})) {
    if (reference.location !== "header" || error[name] === undefined) continue;
    const header = (reference.locationName ?? name).toLowerCase();
    expect([header, actual.headers[header]]).toEqual([header, expectedHeaders[header]]);
  }
}

/** What a client makes of an error response: the type without namespace and address, and the members that the vector names. */
function seenError(vector: Vector, status: number, headers: Record<string, string>, body: Buffer): SeenError {
  const plainCode = (code: unknown): string | undefined =>
    typeof code === "string" ? code.split(":")[0].split("#").at(-1) : undefined;
  const queryError = headers["x-amzn-query-error"];
  const { error = {}, errorMessage } = vector.test;
  const isSeen = (name: string): boolean =>
    Object.hasOwn(error, name) || (errorMessage !== undefined && /^message$/i.test(name));
  if (vector.suite.metadata.protocol === "query" || vector.suite.metadata.protocol === "rest-xml") {
    const text = body.toString("utf8");
    const root = text === "" ? undefined : xmlTree(text, vector.test.given);
    const content = root?.children.find(({ name }) => name === "Error")?.children ?? root?.children;
    return {
      status,
      queryError,
      code: content?.find(({ name }) => name === "Code")?.text,
      content: content?.filter(({ name }) => isSeen(name)),
    };
  }
  const content = parseError(vector, body);
  const code = plainCode(headers["x-amzn-errortype"] ?? content["__type"] ?? content["code"]);
  return {
    status,
    queryError,
    code,
    content: Object.fromEntries(
      Object.entries(content)
        .filter(([name]) => isSeen(name))
        .map(([name, value]) => [name.replace(/^M(?=essage$)/, "m"), value]),
    ),
  };
}

function parseError({ suite }: Vector, body: Buffer): Structure {
  if (body.length === 0) return {};
  return (
    suite.metadata.protocol === "smithy-rpc-v2-cbor"
      ? plainCbor(cbor.deserialize(body))
      : JSON.parse(body.toString("utf8"))
  ) as Structure;
}

async function run(vector: Vector): Promise<void> {
  if (vector.test.serialized !== undefined) return runInput(vector);
  return vector.test.errorCode === undefined ? runOutput(vector) : runError(vector);
}

/** The message of what a vector fails with; undefined when it passes. */
async function failureOf(vector: Vector): Promise<string | undefined> {
  try {
    await run(vector);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const failures = new Map<string, string>();
for (const vector of vectors) {
  const failure = await failureOf(vector);
  if (failure !== undefined) failures.set(vector.name, failure);
}
const listed = new Set(notApplicable.flatMap(({ vectors: names }) => names));

/** The table of docs/protocols.md: what passes and what is not applicable, by set of vectors. */
function table(): string {
  const sets = [...new Set(vectors.map(({ set }) => set))];
  const rows = sets.map((set) => {
    const ofSet = vectors.filter((vector) => vector.set === set);
    const passed = ofSet.filter(({ name }) => !failures.has(name)).length;
    const skipped = ofSet.filter(({ name }) => listed.has(name)).length;
    return `| ${set} | ${passed} | ${skipped} |`;
  });
  const total = `| **all ${vectors.length}** | **${vectors.length - failures.size}** | **${listed.size}** |`;
  return ["| Set | Passed | Not applicable |", "|---|---:|---:|", ...rows, total].join("\n");
}

test("no vector is listed twice", () => {
  const names = notApplicable.flatMap(({ vectors: of }) => of);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});

test("docs/protocols.md lists every vector that is not applicable under its reason", () => {
  const text = readFileSync(docs, "utf8");
  for (const { because, vectors: names } of notApplicable) {
    expect(text).toContain(`- ${because} (${names.length}): ${names.map((name) => `\`${name}\``).join(", ")}.`);
  }
});

test.skipIf(vectors.length === 0)("every protocol vector passes or is listed as not applicable", () => {
  const unlisted = [...failures].filter(([name]) => !listed.has(name)).map(([name, failure]) => `${name}: ${failure}`);
  expect(unlisted).toEqual([]);
});

test.skipIf(vectors.length === 0)("every vector that is listed as not applicable exists and does not pass", () => {
  expect([...listed].filter((name) => !failures.has(name))).toEqual([]);
});

test.skipIf(vectors.length === 0)("docs/protocols.md shows how many vectors pass", () => {
  expect(readFileSync(docs, "utf8")).toContain(table());
});
