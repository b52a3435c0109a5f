/** Refuses unsupported parameters by name, from the tables that handlers declare. */
import type { Refusal } from "./service.ts";

type Step = { readonly member: string; readonly each: boolean };

export interface CompiledRefusals {
  /** The first refused parameter of an input, in people's words; undefined when all are supported. */
  check(input: unknown): string | undefined;
}

/** Paths are taken apart once per operation. */
export function compileRefusals(refusals: readonly Refusal[] = []): CompiledRefusals {
  const compiled = refusals.map((refusal) => ({
    refusal,
    steps: refusal.parameter.split(".").map((part): Step => {
      const each = part.endsWith("[]");
      return { member: each ? part.slice(0, -2) : part, each };
    }),
  }));
  return {
    check(input) {
      for (const { refusal, steps } of compiled) {
        const value = firstRefused(input, steps, 0, refusal);
        if (value !== undefined) return describe(refusal, value.found);
      }
      return undefined;
    },
  };
}

function firstRefused(
  value: unknown,
  steps: readonly Step[],
  depth: number,
  refusal: Refusal,
): { found: unknown } | undefined {
  if (value === undefined || value === null) return undefined;
  if (depth === steps.length) {
    const { values, except } = refusal;
    const refused = (values === undefined || values.includes(value)) && except?.includes(value) !== true;
    return refused ? { found: value } : undefined;
  }
  if (typeof value !== "object") return undefined;
  const { member, each } = steps[depth];
  const next = Object.hasOwn(value, member) ? (value as Record<string, unknown>)[member] : undefined;
  if (!each) return firstRefused(next, steps, depth + 1, refusal);
  if (!Array.isArray(next)) return undefined;
  for (const element of next) {
    const found = firstRefused(element, steps, depth + 1, refusal);
    if (found !== undefined) return found;
  }
  return undefined;
}

function describe({ parameter, values, except, because }: Refusal, value: unknown): string {
  const what = values === undefined && except === undefined ? parameter : `${parameter}=${String(value)}`;
  return `${what} is not supported by Sagebrush: ${because}.`;
}
