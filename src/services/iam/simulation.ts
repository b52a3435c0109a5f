/**
 * What policies would say to requests that nobody makes: the policy simulator, and the condition keys it could use.
 *
 * The same evaluation as for real requests decides; only the facts are the caller's to give.
 */
import {
  compiledPolicy,
  compilePolicy,
  contextKeysOf,
  type Decision,
  evaluate,
  type MatchedStatement,
  missingContextKeys,
  type Policy,
  type Question,
} from "../../authorization/index.ts";
import type {
  ContextEntry,
  EvaluationResult,
  IAMOperations,
  PolicyEvaluationDecisionType,
  SimulateCustomPolicyRequest,
  SimulatePolicyResponse,
  SimulatePrincipalPolicyRequest,
  Statement,
} from "../../protocol/generated/iam.ts";
import type { OperationTable, Principal, Refusal } from "../../protocol/service.ts";
import { type EntityKind, groupKind, type Identity, nameOfArn, roleKind, userKind } from "./entities.ts";
import { invalidInput, noSuchEntity, validationError } from "./errors.ts";
import type { IamStore } from "./iam-store.ts";
import { boundaryOf, policiesOf, type SourcedPolicy } from "./identity-policies.ts";
import { defaultMaxItems, readMarker, writeMarker } from "./marker.ts";
import { checkPolicyDocument } from "./policy-document.ts";

type Simulation = Omit<SimulateCustomPolicyRequest, "PolicyInputList"> & { readonly PolicyInputList?: string[] };

/** The policies that a simulation is about. */
interface Subject {
  readonly identity: readonly SourcedPolicy[];
  readonly boundary?: SourcedPolicy;
  readonly principal: Principal;
  readonly tags: Readonly<Record<string, string>>;
}

const refuses: readonly Refusal[] = [
  {
    parameter: "ResourceHandlingOption",
    because: "it groups the resources of EC2 instances, which are simulated one by one",
  },
];

export function simulationOperations(store: IamStore): OperationTable<IAMOperations> {
  return {
    SimulateCustomPolicy: {
      refuses: [
        ...refuses,
        { parameter: "OrderedOrganizationPolicyInputList", because: "the account belongs to no organization" },
      ],
      handle: (input, { accountId }) => {
        checkCaller(input, false);
        const boundary = inputBoundary(input);
        return simulate(input, {
          identity: inputPolicies(input.PolicyInputList, "PolicyInputList"),
          ...(boundary === undefined ? {} : { boundary }),
          principal: principalOf(input.CallerArn ?? `arn:aws:iam::${accountId}:user/simulated`),
          tags: {},
        });
      },
    },
    SimulatePrincipalPolicy: {
      refuses: [
        ...refuses,
        { parameter: "PolicyExclusionList", because: "a simulation is made with all policies of its source" },
      ],
      handle: async (input, { accountId }) => {
        checkCaller(input, input.PolicySourceArn.includes(":user/"));
        return simulate(input, await subjectOf(store, accountId, input));
      },
    },
    GetContextKeysForCustomPolicy: {
      handle: ({ PolicyInputList }) => ({
        ContextKeyNames: contextKeysOf(compiled(inputPolicies(PolicyInputList, "PolicyInputList"))),
      }),
    },
    GetContextKeysForPrincipalPolicy: {
      handle: async ({ PolicySourceArn, PolicyInputList }, { accountId }) => {
        const identity = await identityOf(store, accountId, PolicySourceArn);
        const own = await policiesOf(store, accountId, identity);
        const policies = [...own, ...inputPolicies(PolicyInputList, "PolicyInputList")];
        return { ContextKeyNames: contextKeysOf(compiled(policies)) };
      },
    },
  };
}

async function subjectOf(store: IamStore, accountId: string, input: SimulatePrincipalPolicyRequest): Promise<Subject> {
  const identity = await identityOf(store, accountId, input.PolicySourceArn);
  const own = await policiesOf(store, accountId, identity);
  // One that is given takes the place of the identity's own.
  const boundary = inputBoundary(input) ?? (await boundaryOf(store, accountId, identity));
  return {
    identity: [...own, ...inputPolicies(input.PolicyInputList, "PolicyInputList")],
    ...(boundary === undefined ? {} : { boundary }),
    principal: input.CallerArn === undefined ? principalOf(identity.arn, identity.id) : principalOf(input.CallerArn),
    tags: await store.tags(identity),
  };
}

