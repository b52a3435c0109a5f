/** IAM over a real record store of its own, called as the server calls it after authorization. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AwsError } from "../../src/protocol/aws-error.ts";
import type { IAMOperations } from "../../src/protocol/generated/iam.ts";
import type { Handler, Principal } from "../../src/protocol/service.ts";
import { iamService, type IamService } from "../../src/services/iam/index.ts";
import { SqliteRecordStore } from "../../src/storage/sqlite-record-store.ts";
import { ManualClock } from "../../src/util/clock.ts";
import { requestContext } from "./request-context.ts";

export const accountId = "123456789012";

export function document(...statements: readonly object[]): string {
  return JSON.stringify({ Version: "2012-10-17", Statement: statements });
}

export function allow(Action: string | string[], Resource: string | string[] = "*", more: object = {}): object {
  return { Effect: "Allow", Action, Resource, ...more };
}

export const everything = document(allow("*"));
export const trust = document({
  Effect: "Allow",
  Principal: { Service: "sagemaker.amazonaws.com" },
  Action: "sts:AssumeRole",
});

export function rootOf(account: string): Principal {
  return {
    kind: "root",
    accountId: account,
    arn: `arn:aws:iam::${account}:root`,
    userId: account,
    accessKeyId: "AKIAROOTROOTROOTROOT",
  };
}

export class IamBench {
  readonly #directory = mkdtempSync(join(tmpdir(), "sagebrush-iam-"));
  readonly clock = new ManualClock(Date.UTC(2026, 0, 1, 0, 0, 0, 750));
  records: SqliteRecordStore;
  iam: IamService;

  constructor() {
    [this.records, this.iam] = this.#open();
  }

  #open(): [SqliteRecordStore, IamService] {
    const records = new SqliteRecordStore({ file: join(this.#directory, "records.db"), reserveBytes: 0 });
    return [records, iamService({ records })];
  }

  /** As after a restart of the server. */
  async reopen(): Promise<void> {
    await this.iam.close();
    await this.records.close();
    [this.records, this.iam] = this.#open();
  }

  async close(): Promise<void> {
    await this.records.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Calls an operation as the root user of the account, or as somebody else. */
  async call<Name extends keyof IAMOperations>(
    operation: Name,
    input: IAMOperations[Name]["input"],
    principal: Principal = rootOf(accountId),
  ): Promise<IAMOperations[Name]["output"]> {
    const context = requestContext({
      service: "iam",
      operation,
      accountId: principal.accountId,
      principal,
      clock: this.clock,
    });
    const handle = this.iam.operations[operation].handle as Handler<unknown, IAMOperations[Name]["output"]>;
    return handle(input, context);
  }

  async refusal<Name extends keyof IAMOperations>(
    operation: Name,
    input: IAMOperations[Name]["input"],
    principal?: Principal,
  ): Promise<AwsError> {
    try {
      await this.call(operation, input, principal);
    } catch (error) {
      if (error instanceof AwsError) return error;
      throw error;
    }
    throw new Error(`${operation} was not refused`);
  }

  /** Makes a user with a key and says who its requests come from. */
  async user(name: string, policy?: string): Promise<Principal> {
    await this.call("CreateUser", { UserName: name });
    if (policy !== undefined) {
      await this.call("PutUserPolicy", { UserName: name, PolicyName: "own", PolicyDocument: policy });
    }
    const { AccessKey } = await this.call("CreateAccessKey", { UserName: name });
    return (await this.iam.findAccessKey(AccessKey.AccessKeyId))!.principal;
  }
}
