/** Who may use a topic: its policy, the one it begins with, and what it says to services of the platform. */
import { evaluate, parsePolicyDocument, PolicySyntaxError } from "../../authorization/index.ts";
import { invalidParameter } from "./errors.ts";

const defaultActions = [
  "SNS:GetTopicAttributes",
  "SNS:SetTopicAttributes",
  "SNS:AddPermission",
  "SNS:RemovePermission",
  "SNS:DeleteTopic",
  "SNS:Subscribe",
  "SNS:ListSubscriptionsByTopic",
  "SNS:Publish",
];

/** Bytes. Source: Amazon SNS quotas. */
const maxPolicyBytes = 30_720;

/** The policy of a topic that was given none: whatever acts for the owner's account may use it. */
export function defaultTopicPolicy(topicArn: string, accountId: string): string {
  return JSON.stringify({
    Version: "2008-10-17",
    Id: "__default_policy_ID",
    Statement: [
      {
        Sid: "__default_statement_ID",
        Effect: "Allow",
        Principal: { AWS: "*" },
        Action: defaultActions,
        Resource: topicArn,
        Condition: { StringEquals: { "AWS:SourceOwner": accountId } },
      },
    ],
  });
}

export interface PolicyStatement {
  Sid?: string;
  [member: string]: unknown;
}

export interface PolicyDocument {
  Version?: string;
  Id?: string;
  Statement: PolicyStatement[];
}

/** @throws AwsError InvalidParameter when the text is not a policy */
export function parseTopicPolicy(text: string): PolicyDocument {
  if (Buffer.byteLength(text) > maxPolicyBytes) throw invalidParameter("Policy statement too large");
  try {
    const { statements } = parsePolicyDocument(text, "resource");
    const actions = statements.flatMap((statement) => statement.actions?.values ?? []);
    if (!actions.every((action) => /^(\*$|sns:)/i.test(action))) {
      throw invalidParameter("Policy statement action out of service scope!");
    }
  } catch (error) {
    if (!(error instanceof PolicySyntaxError)) throw error;
    throw invalidParameter(`Policy Error: ${error.message} (${error.where})`, error);
  }
  const document = JSON.parse(text) as { Statement: PolicyStatement | PolicyStatement[] };
  return { ...document, Statement: [document.Statement].flat() };
}

/** @returns the policy with one statement more, for whole accounts. @throws AwsError InvalidParameter when the label is taken */
export function withPermission(
  policy: PolicyDocument,
  { label, accounts, actions, topicArn }: { label: string; accounts: string[]; actions: string[]; topicArn: string },
): PolicyDocument {
  if (policy.Statement.some(({ Sid }) => Sid === label)) throw invalidParameter("Statement already exists");
  const statement = {
    Sid: label,
    Effect: "Allow",
    Principal: { AWS: accounts.map((account) => `arn:aws:iam::${account}:root`) },
    Action: actions.map((action) => `SNS:${action}`),
    Resource: topicArn,
  };
  return { ...policy, Statement: [...policy.Statement, statement] };
}

/** What a service of the platform asks of a topic. */
export interface ServiceQuestion {
  readonly service: string;
  readonly topicArn: string;
  readonly topicAccount: string;
  readonly policy: string;
  readonly sourceArn: string;
  readonly sourceAccount: string;
}

/** A policy names alarms by their account alone; every other service must be named itself. */
const ownersAgent = "cloudwatch.amazonaws.com";

/** Whether the policy of a topic lets a service publish. Services have no policies of their own. */
export function serviceMayPublish(question: ServiceQuestion): boolean {
  const { service, topicArn, topicAccount, policy, sourceArn, sourceAccount } = question;
  const decision = evaluate({
    principal: { kind: "service", accountId: sourceAccount, arn: service, userId: service, accessKeyId: service },
    policies: { identity: [] },
    access: { action: "sns:Publish", resource: topicArn, owner: topicAccount, policy },
    facts: {
      "aws:SourceArn": sourceArn,
      "aws:SourceAccount": sourceAccount,
      ...(service === ownersAgent ? { "aws:SourceOwner": sourceAccount } : {}),
      "aws:SecureTransport": "false",
    },
  });
  return decision.effect === "allow";
}
