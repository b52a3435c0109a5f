import { expect, test } from "vitest";
import { compilePolicy, evaluate, parsePolicyDocument } from "../../../authorization/index.ts";
import type { Principal } from "../../../protocol/service.ts";
import { awsManagedPolicies } from "./index.ts";

const caller: Principal = {
  kind: "assumed-role",
  accountId: "123456789012",
  arn: "arn:aws:sts::123456789012:assumed-role/R/s",
  userId: "AROA:s",
  accessKeyId: "ASIA",
  session: { issuerArn: "arn:aws:iam::123456789012:role/R" },
};

function allows(name: string, action: string, resource: string, conditions: Record<string, string> = {}): boolean {
  const policy = [...awsManagedPolicies().values()].find((each) => each.name === name)!;
  const identity = [compilePolicy(policy.versions[0].document, policy.arn)];
  const question = { principal: caller, policies: { identity }, access: { action, resource, conditions }, facts: {} };
  return evaluate(question).effect === "allow";
}

test("every policy is well-formed, with actions of the form service:Name and its own ARN", () => {
  const policies = [...awsManagedPolicies().values()];
  expect(policies.length).toBeGreaterThan(80);
  for (const { name, arn, path, versions, description } of policies) {
    expect(arn).toBe(`arn:aws:iam::aws:policy${path}${name}`);
    expect(description, name).toMatch(/^[A-Z].*\.$/);
    const document = parsePolicyDocument(versions[0].document, "identity");
    expect(document.version).toBe("2012-10-17");
    for (const action of document.statements.flatMap(({ actions }) => actions!.values)) {
      expect(action, name).toMatch(/^(\*|[a-z0-9-]+:[A-Za-z0-9*]+)$/);
    }
  }
  expect(new Set(policies.map(({ id }) => id)).size).toBe(policies.length);
});

test("those that others name have the paths that AWS gave them", () => {
  const arns = [...awsManagedPolicies().keys()];
  expect(arns).toEqual(
    expect.arrayContaining([
      "arn:aws:iam::aws:policy/AdministratorAccess",
      "arn:aws:iam::aws:policy/AmazonS3FullAccess",
      "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess",
      "arn:aws:iam::aws:policy/AmazonSageMakerCanvasFullAccess",
      "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryFullAccess",
      "arn:aws:iam::aws:policy/AmazonAthenaFullAccess",
      "arn:aws:iam::aws:policy/ComprehendFullAccess",
      "arn:aws:iam::aws:policy/CloudWatchLogsFullAccess",
      "arn:aws:iam::aws:policy/job-function/DataScientist",
      "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
      "arn:aws:iam::aws:policy/service-role/AWSGlueServiceRole",
      "arn:aws:iam::aws:policy/aws-service-role/AWSApplicationAutoscalingSageMakerEndpointPolicy",
    ]),
  );
});

// Source: the same questions answered by reading AWS's managed policy reference.
test.each([
  ["AdministratorAccess", "iam:CreateUser", "arn:aws:iam::123456789012:user/u", true],
  ["PowerUserAccess", "iam:CreateUser", "arn:aws:iam::123456789012:user/u", false],
  ["PowerUserAccess", "sagemaker:CreateTrainingJob", "arn:aws:sagemaker:us-east-1:123456789012:training-job/j", true],
  ["PowerUserAccess", "iam:ListRoles", "*", true],
  ["ReadOnlyAccess", "s3:GetObject", "arn:aws:s3:::b/k", true],
  ["ReadOnlyAccess", "s3:PutObject", "arn:aws:s3:::b/k", false],
  ["ReadOnlyAccess", "sagemaker:DescribeEndpoint", "arn:aws:sagemaker:us-east-1:123456789012:endpoint/e", true],
  ["AmazonS3ReadOnlyAccess", "s3:ListBucket", "arn:aws:s3:::b", true],
  ["AmazonS3ReadOnlyAccess", "s3:DeleteObject", "arn:aws:s3:::b/k", false],
  [
    "AmazonSageMakerFullAccess",
    "sagemaker:CreateEndpoint",
    "arn:aws:sagemaker:us-east-1:123456789012:endpoint/e",
    true,
  ],
  ["AmazonSageMakerFullAccess", "sagemaker:CreateDomain", "arn:aws:sagemaker:us-east-1:123456789012:domain/d", false],
  ["AmazonSageMakerFullAccess", "s3:GetObject", "arn:aws:s3:::sagemaker-us-east-1-123456789012/k", true],
  ["AmazonSageMakerFullAccess", "s3:GetObject", "arn:aws:s3:::elsewhere/k", false],
  ["AmazonSageMakerFullAccess", "logs:PutLogEvents", "arn:aws:logs:us-east-1:123456789012:log-group:/aws/x", true],
  ["AmazonSageMakerReadOnly", "sagemaker:ListModels", "*", true],
  ["AmazonSageMakerReadOnly", "sagemaker:DeleteModel", "arn:aws:sagemaker:us-east-1:123456789012:model/m", false],
  ["AWSLambdaBasicExecutionRole", "logs:CreateLogStream", "arn:aws:logs:us-east-1:123456789012:log-group:g", true],
  ["AWSLambdaBasicExecutionRole", "logs:DeleteLogGroup", "arn:aws:logs:us-east-1:123456789012:log-group:g", false],
  ["IAMReadOnlyAccess", "iam:SimulatePrincipalPolicy", "arn:aws:iam::123456789012:user/u", true],
  ["IAMReadOnlyAccess", "iam:DeleteUser", "arn:aws:iam::123456789012:user/u", false],
  ["AmazonEC2ContainerRegistryPowerUser", "ecr:PutImage", "arn:aws:ecr:us-east-1:123456789012:repository/r", true],
  [
    "AmazonEC2ContainerRegistryPowerUser",
    "ecr:DeleteRepository",
    "arn:aws:ecr:us-east-1:123456789012:repository/r",
    false,
  ],
  ["AmazonSageMakerFeatureStoreAccess", "s3:PutObject", "arn:aws:s3:::my-sagemaker-offline/k", true],
  ["AmazonSageMakerFeatureStoreAccess", "s3:PutObject", "arn:aws:s3:::elsewhere/k", false],
])("%s on %s of %s: %s", (name, action, resource, expected) => {
  expect(allows(name, action, resource)).toBe(expected);
});

test("AmazonSageMakerFullAccess passes roles to SageMaker only", () => {
  const pass = (service: string) =>
    allows("AmazonSageMakerFullAccess", "iam:PassRole", "arn:aws:iam::123456789012:role/R", {
      "iam:PassedToService": service,
    });
  expect(pass("sagemaker.amazonaws.com")).toBe(true);
  expect(pass("lambda.amazonaws.com")).toBe(false);
});
