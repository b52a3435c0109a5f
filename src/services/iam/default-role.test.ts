import { afterEach, beforeEach, expect, test } from "vitest";
import { accountId, IamBench } from "../../../tests/support/iam.ts";
import { ensureDefaultRole } from "./default-role.ts";

const RoleName = "SagebrushExecutionRole";
const arn = `arn:aws:iam::${accountId}:role/service-role/${RoleName}`;
const sageMaker = {
  PolicyName: "AmazonSageMakerFullAccess",
  PolicyArn: "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess",
};
const s3 = { PolicyName: "AmazonS3FullAccess", PolicyArn: "arn:aws:iam::aws:policy/AmazonS3FullAccess" };

let bench: IamBench;
const ensure = () => ensureDefaultRole(bench.records, accountId, bench.clock);
const attached = async () => (await bench.call("ListAttachedRolePolicies", { RoleName })).AttachedPolicies;
const trusted = async () => {
  const { Role } = await bench.call("GetRole", { RoleName });
  const { Statement } = JSON.parse(decodeURIComponent(Role.AssumeRolePolicyDocument!)) as {
    Statement: { Principal: unknown }[];
  };
  return Statement[0].Principal;
};

beforeEach(() => {
  bench = new IamBench();
});
afterEach(() => bench.close());

/** The role as it was before policies were enforced. */
async function putOriginal(change: object = {}): Promise<void> {
  const trustPolicy = JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { Service: "sagemaker.amazonaws.com" }, Action: "sts:AssumeRole" }],
  });
  const body = {
    path: "/service-role/",
    roleName: RoleName,
    roleId: "AROAOLDOLDOLDOLDOLDOL",
    arn,
    createdAt: 0,
    trustPolicy,
    description: "Execution role for SageMaker, made by Sagebrush",
    maxSessionDuration: 3600,
    attachedPolicies: [sageMaker.PolicyArn],
    inlinePolicies: {},
    ...change,
  };
  const key = { accountId, region: "aws-global", family: "iam-role", name: RoleName.toLowerCase() };
  await bench.records.write([{ op: "insert", key, arn, body }], { actor: { by: "test", call: "test" }, at: 0 });
}

test("it is made once, for SageMaker and whom the account allows, with its data in every bucket", async () => {
  expect(await ensure()).toBe(arn);
  const { Role: role } = await bench.call("GetRole", { RoleName });
  expect(await ensure()).toBe(arn);
  expect((await bench.call("GetRole", { RoleName })).Role).toEqual(role);
  expect(await trusted()).toEqual({ Service: "sagemaker.amazonaws.com", AWS: `arn:aws:iam::${accountId}:root` });
  expect(await attached()).toEqual([s3, sageMaker]);
});

test("an old one that nobody touched is brought up to date and stays the same role", async () => {
  await putOriginal();
  expect(await ensure()).toBe(arn);
  expect(await attached()).toEqual([s3, sageMaker]);
  expect(await trusted()).toEqual({ Service: "sagemaker.amazonaws.com", AWS: `arn:aws:iam::${accountId}:root` });
  expect((await bench.call("GetRole", { RoleName })).Role.RoleId).toBe("AROAOLDOLDOLDOLDOLDOL");
  // Whoever takes S3 away afterwards means it.
  await bench.call("DetachRolePolicy", { RoleName, PolicyArn: s3.PolicyArn });
  await ensure();
  expect(await attached()).toEqual([sageMaker]);
});

test.each([
  ["description", { description: "mine now" }],
  ["policies", { inlinePolicies: { p: "{}" } }],
  ["attachments", { attachedPolicies: [] }],
])("an old one whose %s somebody changed is left alone", async (_, change) => {
  await putOriginal(change);
  await ensure();
  expect(await attached()).not.toContainEqual(s3);
  expect(await trusted()).toEqual({ Service: "sagemaker.amazonaws.com" });
});