/** @throws AwsError InvalidInput, NoSuchEntity */
async function identityOf(store: IamStore, accountId: string, arn: string): Promise<Identity> {
  const kinds: readonly EntityKind<Identity>[] = [userKind, groupKind, roleKind];
  const kind = kinds.find(({ noun }) => arn.startsWith(`arn:aws:iam::${accountId}:${noun}/`));
  if (kind === undefined) {
    throw invalidInput(`Invalid Entity Arn: ${arn} is not the ARN of a user, group or role of account ${accountId}.`);
  }
  const identity = await store.get(kind, accountId, nameOfArn(arn));
  if (identity.arn !== arn) throw noSuchEntity(`The ${kind.noun} with ARN ${arn} cannot be found.`);
  return identity;
}

/** @throws AwsError MalformedPolicyDocument */
function inputPolicies(documents: readonly string[] | undefined, list: string): SourcedPolicy[] {
  return (documents ?? []).map((document, index) => {
    checkPolicyDocument(document, "identity");
    const id = `${list}.${index + 1}`;
    return { policy: compilePolicy(document, id), id, type: "none" };
  });
}

/** @throws AwsError InvalidInput for more than one, MalformedPolicyDocument */
function inputBoundary({ PermissionsBoundaryPolicyInputList: documents }: Simulation): SourcedPolicy | undefined {
  const boundaries = inputPolicies(documents, "PermissionsBoundaryPolicyInputList");
  if (boundaries.length > 1) {
    throw invalidInput(`An identity has one permissions boundary, got ${boundaries.length} of them.`);
  }
  return boundaries[0];
}

/** A resource's policy speaks to somebody, so it must be known to whom. @throws AwsError InvalidInput */
function checkCaller({ CallerArn, ResourcePolicy }: Simulation, sourceIsUser: boolean): void {
  if (CallerArn === undefined) {
    if (ResourcePolicy === undefined || sourceIsUser) return;
    throw invalidInput("CallerArn is required with ResourcePolicy unless the policies are those of a user.");
  }
  if (!/^arn:aws[a-z-]*:iam::\d{12}:user\/[\x21-\x7e]+$/.test(CallerArn)) {
    throw invalidInput(`Invalid CallerArn: ${CallerArn} is not the ARN of a user.`);
  }
}

/** Whom a simulated request comes from: the ARN of a user, group or role. */
function principalOf(arn: string, userId = "simulated"): Principal {
  const principal = { accountId: arn.split(":")[4], arn, userId, accessKeyId: "simulated" };
  if (!arn.includes(":role/")) return { ...principal, kind: "user" };
  return { ...principal, kind: "assumed-role", session: { issuerArn: arn } };
}

function simulate(input: Simulation, subject: Subject): SimulatePolicyResponse {
  const { ActionNames: actions, ResourceArns: given = [], ResourcePolicy } = input;
  const resources = given.length === 0 ? ["*"] : given;
  const unnamed = actions.find((action) => !/^[\w-]+:[\w*?]+$/.test(action));
  if (unnamed !== undefined) throw invalidInput(`Invalid action: ${unnamed} is not of the form service:Operation.`);
  if (ResourcePolicy !== undefined) checkPolicyDocument(ResourcePolicy, "resource");

  const facts = factsOf(input.ContextEntries ?? []);
  const total = actions.length * resources.length;
  const start = Number(readMarker(input.Marker) ?? 0);
  if (!Number.isSafeInteger(start) || start < 0) throw validationError("Invalid Marker.");
  const end = Math.min(total, start + (input.MaxItems ?? defaultMaxItems));
  const results: EvaluationResult[] = [];
  for (let index = start; index < end; index += 1) {
    const action = actions[Math.floor(index / resources.length)];
    results.push(decide(input, subject, facts, action, resources[index % resources.length]));
  }
  if (end >= total) return { EvaluationResults: results, IsTruncated: false };
  return { EvaluationResults: results, IsTruncated: true, Marker: writeMarker(String(end)) };
}

