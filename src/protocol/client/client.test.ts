/** The client against the real verifier and codecs, over a socket. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ManualClock } from "../../util/clock.ts";
import { AwsError } from "../aws-error.ts";
import { createCodec } from "../codec/index.ts";
import type { IAMOperations } from "../generated/iam.ts";
import type { SageMakerOperations } from "../generated/sagemaker.ts";
import type { STSOperations } from "../generated/sts.ts";
import { loadServiceModel } from "../service-models.ts";
import type { ServiceModel } from "../service-model.ts";
import { decodePayload } from "../sigv4/payload.ts";
import { type VerifiedRequest, verifyRequest } from "../sigv4/verify-request.ts";
import { AwsClientError } from "./aws-client-error.ts";
import { createClient, createQueryClient, createSignedFetch } from "./client.ts";
import { clientServices, type ClientServiceName } from "./services.ts";
import { encodeComponent } from "./signer.ts";

const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret/+", sessionToken: "token/+==" };
const principal = { kind: "root", accountId: "1", arn: "arn", userId: "1", accessKeyId: "AKIDEXAMPLE" } as const;
const clock = new ManualClock(Date.UTC(2026, 0, 2, 3, 4, 5));
const now = () => clock.now();
const region = "ap-northeast-2";

/** What arrived last, and what the next answer is made of. */
let seen: { verified: VerifiedRequest; operation: string | undefined; input: unknown; body: Buffer; url: string };
let answer: (operation: string | undefined) => Record<string, unknown>;
let server: Server;
let endpoint: string;

async function bytesOf(request: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts);
}

async function handle(request: IncomingMessage) {
  const [path, query = ""] = request.url!.split("?", 2);
  const headers = request.headers as Record<string, string>;
  const service = /\/([a-z0-9]+)\/aws4_request/.exec(headers["authorization"] ?? "")?.[1] ?? "none";
  const description = service === "sagemaker" && path !== "/" ? "sagemaker-runtime" : service;
  const model = loadServiceModel(description);
  const codec = createCodec(model, model.protocols[0]);
  const head = { method: request.method!, path, query, headers };
  const raw = await bytesOf(request);
  const ids = { requestId: "request-42" };
  let operation;
  try {
    const verified = await verifyRequest(head, {
      clock,
      service,
      protocol: codec.protocol,
      lookup: (accessKeyId) => (accessKeyId === "AKIDEXAMPLE" ? { ...credentials, principal } : undefined),
      bodySha256: async () => createHash("sha256").update(raw).digest("hex"),
    });
    const body = await bytesOf(
      decodePayload(
        verified.payload,
        (async function* () {
          yield raw;
        })(),
      ).body,
    );
    operation = codec.resolveOperation({ ...head, body });
    const input = operation === undefined ? undefined : codec.decode(operation, { ...head, body });
    seen = { verified, operation: operation?.name, input, body, url: request.url! };
    return codec.encode(operation!, answer(operation?.name), ids);
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    return codec.encodeError(operation, error, ids);
  }
}

