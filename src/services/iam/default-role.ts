/** The execution role that is there from the first start, for users who have none. */
import type { RecordStore } from "../../storage/record-store.ts";
import type { Clock } from "../../util/clock.ts";
import { type Role, roleKind } from "./entities.ts";
import { type ChangeOrigin, IamStore } from "./iam-store.ts";
import { defaultSessionSeconds } from "./roles.ts";

export const defaultRoleName = "SagebrushExecutionRole";
const path = "/service-role/";
const description = "Execution role for SageMaker, made by Sagebrush";
const sageMaker = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess";
/** SageMaker's policy alone is about buckets with `sagemaker` in their names only. */
const s3 = "arn:aws:iam::aws:policy/AmazonS3FullAccess";

function trustPolicy(principal: object): string {
  return JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: principal, Action: "sts:AssumeRole" }],
  });
}

/** SageMaker assumes it for jobs and endpoints, and whom the account allows, e.g. a notebook on this machine. */
function currentTrust(accountId: string): string {
  return trustPolicy({ Service: "sagemaker.amazonaws.com", AWS: `arn:aws:iam::${accountId}:root` });
}

/** As Sagebrush made it before policies were enforced, and nobody touched it since. */
function isUntouchedOriginal(role: Role): boolean {
  return (
    role.description === description &&
    role.trustPolicy === trustPolicy({ Service: "sagemaker.amazonaws.com" }) &&
    role.attachedPolicies.length === 1 &&
    role.attachedPolicies[0] === sageMaker &&
    Object.keys(role.inlinePolicies).length === 0 &&
    role.boundary === undefined
  );
}

/**
 * Makes the default execution role unless it is there, and brings an old one that nobody changed up to date; a role that
 * was deleted comes back at the next start.
 * @returns its ARN
 */
export async function ensureDefaultRole(records: RecordStore, accountId: string, clock: Clock): Promise<string> {
  const store = new IamStore(records);
  const existing = await store.find(roleKind, accountId, defaultRoleName);
  const origin = (operation: string): ChangeOrigin => ({
    accountId,
    actor: { by: "sagebrush:start", call: `iam:${operation}` },
    at: clock.now(),
  });
  if (existing === undefined) {
    const created = await store.change(origin("CreateRole"), (change) =>
      change.create(roleKind, {
        path,
        name: defaultRoleName,
        description,
        trustPolicy: currentTrust(accountId),
        maxSessionDuration: defaultSessionSeconds,
        attachedPolicies: [sageMaker, s3],
        inlinePolicies: {},
      }),
    );
    return created.arn;
  }
  if (isUntouchedOriginal(existing)) {
    await store.change(origin("AttachRolePolicy"), (change) =>
      change.update(roleKind, {
        ...existing,
        trustPolicy: currentTrust(accountId),
        attachedPolicies: [sageMaker, s3],
      }),
    );
  }
  return existing.arn;
}
