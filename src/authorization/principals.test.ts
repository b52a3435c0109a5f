import { expect, test } from "vitest";
import type { Principal } from "../protocol/service.ts";
import type { PrincipalName } from "./policy-document.ts";
import { appliesTo, namingOf } from "./principals.ts";

const accountId = "444455556666";
const callers: Readonly<Record<string, Principal>> = {
  root: { kind: "root", accountId, arn: `arn:aws:iam::${accountId}:root`, userId: accountId, accessKeyId: "k" },
  user: {
    kind: "user",
    accountId,
    arn: `arn:aws:iam::${accountId}:user/staff/Bob`,
    userId: "AIDABOB",
    accessKeyId: "k",
  },
  role: {
    kind: "assumed-role",
    accountId,
    arn: `arn:aws:sts::${accountId}:assumed-role/Audit/app`,
    userId: "AROAAUDIT:app",
    accessKeyId: "k",
    session: { issuerArn: `arn:aws:iam::${accountId}:role/team/Audit` },
  },
  federated: {
    kind: "federated-user",
    accountId,
    arn: `arn:aws:sts::${accountId}:federated-user/Eve`,
    userId: `${accountId}:Eve`,
    accessKeyId: "k",
    session: { issuerArn: `arn:aws:iam::${accountId}:user/staff/Bob`, policies: [] },
  },
  service: {
    kind: "service",
    accountId: "aws",
    arn: "sagemaker.amazonaws.com",
    userId: "sagemaker.amazonaws.com",
    accessKeyId: "",
  },
  anonymous: {
    kind: "anonymous",
    accountId: "anonymous",
    arn: "anonymous",
    userId: "anonymous",
    accessKeyId: "anonymous",
  },
};

const everyone: PrincipalName = { type: "everyone" };
const aws = (name: string): PrincipalName => ({ type: "AWS", name });

test.each<[string, PrincipalName, string | undefined]>([
  ["root", everyone, "caller"],
  ["anonymous", everyone, "caller"],
  ["anonymous", aws("*"), "caller"],
  ["service", everyone, "caller"],
  ["service", aws("*"), "caller"],
  ["user", aws("*"), "caller"],
  ["root", aws(accountId), "caller"],
  ["root", aws(`arn:aws:iam::${accountId}:root`), "caller"],
  ["root", aws("111122223333"), undefined],
  ["user", aws(accountId), "account"],
  ["user", aws(`arn:aws:iam::${accountId}:root`), "account"],
  ["user", aws("arn:aws:iam::111122223333:root"), undefined],
  ["user", aws(`arn:aws:iam::${accountId}:user/staff/Bob`), "caller"],
  ["user", aws(`arn:aws:iam::${accountId}:user/Bob`), undefined],
  ["user", aws(`arn:aws:iam::${accountId}:user/staff/bob`), undefined],
  ["role", aws(`arn:aws:sts::${accountId}:assumed-role/Audit/app`), "caller"],
  ["role", aws(`arn:aws:sts::${accountId}:assumed-role/Audit/other`), undefined],
  ["role", aws(`arn:aws:iam::${accountId}:role/team/Audit`), "issuer"],
  ["role", aws(`arn:aws:iam::${accountId}:role/Audit`), undefined],
  ["role", aws(accountId), "account"],
  ["federated", aws(`arn:aws:sts::${accountId}:federated-user/Eve`), "caller"],
  ["federated", aws(`arn:aws:iam::${accountId}:user/staff/Bob`), "issuer"],
  ["federated", aws(accountId), "account"],
  ["service", { type: "Service", name: "sagemaker.amazonaws.com" }, "caller"],
  ["service", { type: "Service", name: "s3.amazonaws.com" }, undefined],
  ["service", { type: "Service", name: "*" }, "caller"],
  ["service", aws("aws"), undefined],
  ["user", { type: "Service", name: "sagemaker.amazonaws.com" }, undefined],
  ["user", { type: "Federated", name: "graph.facebook.com" }, undefined],
  ["anonymous", aws("anonymous"), undefined],
])("%s is named by %j: %s", (caller, name, expected) => {
  expect(namingOf([name], callers[caller])).toBe(expected);
});

test("of several names the most direct counts, in any order", () => {
  const names = [aws(accountId), aws(`arn:aws:iam::${accountId}:role/team/Audit`), aws("111122223333")];
  expect(namingOf(names, callers["role"])).toBe("issuer");
  expect(namingOf(names.toReversed(), callers["role"])).toBe("issuer");
  expect(namingOf([...names, everyone], callers["role"])).toBe("caller");
  expect(namingOf([], callers["role"])).toBeUndefined();
});

// Source: IAM User Guide, "AWS JSON policy elements: NotPrincipal", the examples of a user and of a role's session.
test("NotPrincipal excepts only whom it names themselves", () => {
  const except = (caller: string, ...names: string[]) =>
    appliesTo({ negated: true, values: names.map((name) => aws(name)) }, callers[caller]) === undefined;
  const root = `arn:aws:iam::${accountId}:root`;
  const role = `arn:aws:iam::${accountId}:role/team/Audit`;
  expect(except("user", `arn:aws:iam::${accountId}:user/staff/Bob`, root)).toBe(true);
  expect(except("user", root)).toBe(false);
  expect(except("role", `arn:aws:sts::${accountId}:assumed-role/Audit/app`, role, root)).toBe(true);
  expect(except("role", role, root)).toBe(false);
  expect(except("root", root)).toBe(true);
  expect(except("anonymous", root)).toBe(false);
});
