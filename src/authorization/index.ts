/** What the policies of AWS's language mean: documents, compiled policies, and decisions. */
export { contextKeysOf, missingContextKeys } from "./mentioned-keys.ts";
export type { CallerPolicies, Decision, MatchedStatement, PolicyType, Question } from "./decision.ts";
export { evaluate } from "./evaluate.ts";
export type { Position } from "./json-reader.ts";
export {
  type ConditionClause,
  parsePolicyDocument,
  type PolicyDocument,
  type PolicyElement,
  type PrincipalName,
  type Statement,
} from "./policy-document.ts";
export type { PolicyKind } from "./policy-rules.ts";
export { PolicySyntaxError } from "./policy-syntax-error.ts";
export { compiledPolicy, compilePolicy, Policy, type StatementPosition } from "./policy.ts";
export { namingOf, type Naming } from "./principals.ts";
