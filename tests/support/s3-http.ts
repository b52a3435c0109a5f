/** S3 over HTTP without sockets: the server's request chain, with real stores and policies, for callers without a signature. */
import { Authorizer } from "../../src/server/authorizer.ts";
import { RequestHandler } from "../../src/server/request-handler.ts";
import { s3Service } from "../../src/services/s3/index.ts";
import type { Principal } from "../../src/protocol/service.ts";
import { account, bytesOf, openS3, otherAccount, streamOf, type S3Fixture } from "./s3.ts";

/** Access keys that the server knows. */
export const keys = {
  owner: { accessKeyId: "AKIDOWNER", secretAccessKey: "owner-secret" },
  stranger: { accessKeyId: "AKIDSTRANGER", secretAccessKey: "stranger-secret" },
} as const;

const accounts: Readonly<Record<string, string>> = { AKIDOWNER: account, AKIDSTRANGER: otherAccount };

export interface Sent {
  readonly method?: string;
  /** Path and query. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Size of the pieces in which the body arrives. */
  readonly chunk?: number;
}

export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface S3HttpFixture extends S3Fixture {
  send(request: Sent): Promise<Answered>;
  /** Faults of ours that requests have met. */
  readonly faults: unknown[];
}

export async function openS3Http(): Promise<S3HttpFixture> {
  const s3 = await openS3();
  const faults: unknown[] = [];
  const handler = new RequestHandler({
    services: [s3Service(s3)],
    lookup: (accessKeyId) => {
      const known = Object.values(keys).find((key) => key.accessKeyId === accessKeyId);
      return known && { ...known, principal: principalOf(accessKeyId) };
    },
    authorizer: new Authorizer({ policiesOf: () => ({ identity: [] }) }),
    clock: s3.clock,
    auth: "on",
    accountId: account,
    region: "us-east-1",
    baseUrl: () => "http://127.0.0.1:7243",
    onFault: (error) => faults.push(error),
  });
  return {
    ...s3,
    faults,
    async send({ method = "GET", url, headers = {}, body = "", chunk }) {
      const [path, query = ""] = url.split("?", 2);
      const {
        status,
        headers: answered,
        body: content,
      } = await handler.handle({
        method,
        path,
        query,
        headers: { host: "127.0.0.1:7243", ...headers },
        address: "127.0.0.1",
        readBody: () => Promise.resolve(Buffer.from(body)),
        streamBody: () => streamOf(Buffer.from(body), chunk),
        signal: new AbortController().signal,
      });
      return { status, headers: answered, body: String(await bytesOf(content)) };
    },
  };
}

function principalOf(accessKeyId: string): Principal {
  const accountId = accounts[accessKeyId];
  return { kind: "root", accountId, arn: `arn:aws:iam::${accountId}:root`, userId: accountId, accessKeyId };
}

/** Opens a bucket to the public: everybody may do this with its objects, and list it if so said. */
export async function openToAll(s3: S3Fixture, bucket: string, ...actions: readonly string[]): Promise<void> {
  await s3.call("DeletePublicAccessBlock", { Bucket: bucket });
  const Statement = actions.map((Action) => ({
    Effect: "Allow",
    Principal: "*",
    Action,
    Resource: Action.startsWith("s3:List") ? `arn:aws:s3:::${bucket}` : `arn:aws:s3:::${bucket}/*`,
  }));
  await s3.call("PutBucketPolicy", { Bucket: bucket, Policy: JSON.stringify({ Version: "2012-10-17", Statement }) });
}