function decide(
  { ResourcePolicy, ResourceOwner }: Simulation,
  { identity, boundary, principal, tags }: Subject,
  facts: Question["facts"],
  action: string,
  resource: string,
): EvaluationResult {
  const sources = boundary === undefined ? identity : [...identity, boundary];
  const owner = ResourceOwner?.split(":")[4];
  const question: Question = {
    principal,
    facts,
    policies: {
      identity: compiled(identity),
      ...(boundary === undefined ? {} : { boundary: boundary.policy }),
      tags,
    },
    access: {
      action,
      resource,
      ...(ResourcePolicy === undefined ? {} : { policy: ResourcePolicy }),
      ...(owner === undefined ? {} : { owner }),
    },
  };
  const decision = evaluate(question);
  const matched = decision.effect === "implicit-deny" ? [] : decision.matched;
  return {
    EvalActionName: action,
    EvalResourceName: resource,
    EvalDecision: decisionNames[decision.effect],
    MatchedStatements: matched.map((statement) => toStatement(statement, sources, ResourcePolicy)),
    MissingContextValues: missingContextKeys(compiled(sources), question),
    ...boundaryDetail(question),
    ...crossAccountDetails(question),
  };
}

const decisionNames: Readonly<Record<Decision["effect"], PolicyEvaluationDecisionType>> = {
  allow: "allowed",
  "explicit-deny": "explicitDeny",
  "implicit-deny": "implicitDeny",
};

/** What the boundary alone says. */
function boundaryDetail({
  policies,
  access,
  ...rest
}: Question): Pick<EvaluationResult, "PermissionsBoundaryDecisionDetail"> {
  const { boundary, tags } = policies;
  if (boundary === undefined) return {};
  const { action, resource } = access;
  const alone = evaluate({
    ...rest,
    policies: { identity: [boundary], ...(tags === undefined ? {} : { tags }) },
    access: { action, resource },
  });
  return { PermissionsBoundaryDecisionDetail: { AllowedByPermissionsBoundary: alone.effect === "allow" } };
}

/** What each side says, where the resource is another account's: both must allow. */
function crossAccountDetails(question: Question): Pick<EvaluationResult, "EvalDecisionDetails"> {
  const { principal, policies, access } = question;
  const { policy, owner = principal.accountId, ...own } = access;
  if (owner === principal.accountId || policy === undefined) return {};
  const identitySide = evaluate({ ...question, access: own });
  const resourceSide = evaluate({
    ...question,
    policies: { identity: [allowAll], ...(policies.tags === undefined ? {} : { tags: policies.tags }) },
    access: { ...own, policy, policyRequired: true },
  });
  return {
    EvalDecisionDetails: {
      "IAM Policy": decisionNames[identitySide.effect],
      "Resource Policy": decisionNames[resourceSide.effect],
    },
  };
}

const allowAll = compilePolicy(
  '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}',
  "everything",
);

function toStatement(
  { type, policy: name, statement }: MatchedStatement,
  sources: readonly SourcedPolicy[],
  resourcePolicy: string | undefined,
): Statement {
  const source: SourcedPolicy =
    type === "resource-based"
      ? { policy: compiledPolicy(resourcePolicy!, "ResourcePolicy"), id: "ResourcePolicy", type: "resource" }
      : sources.find(({ policy }) => policy.name === name)!;
  const { start, end } = source.policy.positionOf(statement);
  return {
    SourcePolicyId: source.id,
    SourcePolicyType: source.type,
    StartPosition: { Line: start.line, Column: start.column },
    EndPosition: { Line: end.line, Column: end.column },
  };
}

/** @throws AwsError InvalidInput for an entry without a name, or several values of a type that has one */
function factsOf(entries: readonly ContextEntry[]): Question["facts"] {
  const facts = entries.map(({ ContextKeyName: name, ContextKeyValues: values = [], ContextKeyType: type }) => {
    if (name === undefined) throw invalidInput("Every context entry needs a ContextKeyName.");
    if (type?.endsWith("List") === true) return [name, values] as const;
    if (values.length !== 1) {
      throw invalidInput(`The context key ${name} of type ${type ?? "string"} needs one value, got ${values.length}.`);
    }
    return [name, values[0]] as const;
  });
  return Object.fromEntries(facts);
}

function compiled(policies: readonly SourcedPolicy[]): Policy[] {
  return policies.map(({ policy }) => policy);
}
