import { describe, expect, test } from "vitest";
import { compilePolicy } from "../authorization/index.ts";
import type { Access } from "../protocol/access.ts";
import type { AwsError } from "../protocol/aws-error.ts";
import type { ProtocolName } from "../protocol/service-model.ts";
import type { Principal } from "../protocol/service.ts";
import { Authorizer, isRootAtHome, messageHeader } from "./authorizer.ts";

const accountId = "123456789012";
const principal = (kind: Principal["kind"], more: Partial<Principal> = {}): Principal => ({
  kind,
  accountId,
  arn: `arn:aws:iam::${accountId}:${kind === "root" ? "root" : "user/bob"}`,
  userId: "AIDABOB",
  accessKeyId: "AKIA",
  ...more,
});
const deny = compilePolicy('{"Statement": {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}}', "no-s3");
const sealed: unknown[] = [];
const authorizer = new Authorizer(
  { policiesOf: () => ({ identity: [deny] }) },
  { encode: (denied) => `sealed ${sealed.push(denied)}` },
);

async function refusal(
  who: Principal,
  access: Access,
  protocol: ProtocolName = "json",
  facts: Record<string, string> = {},
): Promise<AwsError> {
  return authorizer
    .authorize(who, [access], () => facts, protocol)
    .then(
      () => expect.unreachable("it is allowed"),
      (error: unknown) => error as AwsError,
    );
}

describe("a denied caller", () => {
  test.each([
    ["json", "AccessDeniedException", 400],
    ["rest-json", "AccessDeniedException", 403],
    ["query", "AccessDenied", 403],
    ["rest-xml", "AccessDenied", 403],
  ] as const)("hears of it in %s as %s with status %i", async (protocol, code, status) => {
    expect(await refusal(principal("user"), { action: "iam:GetUser", resource: "*" }, protocol)).toMatchObject({
      code,
      status,
    });
  });

  test("is told who may not do what on which resource, and why", async () => {
    const arn = "arn:aws:sagemaker:us-east-1:123456789012:model/m";
    expect((await refusal(principal("user"), { action: "sagemaker:DescribeModel", resource: arn })).message).toBe(
      `User: arn:aws:iam::123456789012:user/bob is not authorized to perform: sagemaker:DescribeModel on resource: ${arn} because no identity-based policy allows the sagemaker:DescribeModel action`,
    );
    expect((await refusal(principal("user"), { action: "s3:ListAllMyBuckets", resource: "*" })).message).toBe(
      "User: arn:aws:iam::123456789012:user/bob is not authorized to perform: s3:ListAllMyBuckets with an explicit deny in an identity-based policy",
    );
  });

  test("gets the reason sealed, with all that was asked", async () => {
    const access = { action: "s3:GetObject", resource: "arn:aws:s3:::b/k", conditions: { "s3:prefix": "p" } };
    const facts = { "aws:SourceIp": "127.0.0.1" };
    const { headers } = await refusal(principal("user"), access, "rest-xml", facts);
    expect(headers[messageHeader]).toBe(`sealed ${sealed.length}`);
    expect(sealed.at(-1)).toMatchObject({
      action: "s3:GetObject",
      explicitDeny: true,
      matched: [{ policy: "no-s3", statement: 0 }],
      conditions: { "s3:prefix": "p", "aws:SourceIp": "127.0.0.1" },
    });
  });

  test("who is a stranger to the resource gets no reason, sealed or not", async () => {
    const access = { action: "s3:GetObject", resource: "arn:aws:s3:::b/k", owner: "999999999999" };
    for (const who of [principal("user"), principal("root"), principal("anonymous")]) {
      const error = await refusal(who, access, "rest-xml");
      expect([error.message, error.headers]).toEqual(["Access Denied", {}]);
    }
  });
});

test("the root user is asked nothing about its own account, unless the resource or its session has something to say", () => {
  const own = { action: "s3:GetObject", resource: "*" };
  const root = principal("root");
  expect(isRootAtHome(root, own)).toBe(true);
  expect(isRootAtHome(root, { ...own, owner: accountId })).toBe(true);
  expect(isRootAtHome(root, { ...own, owner: "999999999999" })).toBe(false);
  expect(isRootAtHome(root, { ...own, policy: "{}" })).toBe(false);
  expect(isRootAtHome(principal("root", { session: { issuerArn: root.arn, policies: ["{}"] } }), own)).toBe(false);
  expect(isRootAtHome(principal("user"), own)).toBe(false);
});