beforeAll(async () => {
  server = createServer((request, response) => {
    handle(request).then(
      async ({ status, headers, body }) => {
        response.writeHead(status, headers);
        if (body !== undefined && typeof body === "object" && Symbol.asyncIterator in body) {
          for await (const part of body) response.write(part);
          response.end();
        } else response.end(body);
      },
      (error: unknown) => response.writeHead(599).end(String(error)),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());
beforeEach(() => {
  answer = () => ({});
});

const options = <Service extends ClientServiceName>(service: Service) => ({
  endpoint,
  region,
  credentials,
  service,
  now,
});

async function refusal(promise: Promise<unknown>): Promise<AwsClientError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(AwsClientError);
  return error as AwsClientError;
}

describe("a JSON client", () => {
  test("calls an operation by name, dates going out as seconds and coming back as seconds", async () => {
    const created = new Date(Date.UTC(2026, 0, 1, 12, 0, 0, 500));
    answer = () => ({
      TrainingJobSummaries: [
        { TrainingJobName: "j", TrainingJobArn: "a", CreationTime: created, TrainingJobStatus: "Completed" },
      ],
    });
    const client = createClient<SageMakerOperations>(options("sagemaker"));
    const page = await client.call("ListTrainingJobs", {
      CreationTimeAfter: created,
      NameContains: "한글 / ä",
      MaxResults: 5,
    });
    expect(seen.operation).toBe("ListTrainingJobs");
    expect(seen.input).toEqual({ CreationTimeAfter: created, NameContains: "한글 / ä", MaxResults: 5 });
    expect(seen.verified).toMatchObject({ region, service: "sagemaker" });
    const seconds: number = page.TrainingJobSummaries[0].CreationTime;
    expect(seconds).toBe(created.getTime() / 1000);
  });

  test("takes an operation without output for an empty one", async () => {
    const client = createClient<SageMakerOperations>(options("sagemaker"));
    expect(await client.call("StopTrainingJob", { TrainingJobName: "j" })).toEqual({});
  });

  test("throws the service's error with code, message, status and request id", async () => {
    answer = () => {
      throw new AwsError("ResourceNotFound", "Requested resource not found.");
    };
    const client = createClient<SageMakerOperations>(options("sagemaker"));
    const error = await refusal(client.call("DescribeTrainingJob", { TrainingJobName: "j" }));
    expect(error).toMatchObject({
      name: "AwsClientError",
      code: "ResourceNotFound",
      message: "Requested resource not found.",
      status: 400,
      requestId: "request-42",
    });
  });

  test("throws what the server has against its signature", async () => {
    const client = createClient<SageMakerOperations>({
      ...options("sagemaker"),
      credentials: () => ({ ...credentials, accessKeyId: "AKIDOTHER" }),
    });
    expect(await refusal(client.call("ListEndpoints", {}))).toMatchObject({
      code: "UnrecognizedClientException",
      message: "The security token included in the request is invalid.",
    });
  });

  test("asks for credentials and signs with a new key when the day changes", async () => {
    let asked = 0;
    const client = createClient<SageMakerOperations>({
      ...options("sagemaker"),
      credentials: async () => {
        asked += 1;
        return credentials;
      },
    });
    await client.call("ListEndpoints", {});
    await clock.advance(24 * 3_600_000);
    await client.call("ListEndpoints", {});
    expect(asked).toBe(2);
  });

  test("stops when told to", async () => {
    const client = createClient<SageMakerOperations>(options("sagemaker"));
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(client.call("ListEndpoints", {}, { signal })).rejects.toThrow("enough");
  });
});

describe("a query client", () => {
  test("calls an operation by name and reads its answer", async () => {
    answer = () => ({ UserId: "AROA:me", Account: "000000000000", Arn: "arn:aws:iam::000000000000:root" });
    const sts = createQueryClient<STSOperations>(options("sts"));
    expect(await sts.call("GetCallerIdentity", {})).toEqual({
      UserId: "AROA:me",
      Account: "000000000000",
      Arn: "arn:aws:iam::000000000000:root",
    });
    expect(seen.operation).toBe("GetCallerIdentity");
  });

  test("sends lists and structures, and reads a list of one and of none as lists", async () => {
    const role = {
      Path: "/",
      RoleName: "R&D <x>",
      RoleId: "AROA",
      Arn: "arn",
      CreateDate: new Date(Date.UTC(2026, 0, 1)),
    };
    answer = () => ({ Roles: [role], IsTruncated: false });
    const iam = createQueryClient<IAMOperations>(options("iam"));
    const page = await iam.call("ListRoles", { MaxItems: 3, PathPrefix: "/a b/" });
    expect(seen.input).toEqual({ MaxItems: 3, PathPrefix: "/a b/" });
    expect(page).toEqual({ Roles: [{ ...role, CreateDate: "2026-01-01T00:00:00Z" }], IsTruncated: "false" });

    const Tags = [
      { Key: "a", Value: "1&2" },
      { Key: "b", Value: "ü" },
    ];
    await iam.call("TagRole", { RoleName: "R", Tags });
    expect(seen.input).toEqual({ RoleName: "R", Tags });
  });

  test("throws the service's error", async () => {
    answer = () => {
      throw new AwsError("NoSuchEntityException", 'The role with name "R&D" cannot be found.', { status: 404 });
    };
    const iam = createQueryClient<IAMOperations>(options("iam"));
    expect(await refusal(iam.call("GetRole", { RoleName: "x" }))).toMatchObject({
      code: "NoSuchEntity",
      message: 'The role with name "R&D" cannot be found.',
      status: 404,
      requestId: "request-42",
    });
  });
});

describe("a signed fetch", () => {
  test("puts an object under any key, its body signed", async () => {
    const s3 = createSignedFetch(options("s3"));
    const key = ["a b", "(c)!'*~", "한글%2F+&=?#"].map(encodeComponent).join("/");
    const body = new Uint8Array([0, 255, 128]);
    const headers = { "X-Amz-Meta-Note": "two  spaces" };
    const response = await s3({
      method: "PUT",
      path: `/bucket/${key}`,
      query: { partNumber: "1", uploadId: "u+/=" },
      headers,
      body,
    });
    expect(response.status).toBe(200);
    expect(seen.operation).toBe("UploadPart");
    expect(seen.input).toMatchObject({ Bucket: "bucket", Key: "a b/(c)!'*~/한글%2F+&=?#", UploadId: "u+/=" });
    expect(seen.verified.payload).toEqual({ kind: "sha256", hex: createHash("sha256").update(body).digest("hex") });
    expect([...seen.body]).toEqual([0, 255, 128]);
  });

  test("streams a body unsigned", async () => {
    const s3 = createSignedFetch(options("s3"));
    const body = new Blob(["one", "two"]).stream() as ReadableStream<Uint8Array>;
    await s3({ method: "PUT", path: "/bucket/key", body });
    expect(seen.verified.payload).toEqual({ kind: "unsigned" });
    expect(seen.body.toString()).toBe("onetwo");
  });

  test("sorts query parameters, repeats lists and leaves out what is undefined", async () => {
    const s3 = createSignedFetch(options("s3"));
    await s3({ method: "GET", path: "/bucket", query: { prefix: "b", "list-type": "2", delimiter: undefined } });
    expect(seen.url).toBe("/bucket?list-type=2&prefix=b");
    expect(seen.operation).toBe("ListObjectsV2");
  });

  test("reaches the runtime, whose paths are encoded twice for the signature", async () => {
    const runtime = createSignedFetch(options("sagemaker-runtime"));
    answer = () => ({ Body: Buffer.from("4.2"), ContentType: "text/csv" });
    const response = await runtime({
      method: "POST",
      path: `/endpoints/${encodeComponent("a b")}/invocations`,
      headers: { "content-type": "text/csv" },
      body: "1,2",
    });
    expect(await response.text()).toBe("4.2");
    expect(seen.input).toMatchObject({ EndpointName: "a b", ContentType: "text/csv" });
  });

  test("throws S3's errors, also in the XML of a refused signature", async () => {
    const s3 = createSignedFetch({ ...options("s3"), credentials: { ...credentials, secretAccessKey: "other" } });
    expect(await refusal(s3({ method: "GET", path: "/bucket/key" }))).toMatchObject({
      code: "SignatureDoesNotMatch",
      status: 403,
      requestId: "request-42",
      message:
        "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
    });
  });

  test("refuses a path that fetch would send in another form than it was signed", async () => {
    const s3 = createSignedFetch(options("s3"));
    await expect(s3({ method: "GET", path: "/bucket/../other" })).rejects.toThrow(
      'the path /bucket/../other would be sent as /other; encode its parts and avoid "." and ".."',
    );
  });
});

test("an answer that is no AWS answer becomes an error with its text", async () => {
  const fetch = async () => new Response("<html>bad gateway", { status: 502 });
  const client = createClient<SageMakerOperations>({ ...options("sagemaker"), fetch });
  expect(await refusal(client.call("ListEndpoints", {}))).toMatchObject({
    code: "HTTP 502",
    status: 502,
    message: "<html>bad gateway",
    requestId: "",
  });
});

test("what the client knows of the services is what their descriptions say", () => {
  for (const [name, facts] of Object.entries(clientServices)) {
    const file = new URL(`../service-models/${name}.json`, import.meta.url);
    const { metadata } = JSON.parse(readFileSync(file, "utf8")) as ServiceModel;
    const { protocol, signingName, ...rest } = facts as Record<string, string>;
    expect({ name, signingName }).toEqual({ name, signingName: metadata.signingName ?? metadata.endpointPrefix });
    // Some services speak several.
    const spoken = metadata.protocols ?? [metadata.protocol];
    expect(spoken.map((each) => each.replace(/^rest-.*/, "rest"))).toContain(protocol);
    for (const [fact, value] of Object.entries(rest)) {
      expect(value).toBe((metadata as unknown as Record<string, string>)[fact]);
    }
  }
});
