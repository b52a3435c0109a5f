/** The condition keys that policies mention, in conditions and as variables. */
import { RequestContext } from "./context-keys.ts";
import type { Question } from "./decision.ts";
import type { Statement } from "./policy-document.ts";
import type { Policy } from "./policy.ts";
import { parseTemplate } from "./variables.ts";

/** @returns each key once, as it is first written, in the order in which they appear */
export function contextKeysOf(policies: readonly Policy[]): string[] {
  const keys = new Map<string, string>();
  for (const { document } of policies) {
    const variables = document.version === "2012-10-17";
    for (const key of document.statements.flatMap((statement) => keysOf(statement, variables))) {
      if (!keys.has(key.toLowerCase())) keys.set(key.toLowerCase(), key);
    }
  }
  return [...keys.values()];
}

/** The keys that policies mention and that the request does not have: a simulation could say more with them. */
export function missingContextKeys(policies: readonly Policy[], question: Question): string[] {
  const context = new RequestContext(question);
  return contextKeysOf(policies).filter((key) => context.values(key.toLowerCase()) === undefined);
}

function keysOf({ resources, conditions }: Statement, variables: boolean): string[] {
  const inTexts = (texts: readonly string[]) => texts.flatMap((text) => parseTemplate(text, variables).keys);
  return [...inTexts(resources?.values ?? []), ...conditions.flatMap(({ key, values }) => [key, ...inTexts(values)])];
}
